//@ route
use aws_sdk_dynamodb::types::AttributeValue;
use lambda_http::http::StatusCode;
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

async fn load(client: &aws_sdk_dynamodb::Client) -> Result<Response<Body>, Error> {
    match client.get_item().table_name("notes").key("pk", AttributeValue::S("n".to_owned())).send().await {
        Ok(_) => Ok(Response::new(Body::Empty)),
        Err(error) => Ok(Response::builder().status(500).body(error.to_string().into())?), //~ internals-in-answer
    }
}

/// The words pass through functions that return them.
async fn find(client: &aws_sdk_dynamodb::Client) -> Result<String, Error> {
    let found = client.get_item().table_name("notes").send().await?;
    Ok(found.item.map(|_| "found".to_owned()).unwrap_or_default())
}

async fn count(client: &aws_sdk_dynamodb::Client) -> Result<usize, String> {
    let answer = client.query().table_name("notes").send().await.map_err(|error| format!("no count: {error}"))?;
    Ok(answer.items().len())
}

async fn listed(client: &aws_sdk_dynamodb::Client) -> Result<Response<Body>, Error> {
    if let Err(error) = count(client).await {
        return Ok(Response::new(Body::from(error))); //~ internals-in-answer
    }
    let text = find(client).await.map_or_else(|error| error.to_string(), |found| found);
    Ok(Response::new(Body::Text(text))) //~ internals-in-answer
}

async fn told(client: &aws_sdk_dynamodb::Client) -> Result<serde_json::Value, Error> {
    match client.get_item().table_name("notes").send().await {
        Ok(_) => Ok(json!({"statusCode": 200})),
        Err(error) => Ok(json!({"statusCode": 500, "body": error.to_string()})), //~ internals-in-answer
    }
}

async fn counted(client: &aws_sdk_dynamodb::Client) -> Result<String, (StatusCode, String)> {
    let count =
        count(client).await.map_err(|error| (StatusCode::BAD_GATEWAY, error))?; //~ internals-in-answer
    Ok(count.to_string())
}

fn respond(message: &str) -> Result<Response<Body>, Error> {
    Ok(Response::new(Body::Text(json!({"message": message}).to_string()))) //~ internals-in-answer
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let client = client().await;
    load(&client).await?;
    listed(&client).await?;
    counted(&client).await?;
    told(&client).await?;
    lambda_http::run(service_fn(|request| handle(&client, request))).await
}
