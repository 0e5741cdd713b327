//! The aws-chunked transfer encoding: frames, their signatures and the trailing headers.
//!
//! Source: "Signature calculations for the Authorization header: transferring payload in multiple
//! chunks" and the same with trailing headers, in the S3 API reference.

use super::sigv4::{Claim, sha256};

/// A body taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunked<'a> {
    /// In order, the last one empty; each with its signature where chunks are signed.
    chunks: Vec<(&'a [u8], Option<&'a str>)>,
    /// Names in lower case.
    pub trailers: Vec<(String, String)>,
}

const TRAILER_SIGNATURE: &str = "x-amz-trailer-signature";

impl<'a> Chunked<'a> {
    /// `<hex size>[;chunk-signature=…]\r\n<data>\r\n … 0[;…]\r\n<name>:<value>\r\n\r\n`; `None` where
    /// the body is not of this form.
    pub fn parse(body: &'a [u8]) -> Option<Self> {
        let (mut rest, mut chunks) = (body, Vec::new());
        loop {
            let (line, after) = line(rest)?;
            let (size, extension) = line.split_once(';').unwrap_or((line, ""));
            let size = usize::from_str_radix(size.trim(), 16).ok()?;
            let data = after.get(..size)?;
            chunks.push((data, extension.strip_prefix("chunk-signature=")));
            rest = &after[size..];
            if size == 0 {
                return Some(Self { chunks, trailers: trailers(rest)? });
            }
            rest = rest.strip_prefix(b"\r\n")?;
        }
    }

    /// The data without its frames.
    pub fn data(&self) -> Vec<u8> {
        self.chunks.iter().map(|(data, _)| *data).collect::<Vec<_>>().concat()
    }

    /// Whether each chunk, and the trailing headers where there are any, carry the signature that
    /// continues the request's own.
    pub fn is_signed_by(&self, claim: &Claim, secret: &str) -> bool {
        let mut previous = claim.signature.clone();
        for (data, signature) in &self.chunks {
            let what = format!("{}\n{}", sha256(b""), sha256(data));
            let expected = claim.next_signature("AWS4-HMAC-SHA256-PAYLOAD", &previous, &what, secret);
            if *signature != Some(expected.as_str()) {
                return false;
            }
            previous = expected;
        }
        let mut headers: Vec<&(String, String)> =
            self.trailers.iter().filter(|(name, _)| name != TRAILER_SIGNATURE).collect();
        if headers.is_empty() {
            return true;
        }
        headers.sort();
        let canonical: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let what = sha256(canonical.as_bytes());
        let expected = claim.next_signature("AWS4-HMAC-SHA256-TRAILER", &previous, &what, secret);
        self.trailers.iter().any(|(name, value)| name == TRAILER_SIGNATURE && *value == expected)
    }
}

fn trailers(mut rest: &[u8]) -> Option<Vec<(String, String)>> {
    let mut found = Vec::new();
    while !rest.is_empty() {
        let (text, after) = line(rest)?;
        if let Some((name, value)) = text.split_once(':') {
            found.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
        rest = after;
    }
    Some(found)
}

fn line(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let end = bytes.windows(2).position(|pair| pair == b"\r\n")?;
    Some((std::str::from_utf8(&bytes[..end]).ok()?, &bytes[end + 2..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The seed of the documentation's example of a chunked upload.
    fn example() -> Claim {
        Claim {
            access_key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            date: "20130524".to_owned(),
            region: "us-east-1".to_owned(),
            service: "s3".to_owned(),
            signed_headers: Vec::new(),
            signature: "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9".to_owned(),
            timestamp: "20130524T000000Z".to_owned(),
            token: None,
            expires: None,
        }
    }

    const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

    /// 64 KiB and 1 KiB of the letter a, and the end, as documented.
    fn body(first: u8) -> Vec<u8> {
        let mut body = Vec::new();
        let sizes = [65536, 1024, 0];
        let signatures = [
            "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
            "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
            "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
        ];
        for (size, signature) in sizes.into_iter().zip(signatures) {
            body.extend(format!("{size:x};chunk-signature={signature}\r\n").into_bytes());
            body.extend(vec![b'a'; size]);
            body.extend(b"\r\n");
        }
        let data = body.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        body[data] = first;
        body
    }

    #[test]
    fn the_documented_chunks_have_the_documented_signatures() {
        let right = body(b'a');
        let chunked = Chunked::parse(&right).unwrap();
        assert_eq!(chunked.data().len(), 66_560);
        assert!(chunked.is_signed_by(&example(), SECRET));
        assert!(!chunked.is_signed_by(&example(), "another secret"));
        let changed = body(b'b');
        assert!(!Chunked::parse(&changed).unwrap().is_signed_by(&example(), SECRET));
    }

    #[test]
    fn trailing_headers_follow_the_empty_chunk() {
        let chunked =
            Chunked::parse(b"5\r\n12345\r\n4\r\n6789\r\n0\r\nX-Amz-Checksum-Crc32:y/Q5Jg==\r\n\r\n").unwrap();
        assert_eq!(chunked.data(), b"123456789");
        assert_eq!(chunked.trailers, [("x-amz-checksum-crc32".to_owned(), "y/Q5Jg==".to_owned())]);
        assert!(!chunked.is_signed_by(&example(), SECRET));
    }

    #[test]
    fn a_cut_body_is_not_chunked() {
        for body in ["5\r\n123", "5\r\n12345\r\n", "zz\r\n", "", "ffffffffffffffff\r\nx\r\n"] {
            assert_eq!(Chunked::parse(body.as_bytes()), None, "{body:?}");
        }
    }
}
