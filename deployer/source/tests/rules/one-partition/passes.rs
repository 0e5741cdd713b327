//@ route
use aws_sdk_dynamodb::types::AttributeValue;
use lambda_http::{Body, Error, Request, Response, service_fn};

async fn handle(client: &aws_sdk_dynamodb::Client, request: Request) -> Result<Response<Body>, Error> {
    let claims = &request.request_context().authorizer.jwt.claims;
    if claims.get("token_use") != Some("access") {
        return Err("an access token is needed".into());
    }
    let sub = claims.get("sub").ok_or("no sub")?;
    client
        .get_item()
        .table_name("profiles")
        .key("pk", AttributeValue::S(format!("USER#{sub}")))
        .key("sk", AttributeValue::S("PROFILE".to_owned()))
        .send()
        .await?;
    // One row that belongs to nobody may have a constant key.
    client
        .get_item()
        .table_name("profiles")
        .key("pk", AttributeValue::S("SETTINGS".to_owned()))
        .key("sk", AttributeValue::S("SETTINGS".to_owned()))
        .send()
        .await?;
    Ok(Response::new(Body::Empty))
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let client = client().await;
    lambda_http::run(service_fn(|request| handle(&client, request))).await
}
