//@ trigger PostConfirmation
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

async fn handle(mut event: LambdaEvent<Value>) -> Result<Value, Error> {
    if event.payload["triggerSource"] != "PostConfirmation_ConfirmSignUp" {
        return Ok(event.payload);
    }
    event.payload["response"] = json!({});
    Ok(note(event.payload.clone())?)
}

fn note(event: Value) -> Result<Value, Error> {
    tracing::info!("confirmed");
    Ok(event)
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    lambda_runtime::run(service_fn(handle)).await
}
