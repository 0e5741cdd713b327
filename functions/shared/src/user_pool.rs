//! The user pool: one method a Cognito action. A module of its own, so that a trigger, which may not have
//! rights over its pool, links none of Cognito's client.

use std::sync::{Arc, OnceLock};

use aws_sdk_cognitoidentityprovider::Client;
use aws_sdk_cognitoidentityprovider::error::{BuildError, SdkError};
use aws_sdk_cognitoidentityprovider::operation::admin_get_user::AdminGetUserError;
use aws_sdk_cognitoidentityprovider::operation::admin_update_user_attributes::AdminUpdateUserAttributesError;
use aws_sdk_cognitoidentityprovider::operation::verify_user_attribute::VerifyUserAttributeError;
use aws_sdk_cognitoidentityprovider::types::AttributeType;

use crate::aws::{Aws, CallError};
use crate::config::{self, Missing};
use crate::user::User;

/// What became of a new address.
#[derive(Debug, PartialEq, Eq)]
pub enum NewEmail {
    /// It is the user's as soon as it is verified.
    Accepted,
    /// It is no address.
    Refused,
    /// There is no such user.
    UserGone,
}

/// What became of a code.
#[derive(Debug, PartialEq, Eq)]
pub enum Verification {
    /// The address is verified, and the user's.
    Done,
    /// It is not the code, not any more, or not for an address that can be had.
    CodeRefused,
    /// The token may not verify anything.
    TokenRefused,
    /// Too many wrong codes.
    TooManyTries,
}

/// The pool.
#[derive(Debug)]
pub struct UserPool {
    id: String,
    aws: Arc<Aws>,
    client: OnceLock<Client>,
}

impl UserPool {
    /// The pool that the environment names.
    pub fn from_env(aws: &Arc<Aws>) -> Result<Self, Missing> {
        Ok(Self::new(config::required("USER_POOL_ID")?, aws))
    }

    /// The pool `id`.
    pub fn new(id: String, aws: &Arc<Aws>) -> Self {
        Self { id, aws: Arc::clone(aws), client: OnceLock::new() }
    }

    fn client(&self) -> &Client {
        self.client.get_or_init(|| Client::new(self.aws.config()))
    }

    /// The user called `username`, `None` where there is none.
    pub async fn admin_get_user(&self, username: &str) -> Result<Option<User>, CallError> {
        match self.client().admin_get_user().user_pool_id(&self.id).username(username).send().await {
            Ok(answer) => Ok(User::from_attributes(answer.username(), |name| {
                answer
                    .user_attributes()
                    .iter()
                    .find(|attribute| attribute.name() == name)
                    .and_then(|attribute| attribute.value())
            })),
            Err(error)
                if error.as_service_error().is_some_and(AdminGetUserError::is_user_not_found_exception) =>
            {
                Ok(None)
            }
            Err(error) => Err(CallError::new("cognito-idp:AdminGetUser", &self.id, &error)),
        }
    }

    /// Asks for `email` as the address of `username`. The pool sends a code there, and keeps the old address
    /// until it is verified ("Verifying updates to email addresses", developer guide).
    pub async fn admin_update_user_attributes(
        &self,
        username: &str,
        email: &str,
    ) -> Result<NewEmail, CallError> {
        const ACTION: &str = "cognito-idp:AdminUpdateUserAttributes";
        let attribute =
            AttributeType::builder().name("email").value(email).build().map_err(|error: BuildError| {
                let error = SdkError::<AdminUpdateUserAttributesError>::construction_failure(error);
                CallError::new(ACTION, &self.id, &error)
            })?;
        let call = self.client().admin_update_user_attributes().user_pool_id(&self.id).username(username);
        let Err(error) = call.user_attributes(attribute).send().await else { return Ok(NewEmail::Accepted) };
        match error.as_service_error() {
            // Somebody else's: accepted like any other, never verified, so that no answer tells who has an
            // account.
            Some(AdminUpdateUserAttributesError::AliasExistsException(_)) => Ok(NewEmail::Accepted),
            Some(AdminUpdateUserAttributesError::InvalidParameterException(_)) => Ok(NewEmail::Refused),
            Some(AdminUpdateUserAttributesError::UserNotFoundException(_)) => Ok(NewEmail::UserGone),
            _ => Err(CallError::new(ACTION, &self.id, &error)),
        }
    }

    /// Verifies the address that `code` was sent to, for the user whose access token `token` is. Needs the scope
    /// `aws.cognito.signin.user.admin` and no IAM right.
    pub async fn verify_user_attribute(&self, token: &str, code: &str) -> Result<Verification, CallError> {
        let call = self.client().verify_user_attribute().access_token(token);
        let Err(error) = call.attribute_name("email").code(code).send().await else {
            return Ok(Verification::Done);
        };
        match error.as_service_error() {
            // An address that somebody else has must look like a wrong code.
            Some(
                VerifyUserAttributeError::AliasExistsException(_)
                | VerifyUserAttributeError::CodeMismatchException(_)
                | VerifyUserAttributeError::ExpiredCodeException(_)
                | VerifyUserAttributeError::InvalidParameterException(_),
            ) => Ok(Verification::CodeRefused),
            Some(VerifyUserAttributeError::NotAuthorizedException(_)) => Ok(Verification::TokenRefused),
            Some(VerifyUserAttributeError::LimitExceededException(_)) => Ok(Verification::TooManyTries),
            _ => Err(CallError::new("cognito-idp:VerifyUserAttribute", &self.id, &error)),
        }
    }
}
