//@ trigger PostAuthentication
use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;

struct Clients {
    dynamo: aws_sdk_dynamodb::Client,
    postgres: tokio_postgres::Client,
}

async fn handle(clients: &Clients, event: LambdaEvent<Value>) -> Result<Value, Error> {
    let sub = event.payload["request"]["userAttributes"]["sub"].as_str().ok_or("no sub")?.to_owned();
    let key = AttributeValue::S(sub.clone());
    clients.dynamo.put_item().table_name("users").item("pk", key.clone()).send().await?; //~ unconditional-write
    let put = Put::builder().table_name("users").item("pk", key).build()?; //~ unconditional-write
    let member = TransactWriteItem::builder().put(put).build();
    clients.dynamo.transact_write_items().transact_items(member).send().await?;
    clients.postgres.execute("INSERT INTO users (cognito_user_id) VALUES ($1)", &[&sub]).await?; //~ unconditional-write
    Ok(event.payload)
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let clients = clients().await?;
    lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| handle(&clients, event))).await
}
