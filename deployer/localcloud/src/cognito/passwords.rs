//! Passwords: the pool's policy, setting one, and trying one.

use super::settings::PasswordPolicy;
use super::srp::Verifier;
use super::state::{Millis, Pool, Status, User};
use super::{errors, random};
use crate::wire::AwsError;

/// Wrong passwords before a user has to wait, and the longest wait.
/// Source: developer guide, "Lockout behavior for failed sign-in attempts".
const FREE_TRIES: u32 = 5;
const LONGEST_WAIT: Millis = 15 * 60 * 1000;

/// The symbols that count (developer guide, "User pool password requirements").
const SYMBOLS: &str = "^$*.[]{}()?\"!@#%&/\\,><':;|_~`=+- ";

/// Refuses a password that the policy does not take, naming the first thing that it lacks.
pub(super) fn check_policy(policy: &PasswordPolicy, password: &str) -> Result<(), AwsError> {
    let lacks = |required: bool, has: fn(char) -> bool| required && !password.chars().any(has);
    if password.chars().count() < policy.minimum_length {
        return Err(errors::invalid_password("Password not long enough"));
    }
    if lacks(policy.require_uppercase, |character| character.is_ascii_uppercase()) {
        return Err(errors::invalid_password("Password must have uppercase characters"));
    }
    if lacks(policy.require_lowercase, |character| character.is_ascii_lowercase()) {
        return Err(errors::invalid_password("Password must have lowercase characters"));
    }
    if lacks(policy.require_numbers, |character| character.is_ascii_digit()) {
        return Err(errors::invalid_password("Password must have numeric characters"));
    }
    if lacks(policy.require_symbols, |character| SYMBOLS.contains(character)) {
        return Err(errors::invalid_password("Password must have symbol characters"));
    }
    Ok(())
}

/// Gives a user a password of its own choice.
pub(super) fn set(pool_suffix: &str, user: &mut User, password: &str, now: Millis) -> Result<(), AwsError> {
    user.password = Some(Verifier::new(pool_suffix, &user.username, password)?);
    user.temporary_until = None;
    user.failures = super::state::Failures::default();
    user.modified = now;
    Ok(())
}

/// Gives a user a password that the first sign-in must replace.
pub(super) fn set_temporary(
    pool_suffix: &str,
    policy: &PasswordPolicy,
    user: &mut User,
    password: &str,
    now: Millis,
) -> Result<(), AwsError> {
    set(pool_suffix, user, password, now)?;
    user.status = Status::ForceChangePassword;
    user.temporary_until = Some(now + policy.temporary_password_validity_days * 86_400_000);
    Ok(())
}

/// A temporary password that any policy takes.
pub(super) fn temporary(policy: &PasswordPolicy) -> Result<String, AwsError> {
    random::password(policy.minimum_length)
}

/// Tries a password (or a proof of it) of the user at `key`, counting failures.
pub(super) fn attempt(
    pool: &mut Pool,
    key: &str,
    now: Millis,
    proves: impl FnOnce(&str, &User) -> bool,
) -> Result<(), AwsError> {
    let suffix = pool.suffix().to_owned();
    let user = pool.users.get_mut(key).ok_or_else(errors::user_not_found)?;
    if user.failures.locked_until > now {
        return Err(errors::not_authorized("Password attempts exceeded"));
    }
    if proves(&suffix, user) {
        user.failures = super::state::Failures::default();
        return Ok(());
    }
    user.failures.count = user.failures.count.saturating_add(1);
    if let Some(over) = user.failures.count.checked_sub(FREE_TRIES) {
        let wait = 1000_i64.saturating_mul(1 << over.min(20)).min(LONGEST_WAIT);
        user.failures.locked_until = now + wait;
    }
    Err(errors::wrong_credentials())
}

/// Whether a user whose password was right may go on, and the error otherwise.
pub(super) fn check_standing(user: &User, now: Millis) -> Result<(), AwsError> {
    if !user.enabled {
        return Err(errors::user_disabled());
    }
    match user.status {
        Status::Unconfirmed => Err(errors::user_not_confirmed()),
        Status::ResetRequired => Err(errors::reset_required()),
        Status::ForceChangePassword if user.temporary_until.is_some_and(|until| until <= now) => Err(
            errors::not_authorized("Temporary password has expired and must be reset by an administrator."),
        ),
        Status::Confirmed | Status::ForceChangePassword => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(password: &str) -> String {
        check_policy(&PasswordPolicy::default(), password)
            .err()
            .map(|error| error.message)
            .unwrap_or_default()
    }

    #[test]
    fn the_policy_names_the_first_thing_a_password_lacks() {
        let prefix = "Password did not conform with policy: Password";
        assert_eq!(refusal("aB3!"), format!("{prefix} not long enough"));
        assert_eq!(refusal("abcdefg3!"), format!("{prefix} must have uppercase characters"));
        assert_eq!(refusal("ABCDEFG3!"), format!("{prefix} must have lowercase characters"));
        assert_eq!(refusal("Abcdefgh!"), format!("{prefix} must have numeric characters"));
        assert_eq!(refusal("Abcdefgh3"), format!("{prefix} must have symbol characters"));
        assert_eq!(refusal("Abcdefg3!"), "");
    }

    #[test]
    fn temporary_passwords_meet_the_strictest_policy() {
        let policy = PasswordPolicy { minimum_length: 20, ..PasswordPolicy::default() };
        let password = temporary(&policy).unwrap();
        assert_eq!(check_policy(&policy, &password), Ok(()));
    }
}
