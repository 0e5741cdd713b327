//! A client of Cognito's SRP of its own, written from the description of the protocol alone: what the
//! service does is proved against it.

use aws_sdk_cognitoidentityprovider::types::{AuthFlowType, ChallengeNameType};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use num_bigint::BigUint;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{EMAIL, PASSWORD, Pool, claims, pool, pool_with, refused};

/// RFC 3526: 2^3072 - 2^3008 - 1 + 2^64 * ([2^2942 pi] + 1690314), and its generator.
const PRIME: &str = "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514a08798e3404ddef9519b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6f44c42e9a637ed6b0bff5cb6f406b7edee386bfb5a899fa5ae9f24117c4b1fe649286651ece45b3dc2007cb8a163bf0598da48361c55d39a69163fa8fd24cf5f83655d23dca3ad961c62f356208552bb9ed529077096966d670c354e4abc9804f1746c08ca18217c32905e462e36ce3be39e772c180e86039b2783a2ec07a28fb5c55df06f4c52c9de2bcbf6955817183995497cea956ae515d2261898fa051015728e5a8aaac42dad33170d04507a33a85521abdf1cba64ecfb850458dbef0a8aea71575d060c7db3970f85a6e1e4c7abf5ae8cdb0933d71e8c94e04a25619dcee3d2261ad2ee6bf12ffa06d98a0864d87602733ec86a64521f2b18177b200cbbe117577a615d6c770988c0bad946e208e24fa074e5ab3143db5bfce0fd108e4b82d120a93ad2caffffffffffffffff";

fn sha256(parts: &[&[u8]]) -> Vec<u8> {
    parts.iter().fold(Sha256::new(), |hash, part| hash.chain_update(part)).finalize().to_vec()
}

/// RFC 2104.
fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut block = [0_u8; 64];
    block[..key.len()].copy_from_slice(key);
    let inner: Vec<u8> = block.iter().map(|byte| byte ^ 0x36).collect();
    let outer: Vec<u8> = block.iter().map(|byte| byte ^ 0x5c).collect();
    sha256(&[&outer, &sha256(&[&inner, message])])
}

fn hexadecimal(text: &str) -> BigUint {
    BigUint::parse_bytes(text.as_bytes(), 16).unwrap()
}

fn signed(number: &BigUint) -> Vec<u8> {
    let bytes = number.to_bytes_be();
    if bytes[0] >= 0x80 { [vec![0], bytes].concat() } else { bytes }
}

fn number(parts: &[&[u8]]) -> BigUint {
    BigUint::from_bytes_be(&sha256(parts))
}

/// Signs in as the published clients do. The error is code and message.
pub async fn sign_in(
    pool: &Pool,
    name: &str,
    password: &str,
) -> Result<
    aws_sdk_cognitoidentityprovider::operation::respond_to_auth_challenge::RespondToAuthChallengeOutput,
    (String, String),
> {
    let (prime, generator) = (hexadecimal(PRIME), BigUint::from(2_u8));
    let secret = BigUint::from_bytes_be(uuid::Uuid::new_v4().as_bytes());
    let public = generator.modpow(&secret, &prime);
    let begun = pool
        .api
        .initiate_auth()
        .client_id(&pool.client)
        .auth_flow(AuthFlowType::UserSrpAuth)
        .auth_parameters("USERNAME", name)
        .auth_parameters("SRP_A", public.to_str_radix(16))
        .send()
        .await
        .map_err(super::refusal)?;
    assert_eq!(begun.challenge_name(), Some(&ChallengeNameType::PasswordVerifier));
    let parameters = begun.challenge_parameters().unwrap();
    let server_public = hexadecimal(&parameters["SRP_B"]);
    let (salt, user) = (hexadecimal(&parameters["SALT"]), &parameters["USER_ID_FOR_SRP"]);
    let suffix = pool.id.split_once('_').unwrap().1;

    let multiplier = number(&[&signed(&prime), &signed(&generator)]);
    let scramble = number(&[&signed(&public), &signed(&server_public)]);
    let identity = sha256(&[format!("{suffix}{user}:{password}").as_bytes()]);
    let private = number(&[&signed(&salt), &identity]);
    let verifier = generator.modpow(&private, &prime);
    let base = (&server_public + &prime * &multiplier - &multiplier * verifier) % &prime;
    let shared = base.modpow(&(&secret + &scramble * &private), &prime);
    let extracted = hmac(&signed(&scramble), &signed(&shared));
    let key = &hmac(&extracted, b"Caldera Derived Key\x01")[..16];

    let timestamp = jiff::Zoned::now()
        .with_time_zone(jiff::tz::TimeZone::UTC)
        .strftime("%a %b %-d %H:%M:%S UTC %Y")
        .to_string();
    let block = STANDARD.decode(&parameters["SECRET_BLOCK"]).unwrap();
    let message = [suffix.as_bytes(), user.as_bytes(), &block, timestamp.as_bytes()].concat();
    pool.api
        .respond_to_auth_challenge()
        .client_id(&pool.client)
        .challenge_name(ChallengeNameType::PasswordVerifier)
        .challenge_responses("USERNAME", &parameters["USERNAME"])
        .challenge_responses("PASSWORD_CLAIM_SECRET_BLOCK", &parameters["SECRET_BLOCK"])
        .challenge_responses("PASSWORD_CLAIM_SIGNATURE", STANDARD.encode(hmac(key, &message)))
        .challenge_responses("TIMESTAMP", timestamp)
        .send()
        .await
        .map_err(super::refusal)
}

#[tokio::test]
async fn the_right_password_gets_tokens() {
    let pool = pool().await;
    let sub = pool.user(EMAIL).await;
    // Several, since padding depends on the numbers that come up.
    for _ in 0..4 {
        let answer = sign_in(&pool, EMAIL, PASSWORD).await.unwrap();
        let result = answer.authentication_result().unwrap();
        assert_eq!(claims(result.access_token().unwrap())["sub"], json!(sub));
        assert_eq!(claims(result.id_token().unwrap())["aud"], json!(pool.client));
    }
    pool.cloud.stop().await;
}

#[tokio::test]
async fn a_wrong_password_and_an_absent_user_answer_alike() {
    let pool = pool().await;
    pool.user(EMAIL).await;
    let wrong = refused("NotAuthorizedException", "Incorrect username or password.");
    assert_eq!(sign_in(&pool, EMAIL, "Wrong-Horse-1").await.unwrap_err(), wrong);
    assert_eq!(sign_in(&pool, "nobody@example.com", PASSWORD).await.unwrap_err(), wrong);
    pool.cloud.stop().await;
}

#[tokio::test]
async fn an_absent_user_has_a_steady_challenge_that_looks_like_anyones() {
    let pool = pool().await;
    let begin = async || {
        let answer = pool
            .api
            .initiate_auth()
            .client_id(&pool.client)
            .auth_flow(AuthFlowType::UserSrpAuth)
            .auth_parameters("USERNAME", "nobody@example.com")
            .auth_parameters("SRP_A", "abcdef")
            .send()
            .await
            .unwrap();
        answer.challenge_parameters().unwrap().clone()
    };
    let (first, second) = (begin().await, begin().await);
    assert_eq!(first["SALT"], second["SALT"]);
    assert_eq!(first["USER_ID_FOR_SRP"], second["USER_ID_FOR_SRP"]);
    assert!(uuid::Uuid::parse_str(&first["USER_ID_FOR_SRP"]).is_ok(), "{first:?}");
    assert_ne!(first["SRP_B"], second["SRP_B"]);
    pool.cloud.stop().await;
}

#[tokio::test]
async fn an_unconfirmed_user_is_told_so_after_the_right_password_alone() {
    let pool = pool().await;
    pool.sign_up(EMAIL).await;
    assert_eq!(
        sign_in(&pool, EMAIL, PASSWORD).await.unwrap_err(),
        refused("UserNotConfirmedException", "User is not confirmed.")
    );
    assert_eq!(sign_in(&pool, EMAIL, "Wrong-Horse-1").await.unwrap_err().0, "NotAuthorizedException");
    pool.cloud.stop().await;
}

#[tokio::test]
async fn a_client_without_the_flow_refuses_it() {
    let pool = pool_with(json!({}), json!({"ExplicitAuthFlows": ["ALLOW_USER_PASSWORD_AUTH"]})).await;
    assert_eq!(
        sign_in(&pool, EMAIL, PASSWORD).await.unwrap_err(),
        refused("InvalidParameterException", "USER_SRP_AUTH is not enabled for the client.")
    );
    pool.cloud.stop().await;
}
