//! What a stage has besides functions: tables, the user pool and the HTTP API.

use indexmap::IndexMap;

use super::names::{LogicalId, TableName, upper_snake_case};

/// A DynamoDB table. All keys are strings; CloudFormation makes up the table's real name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    pub name: TableName,
    /// `profiles` -> `ProfilesTable`.
    pub logical_id: LogicalId,
    /// `profiles` -> `TableProfiles`.
    pub output: String,
    pub partition_key: String,
    pub sort_key: Option<String>,
    pub indexes: Vec<Index>,
    /// The attribute that holds an item's expiry in epoch seconds.
    pub ttl_attribute: Option<String>,
}

impl Table {
    /// Functions with grants on the table find its name here: `profiles` -> `TABLE_PROFILES`.
    pub fn environment_variable(&self) -> String {
        format!("TABLE_{}", upper_snake_case(self.name.as_str()))
    }
}

/// A global secondary index with all attributes projected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    pub name: String,
    pub partition_key: String,
    pub sort_key: Option<String>,
}

/// The Cognito user pool's client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserPool {
    /// Where the hosted pages may send a signed-in user; at least one.
    pub callback_urls: Vec<String>,
    /// Where they may send a signed-out one.
    pub logout_urls: Vec<String>,
}

/// The HTTP API in front of the functions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpApi {
    /// Origins of front ends that may call the API from a browser; never `*`.
    pub cors_origins: Vec<String>,
    /// Requests a second over all routes.
    pub throttling_rate: u32,
    /// Requests at once over all routes.
    pub throttling_burst: u32,
}

/// Variables that every function with the right grants gets, besides its own.
pub type Environment = IndexMap<String, String>;
