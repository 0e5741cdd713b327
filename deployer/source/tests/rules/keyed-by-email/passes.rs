//@ trigger PostConfirmation
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
    let mut put = client
        .put_item()
        .table_name("users")
        .item("pk", AttributeValue::S(format!("USER#{}", attributes["sub"])))
        .item("sk", AttributeValue::S("PROFILE".to_owned()))
        .condition_expression("attribute_not_exists(pk)");
    if let Some(email) = attributes.get("email") {
        // A row that keeps an address from being taken twice.
        let guard = client.put_item().table_name("users").item("pk", AttributeValue::S(format!("EMAIL#{email}")));
        guard.condition_expression("attribute_not_exists(pk)").send().await?;
        put = put.item("email", AttributeValue::S(email.clone()));
    }
    put.send().await?;
    Ok(event.payload)
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let client = client().await;
    lambda_runtime::run(service_fn(|event: LambdaEvent<Event>| handle(&client, event))).await
}
