//! An embedded cloud with a `profiles` table, for the tests of everything that uses one.

use std::collections::HashMap;
use std::sync::Arc;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_dynamodb::types::AttributeValue;
use functions_shared::aws::Aws;
use functions_shared::profiles::ProfilesTable;
use functions_shared::user::Sub;
use localcloud::auth::Principal;
use localcloud::{Config, Running};
use serde_json::{Map, Value, json};

const REGION: &str = "us-east-1";

/// A cloud in memory.
pub struct Bed {
    pub cloud: Running,
    /// The table's name.
    pub table: String,
}

impl Bed {
    pub async fn new() -> Self {
        let cloud = localcloud::start(Config { faults: true, ..Config::default() }).await.unwrap();
        let mut bed = Self { cloud, table: String::new() };
        let key = |name: &str, kind: &str| json!({"AttributeName": name, "KeyType": kind});
        let attribute = |name: &str| json!({"AttributeName": name, "AttributeType": "S"});
        bed.table = bed
            .resource(
                "AWS::DynamoDB::Table",
                json!({
                    "BillingMode": "PAY_PER_REQUEST",
                    "AttributeDefinitions": [attribute("pk"), attribute("sk")],
                    "KeySchema": [key("pk", "HASH"), key("sk", "RANGE")],
                }),
            )
            .await;
        bed
    }

    /// Makes a resource as CloudFormation does; gives its `Ref`.
    pub async fn resource(&self, name: &str, properties: Value) -> String {
        let kind = localcloud::resource::all().into_iter().find(|kind| kind.name() == name).unwrap();
        let request = localcloud::resource::Request {
            stack_id: format!("arn:aws:cloudformation:{REGION}:000000000000:stack/test/1"),
            stack_name: "test".to_owned(),
            logical_id: name.rsplit("::").next().unwrap().to_owned(),
            region: REGION.to_owned(),
            principal: Principal::Administrator,
            tags: Map::new(),
            properties,
        };
        kind.create(self.cloud.cloud(), &request).await.unwrap().physical_id
    }

    /// Calls by one who may do everything.
    pub fn administrator(&self) -> Arc<Aws> {
        self.with(Credentials::new("test", "test", None, None, "test"))
    }

    /// Calls with `credentials`.
    pub fn with(&self, credentials: Credentials) -> Arc<Aws> {
        at(self.cloud.endpoint(), credentials)
    }

    pub fn profiles(&self) -> ProfilesTable {
        ProfilesTable::new(self.table.clone(), &self.administrator())
    }

    /// The user's row, read around the code under test.
    pub async fn row(&self, sub: &Sub) -> Option<HashMap<String, AttributeValue>> {
        let aws = self.administrator();
        aws_sdk_dynamodb::Client::new(aws.config())
            .get_item()
            .table_name(&self.table)
            .key("pk", AttributeValue::S(format!("USER#{sub}")))
            .key("sk", AttributeValue::S("PROFILE".to_owned()))
            .send()
            .await
            .unwrap()
            .item
    }
}

/// Calls to `endpoint`.
pub fn at(endpoint: &str, credentials: Credentials) -> Arc<Aws> {
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .endpoint_url(endpoint)
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .build();
    Arc::new(Aws::with(config))
}
