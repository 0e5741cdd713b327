//! The function on the embedded cloud's table and pool.

use aws_sdk_dynamodb::types::AttributeValue;

use super::*;
use bed::Bed;
use pool::EMAIL;

#[path = "../../shared/tests/support/bed.rs"]
mod bed;
#[path = "../../shared/tests/support/pool.rs"]
mod pool;

const PROFILE: &str = r#"{"name":"Lucas","languages":["es","en"],"since":2019}"#;

/// What the function answers to `event` when the caller sends it.
async fn answer(bed: &Bed, user_pool: UserPool, caller: &Caller, event: &str) -> (u16, String) {
    let function = PutProfile { profiles: bed.profiles(), user_pool };
    let event = event.replace("0d6a3c1e-7b1f-4c55-9a53-0c2f5f0e4a11", &caller.username);
    let Ok(response) = function.answer(lambda_http::request::from_str(&event).unwrap()).await;
    let Body::Text(text) = response.body() else { panic!("{response:?}") };
    (response.status().as_u16(), text.clone())
}

#[tokio::test]
async fn a_profile_is_stored_also_where_the_confirmation_left_the_row_out() {
    let bed = Bed::new().await;
    let (user_pool, caller) = bed.pool().await;

    let answer = answer(&bed, user_pool, &caller, include_str!("../events/profile.json")).await;
    assert_eq!(answer, (200, PROFILE.to_owned()));
    let row = bed.row(&caller.sub).await.unwrap();
    assert_eq!(row["profile"], AttributeValue::S(PROFILE.to_owned()));
    assert_eq!(row["email"], AttributeValue::S(EMAIL.to_owned()));
}

#[tokio::test]
async fn a_body_in_base64_is_the_body_that_was_sent() {
    let bed = Bed::new().await;
    let (user_pool, caller) = bed.pool().await;

    let answer = answer(&bed, user_pool, &caller, include_str!("../events/base64.json")).await;
    assert_eq!(answer, (200, PROFILE.to_owned()));
}

#[tokio::test]
async fn a_refused_body_touches_nothing() {
    let bed = Bed::new().await;
    let (user_pool, caller) = bed.pool().await;

    let (status, text) = answer(&bed, user_pool, &caller, include_str!("../events/empty.json")).await;
    assert_eq!(status, 400);
    assert!(text.contains("malformed_body"), "{text}");
    assert_eq!(bed.row(&caller.sub).await, None);
}
