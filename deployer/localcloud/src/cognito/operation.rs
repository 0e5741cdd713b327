//! What every operation works with: the state, the time, who asks, and the trigger it leaves to be fired.

use std::sync::Arc;

use super::errors;
use super::input::Input;
use super::mail::{self, Kind};
use super::state::{Client, Millis, Pool, Purpose, State};
use super::tokens::{self, ADMIN_SCOPE, Bearer};
use super::triggers::Confirmed;
use crate::auth::Principal;
use crate::cloud::{Cloud, arn};
use crate::wire::AwsError;

pub(super) struct Operation<'a> {
    pub cloud: &'a Arc<Cloud>,
    pub state: &'a mut State,
    pub principal: &'a Principal,
    pub region: &'a str,
    pub now: Millis,
    /// Set by an operation that confirmed a user; fired when the state is let go.
    pub confirmed: Option<Confirmed>,
}

/// Ids of a client and of the pool that it belongs to.
pub(super) struct Ids {
    pub pool: String,
    pub client: String,
}

impl Operation<'_> {
    /// The client of a public operation, and its secret hash judged for `username`.
    pub fn public_client(&self, input: &mut Input, username: &str) -> Result<Ids, AwsError> {
        let client_id = input.client_id()?;
        let hash = input.optional_text("SecretHash")?;
        let (pool, client) = self.state.client(&client_id)?;
        check_secret_hash(client, username, hash.as_deref())?;
        Ok(Ids { pool: pool.id.clone(), client: client_id })
    }

    /// The pool of an operation that an administrator calls, after the caller was judged.
    pub fn admin_pool(&self, action: &str, input: &mut Input) -> Result<String, AwsError> {
        let pool_id = input.pool_id()?;
        self.authorize(action, &arn("cognito-idp", self.region, &format!("userpool/{pool_id}")))?;
        self.state.pool(&pool_id)?;
        Ok(pool_id)
    }

    pub fn authorize(&self, action: &str, resource: &str) -> Result<(), AwsError> {
        if *self.principal == Principal::Anonymous {
            return Err(AwsError::new(
                400,
                "MissingAuthenticationTokenException",
                "Missing Authentication Token",
            ));
        }
        self.cloud
            .iam
            .authorize(self.principal, &format!("cognito-idp:{action}"), resource, &[])
            // The service's own spelling of the code (JSON 1.1).
            .map_err(|error| AwsError::new(400, "AccessDeniedException", error.message))
    }

    /// The user of an access token that may act on itself.
    pub fn bearer(&self, input: &mut Input) -> Result<Bearer, AwsError> {
        let token = input.text("AccessToken")?;
        tokens::authorize(self.state, &token, ADMIN_SCOPE, self.now)
    }

    pub fn pool(&self, id: &str) -> Result<&Pool, AwsError> {
        self.state.pool(id)
    }

    /// Sends a user a fresh code, to `to` or to its own address, and answers the address.
    pub fn send_code(
        &mut self,
        pool_id: &str,
        user: &str,
        purpose: Purpose,
        to: Option<&str>,
    ) -> Result<Option<String>, AwsError> {
        let (now, kind) = (self.now, kind_of(purpose));
        let State { pools, inbox, .. } = &mut *self.state;
        let pool = pools.get_mut(pool_id).ok_or_else(|| errors::pool_not_found(pool_id))?;
        let user = pool.users.get_mut(user).ok_or_else(errors::user_not_found)?;
        let Some(to) = to.or_else(|| user.attribute("email")).map(str::to_owned) else { return Ok(None) };
        let code = mail::new_code(kind, now)?;
        inbox.send_code(&pool.settings, &to, kind, &code.code, now);
        user.codes.insert(purpose, code);
        Ok(Some(to))
    }
}

fn kind_of(purpose: Purpose) -> Kind {
    match purpose {
        Purpose::SignUp => Kind::SignUp,
        Purpose::Password => Kind::Password,
        Purpose::Email => Kind::Attribute,
    }
}

/// A client with a secret proves it by HMAC-SHA256 over user name and client id.
pub(super) fn check_secret_hash(client: &Client, username: &str, hash: Option<&str>) -> Result<(), AwsError> {
    use aws_lc_rs::{constant_time, hmac};
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    match (&client.secret, hash) {
        (None, None) => Ok(()),
        (None, Some(_)) => Err(errors::not_authorized(format!(
            "Client {} is not configured for secret but secret was received",
            client.id
        ))),
        (Some(_), None) => Err(errors::not_authorized(format!(
            "Client {} is configured with secret but SECRET_HASH was not received",
            client.id
        ))),
        (Some(secret), Some(hash)) => {
            let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
            let expected = STANDARD.encode(hmac::sign(&key, format!("{username}{}", client.id).as_bytes()));
            constant_time::verify_slices_are_equal(expected.as_bytes(), hash.as_bytes()).map_err(|_| {
                errors::not_authorized(format!("Unable to verify secret hash for client {}", client.id))
            })
        }
    }
}
