//! The Runtime API: what a function's process asks for its next event and answers to.
//! Source: Lambda developer guide, "Using the Lambda runtime API for custom runtimes".

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use axum::routing::{get, post};
use bytes::Bytes;
use http::HeaderMap;
use http_body_util::{BodyExt, Limited};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::lock;
use crate::wire::plain_response;

/// Lambda's limit on a synchronous answer: 6 MB and room for the envelope.
pub const ANSWER_LIMIT: usize = 6_291_556;

/// One invocation as the process receives it.
#[derive(Debug, Clone)]
pub struct Event {
    pub request_id: String,
    /// Milliseconds since the epoch.
    pub deadline: i64,
    pub function_arn: String,
    pub trace_id: String,
    pub payload: Bytes,
}

/// What the process says.
#[derive(Debug)]
pub enum Report {
    /// It asks for the next event; the first time that ends its initialisation.
    Waiting,
    /// It could not start.
    InitFailed(Bytes),
    /// It answered.
    Answered(Bytes),
    /// It answered with more than [`ANSWER_LIMIT`].
    TooLarge,
    /// Its handler failed.
    Failed(Bytes),
}

/// The listener of one process. Ends when dropped.
pub struct RuntimeApi {
    pub address: SocketAddr,
    pub reports: mpsc::Receiver<Report>,
    events: mpsc::Sender<Event>,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

struct Shared {
    events: tokio::sync::Mutex<mpsc::Receiver<Event>>,
    reports: mpsc::Sender<Report>,
    /// The invocation that may be answered.
    current: Mutex<Option<String>>,
}

impl RuntimeApi {
    pub async fn listen() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (events, waiting) = mpsc::channel(1);
        let (answers, reports) = mpsc::channel(4);
        let shared = Arc::new(Shared {
            events: tokio::sync::Mutex::new(waiting),
            reports: answers,
            current: Mutex::new(None),
        });
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
            .route("/2018-06-01/runtime/init/error", post(init_error))
            .with_state(Arc::clone(&shared));
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "a Runtime API ended");
            }
        });
        Ok(Self { address, reports, events, shared, server })
    }

    /// Hands an event to the process, which must be waiting for one.
    pub async fn send(&self, event: Event) -> Result<(), mpsc::error::SendError<Event>> {
        *lock(&self.shared.current) = Some(event.request_id.clone());
        self.events.send(event).await
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn next(State(shared): State<Arc<Shared>>) -> Response {
    let mut events = shared.events.lock().await;
    if shared.reports.send(Report::Waiting).await.is_err() {
        return refused(500, "Runtime.Stopping", "the process is being ended");
    }
    let Some(event) = events.recv().await else {
        return refused(500, "Runtime.Stopping", "the process is being ended");
    };
    let mut answer = plain_response(200, "application/json", event.payload, &event.request_id);
    let headers = [
        ("lambda-runtime-aws-request-id", event.request_id),
        ("lambda-runtime-deadline-ms", event.deadline.to_string()),
        ("lambda-runtime-invoked-function-arn", event.function_arn),
        ("lambda-runtime-trace-id", event.trace_id),
    ];
    for (name, value) in headers {
        if let Ok(value) = value.parse() {
            answer.headers_mut().insert(name, value);
        }
    }
    answer
}

async fn response(State(shared): State<Arc<Shared>>, Path(id): Path<String>, request: Request) -> Response {
    if !shared.take(&id) {
        return refused(400, "InvalidRequestID", "Invalid request ID");
    }
    let (report, answer) = match Limited::new(request.into_body(), ANSWER_LIMIT).collect().await {
        Ok(body) => {
            let trailers = body.trailers().cloned();
            let payload = body.to_bytes();
            (
                trailers.and_then(|trailers| stream_error(&trailers)).unwrap_or(Report::Answered(payload)),
                accepted(),
            )
        }
        Err(error) if error.is::<http_body_util::LengthLimitError>() => {
            let words = format!("Exceeded maximum allowed payload size ({ANSWER_LIMIT} bytes).");
            (Report::TooLarge, refused(413, "RequestEntityTooLarge", &words))
        }
        Err(error) => {
            let words = format!("the answer broke off: {error}");
            (
                Report::Failed(failure("Runtime.TruncatedResponse", &words)),
                refused(400, "TruncatedResponse", &words),
            )
        }
    };
    shared.report(report, answer).await
}

async fn error(State(shared): State<Arc<Shared>>, Path(id): Path<String>, request: Request) -> Response {
    if !shared.take(&id) {
        return refused(400, "InvalidRequestID", "Invalid request ID");
    }
    let report = Report::Failed(error_body(request).await);
    shared.report(report, accepted()).await
}

async fn init_error(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let report = Report::InitFailed(error_body(request).await);
    shared.report(report, accepted()).await
}

impl Shared {
    /// Whether `id` is the running invocation, which then counts as answered.
    fn take(&self, id: &str) -> bool {
        let mut current = lock(&self.current);
        let matches = current.as_deref() == Some(id);
        if matches {
            *current = None;
        }
        matches
    }

    async fn report(&self, report: Report, answer: Response) -> Response {
        match self.reports.send(report).await {
            Ok(()) => answer,
            Err(_) => refused(500, "Runtime.Stopping", "the process is being ended"),
        }
    }
}

/// A streamed answer that fails in the middle says so in its trailers.
fn stream_error(trailers: &HeaderMap) -> Option<Report> {
    let kind = trailers.get("lambda-runtime-function-error-type")?.to_str().ok()?;
    let words = trailers
        .get("lambda-runtime-function-error-body")
        .and_then(|body| body.to_str().ok())
        .unwrap_or_default();
    Some(Report::Failed(failure(kind, words)))
}

/// The error as the process worded it, or one made of its header where it sent no JSON.
async fn error_body(request: Request) -> Bytes {
    let kind = request
        .headers()
        .get("lambda-runtime-function-error-type")
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or("Runtime.Unknown")
        .to_owned();
    match Limited::new(request.into_body(), ANSWER_LIMIT).collect().await {
        Ok(body) => {
            let body = body.to_bytes();
            match serde_json::from_slice::<Value>(&body) {
                Ok(Value::Object(_)) => body,
                Ok(_) | Err(_) => failure(&kind, &String::from_utf8_lossy(&body)),
            }
        }
        Err(error) => failure(&kind, &error.to_string()),
    }
}

/// The payload of a failed invocation.
pub fn failure(kind: &str, message: &str) -> Bytes {
    json!({"errorType": kind, "errorMessage": message}).to_string().into()
}

fn accepted() -> Response {
    plain_response(202, "application/json", json!({"status": "OK"}).to_string(), "")
}

fn refused(status: u16, kind: &str, message: &str) -> Response {
    plain_response(status, "application/json", failure(kind, message), "")
}
