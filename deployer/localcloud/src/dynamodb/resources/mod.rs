//! AWS::DynamoDB::Table.

mod changes;
mod target;

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::Refusal;
use crate::cloud::Cloud;
use crate::resource::{Created, Failure, Handlers, Request, Tag, Types, generated_name, tags_json};
use changes::{create_input, updates};
use target::Target;

pub const TYPES: Types = &[&Table];

struct Table;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Properties {
    table_name: Option<String>,
    attribute_definitions: Value,
    key_schema: Value,
    billing_mode: Option<String>,
    provisioned_throughput: Option<Value>,
    on_demand_throughput: Option<Value>,
    #[serde(default)]
    global_secondary_indexes: Vec<Value>,
    local_secondary_indexes: Option<Value>,
    table_class: Option<String>,
    #[serde(default)]
    deletion_protection_enabled: bool,
    point_in_time_recovery_specification: Option<Value>,
    #[serde(rename = "SSESpecification")]
    sse_specification: Option<Value>,
    time_to_live_specification: Option<Value>,
    #[serde(default)]
    tags: Vec<Tag>,
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Aws(error) => error.into(),
            Refusal::Engine(error) => {
                let code = match error.error_type().rsplit('#').next() {
                    Some("ResourceNotFoundException") => "NotFound",
                    Some("ResourceInUseException") => "ResourceConflict",
                    Some("LimitExceededException") => "ServiceLimitExceeded",
                    Some("InternalServerError") => "ServiceInternalError",
                    _ => "InvalidRequest",
                };
                Failure::new(code, error.to_string())
            }
        }
    }
}

impl Handlers for Table {
    const NAME: &'static str = "AWS::DynamoDB::Table";

    async fn create(&self, cloud: &Arc<Cloud>, request: &Request) -> Result<Created, Failure> {
        let properties: Properties = request.typed()?;
        let name = properties.table_name.clone().unwrap_or_else(|| generated_name(request, 255));
        let table = Target { cloud, request, name: &name };
        let input = create_input(&properties, &request.all_tags(&properties.tags));
        match table.call("CreateTable", input).await {
            Err(Refusal::Engine(dynoxide::DynoxideError::ResourceInUseException(_))) => {
                // A handler of the registry names the identifier, not the API's message.
                let text = format!(
                    "Resource of type 'AWS::DynamoDB::Table' with identifier '{name}' already exists."
                );
                return Err(Failure::new("AlreadyExists", text));
            }
            result => result?,
        };
        if let Err(error) = table.settle(&properties).await {
            // A create that fails leaves nothing behind.
            table.call("UpdateTable", json!({"DeletionProtectionEnabled": false})).await?;
            table.call("DeleteTable", json!({})).await?;
            return Err(error.into());
        }
        Ok(table.created())
    }

    async fn update(
        &self,
        cloud: &Arc<Cloud>,
        request: &Request,
        physical_id: &str,
        _previous: &Value,
    ) -> Result<Created, Failure> {
        let properties: Properties = request.typed()?;
        let table = Target { cloud, request, name: physical_id };
        let Some(live) = table.describe().await? else {
            let text = format!(
                "Resource of type 'AWS::DynamoDB::Table' with identifier '{physical_id}' was not found."
            );
            return Err(Failure::new("NotFound", text));
        };
        for call in updates(&live, &properties)? {
            table.call("UpdateTable", call).await?;
        }
        table.settle(&properties).await?;
        table.retag(&request.all_tags(&properties.tags)).await?;
        Ok(table.created())
    }

    async fn delete(&self, cloud: &Arc<Cloud>, request: &Request, physical_id: &str) -> Result<(), Failure> {
        let table = Target { cloud, request, name: physical_id };
        match table.call("DeleteTable", json!({})).await {
            Err(Refusal::Engine(dynoxide::DynoxideError::ResourceNotFoundException(_))) => Ok(()),
            result => Ok(result.map(drop)?),
        }
    }

    async fn read(
        &self,
        cloud: &Arc<Cloud>,
        request: &Request,
        physical_id: &str,
    ) -> Result<Option<Value>, Failure> {
        let table = Target { cloud, request, name: physical_id };
        let Some(live) = table.describe().await? else { return Ok(None) };
        let mut model = json!({
            "TableName": physical_id,
            "Arn": live["TableArn"],
            "AttributeDefinitions": live["AttributeDefinitions"],
            "KeySchema": live["KeySchema"],
            "BillingMode": live["BillingModeSummary"]["BillingMode"].as_str().unwrap_or("PROVISIONED"),
            "DeletionProtectionEnabled": live["DeletionProtectionEnabled"].as_bool().unwrap_or(false),
            "Tags": tags_json(&table.tags().await?),
        });
        for kind in ["GlobalSecondaryIndexes", "LocalSecondaryIndexes"] {
            if let Some(indexes) = live[kind].as_array() {
                model[kind] = indexes.iter().map(declared).collect();
            }
        }
        if model["BillingMode"] == "PROVISIONED" {
            model["ProvisionedThroughput"] = throughput(&live["ProvisionedThroughput"]);
        }
        model["PointInTimeRecoverySpecification"] = match table.recovery().await? {
            None => json!({"PointInTimeRecoveryEnabled": false}),
            Some(days) => json!({"PointInTimeRecoveryEnabled": true, "RecoveryPeriodInDays": days}),
        };
        let time_to_live = table.time_to_live().await?;
        if !time_to_live.is_null() {
            model["TimeToLiveSpecification"] = time_to_live;
        }
        if let Some(sse) = live.get("SSEDescription") {
            model["SSESpecification"] = json!({"SSEEnabled": true, "SSEType": "KMS",
                    "KMSMasterKeyId": sse["KMSMasterKeyArn"]});
        }
        Ok(Some(model))
    }
}

/// What a template declares of an index.
fn declared(index: &Value) -> Value {
    json!({
        "IndexName": index["IndexName"],
        "KeySchema": index["KeySchema"],
        "Projection": index["Projection"],
    })
}

fn throughput(live: &Value) -> Value {
    json!({
        "ReadCapacityUnits": live["ReadCapacityUnits"],
        "WriteCapacityUnits": live["WriteCapacityUnits"],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::testing::{cloud, request};

    fn index(key: &str) -> Value {
        json!({"IndexName": format!("index-{key}"), "KeySchema": [{"AttributeName": key, "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "ALL"}})
    }

    /// A table `t` with the key `pk` and an index on each of `keys`.
    fn properties(keys: &[&str], extra: Value) -> Value {
        let attributes = ["pk"].iter().chain(keys);
        let mut properties = json!({
            "TableName": "table",
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": attributes
                .map(|name| json!({"AttributeName": name, "AttributeType": "S"})).collect::<Vec<_>>(),
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        });
        if !keys.is_empty() {
            properties["GlobalSecondaryIndexes"] = keys.iter().map(|key| index(key)).collect();
        }
        properties.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        properties
    }

    async fn update(cloud: &Arc<Cloud>, wanted: Value) -> Result<Created, Failure> {
        Table.update(cloud, &request("Table", wanted), "table", &Value::Null).await
    }

    #[tokio::test]
    async fn one_index_an_update_is_created_or_deleted_and_two_are_refused() {
        let cloud = cloud();
        Table.create(&cloud, &request("Table", properties(&["a"], json!({})))).await.unwrap();
        let refused = update(&cloud, properties(&["b"], json!({}))).await.unwrap_err();
        assert_eq!(
            refused.reason,
            "Cannot perform more than one GSI creation or deletion in a single update"
        );
        update(&cloud, properties(&["a", "b"], json!({}))).await.unwrap();
        update(&cloud, properties(&["b"], json!({}))).await.unwrap();
        let wanted = request("Table", properties(&["b"], json!({})));
        let live = Table.read(&cloud, &wanted, "table").await.unwrap().unwrap();
        assert_eq!(live["GlobalSecondaryIndexes"], json!([index("b")]));
    }

    #[tokio::test]
    async fn an_attribute_that_no_key_uses_is_refused() {
        let mut unused = properties(&[], json!({}));
        unused["AttributeDefinitions"]
            .as_array_mut()
            .unwrap()
            .push(json!({"AttributeName": "unused", "AttributeType": "S"}));
        let refused = Table.create(&cloud(), &request("Table", unused)).await.unwrap_err();
        assert!(refused.reason.contains("AttributeDefinitions"), "{}", refused.reason);
    }

    #[tokio::test]
    async fn a_protected_table_is_not_deleted_until_an_update_lifts_it() {
        let cloud = cloud();
        let protected = request("Table", properties(&[], json!({"DeletionProtectionEnabled": true})));
        Table.create(&cloud, &protected).await.unwrap();
        let refused = Table.delete(&cloud, &protected, "table").await.unwrap_err();
        assert!(refused.reason.contains("protected against deletion"), "{}", refused.reason);
        update(&cloud, properties(&[], json!({}))).await.unwrap();
        Table.delete(&cloud, &protected, "table").await.unwrap();
        Table.delete(&cloud, &protected, "table").await.unwrap();
        assert_eq!(Table.read(&cloud, &protected, "table").await.unwrap(), None);
    }

    #[tokio::test]
    async fn everything_that_may_change_in_place_does_and_back() {
        let cloud = cloud();
        let plain = properties(&[], json!({}));
        let full = properties(
            &[],
            json!({
                "BillingMode": "PROVISIONED",
                "ProvisionedThroughput": {"ReadCapacityUnits": 2, "WriteCapacityUnits": 3},
                "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": true},
                "TimeToLiveSpecification": {"AttributeName": "until", "Enabled": true},
                "SSESpecification": {"SSEEnabled": true},
                "Tags": [{"Key": "stage", "Value": "dev"}],
            }),
        );
        Table.create(&cloud, &request("Table", plain.clone())).await.unwrap();
        update(&cloud, full).await.unwrap();
        let read = request("Table", plain.clone());
        let live = Table.read(&cloud, &read, "table").await.unwrap().unwrap();
        assert_eq!(live["ProvisionedThroughput"], json!({"ReadCapacityUnits": 2, "WriteCapacityUnits": 3}));
        assert_eq!(live["PointInTimeRecoverySpecification"]["RecoveryPeriodInDays"], 35);
        assert_eq!(live["TimeToLiveSpecification"], json!({"AttributeName": "until", "Enabled": true}));
        assert_eq!(live["SSESpecification"]["SSEEnabled"], true);
        assert_eq!(live["Tags"], json!([{"Key": "stage", "Value": "dev"}]));
        update(&cloud, plain).await.unwrap();
        let live = Table.read(&cloud, &read, "table").await.unwrap().unwrap();
        assert_eq!(live["BillingMode"], "PAY_PER_REQUEST");
        for absent in ["TimeToLiveSpecification", "SSESpecification", "ProvisionedThroughput"] {
            assert_eq!(live.get(absent), None, "{absent}");
        }
        assert_eq!(live["Tags"], json!([]));
    }

    #[tokio::test]
    async fn a_create_that_fails_late_leaves_no_table() {
        let cloud = cloud();
        let bad = properties(
            &[],
            json!({"DeletionProtectionEnabled": true, "PointInTimeRecoverySpecification":
                {"PointInTimeRecoveryEnabled": true, "RecoveryPeriodInDays": 99}}),
        );
        let bad = request("Table", bad);
        assert!(Table.create(&cloud, &bad).await.is_err());
        assert_eq!(Table.read(&cloud, &bad, "table").await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_property_that_is_not_implemented_is_named() {
        let stream = properties(&[], json!({"StreamSpecification": {"StreamViewType": "NEW_IMAGE"}}));
        let refused = Table.create(&cloud(), &request("Table", stream)).await.unwrap_err();
        assert!(refused.reason.contains("StreamSpecification"));
    }
}
