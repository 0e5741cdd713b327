//! The account in a row of `profiles`: name, e-mail address, and the address that waits to be verified. One
//! method a DynamoDB action.

use std::sync::Arc;

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use serde::Deserialize;
use serde_dynamo::aws_sdk_dynamodb_1::from_item;

use crate::aws::{Aws, CallError};
use crate::config::Missing;
use crate::row::{PROFILE, Profiles, now, partition_key};
use crate::table::Table;
use crate::user::Sub;

/// What a row says of its user's account.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Account {
    /// Absent until they gave one.
    pub name: Option<String>,
    /// The address that the pool has too.
    pub email: Option<String>,
    /// The address that takes its place once it is verified.
    pub pending_email: Option<String>,
    /// Whether the pool was told of the pending address.
    #[serde(default)]
    pub pending_told: bool,
    /// Grows by one with every change; zero until the first.
    #[serde(default)]
    pub version: u64,
}

/// What a write changes; what is `None` stays.
#[derive(Debug, Default)]
pub struct Change<'a> {
    pub name: Option<&'a str>,
    pub email: Option<&'a str>,
    pub pending: Option<Pending<'a>>,
}

/// What becomes of the pending address.
#[derive(Debug, Clone, Copy)]
pub enum Pending<'a> {
    /// It was asked for; the pool does not know of it yet.
    Asked(&'a str),
    /// The pool knows of it too.
    Told,
    /// None is pending any more.
    Gone,
}

impl Change<'_> {
    /// Whether the change, made to `before`, is to be seen in `after`.
    fn is_in(&self, before: &Account, after: &Account) -> bool {
        let pending = match self.pending {
            None => true,
            Some(Pending::Asked(email)) => after.pending_email.as_deref() == Some(email),
            Some(Pending::Told) => after.pending_told && after.pending_email == before.pending_email,
            Some(Pending::Gone) => after.pending_email.is_none(),
        };
        pending
            && self.name.is_none_or(|name| after.name.as_deref() == Some(name))
            && self.email.is_none_or(|email| after.email.as_deref() == Some(email))
    }
}

/// What became of a write.
#[derive(Debug)]
pub enum Written {
    /// The account as it is now.
    Done(Account),
    /// Somebody else changed the account first; this is theirs. Nothing was written.
    Lost(Account),
    /// There is no row, and none was made.
    NoRow,
}

/// The table.
#[derive(Debug)]
pub struct AccountsTable {
    table: Table<Profiles>,
}

impl AccountsTable {
    /// The table that the environment names.
    pub fn from_env(aws: &Arc<Aws>) -> Result<Self, Missing> {
        Ok(Self { table: Table::from_env(aws)? })
    }

    /// The table `name`.
    pub fn new(name: String, aws: &Arc<Aws>) -> Self {
        Self { table: Table::new(name, aws) }
    }

    /// The account of `sub`, `None` where there is no row. Sees the caller's own last write.
    pub async fn get_item(&self, sub: &Sub) -> Result<Option<Account>, CallError> {
        const ACTION: &str = "dynamodb:GetItem";
        let mut call = self
            .table
            .get_item()
            .key("pk", AttributeValue::S(partition_key(sub)))
            .key("sk", AttributeValue::S(PROFILE.to_owned()))
            // The key too: a row without any of the others must not look like no row.
            .projection_expression("#pk, #name, #email, #pending, #told, #version")
            .expression_attribute_names("#pk", "pk")
            .consistent_read(true);
        for (placeholder, attribute) in ATTRIBUTES {
            call = call.expression_attribute_names(placeholder, attribute);
        }
        let answer = call.send().await.map_err(|error| CallError::new(ACTION, self.table.name(), &error))?;
        match answer.item {
            None => Ok(None),
            Some(item) => from_item(item)
                .map(Some)
                .map_err(|error| CallError::malformed(ACTION, self.table.name(), &error)),
        }
    }

    /// Changes the account of `sub` if it is still as `read`.
    pub async fn update_item(
        &self,
        sub: &Sub,
        read: &Account,
        change: &Change<'_>,
    ) -> Result<Written, CallError> {
        const ACTION: &str = "dynamodb:UpdateItem";
        let (expression, used, values) = expression(read, change);
        let mut call = self
            .table
            .update_item()
            .key("pk", AttributeValue::S(partition_key(sub)))
            .key("sk", AttributeValue::S(PROFILE.to_owned()))
            .update_expression(expression)
            .condition_expression(if read.version == 0 {
                "attribute_exists(#pk) AND attribute_not_exists(#version)"
            } else {
                "attribute_exists(#pk) AND #version = :version"
            })
            .expression_attribute_names("#pk", "pk")
            .expression_attribute_names("#updated_at", "updated_at")
            .expression_attribute_names("#version", "version")
            .set_expression_attribute_values(Some(values))
            .return_values(ReturnValue::AllNew);
        for (placeholder, attribute) in ATTRIBUTES.into_iter().filter(|(name, _)| used.contains(name)) {
            call = call.expression_attribute_names(placeholder, attribute);
        }
        match call.send().await {
            Ok(answer) => from_item(answer.attributes.unwrap_or_default())
                .map(Written::Done)
                .map_err(|error| CallError::malformed(ACTION, self.table.name(), &error)),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(UpdateItemError::is_conditional_check_failed_exception) =>
            {
                self.who_was_first(sub, read, change).await
            }
            Err(error) => Err(CallError::new(ACTION, self.table.name(), &error)),
        }
    }

    /// The SDK repeats a call whose answer was lost, and the repeat fails on the version that the first one
    /// wrote: then this request itself was first.
    async fn who_was_first(
        &self,
        sub: &Sub,
        read: &Account,
        change: &Change<'_>,
    ) -> Result<Written, CallError> {
        Ok(match self.get_item(sub).await? {
            None => Written::NoRow,
            Some(now) if change.is_in(read, &now) => Written::Done(now),
            Some(now) => Written::Lost(now),
        })
    }
}

/// Placeholders and what they stand for. Some of the names are reserved words (Reserved words in DynamoDB,
/// developer guide).
const ATTRIBUTES: [(&str, &str); 5] = [
    ("#name", "name"),
    ("#email", "email"),
    ("#pending", "pending_email"),
    ("#told", "pending_told"),
    ("#version", "version"),
];

type Values = std::collections::HashMap<String, AttributeValue>;

/// The update expression, the placeholders of [`ATTRIBUTES`] in it, and its values. DynamoDB refuses names and
/// values that are not used.
fn expression(read: &Account, change: &Change<'_>) -> (String, Vec<&'static str>, Values) {
    let text = |value: &str| AttributeValue::S(value.to_owned());
    let mut set = vec!["#version = :next", "#updated_at = :now"];
    let mut remove = "";
    let mut used = Vec::new();
    let mut values = Values::from([
        (":next".to_owned(), AttributeValue::N(read.version.saturating_add(1).to_string())),
        (":now".to_owned(), text(&now())),
    ]);
    if read.version > 0 {
        values.insert(":version".to_owned(), AttributeValue::N(read.version.to_string()));
    }
    if let Some(name) = change.name {
        set.push("#name = :name");
        used.push("#name");
        values.insert(":name".to_owned(), text(name));
    }
    if let Some(email) = change.email {
        set.push("#email = :email");
        used.push("#email");
        values.insert(":email".to_owned(), text(email));
    }
    match change.pending {
        None => {}
        Some(Pending::Asked(email)) => {
            set.push("#pending = :pending");
            remove = " REMOVE #told";
            used.extend(["#pending", "#told"]);
            values.insert(":pending".to_owned(), text(email));
        }
        Some(Pending::Told) => {
            set.push("#told = :told");
            used.push("#told");
            values.insert(":told".to_owned(), AttributeValue::Bool(true));
        }
        Some(Pending::Gone) => {
            remove = " REMOVE #pending, #told";
            used.extend(["#pending", "#told"]);
        }
    }
    (format!("SET {}{remove}", set.join(", ")), used, values)
}
