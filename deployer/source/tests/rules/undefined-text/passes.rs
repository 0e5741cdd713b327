//@ trigger PostAuthentication
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;

async fn handle(event: LambdaEvent<Value>) -> Result<Value, Error> {
    let attributes = &event.payload["request"]["userAttributes"];
    if let Some(name) = attributes["given_name"].as_str().filter(|name| *name != "undefined") {
        greet(name).await.map_err(|_| "the greeting is undefined")?;
    }
    Ok(event.payload)
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    lambda_runtime::run(service_fn(handle)).await
}
