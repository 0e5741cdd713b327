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
    Ok(response)
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    lambda_http::run(service_fn(handle)).await
}
