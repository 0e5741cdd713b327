//! What a signed-in user changes of its own account.

use serde_json::json;

use super::{EMAIL, PASSWORD, attribute, pool, pool_with, refusal, refused};

const NEW: &str = "other@example.com";

fn keeps_until_verified() -> serde_json::Value {
    json!({"UserAttributeUpdateSettings": {"AttributesRequireVerificationBeforeUpdate": ["email"]}})
}

#[tokio::test]
async fn a_new_address_is_pending_until_its_owner_proves_it() {
    let pool = pool_with(keeps_until_verified(), json!({})).await;
    pool.user(EMAIL).await;
    let token = pool.access_token(EMAIL).await;
    let answer = pool
        .api
        .update_user_attributes()
        .access_token(&token)
        .user_attributes(attribute("email", NEW))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.code_delivery_details_list()[0].destination(), Some("o***@e***"));
    assert_eq!(pool.attribute(EMAIL, "email").await.as_deref(), Some(EMAIL));
    assert_eq!(pool.attribute(EMAIL, "email_verified").await.as_deref(), Some("true"));
    assert!(pool.password_sign_in(NEW, PASSWORD).await.is_err());
    let verify = |code: &str| {
        pool.api.verify_user_attribute().access_token(&token).attribute_name("email").code(code).send()
    };
    let code = pool.code(NEW).await;
    let wrong = if code == "000000" { "000001" } else { "000000" };
    assert_eq!(verify(wrong).await.map_err(refusal).unwrap_err().0, "CodeMismatchException");
    verify(&code).await.unwrap();
    assert_eq!(pool.attribute(NEW, "email").await.as_deref(), Some(NEW));
    pool.password_sign_in(NEW, PASSWORD).await.unwrap();
    assert!(pool.password_sign_in(EMAIL, PASSWORD).await.is_err());
    pool.cloud.stop().await;
}

#[tokio::test]
async fn an_administrators_new_address_is_pending_too_unless_it_says_verified() {
    let pool = pool_with(keeps_until_verified(), json!({})).await;
    pool.user(EMAIL).await;
    let update = |verified: bool| {
        let request = pool
            .api
            .admin_update_user_attributes()
            .user_pool_id(&pool.id)
            .username(EMAIL)
            .user_attributes(attribute("email", NEW));
        let request =
            if verified { request.user_attributes(attribute("email_verified", "true")) } else { request };
        request.send()
    };
    update(false).await.unwrap();
    assert_eq!(pool.attribute(EMAIL, "email").await.as_deref(), Some(EMAIL));
    assert_eq!(pool.inbox(NEW).await.len(), 1);
    update(true).await.unwrap();
    assert_eq!(pool.attribute(NEW, "email").await.as_deref(), Some(NEW));
    pool.cloud.stop().await;
}

#[tokio::test]
async fn an_address_of_somebody_else_is_not_verified() {
    let pool = pool_with(keeps_until_verified(), json!({})).await;
    pool.user(EMAIL).await;
    pool.user(NEW).await;
    let token = pool.access_token(EMAIL).await;
    pool.api
        .update_user_attributes()
        .access_token(&token)
        .user_attributes(attribute("email", NEW))
        .send()
        .await
        .unwrap();
    let code = pool.code(NEW).await;
    let verified =
        pool.api.verify_user_attribute().access_token(&token).attribute_name("email").code(code).send().await;
    assert_eq!(
        verified.map_err(refusal).unwrap_err(),
        refused("AliasExistsException", "An account with the given email already exists.")
    );
    pool.cloud.stop().await;
}

#[tokio::test]
async fn without_the_setting_a_new_address_counts_at_once_and_is_unverified() {
    let pool = pool().await;
    pool.user(EMAIL).await;
    let token = pool.access_token(EMAIL).await;
    pool.api
        .update_user_attributes()
        .access_token(&token)
        .user_attributes(attribute("email", NEW))
        .user_attributes(attribute("name", "Some One"))
        .send()
        .await
        .unwrap();
    assert_eq!(pool.attribute(NEW, "email_verified").await.as_deref(), Some("false"));
    assert_eq!(pool.attribute(NEW, "name").await.as_deref(), Some("Some One"));
    let verify = pool
        .api
        .verify_user_attribute()
        .access_token(&token)
        .attribute_name("email")
        .code(pool.code(NEW).await)
        .send();
    verify.await.unwrap();
    assert_eq!(pool.attribute(NEW, "email_verified").await.as_deref(), Some("true"));
    pool.cloud.stop().await;
}

#[tokio::test]
async fn a_password_changes_against_the_former_one() {
    let pool = pool().await;
    pool.user(EMAIL).await;
    let token = pool.access_token(EMAIL).await;
    let change = |from: &str, to: &str| {
        pool.api.change_password().access_token(&token).previous_password(from).proposed_password(to).send()
    };
    assert_eq!(
        change("Wrong-Horse-1", "Another-Horse-2").await.map_err(refusal).unwrap_err(),
        refused("NotAuthorizedException", "Incorrect username or password.")
    );
    change(PASSWORD, "Another-Horse-2").await.unwrap();
    pool.password_sign_in(EMAIL, "Another-Horse-2").await.unwrap();
    pool.cloud.stop().await;
}

#[tokio::test]
async fn a_deleted_user_is_gone_with_its_tokens() {
    let pool = pool().await;
    pool.user(EMAIL).await;
    let token = pool.access_token(EMAIL).await;
    pool.api.delete_user().access_token(&token).send().await.unwrap();
    assert!(pool.api.get_user().access_token(&token).send().await.is_err());
    assert_eq!(pool.password_sign_in(EMAIL, PASSWORD).await.unwrap_err().0, "NotAuthorizedException");
    pool.user(EMAIL).await;
    pool.cloud.stop().await;
}
