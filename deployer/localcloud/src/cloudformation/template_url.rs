//! TemplateURL: which object of S3 a URL names.

/// Bucket, key and version. Accepts the cloud's own path form and AWS's forms of an S3 address.
pub fn parse(url: &str, endpoint: &str) -> Option<(String, String, Option<String>)> {
    let (address, query) = url.split_once('?').unwrap_or((url, ""));
    let (host, path) = match address.strip_prefix(endpoint) {
        Some(path) => ("", path.strip_prefix('/')?),
        None => address.strip_prefix("https://")?.split_once('/')?,
    };
    let (bucket, key) = match bucket_of_host(host) {
        Some(bucket) => (bucket, path),
        None if host.is_empty() || host.starts_with("s3.") || host.starts_with("s3-") => {
            path.split_once('/')?
        }
        None => return None,
    };
    let version = query.split('&').find_map(|pair| pair.strip_prefix("versionId="));
    let named = !bucket.is_empty() && !key.is_empty();
    named.then(|| (bucket.to_owned(), unescape(key), version.map(str::to_owned)))
}

/// `bucket.s3.region.amazonaws.com`.
fn bucket_of_host(host: &str) -> Option<&str> {
    let name = host.strip_suffix(".amazonaws.com")?;
    let at = name.rfind(".s3")?;
    name.get(..at)
}

fn unescape(key: &str) -> String {
    let mut bytes = Vec::with_capacity(key.len());
    let mut rest = key.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        let escaped = (*first == b'%')
            .then(|| tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok()))
            .flatten()
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match escaped {
            Some(byte) => {
                bytes.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            None => bytes.push(*first),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_an_address_names_bucket_and_key() {
        let endpoint = "http://127.0.0.1:4566";
        for url in [
            "http://127.0.0.1:4566/b/t/x%2B.yaml",
            "https://b.s3.us-east-1.amazonaws.com/t/x%2B.yaml",
            "https://s3.us-east-1.amazonaws.com/b/t/x%2B.yaml",
            "https://b.s3.amazonaws.com/t/x+.yaml",
        ] {
            assert_eq!(parse(url, endpoint), Some(("b".into(), "t/x+.yaml".into(), None)), "{url}");
        }
        let versioned = parse("http://127.0.0.1:4566/b/k?versionId=v1", endpoint).unwrap();
        assert_eq!(versioned.2.as_deref(), Some("v1"));
        assert_eq!(parse("https://example.com/b/k", endpoint), None);
        assert_eq!(parse("http://127.0.0.1:4566/b", endpoint), None);
    }
}
