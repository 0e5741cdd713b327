//! The user pool: one method a Cognito action. A module of its own, so that a trigger, which may not have
//! rights over its pool, links none of Cognito's client.

use std::sync::{Arc, OnceLock};

use aws_sdk_cognitoidentityprovider::Client;
use aws_sdk_cognitoidentityprovider::operation::admin_get_user::AdminGetUserError;

use crate::aws::{Aws, CallError};
use crate::config::{self, Missing};
use crate::user::User;

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

    /// The user called `username`, `None` where there is none.
    pub async fn admin_get_user(&self, username: &str) -> Result<Option<User>, CallError> {
        let client = self.client.get_or_init(|| Client::new(self.aws.config()));
        match client.admin_get_user().user_pool_id(&self.id).username(username).send().await {
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
}
