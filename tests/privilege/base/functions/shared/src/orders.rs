//! The orders, one method a DynamoDB action.

use std::sync::Arc;

use aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;

use crate::aws::{Aws, CallError};
use crate::config::Missing;
use crate::names::{Customers, Orders};
use crate::table::Table;

#[derive(Debug)]
pub struct OrdersTable {
    table: Table<Orders>,
}

impl OrdersTable {
    pub fn from_env(aws: &Arc<Aws>) -> Result<Self, Missing> {
        Ok(Self { table: Table::from_env(aws)? })
    }

    pub fn table(&self) -> &Table<Orders> {
        &self.table
    }

    pub async fn get_item(&self, id: &str) -> Result<String, CallError> {
        let call = self.table.get_item().key("id", AttributeValue::S(id.to_owned()));
        match call.send().await {
            Ok(answer) => Ok(format!("{answer:?}")),
            Err(error) => Err(CallError::new("dynamodb:GetItem", self.table.name(), &error)),
        }
    }

    pub async fn put_item(&self, id: &str) -> Result<String, CallError> {
        let answer = self.draft(id).send().await;
        answer
            .map(|answer| format!("{answer:?}"))
            .map_err(|error| CallError::new("dynamodb:PutItem", self.table.name(), &error))
    }

    pub fn draft(&self, id: &str) -> PutItemFluentBuilder {
        self.table.put_item().item("id", AttributeValue::S(id.to_owned()))
    }
}

/// Whatever keeps orders.
pub trait Store {
    fn save(&self, id: &str) -> impl Future<Output = Result<String, CallError>>;
}

impl Store for OrdersTable {
    async fn save(&self, id: &str) -> Result<String, CallError> {
        self.put_item(id).await
    }
}

impl Store for Table<Customers> {
    async fn save(&self, id: &str) -> Result<String, CallError> {
        let call = self.put_item().item("id", AttributeValue::S(id.to_owned()));
        call.send().await.map(|_| String::new()).map_err(|error| CallError::new("PutItem", self.name(), &error))
    }
}
// shared
