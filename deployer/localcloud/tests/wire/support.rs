//! A cloud of its own for each test, and SDK clients that reach it.

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use localcloud::auth::Principal;
use localcloud::resource::{Request, all};
use localcloud::{Config, Running, start};
use serde_json::{Map, Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

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

/// Makes a resource as a stack of the administrator's would; answers its physical id.
pub async fn create_resource(cloud: &Running, kind: &str, properties: Value) -> String {
    let kind = all().into_iter().find(|candidate| candidate.name() == kind).unwrap();
    let request = Request {
        stack_id: "arn:aws:cloudformation:us-east-1:000000000000:stack/service-dev/1".to_owned(),
        stack_name: "service-dev".to_owned(),
        logical_id: "Resource".to_owned(),
        region: "us-east-1".to_owned(),
        principal: Principal::Administrator,
        tags: Map::new(),
        properties,
    };
    kind.create(cloud.cloud(), &request).await.unwrap().physical_id
}

/// Makes a role that `principal` may assume and that may do what `statements` say.
pub async fn create_role(cloud: &Running, name: &str, principal: Value, statements: Value) {
    let trust = json!([{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal}]);
    let policy = json!({"Version": "2012-10-17", "Statement": statements});
    let properties = json!({
        "RoleName": name,
        "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": trust},
        "Policies": [{"PolicyName": "inline", "PolicyDocument": policy}],
    });
    create_resource(cloud, "AWS::IAM::Role", properties).await;
}

/// The SDK configuration of a function `f` with the role `name`.
pub fn as_function(cloud: &Running, name: &str) -> SdkConfig {
    let arn = format!("arn:aws:iam::000000000000:role/{name}");
    let session = cloud.cloud().iam.assume_for_service(&arn, "lambda.amazonaws.com", "f", &[]).unwrap();
    let token = Some(session.session_token);
    let credentials = Credentials::new(session.access_key_id, session.secret_access_key, token, None, "test");
    with_credentials(cloud, credentials)
}

/// One request by hand, for what no SDK sends; the whole answer with its head.
pub async fn raw(cloud: &Running, request: &str) -> String {
    let mut stream = tokio::net::TcpStream::connect(cloud.address()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}
