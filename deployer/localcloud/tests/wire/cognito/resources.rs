//! The resource types as a stack uses them.

use localcloud::auth::Principal;
use localcloud::resource::{Created, Failure, ResourceType};
use serde_json::{Value, json};

use super::{Pool, pool, pool_with};
use crate::lambda::{make, request};

fn kind(name: &str) -> &'static dyn ResourceType {
    localcloud::resource::all().into_iter().find(|kind| kind.name() == name).unwrap()
}

async fn delete(pool: &Pool, name: &str, id: &str) -> Result<(), Failure> {
    kind(name).delete(pool.cloud.cloud(), &request(Principal::Administrator, "X", json!({})), id).await
}

async fn update(pool: &Pool, name: &str, id: &str, properties: Value) -> Result<Created, Failure> {
    kind(name)
        .update(pool.cloud.cloud(), &request(Principal::Administrator, "X", properties), id, &json!({}))
        .await
}

const POOL: &str = "AWS::Cognito::UserPool";
const DOMAIN: &str = "AWS::Cognito::UserPoolDomain";

#[tokio::test]
async fn a_pool_answers_its_attributes() {
    let pool = pool().await;
    let made = make(&pool.cloud, POOL, "P", json!({"UserPoolName": "mine"})).await.unwrap();
    let id = &made.physical_id;
    let provider = format!("cognito-idp.us-east-1.amazonaws.com/{id}");
    assert_eq!(
        made.attributes["Arn"],
        json!(format!("arn:aws:cognito-idp:us-east-1:000000000000:userpool/{id}"))
    );
    assert_eq!(made.attributes["ProviderName"], json!(provider));
    assert_eq!(made.attributes["ProviderURL"], json!(format!("https://{provider}")));
    let (region, suffix) = id.split_once('_').unwrap();
    assert_eq!((region, suffix.len()), ("us-east-1", 9));
    pool.cloud.stop().await;
}

#[tokio::test]
async fn what_a_pool_cannot_do_is_refused_by_name() {
    let pool = pool().await;
    for (properties, word) in [
        (
            json!({"LambdaConfig": {"PreTokenGeneration": "arn:aws:lambda:us-east-1:000000000000:function:f"}}),
            "PreTokenGeneration",
        ),
        (
            json!({"SmsConfiguration": {"SnsCallerArn": "arn:aws:iam::000000000000:role/r"}}),
            "SmsConfiguration",
        ),
        (json!({"UsernameAttributes": ["phone_number"]}), "phone_number"),
        (json!({"MfaConfiguration": "ON"}), "MFA is required"),
        (json!({"UsernameAttributes": ["email"], "AliasAttributes": ["email"]}), "Only one of"),
    ] {
        let failure = make(&pool.cloud, POOL, "P", properties).await.unwrap_err();
        assert!(failure.reason.contains(word), "{}", failure.reason);
    }
    let implicit = json!({"UserPoolId": pool.id, "AllowedOAuthFlows": ["implicit"]});
    let failure = make(&pool.cloud, "AWS::Cognito::UserPoolClient", "C", implicit).await.unwrap_err();
    assert!(failure.reason.contains("implicit"), "{}", failure.reason);
    pool.cloud.stop().await;
}

#[tokio::test]
async fn a_pool_with_protection_or_a_domain_does_not_delete() {
    let pool = pool_with(json!({"DeletionProtection": "ACTIVE"}), json!({})).await;
    let failure = delete(&pool, POOL, &pool.id).await.unwrap_err();
    assert_eq!(
        failure.reason,
        "The user pool cannot be deleted because deletion protection is activated. Deletion protection must be inactivated first."
    );
    let open = json!({"UsernameAttributes": ["email"], "UsernameConfiguration": {"CaseSensitive": false},
        "Schema": [{"Name": "email", "Required": true}]});
    update(&pool, POOL, &pool.id, open).await.unwrap();
    let domain = json!({"UserPoolId": pool.id, "Domain": "my-pages"});
    make(&pool.cloud, DOMAIN, "D", domain.clone()).await.unwrap();
    let failure = delete(&pool, POOL, &pool.id).await.unwrap_err();
    assert_eq!(
        failure.reason,
        "User pool cannot be deleted. It has a domain configured that should be deleted first."
    );
    let again = json!({"UserPoolId": pool.id, "Domain": "more-pages"});
    assert!(make(&pool.cloud, DOMAIN, "E", again).await.is_err(), "one domain a pool");
    delete(&pool, DOMAIN, "my-pages").await.unwrap();
    delete(&pool, POOL, &pool.id).await.unwrap();
    delete(&pool, POOL, &pool.id).await.unwrap();
    pool.cloud.stop().await;
}

#[tokio::test]
async fn a_domain_is_unique_over_pools() {
    let pool = pool().await;
    make(&pool.cloud, DOMAIN, "D", json!({"UserPoolId": pool.id, "Domain": "my-pages"})).await.unwrap();
    let other = make(&pool.cloud, POOL, "P", json!({})).await.unwrap().physical_id;
    let failure = make(&pool.cloud, DOMAIN, "D", json!({"UserPoolId": other, "Domain": "my-pages"})).await;
    assert_eq!(failure.unwrap_err().reason, "Domain already associated with another user pool.");
    pool.cloud.stop().await;
}

#[tokio::test]
async fn a_role_without_the_right_makes_no_pool() {
    let pool = pool().await;
    crate::lambda::role(
        &pool.cloud,
        "powerless",
        json!([{"Effect": "Allow", "Action": "logs:PutLogEvents", "Resource": "*"}]),
    )
    .await;
    let principal = Principal::Role {
        role_arn: "arn:aws:iam::000000000000:role/powerless".to_owned(),
        role_name: "powerless".to_owned(),
        session: "s".to_owned(),
    };
    let failure =
        kind(POOL).create(pool.cloud.cloud(), &request(principal, "P", json!({}))).await.unwrap_err();
    assert_eq!(failure.code, "AccessDenied");
    assert!(failure.reason.contains("cognito-idp:CreateUserPool"), "{}", failure.reason);
    pool.cloud.stop().await;
}
