//! PostConfirmation with a real function: this test binary, which answers the event that it gets.

use serde_json::json;

use super::{EMAIL, PASSWORD, Pool, pool_with, refusal, refused};
use crate::lambda::{function, make};

const FUNCTION: &str = "arn:aws:lambda:us-east-1:000000000000:function:f";

async fn pool_with_trigger() -> Pool {
    pool_with(json!({"LambdaConfig": {"PostConfirmation": FUNCTION}}), json!({})).await
}

async fn permit(pool: &Pool) {
    let properties = json!({
        "FunctionName": FUNCTION,
        "Action": "lambda:InvokeFunction",
        "Principal": "cognito-idp.amazonaws.com",
        "SourceArn": format!("arn:aws:cognito-idp:us-east-1:000000000000:userpool/{}", pool.id),
    });
    make(&pool.cloud, "AWS::Lambda::Permission", "Permission", properties).await.unwrap();
}

async fn confirm(pool: &Pool) -> Result<(), (String, String)> {
    pool.sign_up(EMAIL).await;
    let code = pool.code(EMAIL).await;
    pool.api
        .confirm_sign_up()
        .client_id(&pool.client)
        .username(EMAIL)
        .confirmation_code(code)
        .send()
        .await
        .map(drop)
        .map_err(refusal)
}

/// How often the function ran: once for each START line in its log.
async fn runs(pool: &Pool) -> usize {
    let logs = aws_sdk_cloudwatchlogs::Client::new(&crate::support::administrator(&pool.cloud));
    let events = logs.filter_log_events().log_group_name("/aws/lambda/f").send().await.unwrap();
    events.events().iter().filter(|event| event.message().unwrap_or_default().starts_with("START")).count()
}

async fn log_group(pool: &Pool) {
    make(&pool.cloud, "AWS::Logs::LogGroup", "Logs", json!({"LogGroupName": "/aws/lambda/f"})).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_confirmation_calls_the_function_once_and_a_password_reset_again() {
    let pool = pool_with_trigger().await;
    log_group(&pool).await;
    function(&pool.cloud, json!({})).await;
    permit(&pool).await;
    confirm(&pool).await.unwrap();
    assert_eq!(runs(&pool).await, 1);
    pool.password_sign_in(EMAIL, PASSWORD).await.unwrap();
    assert_eq!(runs(&pool).await, 1, "signing in is no confirmation");
    pool.api.forgot_password().client_id(&pool.client).username(EMAIL).send().await.unwrap();
    pool.api
        .confirm_forgot_password()
        .client_id(&pool.client)
        .username(EMAIL)
        .confirmation_code(pool.code(EMAIL).await)
        .password("Another-Horse-2")
        .send()
        .await
        .unwrap();
    assert_eq!(runs(&pool).await, 2);
    pool.cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrators_confirmation_calls_it_and_a_made_user_does_not() {
    let pool = pool_with_trigger().await;
    log_group(&pool).await;
    function(&pool.cloud, json!({})).await;
    permit(&pool).await;
    pool.api.admin_create_user().user_pool_id(&pool.id).username("made@example.com").send().await.unwrap();
    assert_eq!(runs(&pool).await, 0);
    pool.sign_up(EMAIL).await;
    pool.api.admin_confirm_sign_up().user_pool_id(&pool.id).username(EMAIL).send().await.unwrap();
    assert_eq!(runs(&pool).await, 1);
    pool.cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_permission_the_confirmation_fails_and_the_user_is_confirmed() {
    let pool = pool_with_trigger().await;
    function(&pool.cloud, json!({})).await;
    assert_eq!(
        confirm(&pool).await.unwrap_err(),
        refused(
            "UnexpectedLambdaException",
            "PostConfirmation invocation failed due to error AccessDeniedException."
        )
    );
    pool.password_sign_in(EMAIL, PASSWORD).await.unwrap();
    pool.cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_functions_own_error_is_quoted_and_the_user_is_confirmed() {
    let pool = pool_with_trigger().await;
    function(&pool.cloud, json!({"Environment": {"Variables": {"AT_START": "fail"}}})).await;
    permit(&pool).await;
    assert_eq!(
        confirm(&pool).await.unwrap_err(),
        refused("UserLambdaValidationException", "PostConfirmation failed with error no configuration.")
    );
    let user = pool.api.admin_get_user().user_pool_id(&pool.id).username(EMAIL).send().await.unwrap();
    assert_eq!(user.user_status().map(|status| status.as_str().to_owned()), Some("CONFIRMED".to_owned()));
    pool.cloud.stop().await;
}
