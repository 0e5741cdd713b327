//@ trigger PostAuthentication
use aws_sdk_dynamodb::types::AttributeValue;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;
use std::time::SystemTime;
use uuid::Uuid;

async fn handle(client: &aws_sdk_dynamodb::Client, event: LambdaEvent<Value>) -> Result<Value, Error> {
    let sub = event.payload["request"]["userAttributes"]["sub"].as_str().ok_or("no sub")?;
    let id = Uuid::new_v5(&Uuid::NAMESPACE_OID, sub.as_bytes()).to_string();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs().to_string();
    client
        .put_item()
        .table_name("visits")
        .item("pk", AttributeValue::S(format!("VISIT#{id}")))
        .item("created_at", AttributeValue::N(now))
        .condition_expression("attribute_not_exists(pk)")
        .send()
        .await?;
    Ok(event.payload)
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let client = client().await;
    lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| handle(&client, event))).await
}
