//@ route
use aws_lambda_events::apigw::ApiGatewayV2httpRequest;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

struct Caller {
    sub: String,
}

fn caller(request: &ApiGatewayV2httpRequest) -> Option<Caller> {
    let jwt = request.request_context.authorizer.as_ref()?.jwt.as_ref()?;
    let sub = jwt.claims.get("sub")?.clone(); //~ id-token-accepted
    Some(Caller { sub })
}

async fn handle(event: LambdaEvent<ApiGatewayV2httpRequest>) -> Result<Value, Error> {
    let caller = caller(&event.payload).ok_or("who is it?")?;
    Ok(json!({"sub": caller.sub}))
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    lambda_runtime::run(service_fn(handle)).await
}
