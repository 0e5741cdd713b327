//@ trigger PostAuthentication
use aws_sdk_dynamodb::types::AttributeValue;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

#[derive(Serialize)]
struct Visit {
    id: String,
    sub: String,
}

async fn handle(client: &aws_sdk_dynamodb::Client, event: LambdaEvent<Value>) -> Result<Value, Error> {
    let sub = event.payload["request"]["userAttributes"]["sub"].as_str().ok_or("no sub")?.to_owned();
    let id = Uuid::new_v4().to_string();
    let visit = Visit { id: id.clone(), sub }; //~ random-key
    client
        .put_item()
        .table_name("visits")
        .set_item(Some(serde_dynamo::to_item(visit)?))
        .item("pk", AttributeValue::S(format!("VISIT#{id}"))) //~ random-key
        .condition_expression("attribute_not_exists(pk)")
        .send()
        .await?;
    client.transact_write_items().client_request_token(id).send().await?; //~ random-key
    Ok(event.payload)
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let client = client().await;
    lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| handle(&client, event))).await
}
