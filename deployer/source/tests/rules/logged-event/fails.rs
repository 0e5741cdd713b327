//@ route
use lambda_http::http::header::AUTHORIZATION;
use lambda_http::{Body, Error, Request, RequestExt, Response, service_fn};

async fn handle(request: Request) -> Result<Response<Body>, Error> {
    tracing::info!("got {request:?}"); //~ logged-event
    let body = String::from_utf8(request.body().to_vec())?;
    println!("body: {}", body); //~ logged-event
    let token = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    tracing::debug!(token, "signed in"); //~ logged-event
    let claims = &request.request_context().authorizer.jwt.claims;
    tracing::info!(claims = ?claims, kind = claims["token_use"] == "access"); //~ logged-event
    let _span = tracing::info_span!("request", auth = ?request.headers().get(AUTHORIZATION)).entered(); //~ logged-event
    let text = format!("{request:?}");
    tracing::info!("{text}"); //~ logged-event
    let text = serde_json::to_string(&claims)?;
    tracing::info!(text, "claims"); //~ logged-event
    let sent: serde_json::Value = serde_json::from_slice(request.body())?;
    tracing::info!(?sent); //~ logged-event
    tracing::info!("{:?}", serde_json::from_slice::<serde_json::Value>(request.body())); //~ logged-event
    println!("{}", parsed(&request)?); //~ logged-event
    keep(&request, 1);
    count(&request, 1);
    Ok(Response::new(Body::Empty))
}

#[tracing::instrument] //~ logged-event
fn keep(request: &Request, times: u8) {}

#[tracing::instrument(level = "debug", skip(request), fields(times, headers = ?request.headers()))] //~ logged-event
fn count(request: &Request, times: u8) {}

fn parsed(request: &Request) -> Result<serde_json::Value, Error> {
    Ok(serde_json::from_slice(request.body())?)
}

async fn create(Json(body): Json<serde_json::Value>) -> StatusCode {
    tracing::info!(%body, "got it"); //~ logged-event
    StatusCode::CREATED
}

async fn change(order: Json<Order>) -> StatusCode {
    println!("{order:?}"); //~ logged-event
    StatusCode::OK
}

async fn replace(body: String) -> StatusCode {
    tracing::debug!("got {}", body); //~ logged-event
    StatusCode::OK
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    lambda_http::run(service_fn(handle)).await?;
    lambda_http::run(Router::new().route("/orders", post(create).patch(change).put(replace))).await
}
