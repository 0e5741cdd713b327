//@ route
use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

const ACCESS: &str = "access";

fn sub(request: &ApiGatewayV2httpRequest) -> Option<String> {
    let claims = &request.request_context.authorizer.as_ref()?.jwt.as_ref()?.claims;
    (claims.get("token_use")? == ACCESS).then(|| claims.get("sub").cloned()).flatten()
}

async fn handle(event: LambdaEvent<ApiGatewayV2httpRequest>) -> Result<Value, Error> {
    Ok(json!({"sub": sub(&event.payload)}))
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    lambda_runtime::run(service_fn(handle)).await
}
