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
//!
//! A test in the same process also reads which calls were made ([`Faults::calls`]) and holds each
//! one at a gate, before its work and before its answer ([`Faults::gate`]).

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http::Method;
use http_body_util::BodyExt as _;
use serde_json::json;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::auth::Protocol;
use crate::cloud::Cloud;
use crate::wire::{AwsError, Call, json_response, plain_response};

/// The faults that are switched on. Empty outside tests.
#[derive(Default)]
pub struct Faults {
    /// Set once, where the cloud was started with faults.
    controls: OnceLock<Controls>,
}

#[derive(Default)]
struct Controls {
    list: Mutex<Vec<Fault>>,
    seen: Mutex<Vec<Seen>>,
    gate: Mutex<Option<mpsc::UnboundedSender<Passage>>>,
}

/// A call that reached the cloud.
#[derive(Debug, Clone)]
pub struct Seen {
    pub service: String,
    pub operation: String,
    pub at: Instant,
}

/// A call that waits at the gate. Dropped without a word, it waits until its caller goes away.
#[derive(Debug)]
pub struct Passage {
    pub service: String,
    pub operation: String,
    /// Whether its work is done, and the answer waits.
    pub done: bool,
    pub go: oneshot::Sender<()>,
}

/// What to do to the next `count` calls of an operation.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// As in a credential scope: `cloudformation`, `s3`, `cognito-idp`; `*` is any.
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
    /// The work is done, and in its answer one text stands for another: a stale or unheard-of value.
    Rewrite { from: String, to: String },
    /// The work is done after so many milliseconds.
    #[serde(rename = "delay_ms")]
    Delay(u64),
}

impl Faults {
    /// Lets the control page work.
    pub fn enable(&self) {
        self.controls.get_or_init(Controls::default);
    }

    /// Switches these faults on, and all others off.
    pub fn set(&self, faults: Vec<Fault>) {
        if let Some(controls) = self.controls.get() {
            *lock(&controls.list) = faults;
        }
    }

    /// What is left of the faults.
    pub fn left(&self) -> Vec<Fault> {
        self.controls.get().map(|controls| lock(&controls.list).clone()).unwrap_or_default()
    }

    /// Every call since the last time that somebody asked, oldest first.
    pub fn calls(&self) -> Vec<Seen> {
        self.controls.get().map(|controls| std::mem::take(&mut *lock(&controls.seen))).unwrap_or_default()
    }

    /// From now on every call waits here, twice. Dropping the receiver lets all pass again.
    pub fn gate(&self) -> mpsc::UnboundedReceiver<Passage> {
        let (sender, receiver) = mpsc::unbounded_channel();
        if let Some(controls) = self.controls.get() {
            *lock(&controls.gate) = Some(sender);
        }
        receiver
    }

    async fn pass(&self, service: &str, operation: &str, done: bool) {
        let Some(controls) = self.controls.get() else { return };
        let Some(gate) = lock(&controls.gate).clone() else { return };
        let (go, gone) = oneshot::channel();
        let passage = Passage { service: service.to_owned(), operation: operation.to_owned(), done, go };
        if gate.send(passage).is_ok() && gone.await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// The fault of this call, if there is one; it counts down.
    fn take(&self, service: &str, operation: &str) -> Option<Kind> {
        let mut list = lock(&self.controls.get()?.list);
        let at = list.iter().position(|fault| {
            (fault.service == "*" || fault.service == service)
                && (fault.operation == "*" || fault.operation == operation)
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

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn operation_of(call: &Call) -> String {
    match call.target() {
        Some(target) => target.to_owned(),
        None => call.form().remove("Action").unwrap_or_else(|| call.method.to_string()),
    }
}

/// Does `work` with the fault of this call, if there is one, and past the gate, if there is one. The
/// error is one to be written in the service's own protocol.
pub async fn around(
    cloud: &Cloud,
    service: &str,
    call: &Call,
    work: impl Future<Output = Response>,
) -> Result<Response, AwsError> {
    let Some(controls) = cloud.faults.controls.get() else { return Ok(work.await) };
    let operation = operation_of(call);
    let seen = Seen { service: service.to_owned(), operation: operation.clone(), at: Instant::now() };
    lock(&controls.seen).push(seen);
    cloud.faults.pass(service, &operation, false).await;
    let answer = match cloud.faults.take(service, &operation) {
        Some(kind) => faulty(kind, service, call, work).await,
        None => Ok(work.await),
    };
    cloud.faults.pass(service, &operation, true).await;
    answer
}

async fn faulty(
    kind: Kind,
    service: &str,
    call: &Call,
    work: impl Future<Output = Response>,
) -> Result<Response, AwsError> {
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
        Kind::Rewrite { from, to } => {
            let (mut parts, body) = work.await.into_parts();
            let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
            let text = String::from_utf8_lossy(&body).replace(&from, &to);
            parts.headers.insert(http::header::CONTENT_LENGTH, text.len().into());
            Ok(Response::from_parts(parts, Body::from(text)))
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
    let Some(controls) = cloud.faults.controls.get() else {
        let error = AwsError::new(404, "NotFound", "this cloud was started without faults");
        return error.json_response(&call.request_id);
    };
    let mut list = lock(&controls.list);
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
