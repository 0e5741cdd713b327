//! The function on the embedded cloud's tables and pool.

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};

use super::*;
use bed::Bed;
use pool::EMAIL;

#[path = "../../shared/tests/support/bed.rs"]
mod bed;
#[path = "../../shared/tests/support/pool.rs"]
mod pool;

async fn tables(bed: &Bed) -> IdentityTables {
    let properties = json!({
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    });
    let identities = bed.resource("AWS::DynamoDB::Table", properties).await;
    IdentityTables::new(bed.table.clone(), identities, &bed.administrator())
}

async fn answer(function: &GetIdentity, caller: &Caller, event: &str) -> (u16, Value) {
    let event = event.replace("0d6a3c1e-7b1f-4c55-9a53-0c2f5f0e4a11", &caller.username);
    let Ok(response) = function.answer(lambda_http::request::from_str(&event).unwrap()).await;
    let Body::Text(text) = response.body() else { panic!("{response:?}") };
    (response.status().as_u16(), serde_json::from_str(text).unwrap())
}

#[tokio::test]
async fn what_a_failed_confirmation_left_out_is_made_by_the_first_request_and_stays() {
    let bed = Bed::new().await;
    let (user_pool, caller) = bed.pool().await;
    let function = GetIdentity { tables: tables(&bed).await, user_pool };
    let event = include_str!("../events/access-token.json");

    let (status, first) = answer(&function, &caller, event).await;
    let expected =
        json!({"id": caller.sub.generated_id(), "full_name": null, "id_type": null, "id_number": null});
    assert_eq!((status, &first), (200, &expected));
    let row = bed.row(&caller.sub).await.unwrap();
    assert_eq!(row["email"], AttributeValue::S(EMAIL.to_owned()));
    assert_eq!(row["id"], AttributeValue::S(caller.sub.generated_id()), "under the same id");

    assert_eq!(answer(&function, &caller, event).await, (200, first));
    assert_eq!(bed.row(&caller.sub).await, Some(row));
}

#[tokio::test]
async fn the_identity_is_added_where_another_function_made_the_profile_first() {
    let bed = Bed::new().await;
    let (user_pool, caller) = bed.pool().await;
    functions_shared::mend::mend(&bed.profiles(), &user_pool, &caller).await.unwrap();
    let made = bed.row(&caller.sub).await;
    let function = GetIdentity { tables: tables(&bed).await, user_pool };
    let (status, _) = answer(&function, &caller, include_str!("../events/access-token.json")).await;
    assert_eq!((status, bed.row(&caller.sub).await), (200, made));
}

#[tokio::test]
async fn nobody_but_a_living_user_with_an_access_token_gets_rows() {
    let bed = Bed::new().await;
    let (user_pool, caller) = bed.pool().await;
    let function = GetIdentity { tables: tables(&bed).await, user_pool };
    let (status, problem) = answer(&function, &caller, include_str!("../events/id-token.json")).await;
    assert_eq!((status, &problem["code"]), (401, &json!("access_token_required")));
    let gone = Caller { username: "11111111-2222-4333-8444-555555555555".to_owned(), ..caller.clone() };
    let (status, problem) = answer(&function, &gone, include_str!("../events/access-token.json")).await;
    assert_eq!((status, &problem["code"]), (401, &json!("user_gone")));
    assert_eq!(bed.row(&caller.sub).await, None);
}
