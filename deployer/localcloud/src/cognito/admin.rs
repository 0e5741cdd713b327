//! What an administrator does with a pool's users.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::input::Input;
use super::operation::Operation;
use super::sign_up::{cannot_confirm, new_user, release_email};
use super::state::{Millis, Purpose, State, Status, User, seconds};
use super::triggers::{Confirmed, Source};
use super::{account, errors, passwords};
use crate::wire::AwsError;

/// The pool and the key of the user that a request names.
struct Target {
    pool: String,
    user: String,
}

fn target(op: &Operation<'_>, action: &str, input: &mut Input) -> Result<Target, AwsError> {
    let pool = op.admin_pool(action, input)?;
    let username = input.username()?;
    let user = op.pool(&pool)?.find(&username).ok_or_else(errors::user_not_found)?;
    Ok(Target { pool, user })
}

impl Target {
    fn user<'a>(&self, state: &'a mut State) -> Result<&'a mut User, AwsError> {
        state.pool_mut(&self.pool)?.users.get_mut(&self.user).ok_or_else(errors::user_not_found)
    }
}

pub(super) fn create_user(op: &mut Operation<'_>, mut input: Input) -> Result<Value, AwsError> {
    let pool_id = op.admin_pool("AdminCreateUser", &mut input)?;
    let username = input.username()?;
    let attributes = input.attributes("UserAttributes")?;
    input.attributes("ValidationData")?;
    let temporary = input.optional_text("TemporaryPassword")?;
    let force_alias = input.flag("ForceAliasCreation")?;
    let action = input.optional_text("MessageAction")?;
    let mediums = input.texts("DesiredDeliveryMediums")?.unwrap_or_default();
    input.client_metadata()?;
    input.finish()?;
    if mediums.iter().any(|medium| medium == "SMS") {
        return Err(AwsError::not_implemented("the delivery medium SMS"));
    }
    let resend = match action.as_deref() {
        None | Some("SUPPRESS") => false,
        Some("RESEND") => true,
        Some(other) => return Err(errors::invalid_parameter(format!("Invalid MessageAction: {other}"))),
    };
    let now = op.now;
    let State { pools, inbox, .. } = &mut *op.state;
    let pool = pools.get_mut(&pool_id).ok_or_else(|| errors::pool_not_found(&pool_id))?;
    let policy = pool.settings.policies.password_policy.clone();
    if let Some(password) = &temporary {
        passwords::check_policy(&policy, password)?;
    }
    let password = temporary.map_or_else(|| passwords::temporary(&policy), Ok)?;
    let key = if resend {
        let key = pool.find(&username).ok_or_else(errors::user_not_found)?;
        if pool.users.get(&key).is_some_and(|user| user.status != Status::ForceChangePassword) {
            return Err(errors::unsupported_user_state(
                "Resend not possible. User is not in the right state.",
            ));
        }
        key
    } else {
        let user = new_user(pool, &username, attributes, now)?;
        let key = pool.fold(&user.username);
        claim_email(pool, &user, &key, force_alias)?;
        pool.users.insert(key.clone(), user);
        key
    };
    let suffix = pool.suffix().to_owned();
    let user = pool.users.get_mut(&key).ok_or_else(errors::user_not_found)?;
    passwords::set_temporary(&suffix, &policy, user, &password, now)?;
    if action.as_deref() != Some("SUPPRESS")
        && let Some(address) = user.attribute("email")
    {
        let shown = if pool.settings.email_is_username() { address } else { &user.username };
        inbox.send_invitation(&pool.settings, address, shown, &password, now);
    }
    Ok(json!({"User": describe_user(user, None)}))
}

/// A verified address that another user signs in by is refused, or taken over when that is wanted.
fn claim_email(
    pool: &mut super::state::Pool,
    user: &User,
    key: &str,
    force_alias: bool,
) -> Result<(), AwsError> {
    let Some(email) = user.attribute("email").filter(|_| user.email_verified()) else { return Ok(()) };
    if !pool.email_taken(email, Some(key)) {
        return Ok(());
    }
    if !force_alias {
        return Err(errors::alias_exists("email"));
    }
    release_email(pool, email, key);
    Ok(())
}

/// A user as ListUsers and AdminCreateUser show it.
pub(super) fn describe_user(user: &User, attributes: Option<&[String]>) -> Value {
    let keep = |name: &str| attributes.is_none_or(|list| list.iter().any(|entry| entry == name));
    json!({
        "Username": user.username,
        "Attributes": user.attribute_list(keep),
        "UserCreateDate": seconds(user.created),
        "UserLastModifiedDate": seconds(user.modified),
        "Enabled": user.enabled,
        "UserStatus": user.status.name(),
    })
}

/// Confirms without a code: the address stays unverified.
pub(super) fn confirm_sign_up(op: &mut Operation<'_>, mut input: Input) -> Result<Value, AwsError> {
    let target = target(op, "AdminConfirmSignUp", &mut input)?;
    let metadata = input.client_metadata()?;
    input.finish()?;
    let now = op.now;
    let user = target.user(op.state)?;
    if user.status != Status::Unconfirmed {
        return Err(cannot_confirm(user));
    }
    user.status = Status::Confirmed;
    user.codes.remove(&Purpose::SignUp);
    user.modified = now;
    op.confirmed = confirmed(op, &target, metadata.as_ref())?;
    Ok(json!({}))
}

fn confirmed(
    op: &Operation<'_>,
    target: &Target,
    metadata: Option<&BTreeMap<String, String>>,
) -> Result<Option<Confirmed>, AwsError> {
    let pool = op.pool(&target.pool)?;
    let user = pool.users.get(&target.user).ok_or_else(errors::user_not_found)?;
    Ok(Confirmed::new(pool, user, None, Source::SignUp, metadata))
}

pub(super) fn get_user(op: &mut Operation<'_>, mut input: Input) -> Result<Value, AwsError> {
    let target = target(op, "AdminGetUser", &mut input)?;
    input.finish()?;
    let user = target.user(op.state)?;
    let mut answer = describe_user(user, None);
    if let Some(answer) = answer.as_object_mut()
        && let Some(attributes) = answer.remove("Attributes")
    {
        answer.insert("UserAttributes".to_owned(), attributes);
    }
    Ok(answer)
}

pub(super) fn delete_user(op: &mut Operation<'_>, mut input: Input) -> Result<Value, AwsError> {
    let target = target(op, "AdminDeleteUser", &mut input)?;
    input.finish()?;
    account::remove(op, &target.pool, &target.user)?;
    Ok(Value::Null)
}

pub(super) fn set_user_password(op: &mut Operation<'_>, mut input: Input) -> Result<Value, AwsError> {
    let target = target(op, "AdminSetUserPassword", &mut input)?;
    let password = input.password("Password")?;
    let permanent = input.flag("Permanent")?;
    input.finish()?;
    let now = op.now;
    let pool = op.pool(&target.pool)?;
    let policy = pool.settings.policies.password_policy.clone();
    let suffix = pool.suffix().to_owned();
    passwords::check_policy(&policy, &password)?;
    let user = target.user(op.state)?;
    if permanent {
        passwords::set(&suffix, user, &password, now)?;
        user.status = Status::Confirmed;
    } else {
        passwords::set_temporary(&suffix, &policy, user, &password, now)?;
    }
    Ok(json!({}))
}

pub(super) fn reset_user_password(op: &mut Operation<'_>, mut input: Input) -> Result<Value, AwsError> {
    let target = target(op, "AdminResetUserPassword", &mut input)?;
    input.client_metadata()?;
    input.finish()?;
    let now = op.now;
    let user = target.user(op.state)?;
    if !user.email_verified() {
        return Err(errors::invalid_parameter(
            "Cannot reset password for the user as there is no registered/verified email or phone_number",
        ));
    }
    if matches!(user.status, Status::ForceChangePassword | Status::Unconfirmed) {
        return Err(errors::not_authorized("User password cannot be reset in the current state."));
    }
    user.status = Status::ResetRequired;
    user.modified = now;
    op.send_code(&target.pool, &target.user, Purpose::Password, None)?;
    Ok(json!({}))
}

pub(super) fn update_user_attributes(op: &mut Operation<'_>, mut input: Input) -> Result<Value, AwsError> {
    let target = target(op, "AdminUpdateUserAttributes", &mut input)?;
    let attributes = input.attributes("UserAttributes")?;
    input.client_metadata()?;
    input.finish()?;
    account::set_attributes(op, &target.pool, &target.user, attributes)?;
    Ok(json!({}))
}

pub(super) fn delete_user_attributes(op: &mut Operation<'_>, mut input: Input) -> Result<Value, AwsError> {
    let target = target(op, "AdminDeleteUserAttributes", &mut input)?;
    let names = input.texts("UserAttributeNames")?.unwrap_or_default();
    input.finish()?;
    account::remove_attributes(op, &target.pool, &target.user, &names)
}

pub(super) fn disable_user(op: &mut Operation<'_>, input: Input) -> Result<Value, AwsError> {
    set_enabled(op, "AdminDisableUser", input, false)
}

pub(super) fn enable_user(op: &mut Operation<'_>, input: Input) -> Result<Value, AwsError> {
    set_enabled(op, "AdminEnableUser", input, true)
}

fn set_enabled(
    op: &mut Operation<'_>,
    action: &str,
    mut input: Input,
    enabled: bool,
) -> Result<Value, AwsError> {
    let target = target(op, action, &mut input)?;
    input.finish()?;
    let now: Millis = op.now;
    let user = target.user(op.state)?;
    user.enabled = enabled;
    user.modified = now;
    if !enabled {
        sign_out(op, &target)?;
    }
    Ok(json!({}))
}

pub(super) fn user_global_sign_out(op: &mut Operation<'_>, mut input: Input) -> Result<Value, AwsError> {
    let target = target(op, "AdminUserGlobalSignOut", &mut input)?;
    input.finish()?;
    sign_out(op, &target)?;
    Ok(json!({}))
}

/// Ends every session of the user.
fn sign_out(op: &mut Operation<'_>, target: &Target) -> Result<(), AwsError> {
    let username = target.user(op.state)?.username.clone();
    op.state.pool_mut(&target.pool)?.revoke_sessions_of(&username);
    Ok(())
}
