//! Failures that tests switch on through `/_local/faults`.
//!
//! Only a cloud started with [`crate::Config::faults`] has the page. POST sets a list, GET answers
//! what is left of it, DELETE clears it:
//!
//! ```json
//! [{"service": "cloudformation", "operation": "DescribeStacks", "count": 2, "kind": "throttle"},
//!  {"service": "s3", "operation": "PUT", "count": 1, "kind": {"error": {"status": 500,
//!   "code": "InternalError", "message": "again"}}}]
//! ```

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::Method;
use http_body_util::BodyExt as _;
use serde_json::json;

use crate::auth::Protocol;
use crate::cloud::Cloud;
use crate::wire::{AwsError, Call, json_response, plain_response};

/// The faults that are switched on. Empty outside tests.
#[derive(Default)]
pub struct Faults {
    /// Set once, where the cloud was started with faults.
    list: OnceLock<Mutex<Vec<Fault>>>,
}

/// What to do to the next `count` calls of an operation.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// As in a credential scope: `cloudformation`, `s3`, `cognito-idp`.
    pub service: String,
    /// The operation's name, for REST services the HTTP method; `*` is any.
    pub operation: String,
    pub count: u32,
    pub kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Kind {
    /// The service's own throttling error; nothing is done.
    Throttle,
    /// This error; nothing is done.
    Error { status: u16, code: String, message: String },
    /// The work is done, the connection ends without an answer.
    DropAnswer,
    /// The connection ends; nothing is done.
    Reset,
    /// The work is done, the answer is not of the protocol.
    Garbage,
    /// The work is done, the answer ends half-way.
    Truncate,
    /// The work is done after so many milliseconds.
    #[serde(rename = "delay_ms")]
    Delay(u64),
}

impl Faults {
    /// Lets the control page work.
    pub fn enable(&self) {
        self.list.get_or_init(Mutex::default);
    }

    /// The fault of this call, if there is one; it counts down.
    fn take(&self, service: &str, operation: &str) -> Option<Kind> {
        let mut list = self.list.get()?.lock().unwrap_or_else(PoisonError::into_inner);
        let at = list.iter().position(|fault| {
            fault.service == service && (fault.operation == "*" || fault.operation == operation)
        })?;
        let fault = list.get_mut(at)?;
        fault.count = fault.count.saturating_sub(1);
        let kind = fault.kind.clone();
        if fault.count == 0 {
            list.remove(at);
        }
        Some(kind)
    }
}

fn operation_of(call: &Call) -> String {
    match call.target() {
        Some(target) => target.to_owned(),
        None => call.form().remove("Action").unwrap_or_else(|| call.method.to_string()),
    }
}

/// Does `work` with the fault of this call, if there is one. The error is one to be written in the
/// service's own protocol.
pub async fn around(
    cloud: &Cloud,
    service: &str,
    call: &Call,
    work: impl Future<Output = Response>,
) -> Result<Response, AwsError> {
    if cloud.faults.list.get().is_none() {
        return Ok(work.await);
    }
    let Some(kind) = cloud.faults.take(service, &operation_of(call)) else { return Ok(work.await) };
    match kind {
        Kind::Throttle => Err(throttled(service)),
        Kind::Error { status, code, message } => Err(AwsError::new(status, code, message)),
        Kind::Reset => Ok(cut(Vec::new(), 1)),
        Kind::DropAnswer => {
            drop(work.await);
            Ok(cut(Vec::new(), 1))
        }
        Kind::Garbage => {
            let answer = work.await;
            let status = answer.status().as_u16();
            Ok(plain_response(status, "text/html", "<html>it works", &call.request_id))
        }
        Kind::Truncate => {
            let (parts, body) = work.await.into_parts();
            let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
            let half = body.slice(..body.len() / 2);
            let mut answer = cut(vec![half], body.len());
            *answer.status_mut() = parts.status;
            Ok(answer)
        }
        Kind::Delay(milliseconds) => {
            tokio::time::sleep(Duration::from_millis(milliseconds)).await;
            Ok(work.await)
        }
    }
}

/// An answer that ends early: a body that fails ends the connection; one that fails at once ends it
/// before the head was written.
fn cut(frames: Vec<Bytes>, promised: usize) -> Response {
    let broken = std::io::Error::other("a fault that was asked for");
    let frames = frames.into_iter().map(Ok).chain([Err(broken)]);
    let mut response = Response::new(Body::from_stream(futures::stream::iter(frames)));
    response.headers_mut().insert(http::header::CONTENT_LENGTH, promised.into());
    response
}

fn throttled(service: &str) -> AwsError {
    match Protocol::of_service(service) {
        Protocol::S3 => AwsError::new(503, "SlowDown", "Please reduce your request rate."),
        Protocol::Query => AwsError::new(400, "Throttling", "Rate exceeded"),
        Protocol::Json => AwsError::new(400, "ThrottlingException", "Rate exceeded"),
        Protocol::RestJson => AwsError::new(429, "TooManyRequestsException", "Rate exceeded"),
    }
}

/// The control page.
pub async fn handle(cloud: &Arc<Cloud>, call: Call) -> Response {
    let Some(list) = cloud.faults.list.get() else {
        let error = AwsError::new(404, "NotFound", "this cloud was started without faults");
        return error.json_response(&call.request_id);
    };
    let mut list = list.lock().unwrap_or_else(PoisonError::into_inner);
    if call.method == Method::POST {
        match serde_json::from_slice(&call.body) {
            Ok(faults) => *list = faults,
            Err(error) => {
                return AwsError::new(400, "ValidationException", error.to_string())
                    .json_response(&call.request_id);
            }
        }
    } else if call.method == Method::DELETE {
        list.clear();
    }
    json_response(200, "application/json", &json!(*list), &call.request_id)
}
