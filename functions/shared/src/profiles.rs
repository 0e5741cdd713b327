//! The `profiles` table: one method a DynamoDB action, so a call says which table it is on.

use std::sync::Arc;

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use serde_dynamo::aws_sdk_dynamodb_1::{from_item, to_item};

use crate::aws::{Aws, CallError};
use crate::config::Missing;
use crate::row::{NewRow, PROFILE, Profiles, StoredProfile, now, partition_key};
use crate::table::Table;
use crate::user::{Sub, User};

/// What became of a conditional write.
#[derive(Debug, PartialEq, Eq)]
pub enum Write {
    /// The row was written.
    Done,
    /// The row was there already, or, for a change, was not there. Nothing was written.
    ConditionFailed,
}

/// The table.
#[derive(Debug)]
pub struct ProfilesTable {
    table: Table<Profiles>,
}

impl ProfilesTable {
    /// The table that the environment names.
    pub fn from_env(aws: &Arc<Aws>) -> Result<Self, Missing> {
        Ok(Self { table: Table::from_env(aws)? })
    }

    /// The table `name`.
    pub fn new(name: String, aws: &Arc<Aws>) -> Self {
        Self { table: Table::new(name, aws) }
    }

    /// The profile in the row of `sub`, `None` where there is no row. Sees the caller's own last write.
    pub async fn get_item(&self, sub: &Sub) -> Result<Option<StoredProfile>, CallError> {
        const ACTION: &str = "dynamodb:GetItem";
        let answer = self
            .table
            .get_item()
            .key("pk", AttributeValue::S(partition_key(sub)))
            .key("sk", AttributeValue::S(PROFILE.to_owned()))
            // The key too: a row without a profile must not look like no row.
            .projection_expression("#pk, #profile")
            .expression_attribute_names("#pk", "pk")
            .expression_attribute_names("#profile", "profile")
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| CallError::new(ACTION, self.table.name(), &error))?;
        match answer.item {
            None => Ok(None),
            Some(item) => match from_item(item) {
                Ok(row) => Ok(Some(row)),
                Err(error) => Err(CallError::malformed(ACTION, self.table.name(), &error)),
            },
        }
    }

    /// Makes the row of `user` unless it is there: a repeat changes nothing.
    pub async fn put_item(&self, user: &User) -> Result<Write, CallError> {
        const ACTION: &str = "dynamodb:PutItem";
        let row = to_item(NewRow::new(user, &now()))
            .map_err(|error| CallError::malformed(ACTION, self.table.name(), &error))?;
        let answer = self
            .table
            .put_item()
            .set_item(Some(row))
            .condition_expression("attribute_not_exists(#pk)")
            .expression_attribute_names("#pk", "pk")
            .send()
            .await;
        match answer {
            Ok(_) => Ok(Write::Done),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(PutItemError::is_conditional_check_failed_exception) =>
            {
                Ok(Write::ConditionFailed)
            }
            Err(error) => Err(CallError::new(ACTION, self.table.name(), &error)),
        }
    }

    /// Replaces the profile in the row of `sub`, which must be there.
    pub async fn update_item(&self, sub: &Sub, profile: &str) -> Result<Write, CallError> {
        let answer = self
            .table
            .update_item()
            .key("pk", AttributeValue::S(partition_key(sub)))
            .key("sk", AttributeValue::S(PROFILE.to_owned()))
            .update_expression("SET #profile = :profile, #updated_at = :now")
            .condition_expression("attribute_exists(#pk)")
            .expression_attribute_names("#pk", "pk")
            .expression_attribute_names("#profile", "profile")
            .expression_attribute_names("#updated_at", "updated_at")
            .expression_attribute_values(":profile", AttributeValue::S(profile.to_owned()))
            .expression_attribute_values(":now", AttributeValue::S(now()))
            .send()
            .await;
        match answer {
            Ok(_) => Ok(Write::Done),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(UpdateItemError::is_conditional_check_failed_exception) =>
            {
                Ok(Write::ConditionFailed)
            }
            Err(error) => Err(CallError::new("dynamodb:UpdateItem", self.table.name(), &error)),
        }
    }
}
