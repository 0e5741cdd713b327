//! The trigger on the embedded cloud's tables.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use functions_shared::user::{Sub, User};
use lambda_runtime::{Context, Diagnostic};
use serde_json::json;

use super::*;
use bed::Bed;

#[path = "../../shared/tests/support/bed.rs"]
mod bed;

const SUB: &str = "0d6a3c1e-7b1f-4c55-9a53-0c2f5f0e4a11";

type Row = HashMap<String, AttributeValue>;

/// The `identities` table beside the bed's.
async fn identities(bed: &Bed) -> String {
    let properties = json!({
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    });
    bed.resource("AWS::DynamoDB::Table", properties).await
}

fn client(bed: &Bed) -> aws_sdk_dynamodb::Client {
    aws_sdk_dynamodb::Client::new(bed.administrator().config())
}

/// All rows of a table, read around the code under test.
async fn rows(bed: &Bed, table: &str) -> Vec<Row> {
    client(bed).scan().table_name(table).send().await.unwrap().items.unwrap_or_default()
}

async fn delete(bed: &Bed, table: &str, row: &Row, key: &[&str]) {
    let key = key.iter().map(|name| ((*name).to_owned(), row[*name].clone())).collect();
    client(bed).delete_item().table_name(table).set_key(Some(key)).send().await.unwrap();
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
async fn a_confirmed_sign_up_makes_both_rows_under_one_id_and_a_repeat_changes_nothing() {
    let bed = Bed::new().await;
    let table = identities(&bed).await;
    let tables = IdentityTables::new(bed.table.clone(), table.clone(), &bed.administrator());
    let came = include_str!("../events/confirm-sign-up.json").trim();
    assert_eq!(confirm(&tables, event(came)).await.unwrap().get(), came);
    let both = (rows(&bed, &bed.table).await, rows(&bed, &table).await);
    let ([profile], [identity]) = (both.0.as_slice(), both.1.as_slice()) else { panic!("{both:?}") };
    let id = text(&Sub::parse(SUB).unwrap().generated_id());
    assert_eq!((&profile["id"], &identity["id"]), (&id, &id));
    assert_eq!((&profile["given_name"], &profile["family_name"]), (&text("Lucas"), &text("Lopez")));
    assert_eq!(profile["email"], text("lucas@example.com"));
    assert_eq!(identity["full_name"], text("Lucas Lopez"));
    assert_eq!(identity["id_type"], AttributeValue::Null(true));
    assert_eq!(identity["id_number"], AttributeValue::Null(true));
    assert_eq!(identity["created_at"], profile["created_at"]);

    assert_eq!(confirm(&tables, event(came)).await.unwrap().get(), came);
    assert_eq!((rows(&bed, &bed.table).await, rows(&bed, &table).await), both);
}

#[tokio::test]
async fn absent_attributes_are_left_out_and_unknown_fields_come_back() {
    let bed = Bed::new().await;
    let table = identities(&bed).await;
    let tables = IdentityTables::new(bed.table.clone(), table.clone(), &bed.administrator());
    let came = include_str!("../events/unknown-fields-no-email.json").trim();
    assert_eq!(confirm(&tables, event(came)).await.unwrap().get(), came);
    let both = (rows(&bed, &bed.table).await, rows(&bed, &table).await);
    assert!(!both.1[0].contains_key("full_name"), "{both:?}");
    assert!(!both.0[0].contains_key("email"), "{both:?}");
    assert!(!format!("{both:?}").contains("undefined"), "{both:?}");
}

#[tokio::test]
async fn where_one_row_cannot_be_written_the_other_is_not_either() {
    let bed = Bed::new().await;
    let tables = IdentityTables::new(bed.table.clone(), "not-there".to_owned(), &bed.administrator());
    let failure = confirm(&tables, event(include_str!("../events/confirm-sign-up.json"))).await.unwrap_err();
    let failure = Diagnostic::from(failure);
    assert_eq!(failure.error_type, "RowNotWritten");
    assert!(!failure.error_message.contains("not-there"), "{}", failure.error_message);
    assert_eq!(rows(&bed, &bed.table).await, Vec::new());
}

#[tokio::test]
async fn a_row_that_is_missing_beside_the_other_is_added_and_the_other_stays() {
    let bed = Bed::new().await;
    let table = identities(&bed).await;
    let tables = IdentityTables::new(bed.table.clone(), table.clone(), &bed.administrator());
    let sub = Sub::parse(SUB).unwrap();
    let user = User {
        sub: sub.clone(),
        username: "lopezlucas".to_owned(),
        email: None,
        name: None,
        preferred_username: None,
        given_name: None,
        family_name: None,
    };
    // The user's first request was faster than the trigger.
    bed.profiles().put_item(&user).await.unwrap();
    let mended = bed.row(&sub).await;

    let came = include_str!("../events/confirm-sign-up.json");
    confirm(&tables, event(came)).await.unwrap();
    assert_eq!(bed.row(&sub).await, mended);
    let identity = rows(&bed, &table).await;
    assert_eq!(identity[0]["id"], text(&sub.generated_id()));

    delete(&bed, &bed.table, &mended.unwrap(), &["pk", "sk"]).await;
    confirm(&tables, event(came)).await.unwrap();
    assert_eq!(bed.row(&sub).await.unwrap()["id"], identity[0]["id"]);
    assert_eq!(rows(&bed, &table).await, identity);
}

#[tokio::test]
async fn an_event_about_something_else_goes_back_as_it_came_and_nothing_is_written() {
    let bed = Bed::new().await;
    let tables = IdentityTables::new("none".to_owned(), "none".to_owned(), &bed.administrator());
    let came = include_str!("../events/confirm-forgot-password.json").trim();
    assert_eq!(confirm(&tables, event(came)).await.unwrap().get(), came);
}
