//! The request's body: one JSON object of at most 8 KiB.

use functions_shared::problem::Problem;
use lambda_http::Body;
use lambda_http::http::StatusCode;
use serde_json::{Map, Value};

/// The largest profile, in bytes as it comes.
const LIMIT: usize = 8 * 1024;

/// The profile's JSON text, exactly as it came but for white space around it.
pub fn profile(body: &Body) -> Result<&str, Problem> {
    let bytes = body.as_ref();
    if bytes.len() > LIMIT {
        return Err(Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "profile_too_large",
            format!("A profile has at most {LIMIT} bytes; this one has {}.", bytes.len()),
        ));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| malformed("The body is not UTF-8."))?.trim_ascii();
    if text.is_empty() {
        return Err(malformed("The body is empty; send the profile as a JSON object."));
    }
    match serde_json::from_str::<Map<String, Value>>(text) {
        Ok(_) => Ok(text),
        Err(error) if error.is_data() => Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "profile_not_an_object",
            "The body is JSON, but not an object.",
        )),
        Err(error) => Err(malformed(&format!(
            "The body is not JSON: the fault is at line {}, column {}.",
            error.line(),
            error.column()
        ))),
    }
}

fn malformed(detail: &str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "malformed_body", detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(body: &[u8]) -> (u16, &'static str) {
        let problem = profile(&Body::from(body)).unwrap_err();
        (problem.status.as_u16(), problem.code)
    }

    #[test]
    fn an_object_is_kept_as_it_came() {
        let text = r#"{"n": 12345678901234567890123, "s": "ü", "n2": 1e300}"#;
        assert_eq!(profile(&Body::from(format!("\n {text} "))).unwrap(), text);
    }

    #[test]
    fn what_is_no_json_object_is_400_with_a_code() {
        for (body, code) in [
            (&b""[..], "malformed_body"),
            (b"  ", "malformed_body"),
            (b"{\"a\":", "malformed_body"),
            (b"{} {}", "malformed_body"),
            (b"\xff{}", "malformed_body"),
            (b"[1]", "profile_not_an_object"),
            (b"null", "profile_not_an_object"),
            (b"\"text\"", "profile_not_an_object"),
        ] {
            assert_eq!(refused(body), (400, code), "{}", String::from_utf8_lossy(body));
        }
    }

    #[test]
    fn eight_kib_fit_and_one_byte_more_is_413() {
        let object = |length: usize| format!(r#"{{"a":"{}"}}"#, "x".repeat(length - r#"{"a":""}"#.len()));
        assert!(profile(&Body::from(object(LIMIT))).is_ok());
        assert_eq!(refused(object(LIMIT + 1).as_bytes()), (413, "profile_too_large"));
    }

    #[test]
    fn deep_nesting_ends_in_400_not_in_a_crash() {
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(4000), "]".repeat(4000));
        assert_eq!(refused(deep.as_bytes()), (400, "malformed_body"));
    }
}
