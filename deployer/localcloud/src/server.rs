//! The one port: decides which service a request is for and who sends it.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::Response;
use http_body_util::{BodyExt, Limited};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use crate::auth::{self, Principal, Protocol};
use crate::cloud::{Cloud, REGION};
use crate::store::Store;
use crate::wire::{AwsError, Call, json_response};
use crate::{cloudformation, cognito, dynamodb, faults, httpapi, iam, kms, lambda, logs, s3, secrets, sts};

/// The largest request: a function's zip.
const BODY_LIMIT: usize = 300 * 1024 * 1024;
/// Changes of the state are gathered this long before they are written.
const FLUSH_AFTER: Duration = Duration::from_millis(30);

/// How to start.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// Where the state lives; without it, in memory alone.
    pub folder: Option<PathBuf>,
    /// The port; 0 takes any free one.
    pub port: u16,
    /// Whether `/_local/faults` works, for tests.
    pub faults: bool,
}

/// A running cloud. Dropping it ends the server with the runtime; [`Running::stop`] does it in order.
pub struct Running {
    cloud: Arc<Cloud>,
    address: SocketAddr,
    stop: watch::Sender<bool>,
    server: JoinHandle<()>,
    flusher: JoinHandle<()>,
}

/// Binds the port, opens the state and serves. Errors: the port is taken, the state is unreadable.
pub async fn start(config: Config) -> io::Result<Running> {
    if let Some(folder) = &config.folder {
        std::fs::create_dir_all(folder)?;
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, config.port)).await?;
    let address = listener.local_addr()?;
    let cloud = Cloud::open(Store::new(config.folder))?;
    cloud.set_endpoint(format!("http://{address}"));
    if config.faults {
        cloud.faults.enable();
    }
    let (stop, stopped) = watch::channel(false);
    let router = Router::new()
        .fallback(entry)
        .with_state(Arc::new(Entry { cloud: Arc::clone(&cloud), stop: stop.clone() }));
    let mut until = stopped.clone();
    let (ready, started) = oneshot::channel();
    let server = tokio::spawn(async move {
        let _ = ready.send(());
        let served = axum::serve(listener, router).with_graceful_shutdown(async move {
            drop(until.wait_for(|stop| *stop).await);
        });
        if let Err(error) = served.await {
            tracing::error!(%error, "the server ended");
        }
    });
    drop(started.await);
    let flusher = tokio::spawn(flush_behind(cloud.store.clone(), stopped));
    lambda::start(&cloud);
    cloudformation::start(&cloud);
    Ok(Running { cloud, address, stop, server, flusher })
}

async fn flush_behind(store: Store, mut stopped: watch::Receiver<bool>) {
    loop {
        let stop = tokio::select! {
            () = store.changed() => false,
            _ = stopped.wait_for(|stop| *stop) => true,
        };
        if !stop {
            tokio::time::sleep(FLUSH_AFTER).await;
        }
        if let Err(error) = store.flush() {
            tracing::error!(%error, "the state could not be written");
        }
        if stop {
            return;
        }
    }
}

impl Running {
    pub fn cloud(&self) -> &Arc<Cloud> {
        &self.cloud
    }

    /// `http://127.0.0.1:<port>`.
    pub fn endpoint(&self) -> &str {
        self.cloud.endpoint()
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Resolves when somebody asked the cloud to stop (`POST /_local/stop`).
    pub async fn stopping(&self) {
        drop(self.stop.subscribe().wait_for(|stop| *stop).await);
    }

    /// Ends the function processes and the server, and writes the state.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        lambda::stop(&self.cloud).await;
        // Idle keep-alive connections must not hold the end up.
        if tokio::time::timeout(Duration::from_secs(1), self.server).await.is_err() {
            tracing::debug!("connections were still open at the end");
        }
        drop(self.flusher.await);
        if let Err(error) = self.cloud.store.flush() {
            tracing::error!(%error, "the state could not be written");
        }
    }
}

struct Entry {
    cloud: Arc<Cloud>,
    stop: watch::Sender<bool>,
}

async fn entry(State(entry): State<Arc<Entry>>, request: Request) -> Response {
    let cloud = &entry.cloud;
    let request_id: Arc<str> = uuid::Uuid::new_v4().to_string().into();
    let (parts, body) = request.into_parts();
    let body = match Limited::new(body, BODY_LIMIT).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) => {
            return AwsError::new(413, "RequestTooLarge", error.to_string()).json_response(&request_id);
        }
    };
    let mut call = Call {
        method: parts.method.clone(),
        uri: parts.uri.clone(),
        headers: parts.headers.clone(),
        body,
        region: REGION.to_owned(),
        principal: Principal::Anonymous,
        request_id,
    };
    let path = parts.uri.path().to_owned();
    if let Some(api_id) = call.header("host").and_then(api_of_host) {
        let api_id = api_id.to_owned();
        return httpapi::serve(cloud, &api_id, &path, call).await;
    }
    if let Some((api_id, rest)) = path.strip_prefix("/_api/").map(first_segment) {
        return httpapi::serve(cloud, api_id, rest, call).await;
    }
    if let Some((domain, rest)) = path.strip_prefix("/_hosted/").map(first_segment) {
        return cognito::hosted(cloud, domain, rest, call).await;
    }
    if let Some((pool_id, document)) = path.split_once("/.well-known/") {
        return cognito::well_known(cloud, pool_id.trim_start_matches('/'), document, call).await;
    }
    if let Some(page) = path.strip_prefix("/_local/") {
        return local(&entry, page, call).await;
    }
    let identity = match auth::authenticate(cloud, &parts, &call.body) {
        Ok(identity) => identity,
        Err(error) => return refuse(&call, Protocol::of_request(&parts), &error),
    };
    let service = match identity {
        Some(identity) => {
            call.principal = identity.principal;
            call.region = identity.region;
            identity.service
        }
        None => match service_of_target(&call) {
            Some(service) => service.to_owned(),
            None => {
                let error = AwsError::new(403, "MissingAuthenticationToken", "the request is not signed");
                return refuse(&call, None, &error);
            }
        },
    };
    let work = dispatch(cloud, &service, call.clone());
    match faults::around(cloud, &service, &call, work).await {
        Ok(response) => response,
        Err(error) => refuse(&call, Some(Protocol::of_service(&service)), &error),
    }
}

async fn dispatch(cloud: &Arc<Cloud>, service: &str, call: Call) -> Response {
    match service {
        "cloudformation" => cloudformation::handle(cloud, call).await,
        "cognito-idp" => cognito::handle(cloud, call).await,
        "dynamodb" => dynamodb::handle(cloud, call).await,
        "iam" => iam::handle(cloud, call).await,
        "kms" => kms::handle(cloud, call).await,
        "lambda" => lambda::handle(cloud, call).await,
        "logs" => logs::handle(cloud, call).await,
        "s3" => s3::handle(cloud, call).await,
        "secretsmanager" => secrets::handle(cloud, call).await,
        "sts" => sts::handle(cloud, call).await,
        "apigateway" => httpapi::handle(cloud, call).await,
        other => {
            AwsError::not_implemented(format_args!("the service {other}")).json_response(&call.request_id)
        }
    }
}

/// The control pages of the cloud itself.
async fn local(entry: &Entry, page: &str, call: Call) -> Response {
    match page {
        "health" => {
            let body = json!({"status": "ok", "version": env!("CARGO_PKG_VERSION"), "endpoint": entry.cloud.endpoint()});
            json_response(200, "application/json", &body, &call.request_id)
        }
        "decisions" => iam::decisions(&entry.cloud, &call),
        "inbox" | "inbox.json" => cognito::inbox(&entry.cloud, call).await,
        "stop" if call.method == http::Method::POST => {
            entry.stop.send_replace(true);
            json_response(200, "application/json", &json!({"status": "stopping"}), &call.request_id)
        }
        _ if page == "faults" || page.starts_with("faults/") => faults::handle(&entry.cloud, call).await,
        other => AwsError::new(404, "NotFound", format!("there is no page /_local/{other}"))
            .json_response(&call.request_id),
    }
}

/// A refusal before the service is known to answer: in the form of the protocol that was spoken.
fn refuse(call: &Call, claimed: Option<Protocol>, error: &AwsError) -> Response {
    let query =
        call.header("content-type").is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    let spoken = match claimed {
        Some(protocol) => protocol,
        None if query => Protocol::Query,
        None if call.target().is_some() => Protocol::Json,
        None => Protocol::S3,
    };
    match spoken {
        Protocol::Query => error.query_response("https://aws.amazon.com/", &call.request_id),
        Protocol::Json | Protocol::RestJson => error.json_response(&call.request_id),
        Protocol::S3 => s3::error_response(error, call),
    }
}

fn api_of_host(host: &str) -> Option<&str> {
    let name = host.split(':').next().unwrap_or(host);
    name.strip_suffix(".execute-api.localhost")
}

/// `a/b/c` -> (`a`, `/b/c`); `a` -> (`a`, `/`).
fn first_segment(path: &str) -> (&str, &str) {
    match path.find('/') {
        Some(at) => path.split_at(at),
        None => (path, "/"),
    }
}

/// Services whose JSON operations may come unsigned (Cognito's public ones) are known by the target.
fn service_of_target(call: &Call) -> Option<&'static str> {
    if call.method == http::Method::OPTIONS {
        // A browser asks before it sends a target, and names the header alone. Only Cognito's
        // operations are for browsers.
        let asked = call.header("access-control-request-headers")?.to_ascii_lowercase();
        return asked.contains("x-amz-target").then_some("cognito-idp");
    }
    let target = call.header("x-amz-target")?;
    target.starts_with("AWSCognitoIdentityProviderService.").then_some("cognito-idp")
}
