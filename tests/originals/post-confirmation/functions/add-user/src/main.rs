//! Adds a row for every user whom Cognito confirms.

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
    let users = Users { table: env::var("TABLE_USERS")?, client };
    lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| add_user(&users, event))).await
}

struct Users {
    table: String,
    client: Client,
}

impl Users {
    async fn put(&self, email: &str, name: &str) -> Result<(), Error> {
        self.client
            .put_item()
            .table_name(&self.table)
            .item("email", AttributeValue::S(email.to_lowercase()))
            .item("name", AttributeValue::S(name.to_string()))
            .send()
            .await?;
        Ok(())
    }
}

async fn add_user(users: &Users, event: LambdaEvent<Value>) -> Result<Value, Error> {
    println!("{:?}", event.payload);
    let attributes = &event.payload["request"]["userAttributes"];
    let email = attributes["email"].as_str().unwrap_or_default();
    let name = attributes["name"].as_str().unwrap_or_default();
    match users.put(email, name).await {
        Ok(()) => Ok(event.payload),
        Err(error) => {
            println!("{error}");
            Ok(json!("error"))
        }
    }
}
