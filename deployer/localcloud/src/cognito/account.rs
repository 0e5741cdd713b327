//! What a signed-in user does with its own account, by access token.

use serde_json::{Value, json};

use super::input::{CODE, Input, PASSWORD};
use super::operation::Operation;
use super::sign_in::check_client_secret;
use super::sign_up::check_writable;
use super::state::{Purpose, User};
use super::tokens::Bearer;
use super::{errors, mail, passwords, tokens};
use crate::wire::AwsError;

pub(super) fn get_user(op: &mut Operation<'_>, mut input: Input) -> Result<Value, AwsError> {
    let bearer = op.bearer(&mut input)?;
    input.finish()?;
    let pool = op.pool(&bearer.pool_id)?;
    let user = pool.users.get(&bearer.user).ok_or_else(errors::user_not_found)?;
    let readable = pool.client(&bearer.client_id)?.settings.read_attributes.clone();
    let shown = |name: &str| {
        name == "sub" || readable.as_ref().is_none_or(|list| list.iter().any(|entry| entry == name))
    };
    Ok(json!({"Username": user.username, "UserAttributes": user.attribute_list(shown)}))
}

pub(super) fn change_password(op: &mut Operation<'_>, mut input: Input) -> Result<Value, AwsError> {
    let bearer = op.bearer(&mut input)?;
    let previous = input.password("PreviousPassword")?;
    let proposed = input.password("ProposedPassword")?;
    input.finish()?;
    PASSWORD.check("ProposedPassword", &proposed)?;
    let now = op.now;
    let pool = op.state.pool_mut(&bearer.pool_id)?;
    passwords::check_policy(&pool.settings.policies.password_policy, &proposed)?;
    passwords::attempt(pool, &bearer.user, now, |suffix, user| {
        user.password.as_ref().is_some_and(|verifier| verifier.accepts(suffix, &user.username, &previous))
    })?;
    let suffix = pool.suffix().to_owned();
    let user = pool.users.get_mut(&bearer.user).ok_or_else(errors::user_not_found)?;
    passwords::set(&suffix, user, &proposed, now)?;
    Ok(json!({}))
}

pub(super) fn update_user_attributes(op: &mut Operation<'_>, mut input: Input) -> Result<Value, AwsError> {
    let bearer = op.bearer(&mut input)?;
    let attributes = input.attributes("UserAttributes")?;
    input.client_metadata()?;
    input.finish()?;
    let pool = op.pool(&bearer.pool_id)?;
    check_writable(pool, pool.client(&bearer.client_id)?, &attributes)?;
    let sent = set_attributes(op, &bearer.pool_id, &bearer.user, attributes)?;
    let details: Vec<_> = sent.iter().map(|address| mail::delivery(address)).collect();
    Ok(json!({"CodeDeliveryDetailsList": details}))
}

/// Sets attributes; answers the address that a verification code went to, where one did.
/// An `email_verified` of true beside a new address takes it at once.
pub(super) fn set_attributes(
    op: &mut Operation<'_>,
    pool_id: &str,
    key: &str,
    attributes: Vec<(String, String)>,
) -> Result<Option<String>, AwsError> {
    let now = op.now;
    let pool = op.state.pool_mut(pool_id)?;
    let schema = pool.schema();
    schema.check(&attributes)?;
    let user = pool.users.get(key).ok_or_else(errors::user_not_found)?;
    for (name, value) in &attributes {
        if user.attribute(name) != Some(value) {
            schema.check_mutable(name)?;
        }
        if value.is_empty() && schema.required().any(|required| required == name) {
            return Err(errors::invalid_parameter(format!(
                "Attributes did not conform to the schema: {name}: The attribute is required\n"
            )));
        }
    }
    let verified = attributes.iter().any(|(name, value)| name == "email_verified" && value == "true");
    let new_email = attributes
        .iter()
        .find(|(name, value)| name == "email" && user.attribute("email") != Some(value))
        .map(|(_, value)| value.clone())
        .filter(|value| !value.is_empty());
    let waits = !verified && pool.settings.keeps_email_until_verified();
    if let Some(email) = &new_email
        && !waits
        && pool.email_taken(email, Some(key))
        && (verified || pool.settings.email_is_username())
    {
        return Err(errors::alias_exists("email"));
    }
    let verifies = pool.settings.verifies_email();
    let user = pool.users.get_mut(key).ok_or_else(errors::user_not_found)?;
    user.modified = now;
    apply(user, attributes, new_email.is_some(), waits, verified);
    match new_email {
        Some(email) if !verified && (waits || verifies) => {
            op.send_code(pool_id, key, Purpose::Email, Some(&email))
        }
        _ => Ok(None),
    }
}

fn apply(
    user: &mut User,
    attributes: Vec<(String, String)>,
    email_changes: bool,
    waits: bool,
    verified: bool,
) {
    for (name, value) in attributes {
        if name == "email" && email_changes {
            user.codes.remove(&Purpose::Email);
            if waits {
                user.pending.insert(name, value);
                continue;
            }
            user.pending.remove("email");
            user.attributes.insert("email_verified".to_owned(), verified.to_string());
        }
        if value.is_empty() {
            user.attributes.remove(&name);
        } else {
            user.attributes.insert(name, value);
        }
    }
}

pub(super) fn delete_user_attributes(op: &mut Operation<'_>, mut input: Input) -> Result<Value, AwsError> {
    let bearer = op.bearer(&mut input)?;
    let names = input.texts("UserAttributeNames")?.unwrap_or_default();
    input.finish()?;
    let pool = op.pool(&bearer.pool_id)?;
    let pairs: Vec<_> = names.iter().map(|name| (name.clone(), String::new())).collect();
    check_writable(pool, pool.client(&bearer.client_id)?, &pairs)?;
    remove_attributes(op, &bearer.pool_id, &bearer.user, &names)
}

pub(super) fn remove_attributes(
    op: &mut Operation<'_>,
    pool_id: &str,
    key: &str,
    names: &[String],
) -> Result<Value, AwsError> {
    let now = op.now;
    let pool = op.state.pool_mut(pool_id)?;
    let schema = pool.schema();
    let pairs: Vec<_> = names.iter().map(|name| (name.clone(), String::new())).collect();
    for name in names {
        if schema.has(name) && schema.required().any(|required| required == name) {
            return Err(errors::invalid_parameter(format!(
                "Attributes did not conform to the schema: {name}: The attribute is required\n"
            )));
        }
        if !schema.has(name) {
            schema.check(&pairs)?;
        }
        schema.check_mutable(name)?;
    }
    let user = pool.users.get_mut(key).ok_or_else(errors::user_not_found)?;
    for name in names {
        user.attributes.remove(name);
        if name == "email" {
            user.attributes.remove("email_verified");
            user.pending.remove("email");
        }
    }
    user.modified = now;
    Ok(json!({}))
}

pub(super) fn get_user_attribute_verification_code(
    op: &mut Operation<'_>,
    mut input: Input,
) -> Result<Value, AwsError> {
    let bearer = op.bearer(&mut input)?;
    let attribute = input.text("AttributeName")?;
    input.client_metadata()?;
    input.finish()?;
    check_verifiable(&attribute)?;
    let pool = op.pool(&bearer.pool_id)?;
    let user = pool.users.get(&bearer.user).ok_or_else(errors::user_not_found)?;
    let pending = user.pending.get("email").cloned();
    match op.send_code(&bearer.pool_id, &bearer.user, Purpose::Email, pending.as_deref())? {
        Some(address) => Ok(json!({"CodeDeliveryDetails": mail::delivery(&address)})),
        None => Err(errors::invalid_parameter("User does not have the attribute email.")),
    }
}

pub(super) fn verify_user_attribute(op: &mut Operation<'_>, mut input: Input) -> Result<Value, AwsError> {
    let bearer = op.bearer(&mut input)?;
    let attribute = input.text("AttributeName")?;
    let code = input.limited("Code", CODE)?;
    input.finish()?;
    check_verifiable(&attribute)?;
    verify_email(op, &bearer, &code)
}

fn check_verifiable(attribute: &str) -> Result<(), AwsError> {
    match attribute {
        "email" => Ok(()),
        "phone_number" => Err(AwsError::not_implemented("the verification of phone_number")),
        other => Err(errors::invalid_parameter(format!("Invalid attribute name: {other}"))),
    }
}

fn verify_email(op: &mut Operation<'_>, bearer: &Bearer, code: &str) -> Result<Value, AwsError> {
    let now = op.now;
    let pool = op.state.pool_mut(&bearer.pool_id)?;
    let user = pool.users.get_mut(&bearer.user).ok_or_else(errors::user_not_found)?;
    mail::check_code(user.codes.get_mut(&Purpose::Email), code, now)?;
    let proved = user.pending.get("email").cloned().or_else(|| user.attribute("email").map(str::to_owned));
    let Some(proved) = proved else { return Err(errors::code_expired()) };
    if pool.email_taken(&proved, Some(&bearer.user)) {
        return Err(errors::alias_exists("email"));
    }
    let user = pool.users.get_mut(&bearer.user).ok_or_else(errors::user_not_found)?;
    user.codes.remove(&Purpose::Email);
    user.pending.remove("email");
    user.attributes.insert("email".to_owned(), proved);
    user.attributes.insert("email_verified".to_owned(), "true".to_owned());
    user.modified = now;
    Ok(json!({}))
}

pub(super) fn delete_user(op: &mut Operation<'_>, mut input: Input) -> Result<Value, AwsError> {
    let bearer = op.bearer(&mut input)?;
    input.finish()?;
    remove(op, &bearer.pool_id, &bearer.user)?;
    Ok(Value::Null)
}

/// Deletes a user and ends its sessions.
pub(super) fn remove(op: &mut Operation<'_>, pool_id: &str, key: &str) -> Result<(), AwsError> {
    let pool = op.state.pool_mut(pool_id)?;
    let user = pool.users.remove(key).ok_or_else(errors::user_not_found)?;
    pool.sessions.retain(|_, session| session.username != user.username);
    Ok(())
}

pub(super) fn global_sign_out(op: &mut Operation<'_>, mut input: Input) -> Result<Value, AwsError> {
    let bearer = op.bearer(&mut input)?;
    input.finish()?;
    let pool = op.state.pool_mut(&bearer.pool_id)?;
    let username = pool.users.get(&bearer.user).ok_or_else(errors::user_not_found)?.username.clone();
    pool.revoke_sessions_of(&username);
    Ok(json!({}))
}

pub(super) fn revoke_token(op: &mut Operation<'_>, mut input: Input) -> Result<Value, AwsError> {
    let token = input.text("Token")?;
    let client_id = input.client_id()?;
    let secret = input.optional_text("ClientSecret")?;
    input.finish()?;
    let (pool, client) = op.state.client(&client_id)?;
    let pool_id = pool.id.clone();
    check_client_secret(client, secret.as_deref())?;
    check_revocable(client, &token)?;
    tokens::revoke(op.state.pool_mut(&pool_id)?, &client_id, &token);
    Ok(json!({}))
}

/// Only refresh tokens are revoked, and only where the client has it switched on.
pub(super) fn check_revocable(client: &super::state::Client, token: &str) -> Result<(), AwsError> {
    if !client.settings.revokes() {
        return Err(AwsError::new(
            400,
            "UnsupportedOperationException",
            "Token revocation is not enabled for this client",
        ));
    }
    // Refresh tokens have no dots here; id and access tokens have two.
    if token.contains('.') {
        return Err(AwsError::new(400, "UnsupportedTokenTypeException", "Unsupported token type"));
    }
    Ok(())
}
