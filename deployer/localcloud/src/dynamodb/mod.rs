//! DynamoDB: dynoxide's engine behind the wire protocol and the judgement of every call.

mod engine;
mod extras;
pub mod resources;
mod rights;

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use axum::response::Response;
use dynoxide::{Database, DynoxideError};
use serde_json::{Map, Value, json};

use crate::auth::Principal;
use crate::cloud::{Cloud, arn};
use crate::store::{Persisted, Store};
use crate::wire::{AwsError, Call, plain_response};
use extras::Extras;

pub struct DynamoDb {
    folder: Option<PathBuf>,
    /// A database a region: tables of one region do not exist in another.
    databases: Mutex<HashMap<String, Database>>,
    /// What the engine does not store, by the table's ARN.
    extras: Persisted<HashMap<String, Extras>>,
}

/// A refusal of the engine, or of the judgement before it.
#[derive(Debug)]
enum Refusal {
    Engine(DynoxideError),
    Aws(AwsError),
}

impl From<DynoxideError> for Refusal {
    fn from(error: DynoxideError) -> Self {
        Self::Engine(error)
    }
}

impl From<AwsError> for Refusal {
    fn from(error: AwsError) -> Self {
        Self::Aws(error)
    }
}

impl DynamoDb {
    pub fn open(store: &Store) -> io::Result<Self> {
        Ok(Self {
            folder: store.folder().map(PathBuf::from),
            databases: Mutex::default(),
            extras: store.open("dynamodb")?,
        })
    }

    /// Blocks: call it where blocking is allowed.
    fn database(&self, region: &str) -> Result<Database, DynoxideError> {
        let mut databases = self.databases.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(database) = databases.get(region) {
            return Ok(database.clone());
        }
        // The region is part of a file's name.
        if region.is_empty() || !region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return Err(DynoxideError::ValidationException(format!("{region} is not a region")));
        }
        let database = match &self.folder {
            None => Database::memory()?,
            Some(folder) => {
                let path = folder.join(format!("dynamodb-{region}.sqlite"));
                Database::new(&path.to_string_lossy())?
            }
        };
        databases.insert(region.to_owned(), database.clone());
        Ok(database)
    }
}

/// Runs SQLite's blocking work beside the async workers.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(Refusal::Engine(DynoxideError::InternalServerError(error.to_string()))),
    }
}

/// One operation by one principal, judged and done.
async fn operate(
    cloud: &Arc<Cloud>,
    region: &str,
    principal: &Principal,
    operation: &str,
    mut input: Map<String, Value>,
) -> Result<String, Refusal> {
    let (cloud, region) = (Arc::clone(cloud), region.to_owned());
    let (principal, operation) = (principal.clone(), operation.to_owned());
    blocking(move || {
        let database = cloud.dynamodb.database(&region)?;
        name_of_arn(&mut input);
        // Only policies ask for the keys, and the administrator has none.
        let judged = principal != Principal::Administrator;
        let keys = |table: &str, index: Option<&str>| {
            judged.then(|| engine::hash_key(&database, table, index)).flatten()
        };
        for right in rights::needed(&operation, &input, &keys)? {
            let resource = arn("dynamodb", &region, &right.resource);
            let context: Vec<_> =
                right.leading_keys.iter().map(|key| ("dynamodb:LeadingKeys", key.as_str())).collect();
            cloud.iam.authorize(&principal, &right.action, &resource, &context)?;
        }
        match extras::operate(&cloud, &database, &region, &operation, &mut input)? {
            Some(answer) => Ok(answer),
            None => Ok(engine::run(&database, &region, &operation, &Value::Object(input).to_string())?),
        }
    })
    .await
}

/// A table may be named by its ARN wherever it is named at the top.
fn name_of_arn(input: &mut Map<String, Value>) {
    if let Some(Value::String(name)) = input.get_mut("TableName")
        && let Some((_, table)) = name.strip_prefix("arn:").and_then(|rest| rest.split_once(":table/"))
    {
        *name = table.to_owned();
    }
}

pub async fn handle(cloud: &Arc<Cloud>, call: Call) -> Response {
    let result = match (call.target(), call.json()) {
        (Some(operation), Ok(input)) => operate(cloud, &call.region, &call.principal, operation, input).await,
        (None, _) => Err(Refusal::Aws(AwsError::new(400, "UnknownOperationException", ""))),
        (_, Err(error)) => Err(Refusal::Aws(error)),
    };
    let (status, body) = match result {
        Ok(body) => (200, body),
        Err(Refusal::Engine(error)) => (error.status_code(), error.to_json()),
        Err(Refusal::Aws(error)) => {
            let error = error.of_json_service();
            let kind = format!("com.amazon.coral.service#{}", error.code);
            (error.status, json!({"__type": kind, "Message": error.message}).to_string())
        }
    };
    // SDKs of other languages compare the checksum of what they read with this header.
    let checksum = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32IsoHdlc, body.as_bytes());
    let mut response = plain_response(status, "application/x-amz-json-1.0", body, &call.request_id);
    if let Ok(checksum) = checksum.to_string().parse() {
        response.headers_mut().insert("x-amz-crc32", checksum);
    }
    response
}
