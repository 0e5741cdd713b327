//! The table and the pool on the embedded cloud: what the methods write, and what a refusal says.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/bed.rs"]
mod bed;
#[path = "support/pool.rs"]
mod pool;
#[path = "support/role.rs"]
mod role;

use aws_sdk_dynamodb::types::AttributeValue;
use functions_shared::caller::Caller;
use functions_shared::mend::mend;
use functions_shared::profiles::{ProfilesTable, Write};
use functions_shared::user::{Sub, User};

use bed::Bed;
use pool::EMAIL;

fn ana() -> User {
    User {
        sub: Sub::parse("0d6a3c1e-7b1f-4c55-9a53-0c2f5f0e4a11").unwrap(),
        username: "ana".to_owned(),
        email: Some(EMAIL.to_owned()),
        name: None,
        preferred_username: None,
        given_name: None,
        family_name: None,
    }
}

#[tokio::test]
async fn a_repeated_confirmation_changes_nothing() {
    let bed = Bed::new().await;
    let profiles = bed.profiles();
    assert_eq!(profiles.put_item(&ana()).await.unwrap(), Write::Done);
    assert_eq!(profiles.update_item(&ana().sub, r#"{"kept":1}"#).await.unwrap(), Write::Done);

    let changed = User { email: None, ..ana() };
    assert_eq!(profiles.put_item(&changed).await.unwrap(), Write::ConditionFailed);
    let row = bed.row(&ana().sub).await.unwrap();
    assert_eq!(row["email"], AttributeValue::S(EMAIL.to_owned()));
    assert_eq!(row["profile"], AttributeValue::S(r#"{"kept":1}"#.to_owned()));
}

#[tokio::test]
async fn a_row_without_a_profile_is_not_an_absent_row() {
    let bed = Bed::new().await;
    let profiles = bed.profiles();
    assert_eq!(profiles.get_item(&ana().sub).await.unwrap(), None);
    profiles.put_item(&ana()).await.unwrap();
    assert_eq!(profiles.get_item(&ana().sub).await.unwrap().unwrap().profile, None);
}

#[tokio::test]
async fn a_profile_is_stored_as_it_came_and_never_makes_a_row() {
    let bed = Bed::new().await;
    let profiles = bed.profiles();
    let profile = r#"{"n": 12345678901234567890123, "deep": [[[[]]]]}"#;
    assert_eq!(profiles.update_item(&ana().sub, profile).await.unwrap(), Write::ConditionFailed);
    assert_eq!(bed.row(&ana().sub).await, None);

    profiles.put_item(&ana()).await.unwrap();
    profiles.update_item(&ana().sub, profile).await.unwrap();
    assert_eq!(profiles.get_item(&ana().sub).await.unwrap().unwrap().profile.unwrap(), profile);
}

#[tokio::test]
async fn a_refused_call_names_action_and_resource_and_is_not_worth_another_try() {
    let bed = Bed::new().await;
    let table = format!("arn:aws:dynamodb:us-east-1:000000000000:table/{}", bed.table);
    let aws = bed.role(&[("dynamodb:GetItem", &table)]).await;
    let profiles = ProfilesTable::new(bed.table.clone(), &aws);
    assert_eq!(profiles.get_item(&ana().sub).await.unwrap(), None);

    let error = profiles.put_item(&ana()).await.unwrap_err();
    assert_eq!((error.code.as_str(), error.transient), ("AccessDeniedException", false));
    assert!(error.message.contains("dynamodb:PutItem"), "{error}");
    assert!(error.message.contains(&table), "{error}");
    assert_eq!(bed.denied(), [("dynamodb:PutItem".to_owned(), table)]);
}

#[tokio::test]
async fn a_missing_row_is_made_from_what_the_pool_knows_of_the_caller() {
    let bed = Bed::new().await;
    let (user_pool, caller) = bed.pool().await;
    let profiles = bed.profiles();

    mend(&profiles, &user_pool, &caller).await.unwrap();
    assert_eq!(bed.row(&caller.sub).await.unwrap()["email"], AttributeValue::S(EMAIL.to_owned()));
    mend(&profiles, &user_pool, &caller).await.unwrap();
}

#[tokio::test]
async fn a_token_whose_user_is_gone_makes_no_row() {
    let bed = Bed::new().await;
    let (user_pool, caller) = bed.pool().await;
    let profiles = bed.profiles();

    // The name went to somebody else.
    let other = Caller { sub: Sub::parse("somebody-else").unwrap(), ..caller.clone() };
    assert_eq!(mend(&profiles, &user_pool, &other).await.unwrap_err().code, "user_gone");
    assert_eq!(bed.row(&other.sub).await, None);

    let gone = Caller { username: "nobody".to_owned(), ..caller };
    assert_eq!(mend(&profiles, &user_pool, &gone).await.unwrap_err().code, "user_gone");
    assert_eq!(bed.row(&gone.sub).await, None);
}
