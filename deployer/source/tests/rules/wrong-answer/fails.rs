//@ trigger PostConfirmation
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

async fn handle(event: LambdaEvent<Value>) -> Result<Value, Error> {
    if event.payload["triggerSource"] != "PostConfirmation_ConfirmSignUp" {
        return Ok(json!({"statusCode": 204})); //~ wrong-answer
    }
    match event.payload["version"].as_str() {
        Some("1") => return Ok(event.payload["response"].clone()), //~ wrong-answer
        Some("2") => return Ok(event.payload.get("request").cloned().unwrap_or_default()), //~ wrong-answer
        Some("3") => return Ok(Value::Null), //~ wrong-answer
        Some("4") => return Ok(Value::default()), //~ wrong-answer
        Some("5") => return Ok(Default::default()), //~ wrong-answer
        _ => {}
    }
    let answer = json!({"version": event.payload["version"], "response": {}});
    Ok(answer) //~ wrong-answer
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    lambda_runtime::run(service_fn(handle)).await
}
