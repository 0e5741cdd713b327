//! From declared properties to the API's calls: how a table begins and how it changes.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Properties;
use crate::resource::Failure;

pub fn wanted_recovery(specification: &Value) -> Option<i64> {
    (specification["PointInTimeRecoveryEnabled"] == json!(true))
        .then(|| specification["RecoveryPeriodInDays"].as_i64().unwrap_or(35))
}

/// `SSESpecification` has other names in CloudFormation than in the API.
fn sse(specification: Option<&Value>) -> Value {
    let mut api = json!({"Enabled": specification.is_some_and(|s| s["SSEEnabled"] == json!(true))});
    if let Some(key) = specification.and_then(|s| s.get("KMSMasterKeyId")) {
        api["KMSMasterKeyId"] = key.clone();
    }
    api
}

pub fn create_input(properties: &Properties, tags: &BTreeMap<String, String>) -> Value {
    let mut input = json!({
        "AttributeDefinitions": properties.attribute_definitions,
        "KeySchema": properties.key_schema,
        "BillingMode": properties.billing_mode.as_deref().unwrap_or("PROVISIONED"),
        "DeletionProtectionEnabled": properties.deletion_protection_enabled,
        "SSESpecification": sse(properties.sse_specification.as_ref()),
    });
    let tags: Vec<Value> = tags.iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect();
    if !tags.is_empty() {
        input["Tags"] = json!(tags);
    }
    if !properties.global_secondary_indexes.is_empty() {
        input["GlobalSecondaryIndexes"] = json!(properties.global_secondary_indexes);
    }
    for (name, value) in [
        ("ProvisionedThroughput", &properties.provisioned_throughput),
        ("OnDemandThroughput", &properties.on_demand_throughput),
        ("LocalSecondaryIndexes", &properties.local_secondary_indexes),
    ] {
        if let Some(value) = value {
            input[name] = value.clone();
        }
    }
    if let Some(class) = &properties.table_class {
        input["TableClass"] = json!(class);
    }
    input
}

/// The calls of UpdateTable that lead from the live table to the wanted one. Throughput, indexes
/// and the rest cannot share a call.
pub fn updates(live: &Value, properties: &Properties) -> Result<Vec<Value>, Failure> {
    let mut calls = Vec::new();
    let billing = |mode: Option<&str>| mode.unwrap_or("PROVISIONED").to_owned();
    let was = billing(live["BillingModeSummary"]["BillingMode"].as_str());
    let wanted = billing(properties.billing_mode.as_deref());
    let throughput = properties.provisioned_throughput.as_ref();
    let same_throughput = throughput.is_none_or(|wanted| {
        ["ReadCapacityUnits", "WriteCapacityUnits"]
            .iter()
            .all(|unit| wanted[*unit] == live["ProvisionedThroughput"][*unit])
    });
    if was != wanted || (wanted == "PROVISIONED" && !same_throughput) {
        let mut call = json!({"BillingMode": wanted});
        if let Some(throughput) = throughput {
            call["ProvisionedThroughput"] = throughput.clone();
        }
        calls.push(call);
    }
    if let Some(change) = index_change(live, properties)? {
        calls.push(json!({
            "AttributeDefinitions": properties.attribute_definitions,
            "GlobalSecondaryIndexUpdates": [change],
        }));
    }
    let protected = live["DeletionProtectionEnabled"].as_bool().unwrap_or(false);
    if protected != properties.deletion_protection_enabled {
        calls.push(json!({"DeletionProtectionEnabled": properties.deletion_protection_enabled}));
    }
    if let Some(class) = &properties.table_class
        && live["TableClassSummary"]["TableClass"].as_str().unwrap_or("STANDARD") != class
    {
        calls.push(json!({"TableClass": class}));
    }
    let encrypted = live.get("SSEDescription").is_some();
    let sse = sse(properties.sse_specification.as_ref());
    let other_key =
        sse.get("KMSMasterKeyId").is_some_and(|key| *key != live["SSEDescription"]["KMSMasterKeyArn"]);
    if sse["Enabled"] != json!(encrypted) || (encrypted && other_key) {
        calls.push(json!({"SSESpecification": sse}));
    }
    Ok(calls)
}

/// The one index that may be created or deleted in an update.
fn index_change(live: &Value, properties: &Properties) -> Result<Option<Value>, Failure> {
    let empty = Vec::new();
    let before = live["GlobalSecondaryIndexes"].as_array().unwrap_or(&empty);
    let after = &properties.global_secondary_indexes;
    let named = |list: &[Value], name: &Value| list.iter().find(|index| index["IndexName"] == *name).cloned();
    let mut changes = Vec::new();
    for index in before {
        match named(after, &index["IndexName"]) {
            None => changes.push(json!({"Delete": {"IndexName": index["IndexName"]}})),
            Some(wanted)
                if wanted["KeySchema"] != index["KeySchema"]
                    || wanted["Projection"] != index["Projection"] =>
            {
                return Err(Failure::new(
                    "InvalidRequest",
                    "Cannot update GSI's properties other than Provisioned Throughput and Contributor Insights Specification. You can create a new GSI with a different name.",
                ));
            }
            Some(_) => {}
        }
    }
    for index in after {
        if named(before, &index["IndexName"]).is_none() {
            changes.push(json!({"Create": index}));
        }
    }
    if changes.len() > 1 {
        return Err(Failure::new(
            "InvalidRequest",
            "Cannot perform more than one GSI creation or deletion in a single update",
        ));
    }
    Ok(changes.pop())
}
