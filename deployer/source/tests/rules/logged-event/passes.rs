//@ route
use lambda_http::{Body, Error, Request, Response, service_fn};
use serde_json::Value;

async fn handle(request: Request) -> Result<Response<Body>, Error> {
    tracing::info!(method = %request.method(), bytes = request.body().len(), "got a request");
    match serde_json::from_slice::<Value>(request.body()) {
        Ok(body) => tracing::info!("{} fields", body.as_object().map_or(0, |fields| fields.len())),
        Err(error) => tracing::warn!("the body is no JSON: line {}", error.line()),
    }
    let _span = tracing::info_span!("request", path = %request.uri().path()).entered();
    let sent: Value = serde_json::from_slice(request.body())?;
    let text = format!("{} fields, {}", sent.as_object().map_or(0, |fields| fields.len()), sent["kind"]);
    tracing::info!("{text}");
    let id = format!("{:x}", digest(&format!("{request:?}")));
    tracing::info!(id);
    // Its Debug says what may be said.
    let order: Order = serde_json::from_slice(request.body())?;
    tracing::info!(?order);
    keep(&request, 1);
    count(&request, 1);
    let response = Response::new(Body::Empty);
    tracing::info!(status = response.status().as_u16(), "answered");
    Ok(response)
}

#[tracing::instrument(skip(request))]
fn keep(request: &Request, times: u8) {}

#[tracing::instrument(skip_all, err, fields(times, method = %request.method()))]
fn count(request: &Request, times: u8) {}

async fn create(Path(order): Path<String>, Json(body): Json<Order>) -> StatusCode {
    tracing::info!(order, lines = body.lines.len(), "got it");
    keep_text(body.note);
    StatusCode::CREATED
}

fn keep_text(body: String) {
    tracing::info!("{} bytes: {}", body.len(), body.starts_with('a'));
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    lambda_http::run(service_fn(handle)).await?;
    lambda_http::run(Router::new().route("/orders/{order}", post(create))).await
}
