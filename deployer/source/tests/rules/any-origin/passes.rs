//@ route
use lambda_http::http::header::ACCESS_CONTROL_ALLOW_ORIGIN;
use lambda_http::{Body, Error, Request, Response, service_fn};

async fn handle(_: Request) -> Result<Response<Body>, Error> {
    let response = Response::builder()
        .header("accept", "*")
        .header(ACCESS_CONTROL_ALLOW_ORIGIN, "https://app.example.com")
        .body(Body::Empty)?;
    let mut response = response;
    response.headers_mut().insert(VARY, HeaderValue::from_static("*"));
    response.headers_mut().insert("access-control-allow-origin", "https://app.example.com".parse()?);
    Ok(response)
}

const SITES: [&str; 2] = ["https://app.example.com", "https://www.example.com"];

async fn echo(request: Request) -> Result<Response<Body>, Error> {
    let origin = request.headers().get("origin").and_then(|value| value.to_str().ok());
    match origin.filter(|origin| SITES.contains(origin)) {
        Some(origin) => respond(origin),
        None => Err("this site may not".into()),
    }
}

fn respond(origin: &str) -> Result<Response<Body>, Error> {
    Ok(Response::builder().header("access-control-allow-origin", origin).body(Body::Empty)?)
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    lambda_http::run(service_fn(handle)).await?;
    lambda_http::run(service_fn(echo)).await
}
