//! Both tables.

use std::collections::HashMap;
use std::env;

use aws_config::BehaviorVersion;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use chrono::Utc;
use lambda_runtime::Error;

pub struct Store {
    users: String,
    identities: String,
    client: Client,
}

impl Store {
    pub async fn from_env() -> Result<Self, Error> {
        let config = aws_config::load_defaults(BehaviorVersion::latest()).await;
        Ok(Self {
            users: env::var("TABLE_USERS")?,
            identities: env::var("TABLE_IDENTITIES")?,
            client: Client::new(&config),
        })
    }

    pub async fn put_user(
        &self,
        user_name: &str,
        id: &str,
        attributes: &HashMap<String, String>,
    ) -> Result<(), Error> {
        let now = Utc::now().to_rfc3339();
        let mut put = self
            .client
            .put_item()
            .table_name(&self.users)
            .item("username", text(user_name))
            .item("id", text(id))
            .item("created", text(&now))
            .item("modified", text(&now));
        for name in ["given_name", "family_name", "email"] {
            put = put.item(name, text(attributes.get(name).map_or("undefined", |value| value)));
        }
        put.send().await?;
        Ok(())
    }

    pub async fn put_identity(&self, id: &str, full_name: &str) -> Result<(), Error> {
        let now = Utc::now().to_rfc3339();
        self.client
            .put_item()
            .table_name(&self.identities)
            .item("id", text(id))
            .item("full_name", text(full_name))
            .item("id_type", AttributeValue::Null(true))
            .item("id_number", AttributeValue::Null(true))
            .item("created", text(&now))
            .item("updated", text(&now))
            .send()
            .await?;
        Ok(())
    }
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_string())
}
