//! What every service shares of AWS's wire protocols.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, Uri, header};
use serde_json::{Map, Value, json};

use crate::auth::Principal;

/// One request, after routing and authentication, as a service sees it.
#[derive(Debug, Clone)]
pub struct Call {
    pub method: Method,
    pub uri: Uri,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// The region of the credential scope; the cloud's own where a request is not signed.
    pub region: String,
    pub principal: Principal,
    /// Answered as `x-amzn-requestid` and quoted in error bodies.
    pub request_id: Arc<str>,
}

impl Call {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The operation of a JSON 1.0 or 1.1 request: what follows the dot of `X-Amz-Target`.
    pub fn target(&self) -> Option<&str> {
        self.header("x-amz-target").and_then(|target| target.rsplit_once('.')).map(|(_, operation)| operation)
    }

    /// The parameters of a query-protocol request: the form in the body, or else the query string.
    pub fn form(&self) -> BTreeMap<String, String> {
        let encoded =
            if self.body.is_empty() { self.uri.query().unwrap_or_default().as_bytes() } else { &self.body };
        form_urlencoded::parse(encoded).into_owned().collect()
    }

    /// The body as a JSON object; an empty body is an empty object.
    pub fn json(&self) -> Result<Map<String, Value>, AwsError> {
        if self.body.is_empty() {
            return Ok(Map::new());
        }
        match serde_json::from_slice(&self.body) {
            Ok(Value::Object(map)) => Ok(map),
            Ok(_) => Err(AwsError::new(400, "SerializationException", "the body is not a JSON object")),
            Err(error) => {
                Err(AwsError::new(400, "SerializationException", format!("the body is not JSON: {error}")))
            }
        }
    }
}

/// An error as AWS answers it. Each protocol renders the same three parts in its own form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct AwsError {
    pub status: u16,
    pub code: String,
    pub message: String,
}

impl AwsError {
    pub fn new(status: u16, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { status, code: code.into(), message: message.into() }
    }

    /// `ValidationError` (query) or `ValidationException` (JSON) with status 400.
    pub fn validation(code: &str, message: impl Into<String>) -> Self {
        Self::new(400, code, message)
    }

    /// An operation, property or value that this cloud does not have. Never silently ignored.
    pub fn not_implemented(what: impl std::fmt::Display) -> Self {
        Self::new(501, "NotImplemented", format!("localcloud does not implement {what}"))
    }

    /// A refusal of [`crate::iam::Iam::authorize`] as the JSON services answer it:
    /// AccessDeniedException with status 400.
    pub fn of_json_service(mut self) -> Self {
        if self.code == "AccessDenied" {
            self.code = "AccessDeniedException".to_owned();
            self.status = 400;
        }
        self
    }

    /// JSON 1.0 and 1.1 (`__type`), and REST-JSON (`x-amzn-errortype`): both places are filled.
    pub fn json_response(&self, request_id: &str) -> Response {
        let body = json!({"__type": self.code, "message": self.message});
        let mut response = json_response(self.status, "application/x-amz-json-1.1", &body, request_id);
        if let Ok(value) = self.code.parse() {
            response.headers_mut().insert("x-amzn-errortype", value);
        }
        response
    }

    /// The query protocol (CloudFormation, STS, IAM).
    pub fn query_response(&self, namespace: &str, request_id: &str) -> Response {
        let fault = if self.status < 500 { "Sender" } else { "Receiver" };
        let body = format!(
            "<ErrorResponse xmlns=\"{namespace}\"><Error><Type>{fault}</Type><Code>{}</Code><Message>{}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>",
            escape_xml(&self.code),
            escape_xml(&self.message)
        );
        xml_response(self.status, body, request_id)
    }
}

/// Escapes text for XML content and attributes.
pub fn escape_xml(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\r' => escaped.push_str("&#xD;"),
            other => escaped.push(other),
        }
    }
    escaped
}

pub fn json_response(status: u16, content_type: &str, body: &Value, request_id: &str) -> Response {
    plain_response(status, content_type, body.to_string(), request_id)
}

pub fn xml_response(status: u16, body: String, request_id: &str) -> Response {
    plain_response(status, "text/xml", body, request_id)
}

pub fn plain_response(status: u16, content_type: &str, body: impl Into<Body>, request_id: &str) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if let Ok(value) = content_type.parse() {
        response.headers_mut().insert(header::CONTENT_TYPE, value);
    }
    if let Ok(value) = request_id.parse() {
        response.headers_mut().insert("x-amzn-requestid", value);
    }
    response
}
