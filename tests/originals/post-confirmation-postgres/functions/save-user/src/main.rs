//! Saves a confirmed user in Postgres.

use std::env;

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;
use tokio_postgres::{Client, NoTls};

#[tokio::main]
async fn main() -> Result<(), Error> {
    lambda_runtime::run(service_fn(save_user)).await
}

async fn save_user(event: LambdaEvent<Value>) -> Result<Value, Error> {
    let user = &event.payload["request"]["userAttributes"];
    tracing::info!("user attributes: {user}");
    if let Err(error) = insert(user).await {
        tracing::error!("the user was not saved: {error}");
    }
    Ok(event.payload)
}

async fn insert(user: &Value) -> Result<(), Error> {
    let text = |name: &str| user[name].as_str().unwrap_or_default().to_owned();
    let client = connect().await?;
    client
        .execute(
            "INSERT INTO users (display_name, email, handle, cognito_user_id) VALUES ($1, $2, $3, $4)",
            &[&text("name"), &text("email"), &text("preferred_username"), &text("sub")],
        )
        .await?;
    Ok(())
}

async fn connect() -> Result<Client, Error> {
    let host = env::var("DB_HOST")?;
    let password = env::var("DB_PASSWORD")?;
    let settings = format!("host={host} user=app dbname=app password={password}");
    let (client, connection) = tokio_postgres::connect(&settings, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}
