//! Signature Version 4: what a request claims, and the signature it should carry.
//!
//! Source: "Signature Version 4 signing process" in the IAM user guide, and for S3 "Authenticating
//! requests" in the S3 API reference. Pure: knows no keys and no clock.

use std::fmt::Write as _;

use aws_lc_rs::{digest, hmac};
use http::HeaderMap;
use http::request::Parts;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

pub const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";
const STREAMING: &str = "STREAMING-";
const SIGNED_CHUNKS: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";

/// RFC 3986's unreserved characters stay as they are.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
const ENCODED_IN_PATH: &AsciiSet = &ENCODED.remove(b'/');

/// What a signed request says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    pub access_key_id: String,
    pub date: String,
    pub region: String,
    pub service: String,
    pub signed_headers: Vec<String>,
    pub signature: String,
    /// `20150830T123600Z`.
    pub timestamp: String,
    pub token: Option<String>,
    /// Seconds that a presigned address is good for.
    pub expires: Option<i64>,
}

/// Why a signed request cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub String);

impl Claim {
    /// Reads the Authorization header or the presigned query; `None` where neither is there.
    pub fn read(parts: &Parts) -> Result<Option<Self>, Malformed> {
        let query = query_pairs(parts.uri.query().unwrap_or_default());
        let of_query =
            |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        if let Some(authorization) = text(&parts.headers, "authorization") {
            let Some(fields) = authorization.strip_prefix(ALGORITHM) else {
                // Bearer tokens belong to APIs and hosted pages, not to AWS's own services.
                return if authorization.starts_with("AWS") {
                    Err(Malformed(format!("Unsupported signature algorithm in: {authorization}")))
                } else {
                    Ok(None)
                };
            };
            return Self::of_header(parts, fields).map(Some);
        }
        match of_query("X-Amz-Algorithm") {
            Some(ALGORITHM) => {}
            Some(other) => return Err(Malformed(format!("Unsupported signature algorithm: {other}"))),
            None => return Ok(None),
        }
        let needed = |name: &str| {
            of_query(name)
                .map(str::to_owned)
                .ok_or_else(|| Malformed(format!("the query parameter {name} is missing")))
        };
        let expires = needed("X-Amz-Expires")?
            .parse()
            .ok()
            .filter(|seconds| (0..=604_800).contains(seconds))
            .ok_or_else(|| Malformed("X-Amz-Expires must be between 0 and 604800 seconds".to_owned()))?;
        let (access_key_id, date, region, service) = scope(&needed("X-Amz-Credential")?)?;
        Ok(Some(Self {
            access_key_id,
            date,
            region,
            service,
            signed_headers: needed("X-Amz-SignedHeaders")?.split(';').map(str::to_owned).collect(),
            signature: needed("X-Amz-Signature")?,
            timestamp: needed("X-Amz-Date")?,
            token: of_query("X-Amz-Security-Token").map(str::to_owned),
            expires: Some(expires),
        }))
    }

    fn of_header(parts: &Parts, fields: &str) -> Result<Self, Malformed> {
        let field = |name: &str| {
            fields
                .split(',')
                .map(str::trim)
                .find_map(|field| field.strip_prefix(name)?.strip_prefix('='))
                .ok_or_else(|| Malformed(format!("Authorization header requires '{name}' parameter.")))
        };
        let (access_key_id, date, region, service) = scope(field("Credential")?)?;
        let timestamp = text(&parts.headers, "x-amz-date").ok_or_else(|| {
            Malformed("Authorization header requires existence of an 'X-Amz-Date' header.".to_owned())
        })?;
        Ok(Self {
            access_key_id,
            date,
            region,
            service,
            signed_headers: field("SignedHeaders")?.split(';').map(str::to_owned).collect(),
            signature: field("Signature")?.to_owned(),
            timestamp: timestamp.to_owned(),
            token: text(&parts.headers, "x-amz-security-token").map(str::to_owned),
            expires: None,
        })
    }

    /// The signature that `secret` gives this request.
    pub fn expected_signature(&self, parts: &Parts, body: &[u8], secret: &str) -> String {
        let request = self.canonical_request(parts, body);
        self.sign(ALGORITHM, &sha256(request.as_bytes()), secret)
    }

    /// The signature of the next part of a chunked body, behind the `previous` one.
    pub fn next_signature(&self, algorithm: &str, previous: &str, what: &str, secret: &str) -> String {
        self.sign(algorithm, &format!("{previous}\n{what}"), secret)
    }

    fn sign(&self, algorithm: &str, what: &str, secret: &str) -> String {
        let scope = format!("{}/{}/{}/aws4_request", self.date, self.region, self.service);
        let to_sign = format!("{algorithm}\n{}\n{scope}\n{what}", self.timestamp);
        let key = [self.date.as_str(), &self.region, &self.service, "aws4_request"]
            .iter()
            .fold(format!("AWS4{secret}").into_bytes(), |key, part| mac(&key, part.as_bytes()));
        hex(&mac(&key, to_sign.as_bytes()))
    }

    fn canonical_request(&self, parts: &Parts, body: &[u8]) -> String {
        let s3 = self.service == "s3";
        let path = parts.uri.path();
        // S3 signs the path once encoded; everybody else encodes what is on the wire once more.
        let path = if s3 {
            let decoded = percent_decode_str(path).decode_utf8_lossy();
            utf8_percent_encode(&decoded, ENCODED_IN_PATH).to_string()
        } else {
            utf8_percent_encode(&normalized(path), ENCODED_IN_PATH).to_string()
        };
        let mut query: Vec<(String, String)> = query_pairs(parts.uri.query().unwrap_or_default())
            .into_iter()
            .filter(|(key, _)| key != "X-Amz-Signature")
            .map(|(key, value)| (encode(&key), encode(&value)))
            .collect();
        query.sort();
        let query = query.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join("&");
        let mut headers = String::new();
        for name in &self.signed_headers {
            headers.push_str(name);
            headers.push(':');
            headers.push_str(&canonical_value(parts, name));
            headers.push('\n');
        }
        let payload = match text(&parts.headers, "x-amz-content-sha256") {
            Some(hash) => hash.to_owned(),
            None if s3 && self.expires.is_some() => UNSIGNED_PAYLOAD.to_owned(),
            None => sha256(body),
        };
        let method = &parts.method;
        format!("{method}\n{path}\n{query}\n{headers}\n{}\n{payload}", self.signed_headers.join(";"))
    }
}

/// Whether the body is the one whose hash was signed. Unsigned and chunked payloads say nothing here.
pub fn payload_matches(headers: &HeaderMap, body: &[u8]) -> bool {
    match text(headers, "x-amz-content-sha256") {
        None | Some(UNSIGNED_PAYLOAD) => true,
        Some(hash) if hash.starts_with(STREAMING) => true,
        Some(hash) => hash.eq_ignore_ascii_case(&sha256(body)),
    }
}

/// Whether the body comes in signed chunks.
pub fn has_signed_chunks(headers: &HeaderMap) -> bool {
    text(headers, "x-amz-content-sha256").is_some_and(|hash| hash.starts_with(SIGNED_CHUNKS))
}

/// `AKID/20150830/us-east-1/iam/aws4_request`.
fn scope(credential: &str) -> Result<(String, String, String, String), Malformed> {
    // Key ids hold no slash, so the last four fields are the scope.
    let fields: Vec<&str> = credential.split('/').collect();
    match fields.as_slice() {
        [key, date, region, service, "aws4_request"] => {
            Ok(((*key).to_owned(), (*date).to_owned(), (*region).to_owned(), (*service).to_owned()))
        }
        _ => Err(Malformed(format!(
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '{credential}'"
        ))),
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Names and values, decoded, in the order of the query.
pub fn query_pairs(query: &str) -> Vec<(String, String)> {
    let decode = |part: &str| percent_decode_str(part).decode_utf8_lossy().into_owned();
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(key), decode(value))
        })
        .collect()
}

/// All values of a header, joined; inner runs of spaces count as one.
fn canonical_value(parts: &Parts, name: &str) -> String {
    let values: Vec<String> = parts
        .headers
        .get_all(name)
        .iter()
        .map(|value| {
            let value = String::from_utf8_lossy(value.as_bytes());
            value.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ").trim().to_owned()
        })
        .collect();
    values.join(",")
}

/// Removes empty, `.` and `..` segments as RFC 3986 does.
fn normalized(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                kept.pop();
            }
            other => kept.push(other),
        }
    }
    let slash = if path.ends_with('/') && !kept.is_empty() { "/" } else { "" };
    format!("/{}{slash}", kept.join("/"))
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

fn mac(key: &[u8], data: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), data).as_ref().to_vec()
}

/// The SHA-256 of `data` in lower-case hexadecimal.
pub fn sha256(data: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, data).as_ref())
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(uri: &str, headers: &[(&str, &str)]) -> Parts {
        let mut builder = http::Request::builder().uri(uri);
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        builder.body(()).unwrap().into_parts().0
    }

    #[test]
    fn the_documented_header_example_has_the_documented_signature() {
        let parts = parts(
            "/?Action=ListUsers&Version=2010-05-08",
            &[
                ("host", "iam.amazonaws.com"),
                ("content-type", "application/x-www-form-urlencoded; charset=utf-8"),
                ("x-amz-date", "20150830T123600Z"),
                (
                    "authorization",
                    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
                ),
            ],
        );
        let claim = Claim::read(&parts).unwrap().unwrap();
        assert_eq!(claim.access_key_id, "AKIDEXAMPLE");
        assert_eq!(
            claim.expected_signature(&parts, b"", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
            claim.signature
        );
    }

    #[test]
    fn the_documented_presigned_example_has_the_documented_signature() {
        let parts = parts(
            "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
            &[("host", "examplebucket.s3.amazonaws.com")],
        );
        let claim = Claim::read(&parts).unwrap().unwrap();
        assert_eq!(claim.expires, Some(86400));
        assert_eq!(
            claim.expected_signature(&parts, b"", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
            claim.signature
        );
    }

    #[test]
    fn a_bearer_token_is_no_signature() {
        let parts = parts("/", &[("authorization", "Bearer abc")]);
        assert_eq!(Claim::read(&parts), Ok(None));
    }

    #[test]
    fn a_scope_of_the_wrong_shape_is_malformed() {
        let parts = parts(
            "/",
            &[
                ("x-amz-date", "20150830T123600Z"),
                ("authorization", "AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=0"),
            ],
        );
        assert!(Claim::read(&parts).is_err());
    }

    #[test]
    fn dot_segments_and_double_slashes_vanish_from_the_signed_path() {
        assert_eq!(normalized("/a//b/../c/./"), "/a/c/");
        assert_eq!(normalized("//"), "/");
    }
}
