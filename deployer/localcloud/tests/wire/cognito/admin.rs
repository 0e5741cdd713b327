//! What an administrator does: users, groups, lists.

use aws_sdk_cognitoidentityprovider::types::{AuthFlowType, ChallengeNameType, UserStatusType};
use serde_json::json;

use super::{EMAIL, PASSWORD, attribute, claims, http, pool, refusal, refused};

#[tokio::test]
async fn a_user_that_was_made_replaces_its_temporary_password() {
    let pool = pool().await;
    let made = pool
        .api
        .admin_create_user()
        .user_pool_id(&pool.id)
        .username(EMAIL)
        .user_attributes(attribute("email_verified", "true"))
        .send()
        .await
        .unwrap();
    let user = made.user().unwrap();
    assert_eq!(user.user_status(), Some(&UserStatusType::ForceChangePassword));
    let temporary = pool.code(EMAIL).await;
    let challenge = pool
        .api
        .admin_initiate_auth()
        .user_pool_id(&pool.id)
        .client_id(&pool.client)
        .auth_flow(AuthFlowType::AdminUserPasswordAuth)
        .auth_parameters("USERNAME", EMAIL)
        .auth_parameters("PASSWORD", &temporary)
        .send()
        .await
        .unwrap();
    assert_eq!(challenge.challenge_name(), Some(&ChallengeNameType::NewPasswordRequired));
    let respond = |password: &str| {
        pool.api
            .admin_respond_to_auth_challenge()
            .user_pool_id(&pool.id)
            .client_id(&pool.client)
            .challenge_name(ChallengeNameType::NewPasswordRequired)
            .session(challenge.session().unwrap())
            .challenge_responses("USERNAME", EMAIL)
            .challenge_responses("NEW_PASSWORD", password)
            .send()
    };
    assert_eq!(respond("short").await.map_err(refusal).unwrap_err().0, "InvalidPasswordException");
    let answer = respond(PASSWORD).await.unwrap();
    assert!(answer.authentication_result().is_some());
    pool.password_sign_in(EMAIL, PASSWORD).await.unwrap();
    pool.cloud.stop().await;
}

#[tokio::test]
async fn an_administrator_confirms_without_verifying_the_address() {
    let pool = pool().await;
    pool.sign_up(EMAIL).await;
    pool.api.admin_confirm_sign_up().user_pool_id(&pool.id).username(EMAIL).send().await.unwrap();
    let user = pool.api.admin_get_user().user_pool_id(&pool.id).username(EMAIL).send().await.unwrap();
    assert_eq!(user.user_status(), Some(&UserStatusType::Confirmed));
    assert_eq!(pool.attribute(EMAIL, "email_verified").await.as_deref(), Some("false"));
    pool.password_sign_in(EMAIL, PASSWORD).await.unwrap();
    pool.cloud.stop().await;
}

#[tokio::test]
async fn a_disabled_user_cannot_sign_in() {
    let pool = pool().await;
    pool.user(EMAIL).await;
    pool.api.admin_disable_user().user_pool_id(&pool.id).username(EMAIL).send().await.unwrap();
    assert_eq!(
        pool.password_sign_in(EMAIL, PASSWORD).await.unwrap_err(),
        refused("NotAuthorizedException", "User is disabled.")
    );
    pool.api.admin_enable_user().user_pool_id(&pool.id).username(EMAIL).send().await.unwrap();
    pool.password_sign_in(EMAIL, PASSWORD).await.unwrap();
    pool.cloud.stop().await;
}

#[tokio::test]
async fn groups_show_in_both_tokens() {
    let pool = pool().await;
    pool.user(EMAIL).await;
    for (name, precedence) in [("staff", 5), ("owners", 1)] {
        pool.api
            .create_group()
            .user_pool_id(&pool.id)
            .group_name(name)
            .precedence(precedence)
            .role_arn(format!("arn:aws:iam::000000000000:role/{name}"))
            .send()
            .await
            .unwrap();
        pool.api
            .admin_add_user_to_group()
            .user_pool_id(&pool.id)
            .group_name(name)
            .username(EMAIL)
            .send()
            .await
            .unwrap();
    }
    let tokens = pool.password_sign_in(EMAIL, PASSWORD).await.unwrap();
    let (access, id) = (claims(tokens.access_token().unwrap()), claims(tokens.id_token().unwrap()));
    assert_eq!(access["cognito:groups"], json!(["owners", "staff"]));
    assert_eq!(id["cognito:groups"], json!(["owners", "staff"]));
    assert_eq!(id["cognito:preferred_role"], "arn:aws:iam::000000000000:role/owners");
    let users =
        pool.api.list_users_in_group().user_pool_id(&pool.id).group_name("staff").send().await.unwrap();
    assert_eq!(users.users().len(), 1);
    pool.api.delete_group().user_pool_id(&pool.id).group_name("staff").send().await.unwrap();
    let groups =
        pool.api.admin_list_groups_for_user().user_pool_id(&pool.id).username(EMAIL).send().await.unwrap();
    assert_eq!(groups.groups().len(), 1);
    pool.cloud.stop().await;
}

#[tokio::test]
async fn users_are_listed_by_filter_and_in_pages() {
    let pool = pool().await;
    for name in ["a", "b", "c"] {
        pool.sign_up(&format!("{name}@example.com")).await;
    }
    let list = |filter: &str| pool.api.list_users().user_pool_id(&pool.id).filter(filter).send();
    assert_eq!(list("email = \"b@example.com\"").await.unwrap().users().len(), 1);
    assert_eq!(list("cognito:user_status = \"UNCONFIRMED\"").await.unwrap().users().len(), 3);
    assert_eq!(list("email ^= \"x\"").await.unwrap().users().len(), 0);
    assert!(list("email").await.is_err());
    let first = pool.api.list_users().user_pool_id(&pool.id).limit(2).send().await.unwrap();
    assert_eq!(first.users().len(), 2);
    let rest = pool
        .api
        .list_users()
        .user_pool_id(&pool.id)
        .pagination_token(first.pagination_token().unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!((rest.users().len(), rest.pagination_token()), (1, None));
    pool.cloud.stop().await;
}

#[tokio::test]
async fn an_administrators_operation_wants_a_signature() {
    let pool = pool().await;
    let headers = [("x-amz-target", "AWSCognitoIdentityProviderService.AdminGetUser")];
    let body = json!({"UserPoolId": pool.id, "Username": EMAIL}).to_string();
    let answer = http(&pool.cloud, "POST", "/", &headers, &body).await;
    assert_eq!(answer.status, 400);
    assert_eq!(answer.json()["__type"], "MissingAuthenticationTokenException");
    pool.cloud.stop().await;
}

#[tokio::test]
async fn what_is_not_there_is_named() {
    let pool = pool().await;
    let get = |id: &str, user: &str| pool.api.admin_get_user().user_pool_id(id).username(user).send();
    assert_eq!(
        get("us-east-1_nothing", EMAIL).await.map_err(refusal).unwrap_err(),
        refused("ResourceNotFoundException", "User pool us-east-1_nothing does not exist.")
    );
    assert_eq!(
        get(&pool.id, EMAIL).await.map_err(refusal).unwrap_err(),
        refused("UserNotFoundException", "User does not exist.")
    );
    pool.cloud.stop().await;
}

#[tokio::test]
async fn pools_and_clients_are_described() {
    let pool = pool().await;
    let described = pool.api.describe_user_pool().user_pool_id(&pool.id).send().await.unwrap();
    let described = described.user_pool().unwrap();
    assert_eq!(
        described.arn(),
        Some(format!("arn:aws:cognito-idp:us-east-1:000000000000:userpool/{}", pool.id).as_str())
    );
    assert!(described.schema_attributes().iter().any(|attribute| attribute.name() == Some("sub")));
    assert_eq!(described.username_attributes().len(), 1);
    let client = pool
        .api
        .describe_user_pool_client()
        .user_pool_id(&pool.id)
        .client_id(&pool.client)
        .send()
        .await
        .unwrap();
    let client = client.user_pool_client().unwrap();
    assert_eq!((client.client_secret(), client.explicit_auth_flows().len()), (None, 4));
    let clients = pool.api.list_user_pool_clients().user_pool_id(&pool.id).send().await.unwrap();
    assert_eq!(clients.user_pool_clients().len(), 1);
    let pools = pool.api.list_user_pools().max_results(10).send().await.unwrap();
    assert_eq!(pools.user_pools().len(), 1);
    pool.cloud.stop().await;
}
