//@ trigger PostAuthentication
use std::env;

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;

const PASSWORD: &str = "DB_PASSWORD";

fn required(name: &str) -> Result<String, Error> {
    env::var(name).map_err(|_| format!("{name} is missing").into())
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let host = required("DB_HOST")?;
    let password = required(PASSWORD)?; //~ secret-in-environment
    let key = env::var("STRIPE_API_KEY")?; //~ secret-in-environment
    let url = std::env::var_os("DATABASE_URL"); //~ secret-in-environment
    connect(host, password, key, url).await?;
    lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| async move { Ok::<_, Error>(event.payload) })).await
}
