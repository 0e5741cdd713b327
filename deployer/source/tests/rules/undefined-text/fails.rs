//@ trigger PostAuthentication
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;

async fn handle(event: LambdaEvent<Value>) -> Result<Value, Error> {
    let attributes = &event.payload["request"]["userAttributes"];
    let name = attributes["given_name"].as_str().unwrap_or("undefined"); //~ undefined-text
    let family = attributes.get("family_name").cloned().unwrap_or_else(|| "undefined".to_string()); //~ undefined-text
    greet(name, &family).await?;
    Ok(event.payload)
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    lambda_runtime::run(service_fn(handle)).await
}
