//! Objects: put, get, delete, and what versions make of these.

use std::collections::BTreeMap;

use axum::response::Response;
use bytes::Bytes;
use http::HeaderMap;

use super::body::{etag, payload};
use super::xml::{Element, NAMESPACE, response, with_s3_id};
use super::{Bucket, Content, S3, Version, Versioning, internal};
use crate::wire::{AwsError, Call, escape_xml, plain_response};

/// Headers that are stored with an object and come back with it.
const KEPT: [&str; 4] = ["cache-control", "content-disposition", "content-language", "expires"];

/// A version with its content. Errors: NoSuchKey, NoSuchVersion, MethodNotAllowed.
pub fn find<'a>(
    bucket: &'a Bucket,
    key: &str,
    version: Option<&str>,
) -> Result<(&'a Version, &'a Content), AwsError> {
    let versions = bucket.objects.get(key).map(Vec::as_slice).unwrap_or_default();
    let no_key = || AwsError::new(404, "NoSuchKey", "The specified key does not exist.");
    let found = match version {
        None => versions.last().filter(|version| version.content.is_some()).ok_or_else(no_key)?,
        Some(id) => versions
            .iter()
            .find(|version| version.id == id)
            .ok_or_else(|| AwsError::new(404, "NoSuchVersion", "The specified version does not exist."))?,
    };
    match &found.content {
        Some(content) => Ok((found, content)),
        None => Err(AwsError::new(
            405,
            "MethodNotAllowed",
            "The specified method is not allowed against this resource.",
        )),
    }
}

pub async fn put(s3: &S3, call: &Call, bucket: &str, key: &str) -> Result<Response, AwsError> {
    if key.len() > 1024 {
        return Err(AwsError::new(400, "KeyTooLongError", "Your key is too long"));
    }
    for unsupported in ["x-amz-copy-source", "x-amz-server-side-encryption-customer-algorithm", "if-match"] {
        if call.header(unsupported).is_some() {
            return Err(AwsError::not_implemented(format_args!("s3:PutObject with {unsupported}")));
        }
    }
    let only_new = match call.header("if-none-match") {
        None => false,
        Some("*") => true,
        Some(other) => return Err(AwsError::not_implemented(format_args!("If-None-Match: {other}"))),
    };
    let payload = payload(&call.headers, &call.body)?;
    let mut content = Content {
        blob: uuid::Uuid::new_v4().to_string(),
        size: payload.bytes.len(),
        etag: etag(&payload.bytes),
        content_type: call.header("content-type").unwrap_or("binary/octet-stream").to_owned(),
        headers: kept_headers(&call.headers),
        checksum: payload.checksum,
    };
    if let Some(encoding) = call.header("content-encoding") {
        // The framing of the transfer is not the object's.
        let encodings: Vec<&str> =
            encoding.split(',').map(str::trim).filter(|part| *part != "aws-chunked").collect();
        if !encodings.is_empty() {
            content.headers.insert("content-encoding".to_owned(), encodings.join(","));
        }
    }
    let (etag, checksum, blob) = (content.etag.clone(), content.checksum.clone(), content.blob.clone());
    s3.blobs.write(&blob, payload.bytes).map_err(internal)?;
    let stored = s3.state.write(|state| {
        let bucket = state.bucket_mut(bucket)?;
        if only_new && find(bucket, key, None).is_ok() {
            return Err(AwsError::new(
                412,
                "PreconditionFailed",
                "At least one of the pre-conditions you specified did not hold",
            ));
        }
        Ok(add(bucket, key, Some(content)))
    });
    let (version, replaced) = stored.inspect_err(|_| s3.blobs.delete(&blob))?;
    if let Some(blob) = replaced {
        s3.blobs.delete(&blob);
    }
    let mut answer = empty(200, call);
    header(&mut answer, "etag", &format!("\"{etag}\""));
    header(&mut answer, "x-amz-server-side-encryption", "AES256");
    if let Some(version) = version {
        header(&mut answer, "x-amz-version-id", &version);
    }
    if let Some((algorithm, value)) = checksum {
        header(&mut answer, &format!("x-amz-checksum-{algorithm}"), &value);
    }
    Ok(answer)
}

/// Puts a version on top. Answers its id (where the bucket knows versions) and the blob that this
/// one replaced.
fn add(bucket: &mut Bucket, key: &str, content: Option<Content>) -> (Option<String>, Option<String>) {
    let id = match bucket.versioning {
        Versioning::Enabled => uuid::Uuid::new_v4().simple().to_string(),
        Versioning::Off | Versioning::Suspended => "null".to_owned(),
    };
    let versions = bucket.objects.entry(key.to_owned()).or_default();
    let replaced = versions.iter().position(|version| version.id == id).map(|at| versions.remove(at));
    versions.push(Version { id: id.clone(), modified: jiff::Timestamp::now(), content });
    let known = bucket.versioning != Versioning::Off;
    (known.then_some(id), replaced.and_then(|version| version.content).map(|content| content.blob))
}

fn kept_headers(headers: &HeaderMap) -> BTreeMap<String, String> {
    headers
        .iter()
        .filter(|(name, _)| KEPT.contains(&name.as_str()) || name.as_str().starts_with("x-amz-meta-"))
        .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())))
        .collect()
}

pub fn get(
    s3: &S3,
    call: &Call,
    bucket: &str,
    key: &str,
    version: Option<&str>,
) -> Result<Response, AwsError> {
    let (found, content, versioned) = s3.state.read(|state| {
        let bucket = state.bucket(bucket)?;
        let (found, content) = find(bucket, key, version)?;
        Ok::<_, AwsError>((found.clone(), content.clone(), bucket.versioning != Versioning::Off))
    })?;
    let quoted = format!("\"{}\"", content.etag);
    if call.header("if-none-match").is_some_and(|etag| etag == "*" || etag == quoted) {
        let mut answer = empty(304, call);
        header(&mut answer, "etag", &quoted);
        return Ok(answer);
    }
    if call.header("if-match").is_some_and(|etag| etag != "*" && etag != quoted) {
        return Err(AwsError::new(
            412,
            "PreconditionFailed",
            "At least one of the pre-conditions you specified did not hold",
        ));
    }
    let head = call.method == http::Method::HEAD;
    let whole = if head { Bytes::new() } else { s3.blobs.read(&content.blob).map_err(internal)? };
    let range = call.header("range").and_then(|range| range.strip_prefix("bytes="));
    let range = range.map(|range| within(range, content.size)).transpose()?;
    let (status, start, end) = match range {
        Some((start, end)) => (206, start, end),
        None => (200, 0, content.size),
    };
    let body = if head { Bytes::new() } else { whole.slice(start..end) };
    let mut answer = plain_response(status, &content.content_type, body, &call.request_id);
    if range.is_some() {
        let last = end.saturating_sub(1);
        header(&mut answer, "content-range", &format!("bytes {start}-{last}/{}", content.size));
    }
    header(&mut answer, "content-length", &(end - start).to_string());
    header(&mut answer, "etag", &quoted);
    header(&mut answer, "accept-ranges", "bytes");
    header(&mut answer, "x-amz-server-side-encryption", "AES256");
    header(&mut answer, "last-modified", &found.modified.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string());
    for (name, value) in &content.headers {
        header(&mut answer, name, value);
    }
    if versioned {
        header(&mut answer, "x-amz-version-id", &found.id);
    }
    if let (Some((algorithm, value)), None, Some("ENABLED")) =
        (&content.checksum, range, call.header("x-amz-checksum-mode"))
    {
        header(&mut answer, &format!("x-amz-checksum-{algorithm}"), value);
        header(&mut answer, "x-amz-checksum-type", "FULL_OBJECT");
    }
    Ok(with_s3_id(answer, &call.request_id))
}

/// `0-9`, `5-`, `-5` as a half-open range.
fn within(range: &str, size: usize) -> Result<(usize, usize), AwsError> {
    let invalid = || AwsError::new(416, "InvalidRange", "The requested range is not satisfiable");
    let number = |text: &str| text.parse::<usize>().map_err(|_| invalid());
    let (first, last) = range.split_once('-').ok_or_else(invalid)?;
    let (start, end) = match (first, last) {
        ("", suffix) => (size.saturating_sub(number(suffix)?), size),
        (first, "") => (number(first)?, size),
        (first, last) => (number(first)?, number(last)?.saturating_add(1).min(size)),
    };
    if start < end { Ok((start, end)) } else { Err(invalid()) }
}

pub fn delete(
    s3: &S3,
    call: &Call,
    bucket: &str,
    key: &str,
    version: Option<&str>,
) -> Result<Response, AwsError> {
    let deleted = remove(s3, bucket, key, version)?;
    let mut answer = empty(204, call);
    if let Some(id) = deleted.version {
        header(&mut answer, "x-amz-version-id", &id);
    }
    if deleted.marker {
        header(&mut answer, "x-amz-delete-marker", "true");
    }
    Ok(answer)
}

struct Deleted {
    version: Option<String>,
    /// A delete marker was made, or was what was deleted.
    marker: bool,
}

/// An absent key is deleted: that is success.
fn remove(s3: &S3, bucket: &str, key: &str, version: Option<&str>) -> Result<Deleted, AwsError> {
    let (deleted, blob) = s3.state.write(|state| {
        let bucket = state.bucket_mut(bucket)?;
        let (deleted, blob) = match (version, bucket.versioning) {
            (None, Versioning::Enabled | Versioning::Suspended) => {
                let (version, replaced) = add(bucket, key, None);
                (Deleted { version, marker: true }, replaced)
            }
            (version, _) => {
                let id = version.unwrap_or("null");
                let versions = bucket.objects.entry(key.to_owned()).or_default();
                let gone = versions.iter().position(|version| version.id == id).map(|at| versions.remove(at));
                let marker = gone.as_ref().is_some_and(|version| version.content.is_none());
                let blob = gone.and_then(|version| version.content).map(|content| content.blob);
                (Deleted { version: version.map(str::to_owned), marker }, blob)
            }
        };
        bucket.objects.retain(|_, versions| !versions.is_empty());
        Ok::<_, AwsError>((deleted, blob))
    })?;
    if let Some(blob) = blob {
        s3.blobs.delete(&blob);
    }
    Ok(deleted)
}

/// DeleteObjects: up to 1,000 keys, each judged by `may`, each with its own outcome.
pub fn delete_many(
    s3: &S3,
    call: &Call,
    bucket: &str,
    may: impl Fn(&str, Option<&str>) -> Result<(), AwsError>,
) -> Result<Response, AwsError> {
    let request = Element::parse(&payload(&call.headers, &call.body)?.bytes)?;
    let quiet = request.text_of("Quiet") == Some("true");
    let objects: Vec<&Element> = request.children.iter().filter(|child| child.name == "Object").collect();
    if objects.is_empty() || objects.len() > 1000 {
        return Err(AwsError::new(400, "MalformedXML", "between 1 and 1000 objects can be deleted at once"));
    }
    let mut body = String::new();
    for object in objects {
        let key = object.text_of("Key").unwrap_or_default();
        let version = object.text_of("VersionId").filter(|id| !id.is_empty());
        let escaped = escape_xml(key);
        match may(key, version).and_then(|()| remove(s3, bucket, key, version)) {
            Ok(_) if quiet => {}
            Ok(deleted) => {
                let mut entry = format!("<Key>{escaped}</Key>");
                if let Some(id) = version {
                    entry.push_str(&format!("<VersionId>{}</VersionId>", escape_xml(id)));
                }
                if deleted.marker {
                    entry.push_str("<DeleteMarker>true</DeleteMarker>");
                    if let Some(id) = deleted.version {
                        entry.push_str(&format!("<DeleteMarkerVersionId>{id}</DeleteMarkerVersionId>"));
                    }
                }
                body.push_str(&format!("<Deleted>{entry}</Deleted>"));
            }
            Err(error) => body.push_str(&format!(
                "<Error><Key>{escaped}</Key><Code>{}</Code><Message>{}</Message></Error>",
                error.code,
                escape_xml(&error.message)
            )),
        }
    }
    let document = format!("<DeleteResult xmlns=\"{NAMESPACE}\">{body}</DeleteResult>");
    Ok(response(200, document, &call.request_id))
}

pub fn empty(status: u16, call: &Call) -> Response {
    with_s3_id(plain_response(status, "application/xml", Bytes::new(), &call.request_id), &call.request_id)
}

/// Values come from requests or are ASCII of our own: what no header can hold is left out.
pub fn header(response: &mut Response, name: &str, value: &str) {
    if let (Ok(name), Ok(value)) = (name.parse::<http::HeaderName>(), value.parse()) {
        response.headers_mut().insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_cut_to_the_object() {
        assert_eq!(within("0-4", 10).unwrap(), (0, 5));
        assert_eq!(within("5-", 10).unwrap(), (5, 10));
        assert_eq!(within("-3", 10).unwrap(), (7, 10));
        assert_eq!(within("5-99", 10).unwrap(), (5, 10));
        for bad in ["10-", "x-1", "3-2", "", "0"] {
            assert_eq!(within(bad, 10).unwrap_err().code, "InvalidRange", "{bad}");
        }
    }
}
