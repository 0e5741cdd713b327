//! Lambda: what runs.

use aws_sdk_lambda::Client;

use super::{Aws, Error};

/// A function as Lambda has it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionState {
    pub name: String,
    /// Base64 of the SHA-256 of the zip that runs.
    pub code_sha256: String,
    /// `Successful`, `InProgress` or `Failed`.
    pub last_update: String,
    pub reason: Option<String>,
}

impl Aws {
    pub async fn function(&self, name: &str) -> Result<FunctionState, Error> {
        let answer =
            Client::new(&self.config).get_function_configuration().function_name(name).send().await?;
        Ok(FunctionState {
            name: name.to_owned(),
            code_sha256: answer.code_sha256.unwrap_or_default(),
            last_update: answer
                .last_update_status
                .map(|status| status.as_str().to_owned())
                .unwrap_or_default(),
            reason: answer.last_update_status_reason,
        })
    }
}
