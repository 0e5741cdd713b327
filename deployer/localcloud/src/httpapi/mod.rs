//! HTTP APIs: routes, the JWT authorizer, throttling, CORS and access logs before functions.
//!
//! - [`resources`]: the CloudFormation types, kept as declared in a [`model::Api`]; [`manage`]: their
//!   read-only REST API.
//! - [`serve`]: one request of a client: [`route`], [`throttle`], [`authorizer`], then the function
//!   with an [`exchange`]'s event, whose answer [`reply`] reads; [`cors`] and [`access_log`] around it.

mod access_log;
mod authorizer;
mod cors;
mod exchange;
mod manage;
mod model;
mod reply;
pub mod resources;
mod route;
mod throttle;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::HttpBody;
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::cloud::{Cloud, arn};
use crate::lambda::{self, Invocation, Invoker};
use crate::store::{Persisted, Store};
use crate::wire::Call;

use authorizer::{Grant, Refusal};
use exchange::{Exchange, Taken};
use model::{Api, Route, Stage};
use reply::gateway;

pub use manage::handle;

/// API Gateway's limit on a request's body: 10 MB.
const BODY_LIMIT: usize = 10 * 1024 * 1024;
/// An HTTP API waits at most this long for its integration.
const INTEGRATION_LIMIT: u64 = 30_000;
/// The service principal that invocations are judged for.
const SERVICE: &str = "apigateway.amazonaws.com";

pub struct HttpApi {
    state: Persisted<State>,
    buckets: throttle::Buckets,
    /// One log stream a run of the cloud.
    log_stream: String,
}

/// All APIs, by id.
#[derive(Default, Serialize, Deserialize)]
struct State {
    apis: BTreeMap<String, Api>,
}

impl HttpApi {
    pub fn open(store: &Store) -> io::Result<Self> {
        Ok(Self {
            state: store.open("httpapi")?,
            buckets: throttle::Buckets::default(),
            log_stream: uuid::Uuid::new_v4().simple().to_string(),
        })
    }

    fn api(&self, id: &str) -> Option<Api> {
        self.state.read(|state| state.apis.get(id).cloned())
    }
}

/// The path form of an API's address, what `ApiEndpoint` answers.
pub fn endpoint(cloud: &Cloud, api_id: &str) -> String {
    format!("{}/_api/{api_id}", cloud.endpoint())
}

/// A request of a client of the API: host form `<api id>.execute-api.localhost` or path form
/// `/_api/<api id>/<path>`. `path` starts with a slash and holds the rest, without the query.
pub async fn serve(cloud: &Arc<Cloud>, api_id: &str, path: &str, call: Call) -> Response {
    let open = |api: &Api| api.declared.disable_execute_api_endpoint != Some(true);
    let Some(api) = cloud.httpapi.api(api_id).filter(open) else { return not_found() };
    let Some((stage, rest)) = stage_of(&api, path) else { return not_found() };
    let origin = call.headers.get(header::ORIGIN).cloned();
    let preflight =
        api.declared.cors_configuration.is_some() && cors::is_preflight(&call.method, &call.headers);
    let mut exchange = Exchange::new(call, path.to_owned(), &api, stage);
    let mut response = if preflight {
        let mut response = Response::default();
        *response.status_mut() = StatusCode::NO_CONTENT;
        response
    } else {
        answer(cloud, &api, stage, rest, &mut exchange).await
    };
    if let Some(cors) = &api.declared.cors_configuration {
        cors::apply(cors, origin.as_ref(), preflight, &mut response);
    }
    if let Ok(id) = HeaderValue::from_str(&exchange.request_id) {
        response.headers_mut().insert("apigw-requestid", id);
    }
    if let Some(settings) = &stage.access_log_settings {
        exchange.note("status", response.status().as_str());
        let length = response.body().size_hint().exact().unwrap_or_default();
        exchange.note("responseLength", length.to_string());
        exchange.note("responseLatency", exchange.began.elapsed().as_millis().to_string());
        access_log::write(cloud, settings, &cloud.httpapi.log_stream, &exchange.context);
    }
    response
}

/// The stage that serves a path, and the path in it: a named stage is the first segment, `$default`
/// takes everything else. A stage without AutoDeploy was never deployed and serves nothing.
fn stage_of<'a>(api: &'a Api, path: &'a str) -> Option<(&'a Stage, &'a str)> {
    let named = path.strip_prefix('/').and_then(|rest| {
        let (name, rest) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
        Some((api.stages.get(name)?, rest))
    });
    let chosen = named.or_else(|| Some((api.stages.get("$default")?, path)));
    chosen.filter(|(stage, _)| stage.auto_deploy == Some(true))
}

/// Everything behind CORS and before the access log.
async fn answer(
    cloud: &Arc<Cloud>,
    api: &Api,
    stage: &Stage,
    path: &str,
    exchange: &mut Exchange,
) -> Response {
    if exchange.call.body.len() > BODY_LIMIT {
        return gateway(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
    }
    let selected = route::select(api.routes.values(), exchange.call.method.as_str(), path);
    let Some((route, parameters)) = selected else { return not_found() };
    exchange.note("routeKey", &route.route_key);
    if !cloud.httpapi.buckets.admit(&api.id, stage, &route.route_key) {
        return gateway(StatusCode::TOO_MANY_REQUESTS, "Too Many Requests");
    }
    let grant = match authorize(cloud, api, route, exchange) {
        Ok(grant) => grant,
        Err(response) => return *response,
    };
    let parameters = parameters.into_iter().map(|(name, value)| (name.to_owned(), decoded(value))).collect();
    let taken = Taken { route_key: route.route_key.clone(), parameters, grant };
    integrate(cloud, api, stage, route, &taken, exchange).await
}

/// What the route's authorizer brings; the error is the refusal as the client gets it.
fn authorize(
    cloud: &Cloud,
    api: &Api,
    route: &Route,
    exchange: &mut Exchange,
) -> Result<Option<Grant>, Box<Response>> {
    if route.authorization_type.as_deref() != Some("JWT") {
        return Ok(None);
    }
    let authorizer = route.authorizer_id.as_ref().and_then(|id| api.authorizers.get(id));
    // A route whose authorizer is gone lets nobody through.
    let Some(authorizer) = authorizer else {
        return Err(Box::new(gateway(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")));
    };
    let now = exchange.at.as_second();
    match authorizer::authorize(cloud, authorizer, route, &exchange.call.headers, &exchange.query, now) {
        Ok(grant) => {
            for (name, value) in &grant.claims {
                exchange.note(&format!("authorizer.claims.{name}"), value.as_str().unwrap_or_default());
            }
            Ok(Some(grant))
        }
        Err(refusal) => {
            exchange.note("authorizer.error", refusal.reason());
            let mut response = match &refusal {
                Refusal::Unauthorized(_) => gateway(StatusCode::UNAUTHORIZED, "Unauthorized"),
                Refusal::Forbidden => gateway(StatusCode::FORBIDDEN, "Forbidden"),
            };
            if let Ok(challenge) = HeaderValue::from_str(&refusal.challenge(route)) {
                response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
            }
            Err(Box::new(response))
        }
    }
}

/// Asks the route's function.
async fn integrate(
    cloud: &Arc<Cloud>,
    api: &Api,
    stage: &Stage,
    route: &Route,
    taken: &Taken,
    exchange: &mut Exchange,
) -> Response {
    let failed = || gateway(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error");
    let target = route.target.as_deref().and_then(|target| target.strip_prefix("integrations/"));
    let integration = target.and_then(|id| api.integrations.get(id));
    let Some((integration, function)) = integration.and_then(|one| Some((one, one.function_arn()?))) else {
        exchange.note("integrationErrorMessage", "the route has no integration");
        return failed();
    };
    let limit = integration.timeout_in_millis.unwrap_or(INTEGRATION_LIMIT);
    let invocation = Invocation {
        function: function.to_owned(),
        payload: exchange.event(api, stage, taken).to_string().into(),
        invoker: Invoker::Service { service: SERVICE, source_arn: source_arn(api, stage, route, exchange) },
        limit: Some(Duration::from_millis(limit)),
    };
    let began = std::time::Instant::now();
    let answered = lambda::invoke(cloud, invocation).await;
    let latency = began.elapsed().as_millis().to_string();
    exchange.note("integrationLatency", latency.as_str());
    exchange.note("integration.latency", latency);
    let (error, response) = match answered {
        Ok(answer) => {
            exchange.note("integration.requestId", answer.request_id.as_str());
            exchange.note("integrationStatus", "200");
            match (&answer.function_error, reply::of_function(&answer.payload)) {
                (Some(_), _) => (function_error(&answer.payload), failed()),
                (None, Ok(response)) => return response,
                (None, Err(malformed)) => (malformed, failed()),
            }
        }
        // The codes are Lambda's: the time-out and the throttle read as unavailable.
        Err(error) => {
            let response = match error.status {
                504 | 429 => gateway(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable"),
                413 => gateway(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large"),
                _ => failed(),
            };
            (error.message, response)
        }
    };
    tracing::debug!(error, route = route.route_key, "an integration failed");
    exchange.note("integrationErrorMessage", error.as_str());
    exchange.note("integration.error", error);
    response
}

/// The caller that a function's permission names:
/// `arn:…:execute-api:<region>:<account>:<api>/<stage>/<METHOD>/<path of the route>`.
fn source_arn(api: &Api, stage: &Stage, route: &Route, exchange: &Exchange) -> String {
    let route = match route.route_key.split_once(' ') {
        Some((_, path)) => format!("{}{path}", exchange.call.method),
        None => route.route_key.clone(),
    };
    arn("execute-api", &api.region, &format!("{}/{}/{route}", api.id, stage.stage_name))
}

fn function_error(payload: &[u8]) -> String {
    let error: Option<Value> = serde_json::from_slice(payload).ok();
    let message = error.as_ref().and_then(|error| error.get("errorMessage")?.as_str());
    message.unwrap_or("the function failed").to_owned()
}

fn not_found() -> Response {
    gateway(StatusCode::NOT_FOUND, "Not Found")
}

fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}
