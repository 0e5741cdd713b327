//! Cognito's errors in its own words.

use crate::wire::AwsError;

fn refused(code: &str, message: impl Into<String>) -> AwsError {
    AwsError::new(400, code, message)
}

pub(super) fn invalid_parameter(message: impl Into<String>) -> AwsError {
    refused("InvalidParameterException", message)
}

pub(super) fn not_authorized(message: impl Into<String>) -> AwsError {
    refused("NotAuthorizedException", message)
}

/// Sign-in failed; says the same of a wrong password and of an absent user.
pub(super) fn wrong_credentials() -> AwsError {
    not_authorized("Incorrect username or password.")
}

pub(super) fn user_not_found() -> AwsError {
    refused("UserNotFoundException", "User does not exist.")
}

/// The public operations that take a name and a client word an absent user this way.
pub(super) fn combination_not_found() -> AwsError {
    refused("UserNotFoundException", "Username/client id combination not found.")
}

pub(super) fn pool_not_found(id: &str) -> AwsError {
    refused("ResourceNotFoundException", format!("User pool {id} does not exist."))
}

pub(super) fn client_not_found(id: &str) -> AwsError {
    refused("ResourceNotFoundException", format!("User pool client {id} does not exist."))
}

pub(super) fn group_not_found() -> AwsError {
    refused("ResourceNotFoundException", "Group not found.")
}

pub(super) fn group_exists(name: &str) -> AwsError {
    refused("GroupExistsException", format!("A group with the name {name} already exists."))
}

pub(super) fn username_exists(message: &str) -> AwsError {
    refused("UsernameExistsException", message)
}

pub(super) fn alias_exists(attribute: &str) -> AwsError {
    refused("AliasExistsException", format!("An account with the given {attribute} already exists."))
}

pub(super) fn code_mismatch() -> AwsError {
    refused("CodeMismatchException", "Invalid verification code provided, please try again.")
}

pub(super) fn code_expired() -> AwsError {
    refused("ExpiredCodeException", "Invalid code provided, please request a code again.")
}

pub(super) fn limit_exceeded() -> AwsError {
    refused("LimitExceededException", "Attempt limit exceeded, please try after some time.")
}

pub(super) fn invalid_password(what: &str) -> AwsError {
    refused("InvalidPasswordException", format!("Password did not conform with policy: {what}"))
}

pub(super) fn user_not_confirmed() -> AwsError {
    refused("UserNotConfirmedException", "User is not confirmed.")
}

pub(super) fn reset_required() -> AwsError {
    refused("PasswordResetRequiredException", "Password reset required for the user")
}

pub(super) fn user_disabled() -> AwsError {
    not_authorized("User is disabled.")
}

pub(super) fn unsupported_user_state(message: impl Into<String>) -> AwsError {
    refused("UnsupportedUserStateException", message)
}

pub(super) fn internal(what: impl std::fmt::Display) -> AwsError {
    AwsError::new(500, "InternalErrorException", what.to_string())
}
