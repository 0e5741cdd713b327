//! Creates a user and their identity when Cognito confirms a sign-up.

mod store;

use std::collections::HashMap;

use aws_lambda_events::cognito::CognitoEventUserPoolsPostConfirmation;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use uuid::Uuid;

use store::Store;

type Event = CognitoEventUserPoolsPostConfirmation;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let store = Store::from_env().await?;
    lambda_runtime::run(service_fn(|event: LambdaEvent<Event>| create_user(&store, event))).await
}

async fn create_user(store: &Store, event: LambdaEvent<Event>) -> Result<Event, Error> {
    let user_name = event.payload.cognito_event_user_pools_header.user_name.clone().unwrap_or_default();
    let attributes = &event.payload.request.user_attributes;
    let id = Uuid::new_v4().to_string();

    store.put_user(&user_name, &id, attributes).await?;
    store.put_identity(&id, &full_name(attributes)).await?;

    Ok(event.payload)
}

fn full_name(attributes: &HashMap<String, String>) -> String {
    let part = |name: &str| attributes.get(name).cloned().unwrap_or_else(|| "undefined".to_string());
    format!("{} {}", part("given_name"), part("family_name"))
}
