//! S3's XML: the few request bodies, read; errors and answers, written.

use axum::response::Response;

use crate::wire::{AwsError, Call, escape_xml, plain_response};

pub const NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";

/// An element with its text and children.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Element {
    pub name: String,
    pub text: String,
    pub children: Vec<Element>,
}

impl Element {
    pub fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }

    pub fn text_of(&self, name: &str) -> Option<&str> {
        self.child(name).map(|child| child.text.as_str())
    }

    /// Reads the small documents that clients send: elements and text. Errors: MalformedXML.
    pub fn parse(document: &[u8]) -> Result<Self, AwsError> {
        let malformed = || {
            AwsError::new(
                400,
                "MalformedXML",
                "The XML you provided was not well-formed or did not validate against our published schema",
            )
        };
        let mut rest = std::str::from_utf8(document).map_err(|_| malformed())?;
        // The outermost element collects the document's root.
        let mut open = vec![Element::default()];
        while let Some(at) = rest.find('<') {
            let current = open.last_mut().ok_or_else(malformed)?;
            current.text.push_str(&unescaped(&rest[..at]).ok_or_else(malformed)?);
            let (tag, after) = rest[at + 1..].split_once('>').ok_or_else(malformed)?;
            rest = after;
            if tag.starts_with('?') {
                continue;
            }
            if tag.starts_with('!') {
                return Err(malformed());
            }
            if let Some(name) = tag.strip_prefix('/') {
                let closed =
                    open.pop().filter(|element| element.name == name.trim()).ok_or_else(malformed)?;
                open.last_mut().ok_or_else(malformed)?.children.push(closed);
                continue;
            }
            let name = tag.trim_end_matches('/').split_whitespace().next().ok_or_else(malformed)?;
            let element = Element { name: name.to_owned(), ..Self::default() };
            if tag.ends_with('/') {
                current.children.push(element);
            } else {
                open.push(element);
            }
        }
        match (open.pop(), open.is_empty()) {
            (Some(mut root), true) if root.children.len() == 1 => root.children.pop().ok_or_else(malformed),
            _ => Err(malformed()),
        }
    }
}

fn unescaped(text: &str) -> Option<String> {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        plain.push_str(&rest[..at]);
        let (entity, after) = rest[at + 1..].split_once(';')?;
        plain.push(match entity {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "apos" => '\'',
            _ => {
                let number = entity.strip_prefix('#')?;
                let code = match number.strip_prefix('x') {
                    Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                    None => number.parse().ok()?,
                };
                char::from_u32(code)?
            }
        });
        rest = after;
    }
    plain.push_str(rest);
    Some(plain)
}

pub fn response(status: u16, body: impl AsRef<str>, request_id: &str) -> Response {
    let document = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{}", body.as_ref());
    with_s3_id(plain_response(status, "application/xml", document, request_id), request_id)
}

/// S3 names the request in a header of its own.
pub fn with_s3_id(mut response: Response, request_id: &str) -> Response {
    if let Ok(value) = request_id.parse() {
        response.headers_mut().insert("x-amz-request-id", value);
    }
    response
}

/// An error in S3's XML form (no body for HEAD).
pub fn error_response(error: &AwsError, call: &Call) -> Response {
    if call.method == http::Method::HEAD {
        let response = plain_response(error.status, "application/xml", String::new(), &call.request_id);
        return with_s3_id(response, &call.request_id);
    }
    let body = format!(
        "<Error><Code>{}</Code><Message>{}</Message><Resource>{}</Resource><RequestId>{}</RequestId></Error>",
        escape_xml(&error.code),
        escape_xml(&error.message),
        escape_xml(call.uri.path()),
        call.request_id
    );
    response(error.status, body, &call.request_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delete_request_is_read() {
        let root = Element::parse(
            b"<?xml version=\"1.0\"?><Delete xmlns=\"x\"><Object><Key>a &amp; &#x62;</Key></Object><Object><Key>c</Key><VersionId>1</VersionId></Object><Quiet/></Delete>",
        )
        .unwrap();
        assert_eq!(root.name, "Delete");
        assert_eq!(root.children[0].text_of("Key"), Some("a & b"));
        assert_eq!(root.children[1].text_of("VersionId"), Some("1"));
        assert!(root.child("Quiet").is_some());
    }

    #[test]
    fn what_is_not_well_formed_is_refused() {
        for document in ["", "<a>", "<a></b>", "<a/><b/>", "</a>", "<a>&nope;</a>", "<!DOCTYPE a><a/>", "<"] {
            assert_eq!(Element::parse(document.as_bytes()).unwrap_err().code, "MalformedXML", "{document}");
        }
    }
}
