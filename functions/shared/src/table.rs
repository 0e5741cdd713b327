//! Tables and indexes by type: whoever calls one says which, so that the rights of a function follow from its
//! code. These handles alone hold names of tables; `deployer check` reads a call's resource off their type.

use std::marker::PhantomData;
use std::sync::{Arc, OnceLock};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::delete_item::builders::DeleteItemFluentBuilder;
use aws_sdk_dynamodb::operation::get_item::builders::GetItemFluentBuilder;
use aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::operation::transact_write_items::builders::TransactWriteItemsFluentBuilder;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::Put;
use aws_sdk_dynamodb::types::builders::PutBuilder;

use crate::aws::Aws;
use crate::config::{self, Missing};

/// A table's type.
pub trait TableName {
    /// As the environments and the grants name it.
    const NAME: &'static str;
}

/// An index's type.
pub trait IndexName {
    /// The table that has it.
    type Table: TableName;
    /// As the environments and the grants name it.
    const NAME: &'static str;
}

/// The table `N` of the stage. Each method begins the call it is named after, on this table.
#[derive(Debug)]
pub struct Table<N> {
    name: String,
    aws: Arc<Aws>,
    client: OnceLock<Client>,
    which: PhantomData<fn() -> N>,
}

impl<N: TableName> Table<N> {
    /// The table that the environment names, in `TABLE_<NAME>`.
    pub fn from_env(aws: &Arc<Aws>) -> Result<Self, Missing> {
        let variable = format!("TABLE_{}", N::NAME.to_ascii_uppercase().replace('-', "_"));
        Ok(Self::new(config::required(&variable)?, aws))
    }

    /// The table that AWS calls `name`.
    pub fn new(name: String, aws: &Arc<Aws>) -> Self {
        Self { name, aws: Arc::clone(aws), client: OnceLock::new(), which: PhantomData }
    }

    /// AWS's name of it.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn client(&self) -> &Client {
        self.client.get_or_init(|| Client::new(self.aws.config()))
    }

    pub fn get_item(&self) -> GetItemFluentBuilder {
        self.client().get_item().table_name(&self.name)
    }

    pub fn put_item(&self) -> PutItemFluentBuilder {
        self.client().put_item().table_name(&self.name)
    }

    pub fn update_item(&self) -> UpdateItemFluentBuilder {
        self.client().update_item().table_name(&self.name)
    }

    pub fn delete_item(&self) -> DeleteItemFluentBuilder {
        self.client().delete_item().table_name(&self.name)
    }

    pub fn query(&self) -> QueryFluentBuilder {
        self.client().query().table_name(&self.name)
    }

    /// An index of it.
    pub fn index<I: IndexName<Table = N>>(&self) -> Index<'_, I> {
        Index { table: self }
    }

    /// A transaction, whose members name their own tables.
    pub fn transact_write_items(&self) -> TransactWriteItemsFluentBuilder {
        self.client().transact_write_items()
    }

    /// A member of a transaction.
    pub fn put(&self) -> PutBuilder {
        Put::builder().table_name(&self.name)
    }
}

/// The index `I` of its table.
#[derive(Debug)]
pub struct Index<'a, I: IndexName> {
    table: &'a Table<I::Table>,
}

impl<I: IndexName> Index<'_, I> {
    pub fn query(&self) -> QueryFluentBuilder {
        self.table.query().index_name(I::NAME)
    }
}
