//! The AWS SDK as every function uses it: made on first use, bounded in time, with errors worth a log line.

use std::error::Error;
use std::sync::OnceLock;
use std::time::Duration;

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::SharedCredentialsProvider;
use aws_sdk_dynamodb::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::RequestId;

/// One attempt of a call.
const ATTEMPT: Duration = Duration::from_millis(1500);
/// A call with all its attempts: a trigger has 5 s for everything, cold start included.
const CALL: Duration = Duration::from_millis(3500);

/// The SDK's configuration, made by the first call that needs it: a function polls for work sooner without.
#[derive(Debug, Default)]
pub struct Aws {
    config: OnceLock<SdkConfig>,
}

impl Aws {
    /// From the environment, as Lambda sets it.
    pub fn from_env() -> Self {
        Self::default()
    }

    /// With a configuration that is already there.
    pub fn with(config: SdkConfig) -> Self {
        Self { config: OnceLock::from(config) }
    }

    /// The configuration, made once. Lambda gives a function its region and credentials by the environment
    /// alone; the SDK's default chain would bring code for files, SSO and metadata servers into every zip.
    pub fn config(&self) -> &SdkConfig {
        self.config.get_or_init(|| {
            let times =
                TimeoutConfig::builder().operation_attempt_timeout(ATTEMPT).operation_timeout(CALL).build();
            let mut config = SdkConfig::builder()
                .behavior_version(BehaviorVersion::latest())
                .credentials_provider(SharedCredentialsProvider::new(
                    EnvironmentVariableCredentialsProvider::new(),
                ))
                .timeout_config(times);
            config.set_region(std::env::var("AWS_REGION").ok().map(Region::new));
            config.set_endpoint_url(std::env::var("AWS_ENDPOINT_URL").ok());
            config.build()
        })
    }
}

/// A call to AWS that failed.
#[derive(Debug, thiserror::Error)]
#[error("{action} on {resource} failed: {code}: {message}")]
pub struct CallError {
    /// The IAM name of the action.
    pub action: &'static str,
    /// The name of the table or the pool.
    pub resource: String,
    /// AWS's error code, or `NoAnswer` where none came.
    pub code: String,
    /// AWS's message; for a denied call it names the action and the resource. Not for callers.
    pub message: String,
    /// AWS's id of the call.
    pub aws_request_id: Option<String>,
    /// The same call may succeed a moment later.
    pub transient: bool,
}

impl CallError {
    /// From what the SDK answered.
    pub fn new<E>(action: &'static str, resource: &str, error: &SdkError<E>) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let answered = error.as_service_error();
        let code = answered.map_or(Some("NoAnswer"), ProvideErrorMetadata::code).unwrap_or("Unknown");
        let message = match answered {
            Some(answer) => answer.message().unwrap_or("no message").to_owned(),
            None => DisplayErrorContext(error).to_string(),
        };
        let status = error.raw_response().map(|response| response.status().as_u16());
        Self {
            action,
            resource: resource.to_owned(),
            code: code.to_owned(),
            message,
            aws_request_id: error.request_id().map(str::to_owned),
            transient: is_transient(answered.is_some(), status, code),
        }
    }

    /// A row that does not have the form it should have, or cannot be given it.
    pub fn malformed(action: &'static str, table: &str, error: &serde_dynamo::Error) -> Self {
        Self {
            action,
            resource: table.to_owned(),
            code: "MalformedRow".to_owned(),
            message: error.to_string(),
            aws_request_id: None,
            transient: false,
        }
    }

    /// Writes it to the log, whole.
    pub fn log(&self) {
        tracing::error!(
            action = self.action,
            resource = self.resource,
            code = self.code,
            aws_request_id = self.aws_request_id,
            "{}",
            self.message
        );
    }
}

/// Throttling has status 400 at DynamoDB and Cognito; only the code tells it from a wrong request.
fn is_transient(answered: bool, status: Option<u16>, code: &str) -> bool {
    let throttled = matches!(
        code,
        "ProvisionedThroughputExceededException"
            | "RequestLimitExceeded"
            | "ThrottlingException"
            | "TooManyRequestsException"
    );
    !answered || throttled || status.is_some_and(|status| status >= 500)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_throttled_a_failing_and_a_silent_service_are_worth_another_try_a_refusal_is_not() {
        assert!(is_transient(true, Some(400), "ThrottlingException"));
        assert!(is_transient(true, Some(500), "InternalServerError"));
        assert!(is_transient(false, None, "NoAnswer"));
        assert!(!is_transient(true, Some(400), "AccessDeniedException"));
    }
}
