//! The trigger on the embedded cloud's table.

use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_dynamodb::types::AttributeValue;
use functions_shared::user::Sub;
use lambda_runtime::{Context, Diagnostic};

use super::*;
use bed::Bed;

#[path = "../../shared/tests/support/bed.rs"]
mod bed;

/// A table that cannot be reached.
fn nowhere() -> ProfilesTable {
    let config = SdkConfig::builder().behavior_version(BehaviorVersion::latest()).build();
    ProfilesTable::new("profiles".to_owned(), &Arc::new(Aws::with(config)))
}

fn event(text: &str) -> LambdaEvent<Box<RawValue>> {
    let mut context = Context::default();
    context.request_id = "r-1".to_owned();
    LambdaEvent::new(RawValue::from_string(text.trim().to_owned()).unwrap(), context)
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

#[tokio::test]
async fn a_confirmed_sign_up_makes_the_row_once_and_the_event_goes_back_as_it_came() {
    let bed = Bed::new().await;
    let came = include_str!("../events/confirm-sign-up.json").trim();
    for _ in 0..2 {
        assert_eq!(confirm(&bed.profiles(), event(came)).await.unwrap().get(), came);
    }
    let row = bed.row(&Sub::parse("0d6a3c1e-7b1f-4c55-9a53-0c2f5f0e4a11").unwrap()).await.unwrap();
    assert_eq!(row["email"], text("lucas@example.com"));
    assert_eq!((&row["given_name"], &row["family_name"]), (&text("Lucas"), &text("Lopez")));
    assert_eq!(row["username"], text("lopezlucas"));
}

#[tokio::test]
async fn a_user_without_an_address_gets_a_row_and_unknown_fields_come_back() {
    let bed = Bed::new().await;
    let came = include_str!("../events/unknown-fields-no-email.json").trim();
    assert_eq!(confirm(&bed.profiles(), event(came)).await.unwrap().get(), came);
    let row = bed.row(&Sub::parse("0d6a3c1e-7b1f-4c55-9a53-0c2f5f0e4a11").unwrap()).await.unwrap();
    assert!(!row.contains_key("email") && !row.contains_key("given_name"), "{row:?}");
}

#[tokio::test]
async fn an_event_about_something_else_goes_back_as_it_came_and_nothing_is_written() {
    let came = include_str!("../events/confirm-forgot-password.json").trim();
    assert_eq!(confirm(&nowhere(), event(came)).await.unwrap().get(), came);
}

#[tokio::test]
async fn a_failure_says_what_failed_without_names_of_resources() {
    let came = include_str!("../events/confirm-sign-up.json");
    let failure = Diagnostic::from(confirm(&nowhere(), event(came)).await.unwrap_err());
    assert_eq!(failure.error_type, "RowNotWritten");
    assert_eq!(failure.error_message, "the user's row was not written: NoAnswer (request r-1)");
}
