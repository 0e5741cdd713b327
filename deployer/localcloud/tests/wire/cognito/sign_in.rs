//! Tokens: their claims, their refreshing, their end.

use aws_lc_rs::hmac;
use aws_sdk_cognitoidentityprovider::types::AuthFlowType;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Value, json};

use super::{EMAIL, PASSWORD, Pool, claims, http, pool, pool_with, refusal, refused};
use crate::lambda::make;

#[tokio::test]
async fn tokens_have_awss_claims_and_the_pools_keys_verify_them() {
    let pool = pool().await;
    let sub = pool.user(EMAIL).await;
    let tokens = pool.password_sign_in(EMAIL, PASSWORD).await.unwrap();
    assert_eq!((tokens.expires_in(), tokens.token_type()), (3600, Some("Bearer")));
    let issuer = format!("https://cognito-idp.us-east-1.amazonaws.com/{}", pool.id);
    let access = claims(tokens.access_token().unwrap());
    assert_eq!(access["iss"], json!(issuer));
    assert_eq!(access["client_id"], json!(pool.client));
    assert_eq!(access["token_use"], "access");
    assert_eq!(access["scope"], "aws.cognito.signin.user.admin");
    assert_eq!((&access["sub"], &access["username"]), (&json!(sub), &json!(sub)));
    assert!(access.get("aud").is_none() && access.get("email").is_none());
    let id = claims(tokens.id_token().unwrap());
    assert_eq!(id["aud"], json!(pool.client));
    assert_eq!(id["token_use"], "id");
    assert_eq!((&id["email"], &id["email_verified"]), (&json!(EMAIL), &json!(true)));
    assert_eq!(id["cognito:username"], json!(sub));
    assert_eq!((&id["event_id"], &id["origin_jti"]), (&access["event_id"], &access["origin_jti"]));
    assert_eq!(access["exp"].as_i64().unwrap() - access["iat"].as_i64().unwrap(), 3600);

    let jwks = http(&pool.cloud, "GET", &format!("/{}/.well-known/jwks.json", pool.id), &[], "").await;
    let keys: JwkSet = serde_json::from_str(&jwks.body).unwrap();
    assert_eq!(keys.keys.len(), 2);
    for token in [tokens.access_token().unwrap(), tokens.id_token().unwrap()] {
        let header = decode_header(token).unwrap();
        assert!(header.typ.is_none());
        let key = keys.find(&header.kid.unwrap()).unwrap();
        let mut validation = Validation::new(Algorithm::RS256);
        validation.validate_aud = false;
        validation.set_issuer(&[&issuer]);
        decode::<Value>(token, &DecodingKey::from_jwk(key).unwrap(), &validation).unwrap();
    }
    let path = format!("/{}/.well-known/openid-configuration", pool.id);
    assert_eq!(http(&pool.cloud, "GET", &path, &[], "").await.json()["issuer"], json!(issuer));
    assert_eq!(http(&pool.cloud, "GET", "/us-east-1_none/.well-known/jwks.json", &[], "").await.status, 404);
    pool.cloud.stop().await;
}

async fn refresh(pool: &Pool, token: &str) -> Result<String, (String, String)> {
    let answer = pool
        .api
        .initiate_auth()
        .client_id(&pool.client)
        .auth_flow(AuthFlowType::RefreshTokenAuth)
        .auth_parameters("REFRESH_TOKEN", token)
        .send()
        .await
        .map_err(refusal)?;
    let result = answer.authentication_result().unwrap();
    assert_eq!(result.refresh_token(), None);
    Ok(result.access_token().unwrap().to_owned())
}

#[tokio::test]
async fn a_refresh_token_gets_new_tokens_of_the_same_sign_in_until_it_is_revoked() {
    let pool = pool().await;
    pool.user(EMAIL).await;
    let tokens = pool.password_sign_in(EMAIL, PASSWORD).await.unwrap();
    let token = tokens.refresh_token().unwrap();
    let (first, next) = (claims(tokens.access_token().unwrap()), refresh(&pool, token).await.unwrap());
    let claims = claims(&next);
    assert_eq!((&claims["origin_jti"], &claims["auth_time"]), (&first["origin_jti"], &first["auth_time"]));
    assert_ne!(claims["jti"], first["jti"]);
    assert_eq!(
        refresh(&pool, "nothing").await.unwrap_err(),
        refused("NotAuthorizedException", "Invalid Refresh Token")
    );
    pool.api.revoke_token().client_id(&pool.client).token(token).send().await.unwrap();
    assert_eq!(
        refresh(&pool, token).await.unwrap_err(),
        refused("NotAuthorizedException", "Refresh Token has been revoked")
    );
    assert_eq!(
        pool.api.get_user().access_token(&next).send().await.map_err(refusal).unwrap_err(),
        refused("NotAuthorizedException", "Access Token has been revoked")
    );
    pool.cloud.stop().await;
}

#[tokio::test]
async fn rotation_replaces_the_refresh_token_at_each_use() {
    let client = json!({
        "ExplicitAuthFlows": ["ALLOW_USER_PASSWORD_AUTH"],
        "RefreshTokenRotation": {"Feature": "ENABLED", "RetryGracePeriodSeconds": 0},
    });
    let pool = pool_with(json!({}), client).await;
    pool.user(EMAIL).await;
    let tokens = pool.password_sign_in(EMAIL, PASSWORD).await.unwrap();
    let first = tokens.refresh_token().unwrap();
    let renew = |token: &str| {
        pool.api.get_tokens_from_refresh_token().client_id(&pool.client).refresh_token(token).send()
    };
    let answer = renew(first).await.unwrap();
    let second = answer.authentication_result().unwrap().refresh_token().unwrap();
    assert_ne!(first, second);
    assert!(renew(first).await.is_err());
    renew(second).await.unwrap();
    pool.cloud.stop().await;
}

#[tokio::test]
async fn signing_out_everywhere_ends_every_token() {
    let pool = pool().await;
    pool.user(EMAIL).await;
    let one = pool.password_sign_in(EMAIL, PASSWORD).await.unwrap();
    let two = pool.password_sign_in(EMAIL, PASSWORD).await.unwrap();
    pool.api.global_sign_out().access_token(one.access_token().unwrap()).send().await.unwrap();
    for tokens in [one, two] {
        assert!(refresh(&pool, tokens.refresh_token().unwrap()).await.is_err());
        let user = pool.api.get_user().access_token(tokens.access_token().unwrap()).send().await;
        assert_eq!(user.map_err(refusal).unwrap_err().1, "Access Token has been revoked");
    }
    pool.password_sign_in(EMAIL, PASSWORD).await.unwrap();
    pool.cloud.stop().await;
}

#[tokio::test]
async fn an_id_token_a_foreign_token_and_a_broken_one_are_no_access_token() {
    let pool = pool().await;
    pool.user(EMAIL).await;
    let tokens = pool.password_sign_in(EMAIL, PASSWORD).await.unwrap();
    let access = tokens.access_token().unwrap();
    // A letter within the signature, whatever it was; the last one may have bits that say nothing.
    let (start, end) = access.split_at(access.len() - 9);
    let broken = format!("{start}{}{}", if end.starts_with('A') { "B" } else { "A" }, &end[1..]);
    for token in [tokens.id_token().unwrap(), &broken, "nonsense"] {
        let answer = pool.api.get_user().access_token(token).send().await;
        assert_eq!(
            answer.map_err(refusal).unwrap_err(),
            refused("NotAuthorizedException", "Invalid Access Token")
        );
    }
    pool.cloud.stop().await;
}

#[tokio::test]
async fn five_wrong_passwords_make_the_sixth_wait() {
    let pool = pool().await;
    pool.user(EMAIL).await;
    for _ in 0..5 {
        assert_eq!(
            pool.password_sign_in(EMAIL, "Wrong-Horse-1").await.unwrap_err().1,
            "Incorrect username or password."
        );
    }
    assert_eq!(
        pool.password_sign_in(EMAIL, PASSWORD).await.unwrap_err(),
        refused("NotAuthorizedException", "Password attempts exceeded")
    );
    pool.cloud.stop().await;
}

#[tokio::test]
async fn a_client_with_a_secret_wants_its_hash() {
    let mut pool = pool().await;
    pool.user(EMAIL).await;
    let properties = json!({
        "UserPoolId": pool.id, "GenerateSecret": true,
        "ExplicitAuthFlows": ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
    });
    let made = make(&pool.cloud, "AWS::Cognito::UserPoolClient", "Confidential", properties).await.unwrap();
    let secret = made.attributes["ClientSecret"].as_str().unwrap().to_owned();
    pool.client = made.physical_id;
    assert_eq!(
        pool.password_sign_in(EMAIL, PASSWORD).await.unwrap_err().1,
        format!("Client {} is configured with secret but SECRET_HASH was not received", pool.client)
    );
    let hash = |secret: &str| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        STANDARD.encode(hmac::sign(&key, format!("{EMAIL}{}", pool.client).as_bytes()))
    };
    let sign_in = |hash: String| {
        pool.api
            .initiate_auth()
            .client_id(&pool.client)
            .auth_flow(AuthFlowType::UserPasswordAuth)
            .auth_parameters("USERNAME", EMAIL)
            .auth_parameters("PASSWORD", PASSWORD)
            .auth_parameters("SECRET_HASH", hash)
            .send()
    };
    assert_eq!(
        sign_in(hash("wrong")).await.map_err(refusal).unwrap_err().1,
        format!("Unable to verify secret hash for client {}", pool.client)
    );
    let answer = sign_in(hash(&secret)).await.unwrap();
    let token = answer.authentication_result().unwrap().refresh_token().unwrap();
    assert!(refresh(&pool, token).await.is_err(), "the refresh flow wants the hash too");
    let renewed = pool
        .api
        .initiate_auth()
        .client_id(&pool.client)
        .auth_flow(AuthFlowType::RefreshTokenAuth)
        .auth_parameters("REFRESH_TOKEN", token)
        .auth_parameters("SECRET_HASH", hash(&secret))
        .send()
        .await;
    renewed.unwrap();
    pool.cloud.stop().await;
}

#[tokio::test]
async fn a_restart_keeps_users_and_tokens_and_the_file_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let config = localcloud::Config { folder: Some(folder.path().to_owned()), ..Default::default() };
    let cloud = localcloud::start(config.clone()).await.unwrap();
    let made = make(
        &cloud,
        "AWS::Cognito::UserPool",
        "UserPool",
        json!({"UsernameAttributes": ["email"], "AutoVerifiedAttributes": ["email"]}),
    )
    .await
    .unwrap();
    let properties = json!({"UserPoolId": made.physical_id,
        "ExplicitAuthFlows": ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]});
    let client = make(&cloud, "AWS::Cognito::UserPoolClient", "Client", properties).await.unwrap();
    let api = aws_sdk_cognitoidentityprovider::Client::new(&crate::support::administrator(&cloud));
    let mut pool = Pool { cloud, api, id: made.physical_id, client: client.physical_id };
    pool.user(EMAIL).await;
    let tokens = pool.password_sign_in(EMAIL, PASSWORD).await.unwrap();
    pool.cloud.stop().await;

    let kept = std::fs::read_to_string(folder.path().join("cognito.json")).unwrap();
    for secret in [PASSWORD, tokens.refresh_token().unwrap(), tokens.access_token().unwrap()] {
        assert!(!kept.contains(secret));
    }
    pool.cloud = localcloud::start(config).await.unwrap();
    pool.api = aws_sdk_cognitoidentityprovider::Client::new(&crate::support::administrator(&pool.cloud));
    refresh(&pool, tokens.refresh_token().unwrap()).await.unwrap();
    pool.api.get_user().access_token(tokens.access_token().unwrap()).send().await.unwrap();
    pool.cloud.stop().await;
}
