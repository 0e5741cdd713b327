//! Answers to challenges: RespondToAuthChallenge, for users and for administrators.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::challenges::{Kind, Waiting};
use super::input::{Input, PASSWORD};
use super::operation::{Ids, Operation, check_secret_hash};
use super::sign_in::{Parameters, admin_ids, finish};
use super::state::Status;
use super::{errors, passwords};
use crate::wire::AwsError;

pub(super) fn respond_to_auth_challenge(op: &mut Operation<'_>, mut input: Input) -> Result<Value, AwsError> {
    let client_id = input.client_id()?;
    let pool = op.state.client(&client_id)?.0.id.clone();
    respond(op, input, Ids { pool, client: client_id })
}

pub(super) fn admin_respond_to_auth_challenge(
    op: &mut Operation<'_>,
    mut input: Input,
) -> Result<Value, AwsError> {
    let ids = admin_ids(op, "AdminRespondToAuthChallenge", &mut input)?;
    respond(op, input, ids)
}

fn respond(op: &mut Operation<'_>, mut input: Input, ids: Ids) -> Result<Value, AwsError> {
    input.drop_context();
    let challenge = input.text("ChallengeName")?;
    let session = input.optional_text("Session")?;
    let mut responses = Parameters(input.map("ChallengeResponses")?);
    input.client_metadata()?;
    input.finish()?;
    let name = responses.take("USERNAME")?;
    let client = op.pool(&ids.pool)?.client(&ids.client)?;
    check_secret_hash(client, &name, responses.0.remove("SECRET_HASH").as_deref())?;
    match challenge.as_str() {
        "PASSWORD_VERIFIER" => verify_srp(op, &ids, responses),
        "NEW_PASSWORD_REQUIRED" => {
            let session =
                session.ok_or_else(|| errors::invalid_parameter("Missing required parameter Session"))?;
            new_password(op, &ids, &name, &session, responses)
        }
        other => Err(AwsError::not_implemented(format_args!("the challenge {other}"))),
    }
}

fn invalid_session() -> AwsError {
    errors::not_authorized("Invalid session for the user, session is expired.")
}

fn verify_srp(op: &mut Operation<'_>, ids: &Ids, mut responses: Parameters) -> Result<Value, AwsError> {
    let block = responses.take("PASSWORD_CLAIM_SECRET_BLOCK")?;
    let signature = responses.take("PASSWORD_CLAIM_SIGNATURE")?;
    let timestamp = responses.take("TIMESTAMP")?;
    responses.finish()?;
    if !is_timestamp(&timestamp) {
        return Err(errors::invalid_parameter(
            "TIMESTAMP format should be EEE MMM d HH:mm:ss z yyyy in english.",
        ));
    }
    let now = op.now;
    let waiting = op.state.challenges.take(&block, &ids.client, now).ok_or_else(invalid_session)?;
    let Kind::Srp(exchange) = waiting.kind else { return Err(invalid_session()) };
    let (Ok(block), Ok(signature)) = (STANDARD.decode(&block), STANDARD.decode(&signature)) else {
        return Err(errors::wrong_credentials());
    };
    let pool = op.state.pool_mut(&ids.pool)?;
    // Also where the user is a simulated one: it cannot be told from a wrong password.
    let Some(key) = pool.find(&waiting.username) else { return Err(errors::wrong_credentials()) };
    passwords::attempt(pool, &key, now, |suffix, user| {
        let message = [suffix.as_bytes(), user.username.as_bytes(), &block, timestamp.as_bytes()].concat();
        exchange.proves(&message, &signature)
    })?;
    let user = pool.users.get(&key).ok_or_else(errors::user_not_found)?;
    passwords::check_standing(user, now)?;
    finish(op, ids, &key)
}

/// `Sat Nov 21 8:05:09 UTC 2026`: a day without a leading zero, always UTC.
fn is_timestamp(text: &str) -> bool {
    jiff::fmt::strtime::parse("%a %b %e %H:%M:%S UTC %Y", text).is_ok()
        || jiff::fmt::strtime::parse("%a %b %d %H:%M:%S UTC %Y", text).is_ok()
}

fn new_password(
    op: &mut Operation<'_>,
    ids: &Ids,
    name: &str,
    session: &str,
    mut responses: Parameters,
) -> Result<Value, AwsError> {
    let password = responses.take("NEW_PASSWORD")?;
    PASSWORD.check("NewPassword", &password)?;
    let attributes: Vec<(String, String)> = std::mem::take(&mut responses.0)
        .into_iter()
        .filter(|(name, _)| {
            // Clients answer with what they had for the password before it.
            !matches!(name.as_str(), "PASSWORD_CLAIM_SECRET_BLOCK" | "PASSWORD_CLAIM_SIGNATURE" | "TIMESTAMP")
        })
        .map(|(name, value)| match name.strip_prefix("userAttributes.") {
            Some(attribute) => Ok((attribute.to_owned(), value)),
            None => Err(AwsError::not_implemented(format_args!("the challenge response {name}"))),
        })
        .collect::<Result<_, _>>()?;
    let key = set_new_password(op, ids, Some(name), session, &password, attributes)?;
    finish(op, ids, &key)
}

/// Replaces a temporary password; answers the user's key. The session stays good until it succeeds.
pub(super) fn set_new_password(
    op: &mut Operation<'_>,
    ids: &Ids,
    name: Option<&str>,
    session: &str,
    password: &str,
    attributes: Vec<(String, String)>,
) -> Result<String, AwsError> {
    let now = op.now;
    let waiting = op.state.challenges.take(session, &ids.client, now).ok_or_else(invalid_session)?;
    let key = waiting.username.clone();
    let result = replace_password(op, ids, &waiting, name, password, attributes);
    if result.is_err() {
        op.state.challenges.keep(session.to_owned(), waiting, now);
    }
    result.map(|()| key)
}

fn replace_password(
    op: &mut Operation<'_>,
    ids: &Ids,
    waiting: &Waiting,
    name: Option<&str>,
    password: &str,
    attributes: Vec<(String, String)>,
) -> Result<(), AwsError> {
    let now = op.now;
    let pool = op.state.pool_mut(&ids.pool)?;
    if !matches!(waiting.kind, Kind::NewPassword)
        || name.is_some_and(|name| pool.find(name).as_deref() != Some(waiting.username.as_str()))
    {
        return Err(invalid_session());
    }
    passwords::check_policy(&pool.settings.policies.password_policy, password)?;
    super::sign_up::check_writable(pool, pool.client(&ids.client)?, &attributes)?;
    let schema = pool.schema();
    schema.check(&attributes)?;
    let user = pool.users.get(&waiting.username).ok_or_else(errors::user_not_found)?;
    let mut complete = user.attributes.clone();
    complete.extend(attributes);
    schema.check_complete(&complete)?;
    let suffix = pool.suffix().to_owned();
    let user = pool.users.get_mut(&waiting.username).ok_or_else(errors::user_not_found)?;
    user.attributes = complete;
    passwords::set(&suffix, user, password, now)?;
    user.status = Status::Confirmed;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_has_the_form_that_the_clients_sign() {
        assert!(is_timestamp("Sat Nov 21 08:05:09 UTC 2026"));
        assert!(is_timestamp("Sun Nov 1 08:05:09 UTC 2026"));
        for wrong in ["2026-11-21T08:05:09Z", "Sat Nov 21 08:05:09 CET 2026", ""] {
            assert!(!is_timestamp(wrong), "{wrong}");
        }
    }
}
