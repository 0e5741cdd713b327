//! The function on the embedded cloud's table and pool.

use aws_sdk_dynamodb::types::AttributeValue;
use lambda_http::http::header::CONTENT_TYPE;
use serde_json::Value;

use super::*;
use bed::Bed;
use pool::EMAIL;

#[path = "../../shared/tests/support/bed.rs"]
mod bed;
#[path = "../../shared/tests/support/pool.rs"]
mod pool;

/// What the function answers to `event` when the caller sends it.
async fn answer(bed: &Bed, user_pool: UserPool, caller: &Caller, event: &str) -> (u16, String, String) {
    let function = GetProfile { profiles: bed.profiles(), user_pool };
    let event = event.replace("0d6a3c1e-7b1f-4c55-9a53-0c2f5f0e4a11", &caller.username);
    let Ok(response) = function.answer(lambda_http::request::from_str(&event).unwrap()).await;
    let kind = response.headers()[CONTENT_TYPE].to_str().unwrap().to_owned();
    let Body::Text(text) = response.body() else { panic!("{response:?}") };
    (response.status().as_u16(), kind, text.clone())
}

fn code(problem: &str) -> Value {
    serde_json::from_str::<Value>(problem).unwrap()["code"].clone()
}

#[tokio::test]
async fn a_stored_profile_is_answered_as_it_was_stored() {
    let bed = Bed::new().await;
    let (user_pool, caller) = bed.pool().await;
    mend(&bed.profiles(), &user_pool, &caller).await.unwrap();
    bed.profiles().update_item(&caller.sub, r#"{"b": 1, "a": 2.50}"#).await.unwrap();

    let answer = answer(&bed, user_pool, &caller, include_str!("../events/access-token.json")).await;
    assert_eq!(answer, (200, "application/json".to_owned(), r#"{"b": 1, "a": 2.50}"#.to_owned()));
}

#[tokio::test]
async fn no_row_is_404_and_the_row_is_made() {
    let bed = Bed::new().await;
    let (user_pool, caller) = bed.pool().await;

    let (status, kind, text) =
        answer(&bed, user_pool, &caller, include_str!("../events/access-token.json")).await;
    assert_eq!((status, kind.as_str()), (404, "application/problem+json"));
    assert_eq!(code(&text), "profile_not_found");
    assert_eq!(bed.row(&caller.sub).await.unwrap()["email"], AttributeValue::S(EMAIL.to_owned()));
}

#[tokio::test]
async fn an_id_token_reads_nothing() {
    let bed = Bed::new().await;
    let (user_pool, caller) = bed.pool().await;

    let (status, _, text) = answer(&bed, user_pool, &caller, include_str!("../events/id-token.json")).await;
    assert_eq!((status, code(&text)), (401, Value::from("access_token_required")));
    assert_eq!(bed.row(&caller.sub).await, None);
}
