//@ route
use aws_sdk_dynamodb::types::AttributeValue;
use lambda_http::{Body, Error, Request, Response, service_fn};
use serde_json::json;

async fn store(client: &aws_sdk_dynamodb::Client) -> Result<(), Error> {
    client.put_item().table_name("notes").item("pk", AttributeValue::S("n".to_owned())).send().await?;
    Ok(())
}

async fn handle(client: &aws_sdk_dynamodb::Client, _: Request) -> Result<Response<Body>, Error> {
    match store(client).await {
        Ok(()) => Ok(Response::new(Body::Empty)),
        Err(error) => respond(&format!("DynamoDB: {error}")),
    }
}

fn respond(message: &str) -> Result<Response<Body>, Error> {
    Ok(Response::new(Body::Text(json!({"message": message}).to_string()))) //~ internals-in-answer
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let client = client().await;
    lambda_http::run(service_fn(|request| handle(&client, request))).await
}
