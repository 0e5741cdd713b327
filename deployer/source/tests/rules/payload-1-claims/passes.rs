//@ route
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

async fn handle(event: LambdaEvent<Value>) -> Result<Value, Error> {
    let claims = &event.payload["requestContext"]["authorizer"]["jwt"]["claims"];
    if claims["token_use"] != "access" {
        return Err("an access token is needed".into());
    }
    let again = event
        .payload
        .get("requestContext")
        .and_then(|context| context.get("authorizer"))
        .and_then(|authorizer| authorizer.get("jwt"))
        .and_then(|jwt| jwt.get("claims"));
    Ok(json!({"sub": claims["sub"], "again": again.is_some()}))
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    lambda_runtime::run(service_fn(handle)).await
}
