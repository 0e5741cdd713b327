//! User pools over the wire: the API through the SDK, the pages as a browser sees them.

mod account;
mod admin;
mod hosted;
mod resources;
mod sign_in;
mod sign_up;
mod srp;
mod triggers;

use aws_sdk_cognitoidentityprovider::Client;
use aws_sdk_cognitoidentityprovider::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_cognitoidentityprovider::types::{AttributeType, AuthFlowType, AuthenticationResultType};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use localcloud::Running;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::lambda::make;
use crate::support::{administrator, cloud};

const PASSWORD: &str = "Correct-Horse-1";
const EMAIL: &str = "someone@example.com";

/// A cloud with a pool and a client of it, and the SDK's client.
struct Pool {
    cloud: Running,
    api: Client,
    id: String,
    client: String,
}

/// A pool whose users sign in by e-mail, changed by `pool` and `client`.
async fn pool_with(pool: Value, client: Value) -> Pool {
    let cloud = cloud().await;
    let api = Client::new(&administrator(&cloud));
    let mut properties = json!({
        "UsernameAttributes": ["email"],
        "AutoVerifiedAttributes": ["email"],
        "UsernameConfiguration": {"CaseSensitive": false},
        "Schema": [{"Name": "email", "Required": true}],
    });
    extend(&mut properties, pool);
    let made = make(&cloud, "AWS::Cognito::UserPool", "UserPool", properties).await.unwrap();
    let mut properties = json!({
        "UserPoolId": made.physical_id,
        "ExplicitAuthFlows": ["ALLOW_USER_SRP_AUTH", "ALLOW_USER_PASSWORD_AUTH",
            "ALLOW_ADMIN_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
        "PreventUserExistenceErrors": "ENABLED",
    });
    extend(&mut properties, client);
    let client = make(&cloud, "AWS::Cognito::UserPoolClient", "UserPoolClient", properties).await.unwrap();
    Pool { cloud, api, id: made.physical_id, client: client.physical_id }
}

async fn pool() -> Pool {
    pool_with(json!({}), json!({})).await
}

fn extend(properties: &mut Value, changes: Value) {
    properties.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
}

impl Pool {
    async fn sign_up(&self, email: &str) -> String {
        let answer = self
            .api
            .sign_up()
            .client_id(&self.client)
            .username(email)
            .password(PASSWORD)
            .send()
            .await
            .unwrap();
        answer.user_sub().to_owned()
    }

    /// A confirmed user; answers its `sub`.
    async fn user(&self, email: &str) -> String {
        let sub = self.sign_up(email).await;
        let code = self.code(email).await;
        self.api
            .confirm_sign_up()
            .client_id(&self.client)
            .username(email)
            .confirmation_code(code)
            .send()
            .await
            .unwrap();
        sub
    }

    async fn inbox(&self, to: &str) -> Vec<Value> {
        let answer = http(&self.cloud, "GET", &format!("/_local/inbox.json?to={to}"), &[], "").await;
        serde_json::from_str(&answer.body).unwrap()
    }

    /// The newest code that was sent to an address.
    async fn code(&self, to: &str) -> String {
        self.inbox(to).await[0]["code"].as_str().unwrap().to_owned()
    }

    async fn password_sign_in(
        &self,
        name: &str,
        password: &str,
    ) -> Result<AuthenticationResultType, (String, String)> {
        let answer = self
            .api
            .initiate_auth()
            .client_id(&self.client)
            .auth_flow(AuthFlowType::UserPasswordAuth)
            .auth_parameters("USERNAME", name)
            .auth_parameters("PASSWORD", password)
            .send()
            .await
            .map_err(refusal)?;
        Ok(answer.authentication_result().unwrap().clone())
    }

    async fn access_token(&self, email: &str) -> String {
        self.password_sign_in(email, PASSWORD).await.unwrap().access_token().unwrap().to_owned()
    }

    async fn attribute(&self, user: &str, name: &str) -> Option<String> {
        let user = self.api.admin_get_user().user_pool_id(&self.id).username(user).send().await.unwrap();
        user.user_attributes()
            .iter()
            .find(|attribute| attribute.name() == name)
            .map(|attribute| attribute.value().unwrap().to_owned())
    }
}

fn attribute(name: &str, value: &str) -> AttributeType {
    AttributeType::builder().name(name).value(value).build().unwrap()
}

/// Code and message of a refusal.
fn refusal<E: ProvideErrorMetadata, R>(error: SdkError<E, R>) -> (String, String) {
    (error.code().unwrap_or_default().to_owned(), error.message().unwrap_or_default().to_owned())
}

fn refused(code: &str, message: &str) -> (String, String) {
    (code.to_owned(), message.to_owned())
}

/// The claims of a token, unverified.
fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

/// What an HTTP request was answered.
struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// One plain HTTP request, as a browser or a front end sends it. Follows no redirect.
async fn http(cloud: &Running, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut stream = tokio::net::TcpStream::connect(cloud.address()).await.unwrap();
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n{body}",
        cloud.address(),
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    Answer { status, headers, body: body.to_owned() }
}
