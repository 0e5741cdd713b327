//! The seam to AWS, and the only module that names the SDK: our words in, our words out.
//!
//! The seam is the endpoint. Everything goes through the real SDK, whether AWS answers, the embedded
//! cloud or any other endpoint that a stage names.

mod blockers;
mod data;
mod error;
mod functions;
mod http;
mod logs;
mod model;
mod secrets;
mod stacks;
mod storage;
mod users;

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::default_async_sleep;
use aws_smithy_http_client::default_connector;
use aws_smithy_runtime_api::client::http::{HttpConnectorSettings, SharedHttpClient, http_client_fn};

pub use error::Error;
pub use functions::{FunctionState, Invoked};
pub use http::{HttpAnswer, http};
pub use logs::LogEvent;
pub use model::{
    Capability, Change, ChangeSet, ChangeSetRequest, ChangeSetStatus, Detail, Event, Execution,
    ListedChangeSet, Replacement, Resource, Stack, StackStatus, TemplateBody,
};
pub use storage::DAMAGED;
pub use users::{ConfirmedUser, SignedIn, TestUser};

/// How to reach AWS for one stage.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The stage's region; otherwise the profile's or the environment's.
    pub region: Option<String>,
    /// Another endpoint than AWS's own, for every service.
    pub endpoint: Option<String>,
    /// The embedded cloud: its own key pair, nothing of the user's AWS settings.
    pub embedded: bool,
}

/// Clients of one account and region.
#[derive(Debug, Clone)]
pub struct Aws {
    config: SdkConfig,
    region: String,
    path_style: bool,
    embedded: bool,
    /// ARN of the role that CloudFormation works as; `None`: with the caller's rights, or as the role
    /// that a stack has already.
    service_role: Option<String>,
}

/// Who calls.
#[derive(Debug, Clone)]
pub struct Caller {
    pub account: String,
    pub arn: String,
}

impl Caller {
    /// The caller's account's partition: `aws`, `aws-cn`, …
    pub fn partition(&self) -> &str {
        self.arn.split(':').nth(1).unwrap_or("aws")
    }

    /// The ARN of a role of the caller's account; one that is an ARN already stays.
    pub fn role(&self, role: &str) -> String {
        if role.starts_with("arn:") {
            return role.to_owned();
        }
        format!("arn:{}:iam::{}:role/{role}", self.partition(), self.account)
    }
}

/// No answer within this time counts as no answer at all.
const ATTEMPT: Duration = Duration::from_secs(20);
const CONNECT: Duration = Duration::from_secs(4);
/// The SDK's own attempts at one call; what fails them all is the caller's to judge.
const ATTEMPTS: u32 = 4;
/// The embedded cloud needs no time to recover.
const EMBEDDED_BACKOFF: Duration = Duration::from_millis(10);

impl Aws {
    /// Settles region and credentials as the AWS CLI does (environment, profile, SSO, container,
    /// instance). Sends nothing yet. Errors: no region is set anywhere.
    pub async fn connect(settings: &Settings) -> Result<Self, Error> {
        let timeouts =
            TimeoutConfig::builder().connect_timeout(CONNECT).operation_attempt_timeout(ATTEMPT).build();
        let retries = RetryConfig::standard().with_max_attempts(ATTEMPTS);
        let config = if settings.embedded {
            let credentials = Credentials::new("test", "test", None, None, "embedded cloud");
            SdkConfig::builder()
                .behavior_version(BehaviorVersion::latest())
                .region(settings.region.clone().map(Region::new))
                .endpoint_url(settings.endpoint.clone().unwrap_or_default())
                .credentials_provider(SharedCredentialsProvider::new(credentials))
                .timeout_config(timeouts)
                .retry_config(
                    retries.with_initial_backoff(EMBEDDED_BACKOFF).with_max_backoff(EMBEDDED_BACKOFF),
                )
                .http_client(one_client()?)
                .build()
        } else {
            let mut loader = aws_config::defaults(BehaviorVersion::latest())
                .timeout_config(timeouts)
                .retry_config(retries)
                .http_client(one_client()?);
            if let Some(region) = &settings.region {
                loader = loader.region(Region::new(region.clone()));
            }
            if let Some(endpoint) = &settings.endpoint {
                loader = loader.endpoint_url(endpoint);
            }
            loader.load().await
        };
        let region = config.region().map(ToString::to_string).ok_or(Error::NoRegion)?;
        let path_style = config.endpoint_url().is_some();
        Ok(Self { config, region, path_style, embedded: settings.embedded, service_role: None })
    }

    /// The same clients, and CloudFormation works as this role (an ARN) from now on. It stays with every
    /// stack that it was used for.
    pub fn with_service_role(self, role: Option<String>) -> Self {
        Self { service_role: role, ..self }
    }

    pub fn region(&self) -> &str {
        &self.region
    }

    /// Whether the embedded cloud answers.
    pub fn embedded(&self) -> bool {
        self.embedded
    }

    /// The same clients with the credentials of a session, such as a role's.
    pub fn with_session(self, access_key_id: &str, secret_access_key: &str, session_token: &str) -> Self {
        let token = Some(session_token.to_owned());
        let credentials = Credentials::new(access_key_id, secret_access_key, token, None, "session");
        let provider = SharedCredentialsProvider::new(credentials);
        Self { config: self.config.into_builder().credentials_provider(provider).build(), ..self }
    }

    /// See [`Aws::with_service_role`].
    pub fn service_role(&self) -> Option<&str> {
        self.service_role.as_deref()
    }

    /// The endpoint in use where it is not AWS's own.
    pub fn endpoint(&self) -> Option<&str> {
        self.config.endpoint_url()
    }

    /// Who the credentials belong to. The first call of every command that changes something: it
    /// proves credentials, network and clock before anything else is tried.
    pub async fn caller(&self) -> Result<Caller, Error> {
        let answer = aws_sdk_sts::Client::new(&self.config).get_caller_identity().send().await?;
        match (answer.account, answer.arn) {
            (Some(account), Some(arn)) => Ok(Caller { account, arn }),
            _ => Err(Error::Garbled("GetCallerIdentity answered without an account".to_owned())),
        }
    }
}

/// One pool of connections for every client made from the configuration: each client would otherwise
/// open its own for every call.
fn one_client() -> Result<SharedHttpClient, Error> {
    let settings = HttpConnectorSettings::builder().connect_timeout(CONNECT).build();
    let connector = default_connector(&settings, default_async_sleep())
        .ok_or_else(|| Error::Unreachable("there is no HTTP client".to_owned()))?;
    Ok(http_client_fn(move |_, _| connector.clone()))
}
