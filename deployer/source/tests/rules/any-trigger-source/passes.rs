//@ trigger PostConfirmation
use aws_sdk_dynamodb::types::AttributeValue;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;

async fn handle(client: &aws_sdk_dynamodb::Client, event: LambdaEvent<Value>) -> Result<Value, Error> {
    if event.payload["triggerSource"] == "PostConfirmation_ConfirmSignUp" {
        let sub = event.payload["request"]["userAttributes"]["sub"].as_str().ok_or("no sub")?;
        client
            .put_item()
            .table_name("users")
            .item("pk", AttributeValue::S(sub.to_owned()))
            .condition_expression("attribute_not_exists(pk)")
            .send()
            .await?;
    }
    Ok(event.payload)
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let client = client().await;
    lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| handle(&client, event))).await
}
