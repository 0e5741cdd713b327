//! Secrets Manager: what functions read of the secrets that a stack or an administrator made.

mod generate;
pub mod resources;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use axum::response::Response;
use serde_json::{Map, Value, json};

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
    /// Without any value yet.
    fn new(name: String, arn: String) -> Self {
        let now = jiff::Timestamp::now();
        Self {
            name,
            arn,
            description: None,
            kms_key: None,
            created_at: now,
            changed_at: now,
            versions: Vec::new(),
            tags: BTreeMap::new(),
        }
    }

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
    let known = ["CreateSecret", "PutSecretValue", "DeleteSecret", "GetSecretValue", "DescribeSecret"];
    if !known.contains(&operation) {
        return Err(AwsError::not_implemented(format_args!("secretsmanager:{operation}")));
    }
    let input = call.json()?;
    if operation == "CreateSecret" {
        return create(cloud, call, &input);
    }
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
    match operation {
        "PutSecretValue" => return put_value(cloud, secret, &input),
        "DeleteSecret" => return delete(cloud, &secret, &input),
        "DescribeSecret" => return Ok(description(&secret)),
        _ => {}
    }
    value(&secret, text("VersionId"), text("VersionStage"))
}

/// With a text alone: what else the operation can say is refused, not ignored.
fn create(cloud: &Cloud, call: &Call, input: &Map<String, Value>) -> Result<Value, AwsError> {
    only(input, "CreateSecret", &["Name", "SecretString", "ClientRequestToken"])?;
    let name = required(input, "Name")?;
    let value = required(input, "SecretString")?;
    let arn = new_arn(&call.region, name);
    cloud.iam.authorize(&call.principal, "secretsmanager:CreateSecret", &arn, &[])?;
    let mut secret = Secret::new(name.to_owned(), arn.clone());
    secret.put(value.to_owned());
    let answer = written(&secret);
    cloud.secrets.state.write(|state| {
        if state.find(&call.region, name).is_some() {
            let text = format!("The operation failed because the secret {name} already exists.");
            return Err(AwsError::new(400, "ResourceExistsException", text));
        }
        state.secrets.insert(arn, secret);
        Ok(answer)
    })
}

fn put_value(cloud: &Cloud, mut secret: Secret, input: &Map<String, Value>) -> Result<Value, AwsError> {
    only(input, "PutSecretValue", &["SecretId", "SecretString", "ClientRequestToken"])?;
    secret.put(required(input, "SecretString")?.to_owned());
    let answer = written(&secret);
    cloud.secrets.state.write(|state| state.secrets.insert(secret.arn.clone(), secret));
    Ok(answer)
}

/// At once: a recovery window is not implemented.
fn delete(cloud: &Cloud, secret: &Secret, input: &Map<String, Value>) -> Result<Value, AwsError> {
    only(input, "DeleteSecret", &["SecretId", "ForceDeleteWithoutRecovery"])?;
    if input.get("ForceDeleteWithoutRecovery") != Some(&json!(true)) {
        return Err(AwsError::not_implemented("secretsmanager:DeleteSecret with a recovery window"));
    }
    cloud.secrets.state.write(|state| state.secrets.remove(&secret.arn));
    Ok(json!({"ARN": secret.arn, "Name": secret.name, "DeletionDate": jiff::Timestamp::now().as_second()}))
}

fn only(input: &Map<String, Value>, operation: &str, known: &[&str]) -> Result<(), AwsError> {
    match input.keys().find(|key| !known.contains(&key.as_str())) {
        None => Ok(()),
        Some(key) => Err(AwsError::not_implemented(format_args!("secretsmanager:{operation} with {key}"))),
    }
}

fn required<'a>(input: &'a Map<String, Value>, name: &str) -> Result<&'a str, AwsError> {
    input.get(name).and_then(Value::as_str).ok_or_else(|| {
        let text = format!("You must provide a value for the {name} parameter.");
        AwsError::new(400, "InvalidParameterException", text)
    })
}

/// Secrets Manager ends every ARN with six random characters.
fn new_arn(region: &str, name: &str) -> String {
    let end: String = uuid::Uuid::new_v4().simple().to_string().chars().take(6).collect();
    arn("secretsmanager", region, &format!("secret:{name}-{end}"))
}

/// The answer of what wrote a value.
fn written(secret: &Secret) -> Value {
    let version = secret.versions.last().map(|version| version.id.as_str());
    json!({"ARN": secret.arn, "Name": secret.name, "VersionId": version})
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
