//@ trigger PostAuthentication
use aws_sdk_dynamodb::types::AttributeValue;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;

struct Users {
    client: aws_sdk_dynamodb::Client,
}

impl Users {
    async fn save(&self, sub: &str) -> Result<(), Error> {
        self.client
            .put_item()
            .table_name("users")
            .item("pk", AttributeValue::S(sub.to_owned()))
            .condition_expression("attribute_not_exists(pk)")
            .send()
            .await?;
        Ok(())
    }

    async fn try_save(&self, sub: &str) -> bool {
        self.save(sub).await.is_ok()
    }
}

async fn handle(users: &Users, event: LambdaEvent<Value>) -> Result<Value, Error> {
    let sub = event.payload["request"]["userAttributes"]["sub"].as_str().unwrap_or_default();
    if let Err(error) = users.save(sub).await { //~ swallowed-error
        tracing::error!("the user was not saved: {error}");
    }
    match users.save(sub).await {
        Ok(()) => tracing::info!("saved"),
        Err(error) => eprintln!("not saved: {error}"), //~ swallowed-error
    }
    let _ = users.save(sub).await; //~ swallowed-error
    users.save(sub).await.unwrap_or_default(); //~ swallowed-error
    let result = users.save(sub).await;
    result.ok(); //~ swallowed-error
    if users.save(sub).await.is_err() { //~ swallowed-error
        tracing::warn!("not saved");
    }
    let saved = users.save(sub).await.is_ok(); //~ swallowed-error
    tracing::info!(saved, "done");
    let made = users.try_save(sub).await;
    if !made { //~ swallowed-error
        tracing::warn!("not saved");
    }
    let Ok(()) = users.save(sub).await else { //~ swallowed-error
        return Ok(event.payload);
    };
    for _ in 0..3 {
        match users.save(sub).await {
            Ok(()) => break,
            Err(error) => tracing::warn!("not saved, once more: {error}"), //~ swallowed-error
        }
    }
    let mut tries = 0;
    loop {
        match users.save(sub).await {
            Ok(()) => break,
            Err(error) => tracing::warn!("not saved, once more: {error}"), //~ swallowed-error
        }
        tries += 1;
        if tries > 2 {
            break;
        }
    }
    Ok(event.payload)
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let users = Users { client: client().await };
    lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| handle(&users, event))).await
}
