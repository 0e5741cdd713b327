//! PostConfirmation: the event that a pool's function gets, and what its answer means.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::state::{Pool, User};
use crate::cloud::Cloud;
use crate::lambda::{self, Invocation, Invoker};
use crate::wire::AwsError;

/// A trigger has this long to answer, and so many tries when it does not
/// (developer guide, "Customizing user pool workflows with Lambda triggers").
const LIMIT: Duration = Duration::from_secs(5);
const ATTEMPTS: u32 = 3;
const NAME: &str = "PostConfirmation";

/// What confirmed the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    SignUp,
    ForgotPassword,
}

impl Source {
    fn name(self) -> &'static str {
        match self {
            Self::SignUp => "PostConfirmation_ConfirmSignUp",
            Self::ForgotPassword => "PostConfirmation_ConfirmForgotPassword",
        }
    }
}

/// A user was confirmed: the pool's function is to be told.
#[derive(Debug)]
pub(super) struct Confirmed {
    function: String,
    pool_arn: String,
    event: Value,
}

impl Confirmed {
    /// `None` where the pool has no such trigger. `client` is absent in an administrator's operation.
    pub fn new(
        pool: &Pool,
        user: &User,
        client: Option<&str>,
        source: Source,
        metadata: Option<&BTreeMap<String, String>>,
    ) -> Option<Self> {
        let function = pool.settings.lambda_config.post_confirmation.clone()?;
        let mut request = Map::from_iter([("userAttributes".to_owned(), user_attributes(pool, user))]);
        if let Some(metadata) = metadata {
            request.insert("clientMetadata".to_owned(), json!(metadata));
        }
        let event = json!({
            "version": "1",
            "region": pool.region,
            "userPoolId": pool.id,
            "userName": user.username,
            "callerContext": {
                "awsSdkVersion": "aws-sdk-unknown-unknown",
                "clientId": client.unwrap_or("CLIENT_ID_NOT_APPLICABLE"),
            },
            "triggerSource": source.name(),
            "request": request,
            "response": {},
        });
        Some(Self { function, pool_arn: pool.arn(), event })
    }
}

/// All values are text, the status is among them, and a verified address that signs in shows as alias.
fn user_attributes(pool: &Pool, user: &User) -> Value {
    let mut attributes: Map<String, Value> =
        user.attributes.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    attributes.insert("sub".to_owned(), json!(user.sub));
    attributes.insert("cognito:user_status".to_owned(), json!(user.status.name()));
    if let Some(email) = user.attribute("email")
        && pool.settings.email_signs_in()
        && user.email_verified()
    {
        attributes.insert("cognito:email_alias".to_owned(), json!(email));
    }
    Value::Object(attributes)
}

/// Tells the function. The user stays confirmed whatever it answers.
pub(super) async fn fire(cloud: &Arc<Cloud>, confirmed: Confirmed) -> Result<(), AwsError> {
    let payload = Bytes::from(confirmed.event.to_string());
    for _ in 0..ATTEMPTS {
        let invocation = Invocation {
            function: confirmed.function.clone(),
            payload: payload.clone(),
            invoker: Invoker::Service {
                service: "cognito-idp.amazonaws.com",
                source_arn: confirmed.pool_arn.clone(),
            },
            limit: Some(LIMIT),
        };
        match lambda::invoke(cloud, invocation).await {
            Ok(answer) if answer.function_error.is_some() => return Err(function_failed(&answer.payload)),
            Ok(answer) => return check_answer(&confirmed.event, &answer.payload),
            Err(error) if is_passing(&error) => {}
            Err(error) => return Err(not_invoked(&error.code)),
        }
    }
    Err(not_invoked("Socket timeout while invoking Lambda function"))
}

/// The answer must be the event that went out, whatever its `response` holds now.
fn check_answer(event: &Value, payload: &[u8]) -> Result<(), AwsError> {
    let unrecognizable =
        || AwsError::new(400, "InvalidLambdaResponseException", "Unrecognizable lambda output");
    let answer: Value = serde_json::from_slice(payload).map_err(|_| unrecognizable())?;
    let same = ["version", "triggerSource", "userPoolId", "userName", "region"]
        .iter()
        .all(|name| answer.get(name) == event.get(name));
    if same && answer.get("response").is_some_and(Value::is_object) { Ok(()) } else { Err(unrecognizable()) }
}

fn function_failed(payload: &[u8]) -> AwsError {
    let message = error_message(payload);
    // Cognito ends the sentence itself, also when the function's message has its own full stop.
    AwsError::new(400, "UserLambdaValidationException", format!("{NAME} failed with error {message}."))
}

fn not_invoked(why: &str) -> AwsError {
    AwsError::new(400, "UnexpectedLambdaException", format!("{NAME} invocation failed due to error {why}."))
}

/// Whether another try may end better: no answer in time, too many at once, the service's own fault.
fn is_passing(error: &AwsError) -> bool {
    matches!(error.status, 429 | 500 | 502..=599)
}

fn error_message(payload: &[u8]) -> String {
    serde_json::from_slice::<Value>(payload)
        .ok()
        .and_then(|error| error.get("errorMessage").and_then(Value::as_str).map(str::to_owned))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cognito::keys::Keys;
    use crate::cognito::settings::PoolSettings;
    use crate::cognito::sign_up::new_user;
    use crate::cognito::state::Status;

    async fn pool(settings: Value) -> Pool {
        let settings: PoolSettings = serde_json::from_value(settings).unwrap();
        Pool {
            id: "us-east-1_AbCdEf123".to_owned(),
            region: "us-east-1".to_owned(),
            settings,
            created: 0,
            modified: 0,
            keys: Keys::generate().await.unwrap(),
            secret: String::new(),
            domain: None,
            clients: BTreeMap::new(),
            users: BTreeMap::new(),
            groups: BTreeMap::new(),
            sessions: BTreeMap::new(),
        }
    }

    #[tokio::test]
    async fn the_event_is_the_documented_one() {
        let pool = pool(json!({"UsernameAttributes": ["email"],
            "LambdaConfig": {"PostConfirmation": "arn:aws:lambda:us-east-1:000000000000:function:f"}}))
        .await;
        let mut user = new_user(&pool, "a@example.com", Vec::new(), 0).unwrap();
        user.status = Status::Confirmed;
        user.attributes.insert("email_verified".to_owned(), "true".to_owned());
        let metadata = BTreeMap::from([("from".to_owned(), "web".to_owned())]);
        let confirmed =
            Confirmed::new(&pool, &user, Some("client"), Source::SignUp, Some(&metadata)).unwrap();
        assert_eq!(
            confirmed.event,
            json!({
                "version": "1",
                "region": "us-east-1",
                "userPoolId": "us-east-1_AbCdEf123",
                "userName": user.sub,
                "callerContext": {"awsSdkVersion": "aws-sdk-unknown-unknown", "clientId": "client"},
                "triggerSource": "PostConfirmation_ConfirmSignUp",
                "request": {
                    "userAttributes": {
                        "sub": user.sub,
                        "email": "a@example.com",
                        "email_verified": "true",
                        "cognito:user_status": "CONFIRMED",
                        "cognito:email_alias": "a@example.com",
                    },
                    "clientMetadata": {"from": "web"},
                },
                "response": {},
            })
        );
        let administrators = Confirmed::new(&pool, &user, None, Source::ForgotPassword, None).unwrap().event;
        assert_eq!(administrators["callerContext"]["clientId"], "CLIENT_ID_NOT_APPLICABLE");
        assert_eq!(administrators["triggerSource"], "PostConfirmation_ConfirmForgotPassword");
        assert_eq!(administrators["request"].get("clientMetadata"), None);
    }

    #[tokio::test]
    async fn a_pool_without_the_trigger_has_nothing_to_tell() {
        let pool = pool(json!({})).await;
        let user = new_user(&pool, "someone", Vec::new(), 0).unwrap();
        assert!(Confirmed::new(&pool, &user, None, Source::SignUp, None).is_none());
    }

    #[test]
    fn the_event_itself_is_a_recognizable_answer() {
        let event = json!({"version": "1", "region": "r", "userPoolId": "p", "userName": "u",
            "triggerSource": "PostConfirmation_ConfirmSignUp", "request": {}, "response": {}});
        assert_eq!(check_answer(&event, event.to_string().as_bytes()), Ok(()));
        for answer in ["null", "\"error\"", "{}", "not json", "[]"] {
            let error = check_answer(&event, answer.as_bytes()).unwrap_err();
            assert_eq!(error.code, "InvalidLambdaResponseException", "{answer}");
            assert_eq!(error.message, "Unrecognizable lambda output");
        }
    }

    #[test]
    fn a_functions_error_is_quoted() {
        let error = function_failed(br#"{"errorMessage":"no table","errorType":"Error"}"#);
        assert_eq!(error.code, "UserLambdaValidationException");
        assert_eq!(error.message, "PostConfirmation failed with error no table.");
    }

    #[test]
    fn a_missing_permission_is_an_unexpected_error() {
        let error = not_invoked("AccessDeniedException");
        assert_eq!(error.code, "UnexpectedLambdaException");
        assert_eq!(error.message, "PostConfirmation invocation failed due to error AccessDeniedException.");
    }
}
