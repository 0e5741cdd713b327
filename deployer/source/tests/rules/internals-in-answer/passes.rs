//@ route
use aws_sdk_dynamodb::types::AttributeValue;
use lambda_http::{Body, Error, Request, RequestExt, Response, service_fn};
use serde_json::{Value, json};

async fn store(client: &aws_sdk_dynamodb::Client) -> Result<(), Error> {
    client.put_item().table_name("notes").item("pk", AttributeValue::S("n".to_owned())).send().await?;
    Ok(())
}

async fn handle(client: &aws_sdk_dynamodb::Client, request: Request) -> Result<Response<Body>, Error> {
    // What is wrong with the caller's own text is theirs to know.
    if let Err(error) = serde_json::from_slice::<Value>(request.body()) {
        return Ok(Response::new(Body::Text(format!("the body is no JSON: {error}"))));
    }
    match store(client).await {
        Ok(()) => Ok(Response::new(Body::Empty)),
        Err(error) => {
            tracing::error!("{error}");
            let id = request.lambda_context_ref().map(|context| context.request_id.clone());
            Ok(Response::new(Body::Text(json!({"code": "not_stored", "request": id}).to_string())))
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let client = client().await;
    lambda_http::run(service_fn(|request| handle(&client, request))).await
}
