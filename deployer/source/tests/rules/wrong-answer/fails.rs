//@ trigger PostConfirmation
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

async fn handle(event: LambdaEvent<Value>) -> Result<Value, Error> {
    if event.payload["triggerSource"] != "PostConfirmation_ConfirmSignUp" {
        return Ok(json!({"statusCode": 204})); //~ wrong-answer
    }
    let answer = json!({"version": event.payload["version"], "response": {}});
    Ok(answer) //~ wrong-answer
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    lambda_runtime::run(service_fn(handle)).await
}
