//! A user pool with one user, for the tests of everything that asks Cognito.

use aws_sdk_cognitoidentityprovider::Client;
use aws_sdk_cognitoidentityprovider::types::AttributeType;
use functions_shared::caller::Caller;
use functions_shared::user::Sub;
use functions_shared::user_pool::UserPool;
use serde_json::json;

use super::bed::Bed;

/// The user's address.
pub const EMAIL: &str = "ana@example.com";

impl Bed {
    /// A pool with one user, whose address is [`EMAIL`], and that user as a caller.
    pub async fn pool(&self) -> (UserPool, Caller) {
        let (pool, caller) = self.pool_id().await;
        (UserPool::new(pool, &self.administrator()), caller)
    }

    /// The same by the pool's id.
    pub async fn pool_id(&self) -> (String, Caller) {
        let properties = json!({"UsernameAttributes": ["email"], "AutoVerifiedAttributes": ["email"]});
        let pool = self.resource("AWS::Cognito::UserPool", properties).await;
        let made = Client::new(self.administrator().config())
            .admin_create_user()
            .user_pool_id(&pool)
            .username(EMAIL)
            .user_attributes(AttributeType::builder().name("email").value(EMAIL).build().unwrap())
            .send()
            .await
            .unwrap();
        let username = made.user().unwrap().username().unwrap().to_owned();
        let caller = Caller { sub: Sub::parse(&username).unwrap(), username };
        (pool, caller)
    }
}
