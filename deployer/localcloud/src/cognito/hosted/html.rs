//! The look of the pages, and the forms that come back from them.

use std::collections::BTreeMap;

use axum::response::Response;
use http::{HeaderValue, header};

use crate::wire::{AwsError, escape_xml, plain_response};

/// One sheet for all pages: no script, no font, no image, light and dark.
const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#16202c;--paper:#f3f5f8;--card:#fff;--line:#d5dbe3;--act:#1d4ed8;--bad:#b42318}\
@media(prefers-color-scheme:dark){:root{--ink:#e7ecf3;--paper:#0e141b;--card:#18212c;--line:#2f3b4a;--act:#7aa2ff;--bad:#ff8a80}}\
*{box-sizing:border-box}body{margin:0;min-height:100vh;display:grid;place-items:center;background:var(--paper);color:var(--ink);\
font:16px/1.5 system-ui,sans-serif}main{width:min(26rem,92vw);padding:2rem;background:var(--card);border:1px solid var(--line);\
border-radius:14px;margin:2rem 0}h1{margin:0 0 1rem;font-size:1.5rem}h2{margin:0;font-size:1rem}label{display:block;margin:.9rem 0 .3rem;\
font-weight:600}input{width:100%;padding:.65rem .8rem;font:inherit;color:inherit;background:transparent;border:1px solid var(--line);\
border-radius:8px}input:focus,button:focus,a:focus{outline:2px solid var(--act);outline-offset:2px}button{width:100%;margin-top:1.3rem;\
padding:.7rem;font:inherit;font-weight:600;color:var(--card);background:var(--act);border:0;border-radius:8px;cursor:pointer}\
button.quiet{margin-top:.6rem;background:transparent;color:var(--act)}a{color:var(--act)}nav{margin-top:1.2rem;display:flex;\
justify-content:space-between;gap:1rem}.problem{padding:.7rem .9rem;border:1px solid var(--bad);border-radius:8px;color:var(--bad)}\
.hint{opacity:.75;font-size:.9rem}article{padding:.9rem 0;border-top:1px solid var(--line)}article p{margin:.3rem 0}\
article footer{opacity:.7;font-size:.85rem}";

/// A whole page around `content`, which is HTML already.
pub(in crate::cognito) fn page(status: u16, title: &str, content: &str, request_id: &str) -> Response {
    let title = escape(title);
    let body = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width,initial-scale=1\"><title>{title}</title><style>{STYLE}</style></head>\
         <body><main>{content}</main></body></html>"
    );
    let mut response = plain_response(status, "text/html; charset=utf-8", body, request_id);
    let headers = response.headers_mut();
    // No form-action: browsers apply it to the redirect after a form too, which goes to the application.
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
        ),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// Escapes text for content and for attributes in double quotes.
pub(in crate::cognito) fn escape(text: &str) -> String {
    escape_xml(text)
}

/// `a=b&c=d` from a query or a form. A name that comes twice is refused: which one counts is a guess.
pub(in crate::cognito) fn parse_form(bytes: &[u8]) -> Result<BTreeMap<String, String>, AwsError> {
    let text = std::str::from_utf8(bytes)
        .map_err(|_| AwsError::new(400, "InvalidParameterException", "the form is not UTF-8"))?;
    let mut form = BTreeMap::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = decode(name)?;
        if form.insert(name.clone(), decode(value)?).is_some() {
            let message = format!("the parameter {name} comes more than once");
            return Err(AwsError::new(400, "InvalidParameterException", message));
        }
    }
    Ok(form)
}

fn decode(text: &str) -> Result<String, AwsError> {
    let invalid =
        || AwsError::new(400, "InvalidParameterException", "a parameter is not properly percent-encoded");
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit =
                    || rest.next().and_then(|digit| char::from(digit).to_digit(16)).ok_or_else(invalid);
                let value = digit()? * 16 + digit()?;
                u8::try_from(value).map_err(|_| invalid())?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).map_err(|_| invalid())
}

/// Percent-encodes a value for a query.
pub(in crate::cognito) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// `a=b&c=d` of these pairs.
pub(in crate::cognito) fn query<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let pairs: Vec<_> =
        pairs.into_iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    pairs.join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_decoded_and_a_query_encoded() {
        let form = parse_form(b"a=b+c%26&d=%C3%A9&e=").unwrap();
        let pairs: Vec<_> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(pairs, [("a", "b c&"), ("d", "é"), ("e", "")]);
        assert_eq!(query(pairs), "a=b%20c%26&d=%C3%A9&e=");
    }

    #[test]
    fn a_parameter_that_comes_twice_is_refused() {
        assert!(parse_form(b"redirect_uri=a&redirect_uri=b").is_err());
        assert!(parse_form(b"a=%zz").is_err());
        assert!(parse_form(b"a=%ff").is_err());
    }
}
