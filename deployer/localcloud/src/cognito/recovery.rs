//! A forgotten password: ForgotPassword and ConfirmForgotPassword.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::input::{CODE, Input};
use super::operation::{Ids, Operation};
use super::state::{Purpose, Status};
use super::triggers::{Confirmed, Source};
use super::{errors, mail, passwords};
use crate::wire::AwsError;

pub(super) fn forgot_password(op: &mut Operation<'_>, mut input: Input) -> Result<Value, AwsError> {
    input.drop_context();
    let username = input.username()?;
    let ids = op.public_client(&mut input, &username)?;
    input.client_metadata()?;
    input.finish()?;
    begin(op, &ids, &username)
}

/// Sends the code. Where the client hides who exists, every name gets the same kind of answer.
pub(super) fn begin(op: &mut Operation<'_>, ids: &Ids, username: &str) -> Result<Value, AwsError> {
    let pool = op.pool(&ids.pool)?;
    let hides = pool.client(&ids.client)?.settings.hides_existence();
    if pool.settings.recovery_by_administrator_only() {
        return Err(errors::not_authorized("Contact administrator to reset password."));
    }
    let key = pool.find(username);
    let user = key.as_ref().and_then(|key| pool.users.get(key));
    let refusal = match user {
        None => Some(errors::combination_not_found()),
        Some(user) if !user.enabled => Some(errors::user_disabled()),
        Some(user) if !user.email_verified() => Some(errors::invalid_parameter(
            "Cannot reset password for the user as there is no registered/verified email or phone_number",
        )),
        Some(user) if user.status == Status::ForceChangePassword => {
            Some(errors::not_authorized("User password cannot be reset in the current state."))
        }
        Some(_) => None,
    };
    match (refusal, key) {
        (None, Some(key)) => {
            let address = op.send_code(&ids.pool, &key, Purpose::Password, None)?;
            Ok(json!({"CodeDeliveryDetails": mail::delivery(&address.unwrap_or_default())}))
        }
        (_, _) if hides => Ok(json!({"CodeDeliveryDetails": mail::simulated_delivery(username, user)})),
        (refusal, _) => Err(refusal.unwrap_or_else(errors::combination_not_found)),
    }
}

pub(super) fn confirm_forgot_password(op: &mut Operation<'_>, mut input: Input) -> Result<Value, AwsError> {
    input.drop_context();
    let username = input.username()?;
    let ids = op.public_client(&mut input, &username)?;
    let code = input.limited("ConfirmationCode", CODE)?;
    let password = input.password("Password")?;
    let metadata = input.client_metadata()?;
    input.finish()?;
    finish(op, &ids, &username, &code, &password, metadata.as_ref())
}

/// Judges the code and sets the password; the user is confirmed after it.
pub(super) fn finish(
    op: &mut Operation<'_>,
    ids: &Ids,
    username: &str,
    code: &str,
    password: &str,
    metadata: Option<&BTreeMap<String, String>>,
) -> Result<Value, AwsError> {
    let now = op.now;
    let pool = op.state.pool_mut(&ids.pool)?;
    let hides = pool.client(&ids.client)?.settings.hides_existence();
    passwords::check_policy(&pool.settings.policies.password_policy, password)?;
    let suffix = pool.suffix().to_owned();
    let Some(key) = pool.find(username) else {
        return Err(if hides { errors::code_mismatch() } else { errors::combination_not_found() });
    };
    let user = pool.users.get_mut(&key).ok_or_else(errors::user_not_found)?;
    if !user.enabled {
        return Err(if hides { errors::code_mismatch() } else { errors::user_disabled() });
    }
    mail::check_code(user.codes.get_mut(&Purpose::Password), code, now)?;
    user.codes.remove(&Purpose::Password);
    passwords::set(&suffix, user, password, now)?;
    user.status = Status::Confirmed;
    op.confirmed = pool
        .users
        .get(&key)
        .and_then(|user| Confirmed::new(pool, user, Some(&ids.client), Source::ForgotPassword, metadata));
    Ok(json!({}))
}
