//@ route
use lambda_http::http::header::ACCESS_CONTROL_ALLOW_ORIGIN;
use lambda_http::{Body, Error, Request, Response, service_fn};

async fn handle(_: Request) -> Result<Response<Body>, Error> {
    let response = Response::builder()
        .header("accept", "*")
        .header(ACCESS_CONTROL_ALLOW_ORIGIN, "https://app.example.com")
        .body(Body::Empty)?;
    Ok(response)
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    lambda_http::run(service_fn(handle)).await
}
