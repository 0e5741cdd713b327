//@ trigger PostAuthentication
use std::env;

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;

fn required(name: &str) -> Result<String, Error> {
    env::var(name).map_err(|_| format!("{name} is missing").into())
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let secrets = aws_sdk_secretsmanager::Client::new(&aws_config::load_from_env().await);
    let secret = secrets.get_secret_value().secret_id(required("DATABASE_SECRET_ARN")?).send().await?;
    connect(secret.secret_string().ok_or("an empty secret")?, env::var("TOKEN_TTL")? + &env::var("TOKEN_ISSUER")?).await?;
    lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| async move { Ok::<_, Error>(event.payload) })).await
}
