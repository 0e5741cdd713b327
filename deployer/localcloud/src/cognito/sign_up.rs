//! Signing up: SignUp, ConfirmSignUp, ResendConfirmationCode.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use uuid::Uuid;

use super::input::{CODE, Input};
use super::operation::{Ids, Operation};
use super::settings::Alias;
use super::state::{Client, Failures, Millis, Pool, Purpose, Status, User};
use super::triggers::{Confirmed, Source};
use super::{errors, mail, passwords, schema};
use crate::wire::AwsError;

pub(super) fn sign_up(op: &mut Operation<'_>, mut input: Input) -> Result<Value, AwsError> {
    input.drop_context();
    let username = input.username()?;
    let ids = op.public_client(&mut input, &username)?;
    let password = input.password("Password")?;
    let attributes = input.attributes("UserAttributes")?;
    // Both go to the PreSignUp trigger alone, which pools here cannot have.
    input.attributes("ValidationData")?;
    input.client_metadata()?;
    input.finish()?;
    register(op, &ids, &username, &password, attributes)
}

/// Makes the user and sends the code.
pub(super) fn register(
    op: &mut Operation<'_>,
    ids: &Ids,
    username: &str,
    password: &str,
    attributes: Vec<(String, String)>,
) -> Result<Value, AwsError> {
    let now = op.now;
    let pool = op.state.pool_mut(&ids.pool)?;
    if pool.settings.admin_create_user_config.allow_admin_create_user_only {
        return Err(errors::not_authorized("SignUp is not permitted for this user pool"));
    }
    check_writable(pool, pool.client(&ids.client)?, &attributes)?;
    passwords::check_policy(&pool.settings.policies.password_policy, password)?;
    let mut user = new_user(pool, username, attributes, now)?;
    if user.attribute("email").is_some() {
        user.attributes.insert("email_verified".to_owned(), "false".to_owned());
    }
    passwords::set(pool.suffix(), &mut user, password, now)?;
    let (key, sub) = (pool.fold(&user.username), user.sub.clone());
    let sends = pool.settings.verifies_email();
    pool.users.insert(key.clone(), user);
    let sent = if sends { op.send_code(&ids.pool, &key, Purpose::SignUp, None)? } else { None };
    let mut answer = json!({"UserConfirmed": false, "UserSub": sub});
    if let Some(address) = sent {
        answer["CodeDeliveryDetails"] = mail::delivery(&address);
    }
    Ok(answer)
}

/// Refuses attributes that the client must not write.
pub(super) fn check_writable(
    pool: &Pool,
    client: &Client,
    attributes: &[(String, String)],
) -> Result<(), AwsError> {
    let schema = pool.schema();
    for (name, _) in attributes {
        let listed = match &client.settings.write_attributes {
            Some(list) => list.iter().any(|entry| entry == name),
            None => true,
        };
        if schema.has(name) && !(listed && schema.user_writable(name)) {
            return Err(errors::not_authorized("A client attempted to write unauthorized attribute"));
        }
    }
    Ok(())
}

/// A user that the pool takes, not yet in it. Errors: its name or attributes do not fit, or are taken.
pub(super) fn new_user(
    pool: &Pool,
    username: &str,
    attributes: Vec<(String, String)>,
    now: Millis,
) -> Result<User, AwsError> {
    let schema = pool.schema();
    schema.check(&attributes)?;
    let mut attributes: BTreeMap<String, String> =
        attributes.into_iter().filter(|(_, value)| !value.is_empty()).collect();
    let sub = Uuid::new_v4().to_string();
    let username = if pool.settings.email_is_username() {
        email_user_name(pool, username, &sub, &mut attributes)?
    } else {
        if pool.settings.has_alias(Alias::Email) && schema::is_email(username) {
            return Err(errors::invalid_parameter(
                "Username cannot be of email format, since user pool is configured for email alias.",
            ));
        }
        if pool.users.contains_key(&pool.fold(username)) {
            return Err(errors::username_exists("User already exists"));
        }
        username.to_owned()
    };
    schema.check_complete(&attributes)?;
    Ok(User {
        username,
        sub,
        attributes,
        status: Status::Unconfirmed,
        enabled: true,
        created: now,
        modified: now,
        password: None,
        temporary_until: None,
        groups: BTreeSet::new(),
        codes: BTreeMap::new(),
        pending: BTreeMap::new(),
        failures: Failures::default(),
    })
}

/// Where the address is the name, the user's own name is its `sub`.
fn email_user_name(
    pool: &Pool,
    username: &str,
    sub: &str,
    attributes: &mut BTreeMap<String, String>,
) -> Result<String, AwsError> {
    if !schema::is_email(username) {
        return Err(errors::invalid_parameter("Username should be an email."));
    }
    let email = attributes.entry("email".to_owned()).or_insert_with(|| username.to_owned());
    if pool.fold(email) != pool.fold(username) {
        return Err(errors::invalid_parameter(
            "The username and the email attribute must be the same address.",
        ));
    }
    if pool.email_taken(username, None) {
        return Err(errors::username_exists("An account with the given email already exists."));
    }
    Ok(sub.to_owned())
}

pub(super) fn confirm_sign_up(op: &mut Operation<'_>, mut input: Input) -> Result<Value, AwsError> {
    input.drop_context();
    let username = input.username()?;
    let ids = op.public_client(&mut input, &username)?;
    let code = input.limited("ConfirmationCode", CODE)?;
    let force_alias = input.flag("ForceAliasCreation")?;
    let metadata = input.client_metadata()?;
    input.finish()?;
    confirm(op, &ids, &username, &code, force_alias, metadata.as_ref())
}

/// Judges the code and confirms the user.
pub(super) fn confirm(
    op: &mut Operation<'_>,
    ids: &Ids,
    username: &str,
    code: &str,
    force_alias: bool,
    metadata: Option<&BTreeMap<String, String>>,
) -> Result<Value, AwsError> {
    let now = op.now;
    let pool = op.state.pool_mut(&ids.pool)?;
    let hides = pool.client(&ids.client)?.settings.hides_existence();
    let Some(key) = pool.find(username) else {
        return Err(if hides { errors::code_expired() } else { errors::combination_not_found() });
    };
    let user = pool.users.get_mut(&key).ok_or_else(errors::user_not_found)?;
    if !user.enabled {
        return Err(errors::user_disabled());
    }
    if user.status != Status::Unconfirmed {
        return Err(cannot_confirm(user));
    }
    mail::check_code(user.codes.get_mut(&Purpose::SignUp), code, now)?;
    let email = user.attribute("email").map(str::to_owned);
    if let Some(email) = email
        && pool.email_taken(&email, Some(&key))
    {
        if !force_alias {
            return Err(errors::alias_exists("email"));
        }
        release_email(pool, &email, &key);
    }
    let user = pool.users.get_mut(&key).ok_or_else(errors::user_not_found)?;
    user.codes.remove(&Purpose::SignUp);
    // The code went to the address, so its owner is proved with it.
    if user.attribute("email").is_some() {
        user.attributes.insert("email_verified".to_owned(), "true".to_owned());
    }
    user.status = Status::Confirmed;
    user.modified = now;
    op.confirmed = pool
        .users
        .get(&key)
        .and_then(|user| Confirmed::new(pool, user, Some(&ids.client), Source::SignUp, metadata));
    Ok(json!({}))
}

/// ForceAliasCreation takes the alias from whoever has it.
pub(super) fn release_email(pool: &mut Pool, email: &str, keep: &str) {
    let folded = pool.fold(email);
    let sensitive = pool.settings.case_sensitive();
    for (key, user) in &mut pool.users {
        let same = user
            .attribute("email")
            .is_some_and(|value| if sensitive { value == folded } else { value.to_lowercase() == folded });
        if key != keep && same {
            user.attributes.insert("email_verified".to_owned(), "false".to_owned());
        }
    }
}

pub(super) fn cannot_confirm(user: &User) -> AwsError {
    errors::not_authorized(format!("User cannot be confirmed. Current status is {}", user.status.name()))
}

pub(super) fn resend_confirmation_code(op: &mut Operation<'_>, mut input: Input) -> Result<Value, AwsError> {
    input.drop_context();
    let username = input.username()?;
    let ids = op.public_client(&mut input, &username)?;
    input.client_metadata()?;
    input.finish()?;
    resend(op, &ids, &username)
}

pub(super) fn resend(op: &mut Operation<'_>, ids: &Ids, username: &str) -> Result<Value, AwsError> {
    let pool = op.pool(&ids.pool)?;
    let hides = pool.client(&ids.client)?.settings.hides_existence();
    let key = pool.find(username);
    let user = key.as_ref().and_then(|key| pool.users.get(key));
    let (Some(key), Some(user)) = (&key, user) else {
        return if hides {
            Ok(json!({"CodeDeliveryDetails": mail::simulated_delivery(username, None)}))
        } else {
            Err(errors::combination_not_found())
        };
    };
    if user.status != Status::Unconfirmed {
        return Err(errors::invalid_parameter("User is already confirmed."));
    }
    if !pool.settings.verifies_email() {
        return Err(errors::invalid_parameter("Cannot resend codes. Auto verification not turned on."));
    }
    match op.send_code(&ids.pool, key, Purpose::SignUp, None)? {
        Some(address) => Ok(json!({"CodeDeliveryDetails": mail::delivery(&address)})),
        None => Err(errors::invalid_parameter("User has no address to send a code to.")),
    }
}
