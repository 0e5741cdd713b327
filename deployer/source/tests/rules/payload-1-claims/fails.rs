//@ route
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

async fn handle(event: LambdaEvent<Value>) -> Result<Value, Error> {
    let request = event.payload;
    let kind = request["requestContext"]["authorizer"]["jwt"]["claims"]["token_use"].as_str();
    if kind != Some("access") {
        return Err("an access token is needed".into());
    }
    let sub = request["requestContext"]["authorizer"]["claims"]["sub"].as_str(); //~ payload-1-claims
    let name = request
        .get("requestContext")
        .and_then(|context| context.get("authorizer"))
        .and_then(|authorizer| authorizer.get("claims")) //~ payload-1-claims
        .and_then(|claims| claims.get("username"));
    let pool = request.pointer("/requestContext/authorizer/claims/iss"); //~ payload-1-claims
    Ok(json!({"sub": sub, "name": name, "pool": pool}))
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    lambda_runtime::run(service_fn(handle)).await
}
