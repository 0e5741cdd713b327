//! The services together: what one service uses to reach another.

use std::io;
use std::sync::{Arc, OnceLock};

use crate::store::Store;
use crate::{cloudformation, cognito, dynamodb, faults, httpapi, iam, kms, lambda, logs, s3, secrets};

/// The one account of this cloud.
pub const ACCOUNT: &str = "000000000000";
/// Where an unsigned request is served.
pub const REGION: &str = "us-east-1";
/// The partition of every ARN.
pub const PARTITION: &str = "aws";

/// All services of one embedded cloud. Shared as `Arc<Cloud>`; each service keeps its own state.
pub struct Cloud {
    pub store: Store,
    pub iam: iam::Iam,
    pub s3: s3::S3,
    pub dynamodb: dynamodb::DynamoDb,
    pub logs: logs::Logs,
    pub secrets: secrets::Secrets,
    pub kms: kms::Kms,
    pub lambda: lambda::Lambda,
    pub httpapi: httpapi::HttpApi,
    pub cognito: cognito::Cognito,
    pub cloudformation: cloudformation::CloudFormation,
    pub faults: faults::Faults,
    endpoint: OnceLock<String>,
}

impl Cloud {
    pub fn open(store: Store) -> io::Result<Arc<Self>> {
        Ok(Arc::new(Self {
            iam: iam::Iam::open(&store)?,
            s3: s3::S3::open(&store)?,
            dynamodb: dynamodb::DynamoDb::open(&store)?,
            logs: logs::Logs::open(&store)?,
            secrets: secrets::Secrets::open(&store)?,
            kms: kms::Kms::open(&store)?,
            lambda: lambda::Lambda::open(&store)?,
            httpapi: httpapi::HttpApi::open(&store)?,
            cognito: cognito::Cognito::open(&store)?,
            cloudformation: cloudformation::CloudFormation::open(&store)?,
            faults: faults::Faults::default(),
            endpoint: OnceLock::new(),
            store,
        }))
    }

    /// `http://127.0.0.1:<port>`, without a slash at the end.
    pub fn endpoint(&self) -> &str {
        self.endpoint.get().map_or("http://127.0.0.1:4566", String::as_str)
    }

    pub(crate) fn set_endpoint(&self, endpoint: String) {
        // Set once, by the server that bound the port.
        drop(self.endpoint.set(endpoint));
    }
}

/// `arn:aws:<service>:<region>:<account>:<rest>`.
pub fn arn(service: &str, region: &str, rest: &str) -> String {
    format!("arn:{PARTITION}:{service}:{region}:{ACCOUNT}:{rest}")
}
