//! Secrets Manager: what functions read of the secrets that a stack made.

mod generate;
pub mod resources;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use axum::response::Response;
use serde_json::{Value, json};

use crate::cloud::{Cloud, arn};
use crate::store::{Persisted, Store};
use crate::wire::{AwsError, Call, json_response};

pub struct Secrets {
    state: Persisted<State>,
}

#[derive(Debug, Default, serde::Serialize, serde::Deserialize)]
struct State {
    /// By ARN.
    secrets: BTreeMap<String, Secret>,
}

#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
struct Secret {
    name: String,
    arn: String,
    description: Option<String>,
    kms_key: Option<String>,
    created_at: jiff::Timestamp,
    changed_at: jiff::Timestamp,
    /// Oldest first; the last is AWSCURRENT, the one before it AWSPREVIOUS.
    versions: Vec<Version>,
    tags: BTreeMap<String, String>,
}

#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
struct Version {
    id: String,
    value: String,
    created_at: jiff::Timestamp,
}

impl Secrets {
    pub fn open(store: &Store) -> io::Result<Self> {
        Ok(Self { state: store.open("secrets")? })
    }
}

impl State {
    /// By ARN, by ARN without its random end, or by name within a region.
    fn find(&self, region: &str, id: &str) -> Option<&Secret> {
        self.secrets.get(id).or_else(|| {
            self.secrets.values().find(|secret| {
                let (whole, _) = secret.arn.rsplit_once('-').unwrap_or((&secret.arn, ""));
                whole == id
                    || (secret.name == id && *whole == arn("secretsmanager", region, &format!("secret:{id}")))
            })
        })
    }
}

impl Secret {
    fn stages(&self, at: usize) -> &'static [&'static str] {
        match self.versions.len() - at {
            1 => &["AWSCURRENT"],
            2 => &["AWSPREVIOUS"],
            _ => &[],
        }
    }

    /// A new current value; older ones than the previous one have no name any more and go.
    fn put(&mut self, value: String) {
        let now = jiff::Timestamp::now();
        self.versions.push(Version { id: uuid::Uuid::new_v4().to_string(), value, created_at: now });
        let excess = self.versions.len().saturating_sub(2);
        self.versions.drain(..excess);
        self.changed_at = now;
    }
}

pub async fn handle(cloud: &Arc<Cloud>, call: Call) -> Response {
    match answer(cloud, &call) {
        Ok(body) => json_response(200, "application/x-amz-json-1.1", &body, &call.request_id),
        Err(error) => error.of_json_service().json_response(&call.request_id),
    }
}

fn answer(cloud: &Cloud, call: &Call) -> Result<Value, AwsError> {
    let operation = call.target().unwrap_or_default();
    if !matches!(operation, "GetSecretValue" | "DescribeSecret") {
        return Err(AwsError::not_implemented(format_args!("secretsmanager:{operation}")));
    }
    let input = call.json()?;
    let text = |name: &str| input.get(name).and_then(Value::as_str);
    let id = text("SecretId").ok_or_else(|| {
        AwsError::new(
            400,
            "InvalidParameterException",
            "You must provide a value for the SecretId parameter.",
        )
    })?;
    let secret = cloud.secrets.state.read(|state| state.find(&call.region, id).cloned());
    // An absent secret is judged by the name it was asked for.
    let resource = match &secret {
        Some(secret) => secret.arn.clone(),
        None if id.starts_with("arn:") => id.to_owned(),
        None => arn("secretsmanager", &call.region, &format!("secret:{id}")),
    };
    cloud.iam.authorize(&call.principal, &format!("secretsmanager:{operation}"), &resource, &[])?;
    let secret = secret.ok_or_else(|| not_found("Secrets Manager can't find the specified secret."))?;
    if operation == "DescribeSecret" {
        return Ok(description(&secret));
    }
    value(&secret, text("VersionId"), text("VersionStage"))
}

fn not_found(text: &str) -> AwsError {
    AwsError::new(400, "ResourceNotFoundException", text)
}

fn value(secret: &Secret, id: Option<&str>, stage: Option<&str>) -> Result<Value, AwsError> {
    let stage = stage.or_else(|| id.is_none().then_some("AWSCURRENT"));
    let found = secret.versions.iter().enumerate().find(|(at, version)| {
        id.is_none_or(|id| version.id == id) && stage.is_none_or(|stage| secret.stages(*at).contains(&stage))
    });
    let (at, version) = found.ok_or_else(|| {
        let what = stage.map_or_else(
            || format!("VersionId: {}", id.unwrap_or_default()),
            |stage| format!("staging label: {stage}"),
        );
        not_found(&format!("Secrets Manager can't find the specified secret value for {what}"))
    })?;
    Ok(json!({
        "ARN": secret.arn,
        "Name": secret.name,
        "VersionId": version.id,
        "VersionStages": secret.stages(at),
        "SecretString": version.value,
        "CreatedDate": version.created_at.as_second(),
    }))
}

fn description(secret: &Secret) -> Value {
    let versions: BTreeMap<&str, &[&str]> = secret
        .versions
        .iter()
        .enumerate()
        .map(|(at, version)| (version.id.as_str(), secret.stages(at)))
        .collect();
    let tags: Vec<Value> =
        secret.tags.iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect();
    let mut value = json!({
        "ARN": secret.arn,
        "Name": secret.name,
        "CreatedDate": secret.created_at.as_second(),
        "LastChangedDate": secret.changed_at.as_second(),
        "VersionIdsToStages": versions,
        "Tags": tags,
    });
    if let Some(description) = &secret.description {
        value["Description"] = json!(description);
    }
    if let Some(key) = &secret.kms_key {
        value["KmsKeyId"] = json!(key);
    }
    value
}
