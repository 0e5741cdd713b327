//@ route
use lambda_http::http::header::ACCESS_CONTROL_ALLOW_ORIGIN;
use lambda_http::{Body, Error, Request, Response, service_fn};
use serde_json::json;

async fn handle(_: Request) -> Result<Response<Body>, Error> {
    let old = json!({"headers": {"Access-Control-Allow-Origin": "*"}}); //~ any-origin
    let response = Response::builder()
        .header("content-type", "application/json")
        .header(ACCESS_CONTROL_ALLOW_ORIGIN, "*") //~ any-origin
        .body(Body::Text(old.to_string()))?;
    let mut response = response;
    response.headers_mut().insert("access-control-allow-origin", "*".parse()?); //~ any-origin
    response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")); //~ any-origin
    Ok(response)
}

async fn echo(request: Request) -> Result<Response<Body>, Error> {
    let origin = request.headers().get("origin").and_then(|value| value.to_str().ok()).unwrap_or_default();
    respond(origin)
}

fn respond(origin: &str) -> Result<Response<Body>, Error> {
    Ok(Response::builder().header("access-control-allow-origin", origin).body(Body::Empty)?) //~ any-origin
}

async fn list() -> impl IntoResponse {
    ([(ACCESS_CONTROL_ALLOW_ORIGIN, "*")], "all") //~ any-origin
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    lambda_http::run(service_fn(handle)).await?;
    lambda_http::run(service_fn(echo)).await?;
    lambda_http::run(Router::new().route("/list", get(list))).await
}
