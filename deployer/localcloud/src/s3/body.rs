//! What is in a request's body: aws-chunked framing taken off, digests compared.
//!
//! Source: "Signature calculations: transferring payload in multiple chunks" and "Checking object
//! integrity" in the S3 documentation.

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use crc_fast::CrcAlgorithm;
use http::HeaderMap;
use md5::{Digest as _, Md5};

use crate::auth::Chunked;
use crate::wire::AwsError;

/// The object that a request carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload {
    pub bytes: Bytes,
    /// The checksum that the sender gave, verified: header name without `x-amz-checksum-`, and value.
    pub checksum: Option<(String, String)>,
}

/// Reads and verifies a body. Errors: BadDigest, InvalidDigest, IncompleteBody, …
pub fn payload(headers: &HeaderMap, body: &Bytes) -> Result<Payload, AwsError> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let (bytes, trailers) = match text("x-amz-content-sha256") {
        // The signatures of signed chunks were verified with the request's own.
        Some(
            "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
            | "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
            | "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
        ) => {
            let chunked = Chunked::parse(body).ok_or_else(incomplete)?;
            (chunked.data().into(), chunked.trailers)
        }
        Some(other) if other.starts_with("STREAMING-") => {
            return Err(AwsError::not_implemented(format_args!("the payload form {other}")));
        }
        _ => (body.clone(), Vec::new()),
    };
    if let Some(length) = text("x-amz-decoded-content-length")
        && length.parse() != Ok(bytes.len())
    {
        return Err(incomplete());
    }
    if let Some(expected) = text("content-md5") {
        let expected = STANDARD
            .decode(expected)
            .map_err(|_| AwsError::new(400, "InvalidDigest", "The Content-MD5 you specified was invalid."))?;
        if Md5::digest(&bytes).as_slice() != expected {
            let text = "The Content-MD5 you specified did not match what we received.";
            return Err(AwsError::new(400, "BadDigest", text));
        }
    }
    let of_headers = headers
        .iter()
        .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())));
    let checksum = of_headers.chain(trailers).find_map(|(name, value)| {
        let algorithm = name.strip_prefix("x-amz-checksum-")?;
        // `algorithm` and `type` say how, not what.
        (!matches!(algorithm, "algorithm" | "type")).then(|| (algorithm.to_owned(), value))
    });
    if let Some((algorithm, value)) = &checksum {
        let computed = compute(algorithm, &bytes)
            .ok_or_else(|| AwsError::not_implemented(format_args!("the checksum algorithm {algorithm}")))?;
        if computed != *value {
            let name = algorithm.to_ascii_uppercase();
            let text = format!("The {name} you specified did not match the calculated checksum.");
            return Err(AwsError::new(400, "BadDigest", text));
        }
    }
    Ok(Payload { bytes, checksum })
}

/// The ETag's content: the MD5 in hexadecimal.
pub fn etag(bytes: &[u8]) -> String {
    crate::auth::hex(Md5::digest(bytes).as_slice())
}

fn compute(algorithm: &str, bytes: &[u8]) -> Option<String> {
    // The checksum crate answers every width in 64 bits; S3 wants the width's own bytes, big end first.
    let crc32 = |kind| crc_fast::checksum(kind, bytes).to_be_bytes()[4..].to_vec();
    Some(STANDARD.encode(match algorithm {
        "crc32" => crc32(CrcAlgorithm::Crc32IsoHdlc),
        "crc32c" => crc32(CrcAlgorithm::Crc32Iscsi),
        "crc64nvme" => crc_fast::checksum(CrcAlgorithm::Crc64Nvme, bytes).to_be_bytes().to_vec(),
        "sha1" => digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, bytes).as_ref().to_vec(),
        "sha256" => digest::digest(&digest::SHA256, bytes).as_ref().to_vec(),
        _ => return None,
    }))
}

fn incomplete() -> AwsError {
    AwsError::new(
        400,
        "IncompleteBody",
        "You did not provide the number of bytes specified by the Content-Length HTTP header",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    const CHUNKED: (&str, &str) = ("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER");

    #[test]
    fn chunks_are_joined_and_the_trailing_checksum_is_compared() {
        let body = |checksum: &str| {
            Bytes::from(format!("5\r\n12345\r\n4\r\n6789\r\n0\r\nx-amz-checksum-crc32:{checksum}\r\n\r\n"))
        };
        // CBF43926 is the published check value of CRC-32 over "123456789".
        let found = payload(&headers(&[CHUNKED]), &body("y/Q5Jg==")).unwrap();
        assert_eq!(found.bytes, "123456789");
        assert_eq!(found.checksum, Some(("crc32".to_owned(), "y/Q5Jg==".to_owned())));
        assert_eq!(payload(&headers(&[CHUNKED]), &body("AAAAAA==")).unwrap_err().code, "BadDigest");
    }

    #[test]
    fn a_cut_chunk_is_an_incomplete_body() {
        for body in ["5\r\n123", "5\r\n12345\r\n", "zz\r\n", ""] {
            let error = payload(&headers(&[CHUNKED]), &Bytes::from(body)).unwrap_err();
            assert_eq!(error.code, "IncompleteBody", "{body:?}");
        }
    }

    #[test]
    fn every_checksum_has_its_published_check_value() {
        let hex = |algorithm| {
            crate::auth::hex(&STANDARD.decode(compute(algorithm, b"123456789").unwrap()).unwrap())
        };
        assert_eq!(hex("crc32"), "cbf43926");
        assert_eq!(hex("crc32c"), "e3069283");
        assert_eq!(hex("crc64nvme"), "ae8b14860a799888");
        assert_eq!(hex("sha1"), "f7c3bc1d808e04732adf679965ccc34ca7ae3441");
        assert_eq!(compute("md99", b""), None);
    }

    #[test]
    fn a_wrong_content_md5_is_refused() {
        let right = headers(&[("content-md5", "JfnnlDI7RTiF9RgfG2JNCw==")]);
        assert!(payload(&right, &Bytes::from("123456789")).is_ok());
        assert_eq!(payload(&right, &Bytes::from("12345678")).unwrap_err().code, "BadDigest");
        let garbled = headers(&[("content-md5", "?")]);
        assert_eq!(payload(&garbled, &Bytes::new()).unwrap_err().code, "InvalidDigest");
    }
}
