//! The rows of a user in both `profiles` and `identities`: both are made or neither.

use std::collections::HashMap;
use std::sync::Arc;

use aws_sdk_dynamodb::error::{BuildError, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::builders::PutBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, CancellationReason, Put, TransactWriteItem};
use serde_dynamo::aws_sdk_dynamodb_1::{from_item, to_item};

use crate::aws::{Aws, CallError};
use crate::config::Missing;
use crate::profiles::Write;
pub use crate::row::Identity;
use crate::row::{Identities, NewIdentity, NewRow, Profiles, now};
use crate::table::Table;
use crate::user::{Sub, User};

/// The API's name, for the log: IAM knows the actions of the members alone.
const ACTION: &str = "dynamodb:TransactWriteItems";

/// Both tables.
#[derive(Debug)]
pub struct IdentityTables {
    profiles: Table<Profiles>,
    identities: Table<Identities>,
}

/// What became of a transaction.
enum Transaction {
    Done,
    /// Nothing was written, because of rows that were there: for each asked for, whether it was.
    Existing(Vec<bool>),
}

impl IdentityTables {
    /// The tables that the environment names.
    pub fn from_env(aws: &Arc<Aws>) -> Result<Self, Missing> {
        Ok(Self { profiles: Table::from_env(aws)?, identities: Table::from_env(aws)? })
    }

    /// The tables of these names.
    pub fn new(profiles: String, identities: String, aws: &Arc<Aws>) -> Self {
        Self { profiles: Table::new(profiles, aws), identities: Table::new(identities, aws) }
    }

    /// The identity of `sub`, `None` where there is no row. Sees the caller's own last write.
    pub async fn get_item(&self, sub: &Sub) -> Result<Option<Identity>, CallError> {
        const ACTION: &str = "dynamodb:GetItem";
        let answer = self
            .identities
            .get_item()
            .key("id", AttributeValue::S(sub.generated_id()))
            .projection_expression("id, full_name, id_type, id_number")
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| CallError::new(ACTION, self.identities.name(), &error))?;
        let malformed = |error| CallError::malformed(ACTION, self.identities.name(), &error);
        answer.item.map(from_item).transpose().map_err(malformed)
    }

    /// Makes both rows of `user` unless they are there: a repeat changes nothing. Where a request of the user
    /// was faster and made the profile's row alone, the identity is added.
    ///
    /// A transaction needs the rights of its members: PutItem on either table. The conditions make a repeat
    /// harmless; a request token of ours would not, since a repeat has another time in its rows and DynamoDB
    /// refuses a known token with another content (`IdempotentParameterMismatchException`).
    pub async fn transact_write_items(&self, user: &User) -> Result<Write, CallError> {
        let id = user.sub.generated_id();
        let now = now();
        let profile = to_item(NewRow::new(user, &now))
            .map_err(|error| CallError::malformed(ACTION, self.profiles.name(), &error))?;
        let identity = to_item(NewIdentity::new(user, &id, &now))
            .map_err(|error| CallError::malformed(ACTION, self.identities.name(), &error))?;
        let rows =
            [new_row(self.profiles.put(), "pk", profile), new_row(self.identities.put(), "id", identity)];
        let rows: Result<Vec<Put>, BuildError> = rows.into_iter().collect();
        let rows = rows.map_err(|error| self.failed(&SdkError::construction_failure(error)))?;
        let Transaction::Existing(existing) = self.write(rows.clone()).await? else { return Ok(Write::Done) };
        let missing: Vec<Put> =
            rows.into_iter().zip(existing).filter_map(|(row, exists)| (!exists).then_some(row)).collect();
        if missing.is_empty() {
            return Ok(Write::ConditionFailed);
        }
        match self.write(missing).await? {
            Transaction::Done => Ok(Write::Done),
            // Another attempt was faster.
            Transaction::Existing(_) => Ok(Write::ConditionFailed),
        }
    }

    async fn write(&self, rows: Vec<Put>) -> Result<Transaction, CallError> {
        let items = rows.into_iter().map(|row| TransactWriteItem::builder().put(row).build()).collect();
        match self.profiles.transact_write_items().set_transact_items(Some(items)).send().await {
            Ok(_) => Ok(Transaction::Done),
            Err(error) => match existing(&error) {
                Some(existing) => Ok(Transaction::Existing(existing)),
                None => Err(self.failed(&error)),
            },
        }
    }

    fn failed(&self, error: &SdkError<TransactWriteItemsError>) -> CallError {
        CallError::new(ACTION, &format!("{} and {}", self.profiles.name(), self.identities.name()), error)
    }
}

/// One row to be made, unless there is one with its `key`.
fn new_row(put: PutBuilder, key: &str, item: HashMap<String, AttributeValue>) -> Result<Put, BuildError> {
    put.set_item(Some(item))
        .condition_expression("attribute_not_exists(#key)")
        .expression_attribute_names("#key", key)
        .build()
}

/// Which rows were there, where that and nothing else cancelled the transaction. The reasons come in the order
/// of the items, `None` for one that had nothing against it (API reference of TransactWriteItems).
fn existing(error: &SdkError<TransactWriteItemsError>) -> Option<Vec<bool>> {
    let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error()
    else {
        return None;
    };
    cancelled
        .cancellation_reasons()
        .iter()
        .map(|reason| match CancellationReason::code(reason) {
            Some("ConditionalCheckFailed") => Some(true),
            Some("None") | None => Some(false),
            // Such as a conflict with another transaction.
            Some(_) => None,
        })
        .collect()
}
