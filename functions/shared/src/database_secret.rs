//! The secret with the way to the stage's database: the grant target `database`. One method a Secrets Manager
//! action.

use std::sync::{Arc, OnceLock};

use aws_sdk_secretsmanager::Client;

use crate::aws::{Aws, CallError};
use crate::config::{self, Missing};

/// The secret.
#[derive(Debug)]
pub struct DatabaseSecret {
    id: String,
    aws: Arc<Aws>,
    client: OnceLock<Client>,
}

impl DatabaseSecret {
    /// The secret that the environment names.
    pub fn from_env(aws: &Arc<Aws>) -> Result<Self, Missing> {
        Ok(Self::new(config::required("DATABASE_SECRET")?, aws))
    }

    /// The secret of this name or ARN.
    pub fn new(id: String, aws: &Arc<Aws>) -> Self {
        Self { id, aws: Arc::clone(aws), client: OnceLock::new() }
    }

    /// Its current text. Whoever has it keeps it out of logs and errors.
    pub async fn get_secret_value(&self) -> Result<String, CallError> {
        const ACTION: &str = "secretsmanager:GetSecretValue";
        let client = self.client.get_or_init(|| Client::new(self.aws.config()));
        let answer = client.get_secret_value().secret_id(&self.id).send().await;
        let answer = answer.map_err(|error| CallError::new(ACTION, &self.id, &error))?;
        answer.secret_string.ok_or_else(|| CallError {
            action: ACTION,
            resource: self.id.clone(),
            code: "SecretIsNoText".to_owned(),
            message: "the secret holds bytes where a JSON text belongs".to_owned(),
            aws_request_id: None,
            transient: false,
        })
    }
}
