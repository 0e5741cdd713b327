//! KMS: keys and aliases are kept and described; nothing is encrypted with them here.

pub mod resources;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use axum::response::Response;
use serde_json::{Value, json};

use crate::cloud::{ACCOUNT, Cloud, arn};
use crate::store::{Persisted, Store};
use crate::wire::{AwsError, Call, json_response};

pub struct Kms {
    state: Persisted<State>,
}

#[derive(Debug, Default, serde::Serialize, serde::Deserialize)]
struct State {
    /// By ARN.
    keys: BTreeMap<String, Key>,
    /// ARNs of keys by the alias's ARN.
    aliases: BTreeMap<String, String>,
}

#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
struct Key {
    id: String,
    arn: String,
    description: String,
    enabled: bool,
    rotation: bool,
    policy: Value,
    created_at: jiff::Timestamp,
    /// When it goes; a key is never gone at once.
    deletion_date: Option<jiff::Timestamp>,
    tags: BTreeMap<String, String>,
}

impl Kms {
    pub fn open(store: &Store) -> io::Result<Self> {
        Ok(Self { state: store.open("kms")? })
    }

    /// The ARN of a usable key given by its id, ARN, alias or alias's ARN. AWS's own keys
    /// (`alias/aws/…`) exist as soon as somebody names them. Errors: NotFoundException.
    pub fn key_arn(&self, region: &str, given: &str) -> Result<String, AwsError> {
        let full = match given {
            _ if given.starts_with("arn:") => given.to_owned(),
            _ if given.starts_with("alias/") => arn("kms", region, given),
            _ => arn("kms", region, &format!("key/{given}")),
        };
        if full.contains(":alias/aws/") {
            let id = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_URL, full.as_bytes());
            return Ok(arn("kms", region, &format!("key/{id}")));
        }
        self.state.read(|state| {
            let key = state.aliases.get(&full).unwrap_or(&full);
            match state.keys.get(key) {
                Some(key) if key.deletion_date.is_some() => Err(AwsError::new(
                    400,
                    "KMSInvalidStateException",
                    format!("{} is pending deletion.", key.arn),
                )),
                Some(key) => Ok(key.arn.clone()),
                None => Err(not_found(&full)),
            }
        })
    }
}

fn not_found(full: &str) -> AwsError {
    let what = if full.contains(":alias/") { "Alias" } else { "Key" };
    AwsError::new(400, "NotFoundException", format!("{what} '{full}' does not exist"))
}

pub async fn handle(cloud: &Arc<Cloud>, call: Call) -> Response {
    match answer(cloud, &call) {
        Ok(body) => json_response(200, "application/x-amz-json-1.1", &body, &call.request_id),
        Err(error) => error.of_json_service().json_response(&call.request_id),
    }
}

fn answer(cloud: &Cloud, call: &Call) -> Result<Value, AwsError> {
    let operation = call.target().unwrap_or_default();
    if operation != "DescribeKey" {
        return Err(AwsError::not_implemented(format_args!("kms:{operation}")));
    }
    let input = call.json()?;
    let given = input.get("KeyId").and_then(Value::as_str).unwrap_or_default();
    // A key that waits for its deletion is described all the same.
    let full = arn("kms", &call.region, &format!("key/{}", given.rsplit('/').next().unwrap_or(given)));
    let waiting = cloud.kms.state.read(|state| state.keys.get(&full).cloned());
    let key_arn = match &waiting {
        Some(key) => key.arn.clone(),
        None => cloud.kms.key_arn(&call.region, given)?,
    };
    cloud.iam.authorize(&call.principal, "kms:DescribeKey", &key_arn, &[])?;
    let key = waiting.or_else(|| cloud.kms.state.read(|state| state.keys.get(&key_arn).cloned()));
    Ok(json!({"KeyMetadata": metadata(&key_arn, key.as_ref())}))
}

/// Without a key of the user's it is one of AWS's own.
fn metadata(key_arn: &str, key: Option<&Key>) -> Value {
    let state = match key {
        Some(Key { deletion_date: Some(_), .. }) => "PendingDeletion",
        Some(Key { enabled: false, .. }) => "Disabled",
        Some(_) | None => "Enabled",
    };
    let mut value = json!({
        "AWSAccountId": ACCOUNT,
        "KeyId": key_arn.rsplit('/').next(),
        "Arn": key_arn,
        "Enabled": state == "Enabled",
        "KeyState": state,
        "KeyUsage": "ENCRYPT_DECRYPT",
        "KeySpec": "SYMMETRIC_DEFAULT",
        "Origin": "AWS_KMS",
        "KeyManager": if key.is_some() { "CUSTOMER" } else { "AWS" },
        "MultiRegion": false,
    });
    if let Some(key) = key {
        value["Description"] = json!(key.description);
        value["CreationDate"] = json!(key.created_at.as_second());
        if let Some(date) = key.deletion_date {
            value["DeletionDate"] = json!(date.as_second());
        }
    }
    value
}
