//! What may be sent: a name and an address to change, or a code.

use functions_shared::problem::Problem;
use lambda_http::Body;
use lambda_http::http::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// The largest body, in bytes as it comes.
const LIMIT: usize = 8 * 1024;
/// The longest name, in characters.
const NAME: usize = 256;
/// The longest address that mail can be sent to, in bytes (RFC 5321, section 4.5.3.1.3, without the brackets).
const EMAIL: usize = 254;

/// What the caller wants changed: at least one of both. Who the caller is, the token says, never the body.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    #[serde(default, deserialize_with = "present")]
    pub name: Option<String>,
    #[serde(default, deserialize_with = "present")]
    pub email: Option<String>,
}

/// What is to become of the address that waits to be verified.
#[derive(Debug, PartialEq, Eq)]
pub enum Verify {
    /// It is verified by this code.
    Code(String),
    /// A new code is sent there.
    Resend,
}

/// One of both, and not the other.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Verification {
    #[serde(default, deserialize_with = "present")]
    code: Option<String>,
    #[serde(default)]
    resend: bool,
}

/// A field that is there has a text: null would look like a wish to remove it.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    String::deserialize(deserializer).map(Some)
}

/// The changes in a body.
pub fn wanted(body: &Body) -> Result<Wanted, Problem> {
    let wanted: Wanted =
        parse(body, "Send `name`, `email` or both, each once and as text, and nothing else.")?;
    if wanted.name.is_none() && wanted.email.is_none() {
        return Err(refused("nothing_to_change", "Send `name`, `email` or both."));
    }
    if wanted.name.as_deref().is_some_and(|name| !is_name(name)) {
        return Err(refused(
            "invalid_name",
            "A name has 1 to 256 characters, none of them a control character.",
        ));
    }
    if wanted.email.as_deref().is_some_and(|email| !is_address(email)) {
        return Err(refused("invalid_email", "The e-mail address is none."));
    }
    Ok(wanted)
}

/// The code in a body, or the wish for a new one.
pub fn verification(body: &Body) -> Result<Verify, Problem> {
    const FIELDS: &str = "Send `code` as text, or `resend` as true, and nothing else.";
    match parse(body, FIELDS)? {
        Verification { code: Some(code), resend: false } => Ok(Verify::Code(code)),
        Verification { code: None, resend: true } => Ok(Verify::Resend),
        Verification { .. } => Err(refused("invalid_fields", FIELDS)),
    }
}

fn parse<T: DeserializeOwned>(body: &Body, fields: &'static str) -> Result<T, Problem> {
    let bytes = body.as_ref();
    if bytes.len() > LIMIT {
        return Err(Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body_too_large",
            format!("A body has at most {LIMIT} bytes; this one has {}.", bytes.len()),
        ));
    }
    match serde_json::from_slice(bytes) {
        // serde would read the fields from a list too.
        Ok(fields) if bytes.trim_ascii_start().starts_with(b"{") => Ok(fields),
        Err(error) if !error.is_data() => Err(refused("malformed_body", "The body is not JSON.")),
        Ok(_) | Err(_) => Err(refused("invalid_fields", fields)),
    }
}

fn refused(code: &'static str, detail: &'static str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, code, detail)
}

fn is_name(name: &str) -> bool {
    !name.trim().is_empty() && name.chars().count() <= NAME && !name.chars().any(char::is_control)
}

/// Whether mail could be sent there; whether it arrives, only the code tells.
fn is_address(email: &str) -> bool {
    let parts = email.split_once('@');
    email.len() <= EMAIL
        && !email.chars().any(|letter| letter.is_whitespace() || letter.is_control())
        && parts.is_some_and(|(local, domain)| {
            !local.is_empty() && domain.contains('.') && !domain.contains('@') && !domain.starts_with('.')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code_of(body: &str) -> Result<Wanted, (u16, &'static str)> {
        wanted(&Body::from(body)).map_err(|problem| (problem.status.as_u16(), problem.code))
    }

    #[test]
    fn one_of_both_is_enough() {
        let wanted = code_of(r#"{"name": "Ana"}"#).unwrap();
        assert_eq!(wanted, Wanted { name: Some("Ana".to_owned()), email: None });
        assert!(code_of(r#"{"email": "ana@example.com"}"#).is_ok());
    }

    #[test]
    fn who_is_meant_cannot_be_said_in_the_body() {
        let body = r#"{"userId": "0d6a3c1e-7b1f-4c55-9a53-0c2f5f0e4a11", "name": "Ana"}"#;
        assert_eq!(code_of(body), Err((400, "invalid_fields")));
    }

    #[test]
    fn a_code_or_a_new_one_is_asked_for_and_never_both() {
        let read = |body: &str| verification(&Body::from(body)).map_err(|problem| problem.code);
        assert_eq!(read(r#"{"code": "123456"}"#), Ok(Verify::Code("123456".to_owned())));
        assert_eq!(read(r#"{"resend": true}"#), Ok(Verify::Resend));
        for body in
            [r#"{"resend": false}"#, r#"{"code": "1", "resend": true}"#, r#"{"code": 1}"#, "{}", r#""code""#]
        {
            assert_eq!(read(body), Err("invalid_fields"), "{body}");
        }
    }

    #[test]
    fn what_changes_nothing_or_is_none_of_both_is_400_with_a_code() {
        let long = format!(r#"{{"name": "{}"}}"#, "x".repeat(NAME + 1));
        for (body, code) in [
            ("", "malformed_body"),
            ("{", "malformed_body"),
            (r#"["Ana", "ana@example.com"]"#, "invalid_fields"),
            ("{}", "nothing_to_change"),
            (r#"{"email_verified": true}"#, "invalid_fields"),
            (r#"{"name": null}"#, "invalid_fields"),
            (r#"{"name": "a", "name": "b"}"#, "invalid_fields"),
            (r#"{"name": "  "}"#, "invalid_name"),
            (r#"{"name": "a\u0000"}"#, "invalid_name"),
            (&long, "invalid_name"),
            (r#"{"email": "ana"}"#, "invalid_email"),
            (r#"{"email": "a b@example.com"}"#, "invalid_email"),
            (r#"{"email": "a@b@example.com"}"#, "invalid_email"),
            (r#"{"email": "ana@example.com\r\nbcc: x@example.com"}"#, "invalid_email"),
        ] {
            assert_eq!(code_of(body), Err((400, code)), "{body}");
        }
        assert_eq!(code_of(&" ".repeat(LIMIT + 1)), Err((413, "body_too_large")));
    }
}
