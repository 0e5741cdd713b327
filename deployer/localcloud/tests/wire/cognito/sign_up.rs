//! Signing up, confirming, and a forgotten password.

use serde_json::json;

use super::{EMAIL, PASSWORD, attribute, http, pool, pool_with, refusal, refused};

#[tokio::test]
async fn a_sign_up_sends_a_code_that_confirms_it() {
    let pool = pool().await;
    let answer = pool
        .api
        .sign_up()
        .client_id(&pool.client)
        .username("Someone@Example.com")
        .password(PASSWORD)
        .send()
        .await
        .unwrap();
    assert!(!answer.user_confirmed());
    let delivery = answer.code_delivery_details().unwrap();
    assert_eq!(delivery.destination(), Some("S***@E***"));
    assert_eq!(delivery.attribute_name(), Some("email"));
    let messages = pool.inbox(EMAIL).await;
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0]["to"], "Someone@Example.com");
    let code = messages[0]["code"].as_str().unwrap().to_owned();
    assert_eq!(messages[0]["body"], format!("Your confirmation code is {code}"));
    let confirm = |code: &str| {
        pool.api.confirm_sign_up().client_id(&pool.client).username(EMAIL).confirmation_code(code).send()
    };
    let wrong = if code == "000000" { "000001" } else { "000000" };
    assert_eq!(
        confirm(wrong).await.map_err(refusal).unwrap_err(),
        refused("CodeMismatchException", "Invalid verification code provided, please try again.")
    );
    confirm(&code).await.unwrap();
    assert_eq!(
        confirm(&code).await.map_err(refusal).unwrap_err(),
        refused("NotAuthorizedException", "User cannot be confirmed. Current status is CONFIRMED")
    );
    assert_eq!(pool.attribute(EMAIL, "email_verified").await.as_deref(), Some("true"));
    assert_eq!(pool.attribute(EMAIL, "sub").await.as_deref(), Some(answer.user_sub()));
    pool.cloud.stop().await;
}

#[tokio::test]
async fn what_a_sign_up_lacks_is_refused_in_awss_words() {
    let pool = pool().await;
    let sign_up = async |name: &str, password: &str, extra: Option<(&str, &str)>| {
        let mut request = pool.api.sign_up().client_id(&pool.client).username(name).password(password);
        if let Some((name, value)) = extra {
            request = request.user_attributes(attribute(name, value));
        }
        request.send().await.map(drop).map_err(refusal)
    };
    assert_eq!(
        sign_up(EMAIL, "short", None).await.unwrap_err(),
        refused("InvalidPasswordException", "Password did not conform with policy: Password not long enough")
    );
    assert_eq!(
        sign_up("someone", PASSWORD, None).await.unwrap_err(),
        refused("InvalidParameterException", "Username should be an email.")
    );
    assert_eq!(
        sign_up(EMAIL, PASSWORD, Some(("email_verified", "true"))).await.unwrap_err(),
        refused("NotAuthorizedException", "A client attempted to write unauthorized attribute")
    );
    assert_eq!(
        sign_up(EMAIL, PASSWORD, Some(("colour", "red"))).await.unwrap_err().1,
        "Attributes did not conform to the schema: Type for attribute {colour} could not be determined"
    );
    sign_up(EMAIL, PASSWORD, None).await.unwrap();
    assert_eq!(
        sign_up("SOMEONE@example.com", PASSWORD, None).await.unwrap_err(),
        refused("UsernameExistsException", "An account with the given email already exists.")
    );
    let error = pool.api.sign_up().client_id("nosuchclient").username(EMAIL).password(PASSWORD).send().await;
    assert_eq!(
        error.map_err(refusal).unwrap_err(),
        refused("ResourceNotFoundException", "User pool client nosuchclient does not exist.")
    );
    pool.cloud.stop().await;
}

#[tokio::test]
async fn a_resent_code_replaces_the_first() {
    let pool = pool().await;
    pool.sign_up(EMAIL).await;
    let first = pool.code(EMAIL).await;
    pool.api.resend_confirmation_code().client_id(&pool.client).username(EMAIL).send().await.unwrap();
    let messages = pool.inbox(EMAIL).await;
    assert_eq!(messages.len(), 2, "newest first");
    let second = messages[0]["code"].as_str().unwrap();
    assert_eq!(messages[1]["code"], json!(first));
    let confirm = |code: &str| {
        pool.api.confirm_sign_up().client_id(&pool.client).username(EMAIL).confirmation_code(code).send()
    };
    if first != second {
        assert!(confirm(&first).await.is_err());
    }
    confirm(second).await.unwrap();
    pool.cloud.stop().await;
}

#[tokio::test]
async fn who_does_not_exist_cannot_be_found_out() {
    let pool = pool().await;
    let nobody = "nobody@example.com";
    let resent = pool.api.resend_confirmation_code().client_id(&pool.client).username(nobody).send().await;
    assert_eq!(resent.unwrap().code_delivery_details().unwrap().destination(), Some("n***@e***"));
    let forgot = pool.api.forgot_password().client_id(&pool.client).username(nobody).send().await;
    assert_eq!(forgot.unwrap().code_delivery_details().unwrap().destination(), Some("n***@e***"));
    assert!(pool.inbox(nobody).await.is_empty());
    let confirmed = pool
        .api
        .confirm_sign_up()
        .client_id(&pool.client)
        .username(nobody)
        .confirmation_code("123456")
        .send()
        .await;
    assert_eq!(
        confirmed.map_err(refusal).unwrap_err(),
        refused("ExpiredCodeException", "Invalid code provided, please request a code again.")
    );
    pool.cloud.stop().await;
}

#[tokio::test]
async fn a_legacy_client_says_who_does_not_exist() {
    let pool = pool_with(json!({}), json!({"PreventUserExistenceErrors": "LEGACY"})).await;
    assert_eq!(
        pool.password_sign_in("nobody@example.com", PASSWORD).await.unwrap_err(),
        refused("UserNotFoundException", "User does not exist.")
    );
    let forgot = pool.api.forgot_password().client_id(&pool.client).username("nobody@example.com").send();
    assert_eq!(
        forgot.await.map_err(refusal).unwrap_err(),
        refused("UserNotFoundException", "Username/client id combination not found.")
    );
    pool.cloud.stop().await;
}

#[tokio::test]
async fn a_forgotten_password_is_replaced_by_code() {
    let pool = pool().await;
    pool.user(EMAIL).await;
    pool.api.forgot_password().client_id(&pool.client).username(EMAIL).send().await.unwrap();
    let code = pool.code(EMAIL).await;
    let finish = |code: &str, password: &str| {
        pool.api
            .confirm_forgot_password()
            .client_id(&pool.client)
            .username(EMAIL)
            .confirmation_code(code)
            .password(password)
            .send()
    };
    assert_eq!(finish(&code, "short").await.map_err(refusal).unwrap_err().0, "InvalidPasswordException");
    finish(&code, "Another-Horse-2").await.unwrap();
    assert_eq!(finish(&code, "Third-Horse-3").await.map_err(refusal).unwrap_err().0, "ExpiredCodeException");
    assert!(pool.password_sign_in(EMAIL, PASSWORD).await.is_err());
    pool.password_sign_in(EMAIL, "Another-Horse-2").await.unwrap();
    pool.cloud.stop().await;
}

#[tokio::test]
async fn an_unknown_member_is_refused_and_an_unknown_operation_named() {
    let pool = pool().await;
    let headers = [
        ("content-type", "application/x-amz-json-1.1"),
        ("x-amz-target", "AWSCognitoIdentityProviderService.SignUp"),
    ];
    let body = json!({"ClientId": pool.client, "Username": EMAIL, "Password": PASSWORD, "Colour": "red"});
    let answer = http(&pool.cloud, "POST", "/", &headers, &body.to_string()).await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.json()["__type"], "InvalidParameterException");
    assert!(answer.json()["message"].as_str().unwrap().contains("Colour"));
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    let headers = [("x-amz-target", "AWSCognitoIdentityProviderService.StartWebAuthnRegistration")];
    let answer = http(&pool.cloud, "POST", "/", &headers, "{}").await;
    assert_eq!((answer.status, answer.json()["__type"].as_str()), (501, Some("NotImplemented")));
    pool.cloud.stop().await;
}

#[tokio::test]
async fn a_browser_may_ask_before_it_calls() {
    let pool = pool().await;
    let headers = [
        ("origin", "http://localhost:3000"),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "content-type,x-amz-target,x-amz-user-agent"),
    ];
    let answer = http(&pool.cloud, "OPTIONS", "/", &headers, "").await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.header("access-control-allow-headers"),
        Some("content-type,x-amz-target,x-amz-user-agent")
    );
    pool.cloud.stop().await;
}

#[tokio::test]
async fn the_inbox_shows_messages_to_a_person_and_escapes_them() {
    let pool = pool_with(json!({"EmailVerificationMessage": "<b>{####}</b>"}), json!({})).await;
    pool.sign_up(EMAIL).await;
    let code = pool.code(EMAIL).await;
    let page = http(&pool.cloud, "GET", "/_local/inbox", &[], "").await;
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(page.body.contains(&format!("&lt;b&gt;{code}&lt;/b&gt;")), "{}", page.body);
    pool.cloud.stop().await;
}
