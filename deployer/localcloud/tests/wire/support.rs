//! A cloud of its own for each test, and SDK clients that reach it.

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use localcloud::{Config, Running, start};

/// A cloud in memory on a free port.
pub async fn cloud() -> Running {
    start(Config::default()).await.unwrap()
}

/// The administrator's SDK configuration for `cloud`.
pub fn administrator(cloud: &Running) -> SdkConfig {
    with_credentials(cloud, Credentials::new("test", "test", None, None, "test"))
}

pub fn with_credentials(cloud: &Running, credentials: Credentials) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(cloud.endpoint())
        .credentials_provider(aws_credential_types::provider::SharedCredentialsProvider::new(credentials))
        .retry_config(aws_config::retry::RetryConfig::disabled())
        .build()
}
