//@ route
use aws_sdk_cognitoidentityprovider::types::AttributeType;
use lambda_http::{Body, Error, Request, Response, service_fn};

type Cognito = aws_sdk_cognitoidentityprovider::Client;

async fn handle(cognito: &Cognito, request: Request) -> Result<Response<Body>, Error> {
    let email = AttributeType::builder().name("email").value(String::from_utf8(request.body().to_vec())?).build()?;
    cognito.admin_update_user_attributes().username("ana").user_attributes(email).send().await?;
    let user = cognito.admin_get_user().username("ana").send().await?;
    let verified = user.user_attributes().iter().any(|found| {
        found.name() == "email_verified" && found.value() == Some("true")
    });
    Ok(Response::new(Body::Text(verified.to_string())))
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let cognito = cognito().await;
    lambda_http::run(service_fn(|request| handle(&cognito, request))).await
}
