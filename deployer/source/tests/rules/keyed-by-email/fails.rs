//@ trigger PostConfirmation
//@ partition email
use aws_lambda_events::cognito::CognitoEventUserPoolsPostConfirmation;
use aws_sdk_dynamodb::types::AttributeValue;
use lambda_runtime::{Error, LambdaEvent, service_fn};

type Event = CognitoEventUserPoolsPostConfirmation;

async fn handle(client: &aws_sdk_dynamodb::Client, event: LambdaEvent<Event>) -> Result<Event, Error> {
    let header = &event.payload.cognito_event_user_pools_header;
    if header.trigger_source.as_deref() != Some("PostConfirmation_ConfirmSignUp") {
        return Ok(event.payload);
    }
    let attributes = &event.payload.request.user_attributes;
    let email = attributes.get("email").cloned().unwrap_or_default();
    client
        .put_item()
        .table_name("users")
        .item("email", AttributeValue::S(email.to_lowercase())) //~ keyed-by-email
        .item("sub", AttributeValue::S(attributes["sub"].clone()))
        .condition_expression("attribute_not_exists(email)")
        .send()
        .await?;
    Ok(event.payload)
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let client = client().await;
    lambda_runtime::run(service_fn(|event: LambdaEvent<Event>| handle(&client, event))).await
}
