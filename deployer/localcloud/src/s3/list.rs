//! Listings: objects and versions, in pages.

use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::xml::{NAMESPACE, response};
use super::{Bucket, Version};
use crate::cloud::ACCOUNT;
use crate::wire::{AwsError, Call, escape_xml};

/// Slashes stay readable with `encoding-type=url`.
const URL: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');

/// What both listings are asked with.
struct Asked<'a> {
    prefix: &'a str,
    delimiter: &'a str,
    limit: usize,
    encoded: bool,
}

impl<'a> Asked<'a> {
    fn read(query: impl Fn(&str) -> Option<&'a str>) -> Result<Self, AwsError> {
        let limit = match query("max-keys") {
            None => 1000,
            Some(text) => text.parse::<usize>().map_err(|_| {
                AwsError::new(
                    400,
                    "InvalidArgument",
                    "Provided max-keys not an integer or within integer range",
                )
            })?,
        };
        Ok(Self {
            prefix: query("prefix").unwrap_or_default(),
            delimiter: query("delimiter").unwrap_or_default(),
            limit: limit.min(1000),
            encoded: query("encoding-type") == Some("url"),
        })
    }

    fn text(&self, key: &str) -> String {
        if self.encoded { utf8_percent_encode(key, URL).to_string() } else { escape_xml(key) }
    }

    /// The part of a key up to the delimiter behind the prefix, if there is one.
    fn common<'k>(&self, key: &'k str) -> Option<&'k str> {
        if self.delimiter.is_empty() {
            return None;
        }
        let start = self.prefix.len();
        key[start..].find(self.delimiter).map(|at| &key[..start + at + self.delimiter.len()])
    }

    fn head(&self, name: &str) -> String {
        let mut head = format!(
            "<Name>{}</Name><Prefix>{}</Prefix><MaxKeys>{}</MaxKeys>",
            escape_xml(name),
            self.text(self.prefix),
            self.limit
        );
        if !self.delimiter.is_empty() {
            head.push_str(&format!("<Delimiter>{}</Delimiter>", self.text(self.delimiter)));
        }
        if self.encoded {
            head.push_str("<EncodingType>url</EncodingType>");
        }
        head
    }
}

/// ListObjectsV2.
pub fn objects<'a>(
    name: &str,
    bucket: &Bucket,
    call: &Call,
    query: impl Fn(&str) -> Option<&'a str>,
) -> Result<Response, AwsError> {
    let asked = Asked::read(&query)?;
    let invalid = || AwsError::new(400, "InvalidArgument", "The continuation token provided is incorrect");
    let after = match query("continuation-token") {
        Some(token) => {
            let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| invalid())?;
            String::from_utf8(bytes).map_err(|_| invalid())?
        }
        None => query("start-after").unwrap_or_default().to_owned(),
    };
    let mut body = String::new();
    let (mut count, mut last, mut truncated) = (0, after.clone(), false);
    for (key, versions) in &bucket.objects {
        let Some(content) = versions.last().and_then(|version| version.content.as_ref()) else { continue };
        // A page that ended with a common prefix continues behind all of that prefix's keys.
        let behind = key.as_str() <= after.as_str()
            || (!asked.delimiter.is_empty() && after.ends_with(asked.delimiter) && key.starts_with(&after));
        if !key.starts_with(asked.prefix) || behind {
            continue;
        }
        let common = asked.common(key);
        if common.is_some_and(|common| common == last) {
            continue;
        }
        if count == asked.limit {
            truncated = true;
            break;
        }
        count += 1;
        match common {
            Some(common) => {
                body.push_str(&format!(
                    "<CommonPrefixes><Prefix>{}</Prefix></CommonPrefixes>",
                    asked.text(common)
                ));
                last = common.to_owned();
            }
            None => {
                let modified = versions.last().map(|version| version.modified);
                body.push_str(&format!(
                    "<Contents><Key>{}</Key><LastModified>{}</LastModified><ETag>&quot;{}&quot;</ETag><Size>{}</Size><StorageClass>STANDARD</StorageClass></Contents>",
                    asked.text(key),
                    modified.map(time).unwrap_or_default(),
                    content.etag,
                    content.size
                ));
                last.clone_from(key);
            }
        }
    }
    let mut head = asked.head(name);
    head.push_str(&format!("<KeyCount>{count}</KeyCount><IsTruncated>{truncated}</IsTruncated>"));
    if let Some(token) = query("continuation-token") {
        head.push_str(&format!("<ContinuationToken>{}</ContinuationToken>", escape_xml(token)));
    }
    if let Some(start) = query("start-after") {
        head.push_str(&format!("<StartAfter>{}</StartAfter>", asked.text(start)));
    }
    if truncated && count > 0 {
        let token = URL_SAFE_NO_PAD.encode(&last);
        head.push_str(&format!("<NextContinuationToken>{token}</NextContinuationToken>"));
    }
    let document = format!("<ListBucketResult xmlns=\"{NAMESPACE}\">{head}{body}</ListBucketResult>");
    Ok(response(200, document, &call.request_id))
}

/// ListObjectVersions: by key, the newest version first.
pub fn versions<'a>(
    name: &str,
    bucket: &Bucket,
    call: &Call,
    query: impl Fn(&str) -> Option<&'a str>,
) -> Result<Response, AwsError> {
    let asked = Asked::read(&query)?;
    if !asked.delimiter.is_empty() {
        return Err(AwsError::not_implemented("s3:ListObjectVersions with a delimiter"));
    }
    let key_marker = query("key-marker").unwrap_or_default();
    let version_marker = query("version-id-marker");
    let all = bucket
        .objects
        .iter()
        .filter(|(key, _)| key.starts_with(asked.prefix) && key.as_str() >= key_marker)
        .flat_map(|(key, versions)| {
            let newest = versions.len().saturating_sub(1);
            versions.iter().enumerate().rev().map(move |(at, version)| (key, version, at == newest))
        });
    // The markers name the last entry of the page before.
    let mut passed = key_marker.is_empty();
    let rest: Vec<(&String, &Version, bool)> = all
        .filter(|(key, version, _)| {
            if passed || key.as_str() > key_marker {
                return true;
            }
            passed = version_marker == Some(version.id.as_str());
            false
        })
        .take(asked.limit + 1)
        .collect();
    let truncated = rest.len() > asked.limit;
    let page = &rest[..rest.len().min(asked.limit)];
    let mut body = String::new();
    for (key, version, latest) in page {
        let common = format!(
            "<Key>{}</Key><VersionId>{}</VersionId><IsLatest>{latest}</IsLatest><LastModified>{}</LastModified><Owner><ID>{ACCOUNT}</ID></Owner>",
            asked.text(key),
            version.id,
            time(version.modified)
        );
        match &version.content {
            None => body.push_str(&format!("<DeleteMarker>{common}</DeleteMarker>")),
            Some(content) => body.push_str(&format!(
                "<Version>{common}<ETag>&quot;{}&quot;</ETag><Size>{}</Size><StorageClass>STANDARD</StorageClass></Version>",
                content.etag, content.size
            )),
        }
    }
    let mut head = asked.head(name);
    head.push_str(&format!(
        "<KeyMarker>{}</KeyMarker><IsTruncated>{truncated}</IsTruncated>",
        asked.text(key_marker)
    ));
    if let (true, Some((key, version, _))) = (truncated, page.last()) {
        head.push_str(&format!(
            "<NextKeyMarker>{}</NextKeyMarker><NextVersionIdMarker>{}</NextVersionIdMarker>",
            asked.text(key),
            version.id
        ));
    }
    let document = format!("<ListVersionsResult xmlns=\"{NAMESPACE}\">{head}{body}</ListVersionsResult>");
    Ok(response(200, document, &call.request_id))
}

pub fn time(timestamp: jiff::Timestamp) -> String {
    timestamp.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string()
}
