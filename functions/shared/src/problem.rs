//! An HTTP function's errors: `application/problem+json` (RFC 9457) with a stable `code` and the request's id.

use lambda_http::Body;
use lambda_http::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use lambda_http::http::{HeaderName, HeaderValue, Response, StatusCode};
use serde_json::json;

use crate::aws::CallError;

/// What a caller is told when a request fails. `code` never changes its meaning; `detail` is for people.
#[derive(Debug)]
pub struct Problem {
    pub status: StatusCode,
    /// For programs.
    pub code: &'static str,
    /// For people: what is wrong and what to do.
    pub detail: String,
    header: Option<(HeaderName, &'static str)>,
    /// What happened, for the log alone.
    pub cause: Option<Box<CallError>>,
}

impl Problem {
    /// A problem without a cause of ours.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), header: None, cause: None }
    }

    fn invalid_token(code: &'static str, detail: &'static str) -> Self {
        // RFC 6750, section 3.1.
        let header = (WWW_AUTHENTICATE, r#"Bearer error="invalid_token""#);
        Self { header: Some(header), ..Self::new(StatusCode::UNAUTHORIZED, code, detail) }
    }

    /// The request came without verified claims, or with unusable ones.
    pub fn unauthorized() -> Self {
        Self::invalid_token("unauthorized", "The request has no usable access token.")
    }

    /// The token is an id token.
    pub fn access_token_required() -> Self {
        Self::invalid_token("access_token_required", "Send the access token; this is another kind of token.")
    }

    /// The token outlived its user.
    pub fn user_gone() -> Self {
        Self::invalid_token("user_gone", "The user of this token does not exist any more.")
    }

    /// The row came or went between two calls: a repeat settles it.
    pub fn unavailable() -> Self {
        Self {
            header: Some((RETRY_AFTER, "1")),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Try again in a moment.")
        }
    }

    /// The same problem with a code and words of its own.
    pub fn saying(self, code: &'static str, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), ..self }
    }

    /// The answer, with the request's id, by which the log lines of the request are found.
    pub fn response(&self, request_id: &str) -> Response<Body> {
        let body = json!({
            "type": "about:blank",
            "title": self.status.canonical_reason().unwrap_or("Error"),
            "status": self.status.as_u16(),
            "code": self.code,
            "detail": self.detail,
            "request_id": request_id,
        });
        let mut response = Response::new(Body::Text(body.to_string()));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some((name, value)) = &self.header {
            headers.insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

impl From<CallError> for Problem {
    /// What AWS said stays in the log; the caller learns whether another try makes sense.
    fn from(error: CallError) -> Self {
        let problem = if error.transient {
            Self::unavailable()
        } else {
            Self::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal_error",
                "The request failed on our side; give the request id when you report it.",
            )
        };
        Self { cause: Some(Box::new(error)), ..problem }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn denied(transient: bool) -> CallError {
        CallError {
            action: "dynamodb:GetItem",
            resource: "a-table".to_owned(),
            code: "AccessDeniedException".to_owned(),
            message: "not authorized on arn:aws:dynamodb:…".to_owned(),
            aws_request_id: None,
            transient,
        }
    }

    #[test]
    fn an_answer_has_a_code_and_the_request_id_and_nothing_of_the_cause() {
        let response = Problem::from(denied(false)).response("r-1");
        assert_eq!(response.status(), 500);
        assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
        let Body::Text(text) = response.body() else { panic!("{response:?}") };
        let body: serde_json::Value = serde_json::from_str(text).unwrap();
        assert_eq!((&body["code"], &body["request_id"]), (&json!("internal_error"), &json!("r-1")));
        assert!(!text.contains("dynamodb"), "{text}");
    }

    #[test]
    fn what_may_pass_is_503_and_says_when_to_try_again() {
        let response = Problem::from(denied(true)).response("r-1");
        assert_eq!(
            (response.status().as_u16(), &response.headers()[RETRY_AFTER]),
            (503, &HeaderValue::from_static("1"))
        );
    }
}
