//! Signing in: InitiateAuth, for users and for administrators, and the refreshing of tokens.

use std::collections::BTreeMap;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::challenges::{Kind, Waiting};
use super::client_settings::AuthFlow;
use super::input::Input;
use super::operation::{Ids, Operation, check_secret_hash};
use super::settings::MfaConfiguration;
use super::srp::{Exchange, Verifier};
use super::state::{Pool, Status};
use super::tokens::{self, SignIn};
use super::{errors, passwords, random};
use crate::wire::AwsError;

/// Whether a user or an administrator's program signs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    User,
    Administrator,
}

pub(super) fn initiate_auth(op: &mut Operation<'_>, mut input: Input) -> Result<Value, AwsError> {
    let client_id = input.client_id()?;
    let pool = op.state.client(&client_id)?.0.id.clone();
    initiate(op, input, Ids { pool, client: client_id }, Side::User)
}

pub(super) fn admin_initiate_auth(op: &mut Operation<'_>, mut input: Input) -> Result<Value, AwsError> {
    let ids = admin_ids(op, "AdminInitiateAuth", &mut input)?;
    initiate(op, input, ids, Side::Administrator)
}

pub(super) fn admin_ids(op: &Operation<'_>, action: &str, input: &mut Input) -> Result<Ids, AwsError> {
    let pool = op.admin_pool(action, input)?;
    let client = input.client_id()?;
    op.pool(&pool)?.client(&client)?;
    Ok(Ids { pool, client })
}

fn initiate(op: &mut Operation<'_>, mut input: Input, ids: Ids, side: Side) -> Result<Value, AwsError> {
    input.drop_context();
    let flow = input.text("AuthFlow")?;
    let mut parameters = Parameters(input.map("AuthParameters")?);
    // Goes to triggers of sign-in, which pools here cannot have.
    input.client_metadata()?;
    input.finish()?;
    let not_supported = || errors::invalid_parameter("Initiate Auth method not supported.");
    match (flow.as_str(), side) {
        ("USER_SRP_AUTH", _) => {
            let name = begin(
                op,
                &ids,
                &mut parameters,
                AuthFlow::AllowUserSrp,
                "USER_SRP_AUTH is not enabled for the client.",
            )?;
            let client_public = parameters.take("SRP_A")?;
            parameters.finish()?;
            srp_challenge(op, &ids, &name, &client_public)
        }
        ("USER_PASSWORD_AUTH", Side::User) => {
            let refusal = "USER_PASSWORD_AUTH flow not enabled for this client";
            let name = begin(op, &ids, &mut parameters, AuthFlow::AllowUserPassword, refusal)?;
            let password = parameters.take("PASSWORD")?;
            parameters.finish()?;
            by_password(op, &ids, &name, &password)
        }
        ("ADMIN_USER_PASSWORD_AUTH" | "ADMIN_NO_SRP_AUTH", Side::Administrator) => {
            let refusal = "Auth flow not enabled for this client";
            let name = begin(op, &ids, &mut parameters, AuthFlow::AllowAdminUserPassword, refusal)?;
            let password = parameters.take("PASSWORD")?;
            parameters.finish()?;
            by_password(op, &ids, &name, &password)
        }
        ("REFRESH_TOKEN_AUTH" | "REFRESH_TOKEN", _) => by_refresh_token(op, &ids, parameters),
        ("CUSTOM_AUTH" | "USER_AUTH", _) => {
            Err(AwsError::not_implemented(format_args!("the auth flow {flow}")))
        }
        ("USER_PASSWORD_AUTH", Side::Administrator) => Err(not_supported()),
        ("ADMIN_USER_PASSWORD_AUTH" | "ADMIN_NO_SRP_AUTH", Side::User) => Err(not_supported()),
        _ => Err(errors::invalid_parameter(format!(
            "1 validation error detected: Value '{flow}' at 'authFlow' failed to satisfy constraint: Member must satisfy enum value set: [USER_SRP_AUTH, REFRESH_TOKEN_AUTH, REFRESH_TOKEN, CUSTOM_AUTH, ADMIN_NO_SRP_AUTH, USER_PASSWORD_AUTH, ADMIN_USER_PASSWORD_AUTH, USER_AUTH]"
        ))),
    }
}

/// AuthParameters or ChallengeResponses: asked for one by one, the rest refused.
pub(super) struct Parameters(pub BTreeMap<String, String>);

impl Parameters {
    pub fn take(&mut self, name: &str) -> Result<String, AwsError> {
        self.0
            .remove(name)
            .ok_or_else(|| errors::invalid_parameter(format!("Missing required parameter {name}")))
    }

    pub fn finish(self) -> Result<(), AwsError> {
        match self.0.keys().next() {
            None => Ok(()),
            Some(name) => Err(AwsError::not_implemented(format_args!("the authentication parameter {name}"))),
        }
    }
}

/// What every flow with a user name begins with: the flow is allowed, the name and the secret hash.
fn begin(
    op: &Operation<'_>,
    ids: &Ids,
    parameters: &mut Parameters,
    flow: AuthFlow,
    refusal: &str,
) -> Result<String, AwsError> {
    let client = op.pool(&ids.pool)?.client(&ids.client)?;
    if !client.settings.allows(flow) {
        return Err(errors::invalid_parameter(refusal));
    }
    let name = parameters.take("USERNAME")?;
    check_secret_hash(client, &name, parameters.0.remove("SECRET_HASH").as_deref())?;
    Ok(name)
}

fn by_password(op: &mut Operation<'_>, ids: &Ids, name: &str, password: &str) -> Result<Value, AwsError> {
    let key = check_password(op, ids, name, password)?;
    finish(op, ids, &key)
}

/// The key of the user that `name` and `password` are of. Errors as a client may see them.
pub(super) fn check_password(
    op: &mut Operation<'_>,
    ids: &Ids,
    name: &str,
    password: &str,
) -> Result<String, AwsError> {
    let now = op.now;
    let pool = op.state.pool_mut(&ids.pool)?;
    let Some(key) = pool.find(name) else { return Err(absent(pool, ids)?) };
    passwords::attempt(pool, &key, now, |suffix, user| {
        user.password.as_ref().is_some_and(|verifier| verifier.accepts(suffix, &user.username, password))
    })?;
    let user = pool.users.get(&key).ok_or_else(errors::user_not_found)?;
    passwords::check_standing(user, now)?;
    Ok(key)
}

/// What an absent user's sign-in answers.
fn absent(pool: &Pool, ids: &Ids) -> Result<AwsError, AwsError> {
    let hides = pool.client(&ids.client)?.settings.hides_existence();
    Ok(if hides { errors::wrong_credentials() } else { errors::user_not_found() })
}

/// After the password: the challenge that is still open, or the tokens.
pub(super) fn finish(op: &mut Operation<'_>, ids: &Ids, key: &str) -> Result<Value, AwsError> {
    let now = op.now;
    let pool = op.state.pool_mut(&ids.pool)?;
    let user = pool.users.get(key).ok_or_else(errors::user_not_found)?;
    if user.status == Status::ForceChangePassword {
        let attributes: Map<String, Value> =
            user.attributes.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        let missing: Vec<String> = pool
            .schema()
            .required()
            .filter(|name| user.attribute(name).is_none())
            .map(|name| format!("userAttributes.{name}"))
            .collect();
        let parameters = json!({
            "USER_ID_FOR_SRP": user.username,
            "requiredAttributes": json!(missing).to_string(),
            "userAttributes": Value::Object(attributes).to_string(),
        });
        let session = new_password_session(op, ids, key)?;
        return Ok(json!({
            "ChallengeName": "NEW_PASSWORD_REQUIRED",
            "ChallengeParameters": parameters,
            "Session": session,
        }));
    }
    check_mfa(pool)?;
    Ok(tokens::sign_in(pool, &SignIn::api(&ids.client, key), now)?.result())
}

/// A pool that requires a second factor lets nobody in without one.
pub(super) fn check_mfa(pool: &Pool) -> Result<(), AwsError> {
    match pool.settings.mfa_configuration {
        MfaConfiguration::Off | MfaConfiguration::Optional => Ok(()),
        MfaConfiguration::On => Err(AwsError::not_implemented(
            "the challenge MFA_SETUP, which MfaConfiguration ON asks of this user",
        )),
    }
}

/// Keeps the challenge NEW_PASSWORD_REQUIRED and answers its session.
pub(super) fn new_password_session(op: &mut Operation<'_>, ids: &Ids, key: &str) -> Result<String, AwsError> {
    let session = random::token(200)?;
    keep(op, ids, session.clone(), key, Kind::NewPassword)?;
    Ok(session)
}

fn keep(op: &mut Operation<'_>, ids: &Ids, session: String, name: &str, kind: Kind) -> Result<(), AwsError> {
    let lifetime = op.pool(&ids.pool)?.client(&ids.client)?.settings.challenge_milliseconds();
    let waiting = Waiting {
        client_id: ids.client.clone(),
        username: name.to_owned(),
        expires: op.now + lifetime,
        kind,
    };
    op.state.challenges.keep(session, waiting, op.now);
    Ok(())
}

fn srp_challenge(
    op: &mut Operation<'_>,
    ids: &Ids,
    name: &str,
    client_public: &str,
) -> Result<Value, AwsError> {
    let pool = op.pool(&ids.pool)?;
    let (username, verifier) = match pool.user(name) {
        Some(user) => match &user.password {
            Some(verifier) => (user.username.clone(), verifier.clone()),
            None => (user.username.clone(), Verifier::simulated(&seed(pool, name))),
        },
        None if pool.client(&ids.client)?.settings.hides_existence() => simulated_user(pool, name),
        None => return Err(errors::user_not_found()),
    };
    let exchange = Exchange::begin(client_public, &verifier)?
        .ok_or_else(|| errors::invalid_parameter("SRP_A is not a valid public value."))?;
    let block = STANDARD.encode(random::bytes::<96>()?);
    let parameters = json!({
        "SALT": verifier.salt,
        "SECRET_BLOCK": block,
        "SRP_B": exchange.server_public(),
        "USERNAME": username,
        "USER_ID_FOR_SRP": username,
    });
    keep(op, ids, block, &username, Kind::Srp(Box::new(exchange)))?;
    Ok(json!({"ChallengeName": "PASSWORD_VERIFIER", "ChallengeParameters": parameters}))
}

/// The same name and salt at every try, as a user that exists would have.
fn simulated_user(pool: &Pool, name: &str) -> (String, Verifier) {
    let seed = seed(pool, &pool.fold(name));
    let username = if pool.settings.email_signs_in() && name.contains('@') {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&seed[16..32]);
        uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
    } else {
        name.to_owned()
    };
    (username, Verifier::simulated(&seed))
}

fn seed(pool: &Pool, name: &str) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, pool.secret.as_bytes());
    hmac::sign(&key, name.as_bytes()).as_ref().to_vec()
}

fn by_refresh_token(
    op: &mut Operation<'_>,
    ids: &Ids,
    mut parameters: Parameters,
) -> Result<Value, AwsError> {
    let now = op.now;
    let pool = op.state.pool_mut(&ids.pool)?;
    let client = pool.client(&ids.client)?;
    if !client.settings.allows(AuthFlow::AllowRefreshToken) || client.settings.rotates() {
        return Err(errors::invalid_parameter("Auth flow not enabled for this client"));
    }
    let token = parameters.take("REFRESH_TOKEN")?;
    // The hash is over a name that the token knows and the request does not: any name of the user fits.
    let hash = parameters.0.remove("SECRET_HASH");
    parameters.finish()?;
    if client.secret.is_some() || hash.is_some() {
        let session = pool.sessions.values().find(|session| session.refresh == tokens::hashed(&token));
        let names = session
            .and_then(|session| pool.user(&session.username))
            .map(|user| vec![user.username.as_str(), user.attribute("email").unwrap_or_default()])
            .unwrap_or_default();
        let judged = names.iter().map(|name| check_secret_hash(client, name, hash.as_deref()));
        let unknown = || Err(errors::not_authorized("Invalid Refresh Token"));
        judged.reduce(Result::or).unwrap_or_else(unknown)?;
    }
    Ok(tokens::refresh(pool, &ids.client, &token, now)?.result())
}

pub(super) fn get_tokens_from_refresh_token(
    op: &mut Operation<'_>,
    mut input: Input,
) -> Result<Value, AwsError> {
    let now = op.now;
    let client_id = input.client_id()?;
    let token = input.text("RefreshToken")?;
    let secret = input.optional_text("ClientSecret")?;
    input.client_metadata()?;
    input.finish()?;
    let (pool, client) = op.state.client(&client_id)?;
    let pool_id = pool.id.clone();
    check_client_secret(client, secret.as_deref())?;
    let mut answer = tokens::refresh(op.state.pool_mut(&pool_id)?, &client_id, &token, now)?.result();
    if let Some(answer) = answer.as_object_mut() {
        answer.remove("ChallengeParameters");
    }
    Ok(answer)
}

/// Operations on tokens take the secret itself.
pub(super) fn check_client_secret(
    client: &super::state::Client,
    secret: Option<&str>,
) -> Result<(), AwsError> {
    if client.secret.as_deref() == secret {
        Ok(())
    } else {
        Err(AwsError::new(400, "UnauthorizedException", "Client secret does not match the client."))
    }
}
