//@ route
use aws_sdk_dynamodb::types::AttributeValue;
use lambda_http::{Body, Error, Request, Response, service_fn};

const PARTITION: &str = "PROFILE";

async fn handle(client: &aws_sdk_dynamodb::Client, request: Request) -> Result<Response<Body>, Error> {
    let caller = shared_caller(&request)?;
    client
        .get_item()
        .table_name("profiles")
        .key("pk", AttributeValue::S(PARTITION.to_owned())) //~ one-partition
        .key("sk", AttributeValue::S(caller))
        .send()
        .await?;
    Ok(Response::new(Body::Empty))
}

fn shared_caller(request: &Request) -> Result<String, Error> {
    let claims = &request.request_context().authorizer.jwt.claims;
    if claims.get("token_use") != Some("access") {
        return Err("an access token is needed".into());
    }
    Ok(claims.get("sub").ok_or("no sub")?.to_string())
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let client = client().await;
    lambda_http::run(service_fn(|request| handle(&client, request))).await
}
