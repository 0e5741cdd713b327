//! What AWS keeps of a table and the engine does not: recovery to a point in time and encryption.

use std::sync::Arc;

use dynoxide::{Database, DynoxideError};
use serde_json::{Map, Value, json};

use super::{Refusal, engine};
use crate::cloud::{Cloud, arn};
use crate::wire::AwsError;

#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Extras {
    /// Days back that the table can be restored to; `None` where recovery is off.
    pub recovery_days: Option<i64>,
    /// The key's ARN; `None` for the key that AWS owns.
    pub kms_key: Option<String>,
}

/// Does the operations that concern the extras; `None` where the engine alone does it. What
/// belongs here is taken out of `input`.
pub fn operate(
    cloud: &Arc<Cloud>,
    database: &Database,
    region: &str,
    operation: &str,
    input: &mut Map<String, Value>,
) -> Result<Option<String>, Refusal> {
    let table = input.get("TableName").and_then(Value::as_str).unwrap_or_default().to_owned();
    let table_arn = arn("dynamodb", region, &format!("table/{table}"));
    let state = &cloud.dynamodb.extras;
    let run = |input: &Map<String, Value>, operation: &str| -> Result<Value, Refusal> {
        let body = Value::Object(input.clone()).to_string();
        let answer = engine::run(database, region, operation, &body)?;
        serde_json::from_str(&answer)
            .map_err(|error| DynoxideError::InternalServerError(error.to_string()).into())
    };
    let describe = || {
        let mut table_alone = Map::new();
        table_alone.insert("TableName".to_owned(), json!(table));
        run(&table_alone, "DescribeTable")
    };
    let mut answer = match operation {
        "CreateTable" => {
            let kms_key = match input.remove("SSESpecification") {
                Some(specification) => kms_key(cloud, region, &specification)?,
                None => None,
            };
            let answer = run(input, operation)?;
            state.write(|state| state.insert(table_arn.clone(), Extras { recovery_days: None, kms_key }));
            answer
        }
        "UpdateTable" => {
            if let Some(specification) = input.remove("SSESpecification") {
                describe()?;
                let kms_key = kms_key(cloud, region, &specification)?;
                state.write(|state| state.entry(table_arn.clone()).or_default().kms_key = kms_key);
                if input.len() == 1 {
                    json!({"TableDescription": describe()?["Table"]})
                } else {
                    run(input, operation)?
                }
            } else {
                run(input, operation)?
            }
        }
        "DeleteTable" => {
            let answer = run(input, operation)?;
            state.write(|state| state.remove(&table_arn));
            return Ok(Some(answer.to_string()));
        }
        "DescribeTable" => run(input, operation)?,
        "UpdateContinuousBackups" => {
            existing(describe(), &table)?;
            let specification = &input.get("PointInTimeRecoverySpecification").cloned().unwrap_or_default();
            let recovery_days = recovery_days(specification)?;
            state.write(|state| state.entry(table_arn.clone()).or_default().recovery_days = recovery_days);
            return Ok(Some(backups(recovery_days).to_string()));
        }
        "DescribeContinuousBackups" => {
            existing(describe(), &table)?;
            let days = state.read(|state| state.get(&table_arn).and_then(|extras| extras.recovery_days));
            return Ok(Some(backups(days).to_string()));
        }
        _ => return Ok(None),
    };
    if let Some(key) = state.read(|state| state.get(&table_arn).and_then(|extras| extras.kms_key.clone())) {
        let part = if operation == "DescribeTable" { "Table" } else { "TableDescription" };
        answer[part]["SSEDescription"] =
            json!({"Status": "ENABLED", "SSEType": "KMS", "KMSMasterKeyArn": key});
    }
    Ok(Some(answer.to_string()))
}

/// The continuous backups of an absent table have an error of their own.
fn existing(described: Result<Value, Refusal>, table: &str) -> Result<(), Refusal> {
    match described {
        Err(Refusal::Engine(DynoxideError::ResourceNotFoundException(_))) => {
            Err(AwsError::new(400, "TableNotFoundException", format!("Table not found: {table}")).into())
        }
        other => other.map(drop),
    }
}

/// The key of an SSESpecification; `None` where encryption is with the key that AWS owns.
fn kms_key(cloud: &Cloud, region: &str, specification: &Value) -> Result<Option<String>, AwsError> {
    let enabled = specification.get("Enabled").or_else(|| specification.get("SSEEnabled"));
    if enabled.and_then(Value::as_bool) != Some(true) {
        return Ok(None);
    }
    let given = specification.get("KMSMasterKeyId").and_then(Value::as_str).unwrap_or("alias/aws/dynamodb");
    cloud.kms.key_arn(region, given).map(Some)
}

fn recovery_days(specification: &Value) -> Result<Option<i64>, AwsError> {
    let enabled = specification.get("PointInTimeRecoveryEnabled").and_then(Value::as_bool);
    let days = specification.get("RecoveryPeriodInDays").and_then(Value::as_i64);
    match (enabled, days.unwrap_or(35)) {
        (Some(true), days) if (1..=35).contains(&days) => Ok(Some(days)),
        (Some(true), _) => Err(AwsError::new(
            400,
            "ValidationException",
            "RecoveryPeriodInDays must be between 1 and 35 days",
        )),
        (Some(false), _) => Ok(None),
        (None, _) => Err(AwsError::new(
            400,
            "ValidationException",
            "1 validation error detected: Value null at 'pointInTimeRecoverySpecification.pointInTimeRecoveryEnabled' failed to satisfy constraint: Member must not be null",
        )),
    }
}

fn backups(recovery_days: Option<i64>) -> Value {
    let recovery = match recovery_days {
        None => json!({"PointInTimeRecoveryStatus": "DISABLED"}),
        Some(days) => json!({"PointInTimeRecoveryStatus": "ENABLED", "RecoveryPeriodInDays": days}),
    };
    json!({"ContinuousBackupsDescription": {
        "ContinuousBackupsStatus": "ENABLED",
        "PointInTimeRecoveryDescription": recovery,
    }})
}
