//@ route
use aws_sdk_cognitoidentityprovider::types::AttributeType;
use lambda_http::{Body, Error, Request, Response, service_fn};

type Cognito = aws_sdk_cognitoidentityprovider::Client;

async fn handle(cognito: &Cognito, request: Request) -> Result<Response<Body>, Error> {
    let verified = AttributeType::builder().name("email_verified").value("true").build()?; //~ verified-by-hand
    cognito.admin_update_user_attributes().username("ana").user_attributes(verified).send().await?;
    let phone = attribute("phone_number_verified", "true")?; //~ verified-by-hand
    cognito.admin_update_user_attributes().username("ana").user_attributes(phone).send().await?;
    drop(request);
    Ok(Response::new(Body::Empty))
}

fn attribute(name: &str, value: &str) -> Result<AttributeType, Error> {
    Ok(AttributeType::builder().name(name).value(value).build()?)
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let cognito = cognito().await;
    lambda_http::run(service_fn(|request| handle(&cognito, request))).await
}
