//! Cognito: test users and their tokens, and the users who confirmed.

use std::collections::BTreeMap;

use aws_sdk_cognitoidentityprovider::Client;
use aws_sdk_cognitoidentityprovider::types::{AttributeType, AuthFlowType};

use serde::Serialize;

use super::{Aws, Error};

/// A user that this tool made, with the password it may use.
pub struct TestUser<'a> {
    pub pool: &'a str,
    pub client: &'a str,
    pub email: &'a str,
    pub password: &'a str,
}

/// The outcome of a sign-in.
#[derive(Clone)]
pub struct SignedIn {
    pub access_token: String,
    /// Seconds until the access token ends.
    pub expires_in: i32,
}

/// Marks users that this tool made: it never touches another one.
const MADE_BY: &str = "deployer";

/// A user who confirmed, as the pool lists them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConfirmedUser {
    pub username: String,
    pub attributes: BTreeMap<String, String>,
}

/// The most that ListUsers gives at once.
const PAGE: i32 = 60;

impl Aws {
    /// A page of the pool's confirmed users, and the token of the next page.
    pub async fn confirmed_users(
        &self,
        pool: &str,
        token: Option<String>,
    ) -> Result<(Vec<ConfirmedUser>, Option<String>), Error> {
        let call = self.cognito().list_users().user_pool_id(pool).limit(PAGE);
        let call = call.filter("cognito:user_status = \"CONFIRMED\"").set_pagination_token(token);
        let answer = call.send().await?;
        let of = |attribute: AttributeType| Some((attribute.name, attribute.value?));
        let users = answer.users.unwrap_or_default().into_iter().map(|user| ConfirmedUser {
            username: user.username.unwrap_or_default(),
            attributes: user.attributes.unwrap_or_default().into_iter().filter_map(of).collect(),
        });
        Ok((users.collect(), answer.pagination_token))
    }

    fn cognito(&self) -> Client {
        Client::new(&self.config)
    }

    /// Whether a user of this address is there; `Some(true)` where this tool made it.
    pub async fn user_is_ours(&self, pool: &str, email: &str) -> Result<Option<bool>, Error> {
        match self.cognito().admin_get_user().user_pool_id(pool).username(email).send().await {
            Ok(user) => Ok(Some(
                user.user_attributes
                    .unwrap_or_default()
                    .iter()
                    .any(|attribute| attribute.name() == "profile" && attribute.value() == Some(MADE_BY)),
            )),
            Err(error) => match Error::from(error) {
                Error::Rejected { code, .. } if code == "UserNotFoundException" => Ok(None),
                error => Err(error),
            },
        }
    }

    /// Signs a test user up and confirms it as an administrator: the way that fires the
    /// PostConfirmation trigger (AdminCreateUser does not).
    pub async fn make_user(&self, user: &TestUser<'_>) -> Result<(), Error> {
        let attribute = |name: &str, value: &str| {
            AttributeType::builder().name(name).value(value).build().map_err(|error| Error::Rejected {
                code: "InvalidRequest".to_owned(),
                message: error.to_string(),
            })
        };
        self.cognito()
            .sign_up()
            .client_id(user.client)
            .username(user.email)
            .password(user.password)
            .user_attributes(attribute("email", user.email)?)
            .user_attributes(attribute("profile", MADE_BY)?)
            .send()
            .await?;
        self.cognito().admin_confirm_sign_up().user_pool_id(user.pool).username(user.email).send().await?;
        Ok(())
    }

    pub async fn set_password(&self, user: &TestUser<'_>) -> Result<(), Error> {
        self.cognito()
            .admin_set_user_password()
            .user_pool_id(user.pool)
            .username(user.email)
            .password(user.password)
            .permanent(true)
            .send()
            .await?;
        Ok(())
    }

    pub async fn sign_in(&self, user: &TestUser<'_>) -> Result<SignedIn, Error> {
        let answer = self
            .cognito()
            .admin_initiate_auth()
            .user_pool_id(user.pool)
            .client_id(user.client)
            .auth_flow(AuthFlowType::AdminUserPasswordAuth)
            .auth_parameters("USERNAME", user.email)
            .auth_parameters("PASSWORD", user.password)
            .send()
            .await?;
        if let Some(challenge) = answer.challenge_name {
            return Err(Error::Rejected {
                code: "ChallengeRequired".to_owned(),
                message: format!("the pool asks for {} before it gives tokens", challenge.as_str()),
            });
        }
        match answer.authentication_result {
            Some(result) => Ok(SignedIn {
                expires_in: result.expires_in,
                access_token: result
                    .access_token
                    .ok_or_else(|| Error::Garbled("the sign-in has no access token".to_owned()))?,
            }),
            None => Err(Error::Garbled("the sign-in has neither tokens nor a challenge".to_owned())),
        }
    }
}
