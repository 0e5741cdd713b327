//@ trigger PostAuthentication
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;

async fn save(client: &aws_sdk_dynamodb::Client, sub: &str) -> Result<bool, Error> {
    let answer = client
        .put_item()
        .table_name("users")
        .item("pk", AttributeValue::S(sub.to_owned()))
        .condition_expression("attribute_not_exists(pk)")
        .send()
        .await;
    match answer {
        Ok(_) => Ok(true),
        // A repeat: the row is there.
        Err(error) if error.as_service_error().is_some_and(PutItemError::is_conditional_check_failed_exception) => {
            Ok(false)
        }
        Err(error) => Err(error.into()),
    }
}

/// A failed write has another turn, and the last one's error is returned.
async fn again(client: &aws_sdk_dynamodb::Client, sub: &str) -> Result<(), Error> {
    let mut tries = 0;
    loop {
        match save(client, sub).await {
            Ok(_) => break,
            Err(error) if tries >= 2 => return Err(error),
            Err(error) => {
                tracing::warn!("once more: {error}");
                tries += 1;
            }
        }
    }
    loop {
        match save(client, sub).await {
            Ok(_) => return Ok(()),
            Err(error) => tracing::warn!("once more: {error}"),
        }
        tries += 1;
        if tries > 5 {
            return Err("the user was not saved".into());
        }
    }
}

async fn thrice(client: &aws_sdk_dynamodb::Client, sub: &str) -> Result<(), Error> {
    for turn in 0..3 {
        match save(client, sub).await {
            Ok(_) => break,
            Err(error) if turn == 2 => return Err(error),
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
    Ok(())
}

async fn three_times(client: &aws_sdk_dynamodb::Client, sub: &str) -> Result<(), Error> {
    for _ in 0..3 {
        if save(client, sub).await.is_ok() {
            return Ok(());
        }
    }
    Err("the user was not saved".into())
}

async fn handle(client: &aws_sdk_dynamodb::Client, event: LambdaEvent<Value>) -> Result<Value, Error> {
    let sub = event.payload["request"]["userAttributes"]["sub"].as_str().unwrap_or_default();
    if let Err(error) = save(client, sub).await {
        tracing::error!("the user was not saved: {error}");
        return Err(error);
    }
    match save(client, sub).await {
        Ok(made) => tracing::info!(made, "saved"),
        Err(error) => {
            tracing::error!("the user was not saved");
            return Err(error);
        }
    }
    if save(client, sub).await.is_err() {
        return Err("the user was not saved".into());
    }
    let saved = save(client, sub).await.is_ok();
    if !saved {
        return Err("the user was not saved".into());
    }
    // It is told, and then it is returned.
    let result = save(client, sub).await;
    if let Err(error) = &result {
        tracing::error!("the user was not saved: {error}");
    }
    result?;
    let Ok(_) = save(client, sub).await else {
        return Err("the user was not saved".into());
    };
    save(client, sub).await.unwrap();
    again(client, sub).await?;
    thrice(client, sub).await?;
    three_times(client, sub).await?;
    // What is only nice to have may be missing.
    let greeting = std::env::var("GREETING").unwrap_or_default();
    tracing::info!(greeting, "done");
    Ok(event.payload)
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let client = client().await;
    lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| handle(&client, event))).await
}
