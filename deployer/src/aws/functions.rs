//! Lambda: what runs.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_lambda::Client;
use aws_sdk_lambda::config::Config;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::LogType;
use aws_smithy_types::base64;

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

/// What a function answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invoked {
    /// Of Lambda; 200 also where the function failed.
    pub status: i32,
    /// `Handled` or `Unhandled` where the function failed; the payload then has `errorType` and `errorMessage`.
    pub function_error: Option<String>,
    pub payload: Vec<u8>,
    /// The last 4 KB of what it logged meanwhile.
    pub log_tail: String,
}

impl Aws {
    /// Invokes a function and waits for its answer, at most `limit`. Sent once: a lost answer says nothing about
    /// what was done.
    pub async fn invoke(&self, name: &str, payload: Vec<u8>, limit: Duration) -> Result<Invoked, Error> {
        let times =
            TimeoutConfig::builder().operation_attempt_timeout(limit).operation_timeout(limit).build();
        let settings = Config::builder().timeout_config(times).retry_config(RetryConfig::disabled());
        let call = Client::new(&self.config).invoke().function_name(name).log_type(LogType::Tail);
        let call = call.payload(Blob::new(payload)).customize().config_override(settings);
        let answer = call.send().await?;
        let log = answer.log_result.unwrap_or_default();
        let log = base64::decode(log).unwrap_or_default();
        Ok(Invoked {
            status: answer.status_code,
            function_error: answer.function_error,
            payload: answer.payload.map(Blob::into_inner).unwrap_or_default(),
            log_tail: String::from_utf8_lossy(&log).into_owned(),
        })
    }

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
