//! Who may invoke a function: identity policies, or the function's own resource policy.

use serde_json::{Value, json};

use super::Invoker;
use super::model::Function;
use crate::auth::Principal;
use crate::cloud::{ACCOUNT, Cloud};
use crate::wire::AwsError;

const INVOKE: &str = "lambda:InvokeFunction";

/// Judges one invocation: within an account either policy may allow, and a deny of either is final.
pub fn judge(cloud: &Cloud, function: &Function, invoker: &Invoker) -> Result<(), AwsError> {
    let policy = function.policy_document();
    let (principal, context) = match invoker {
        Invoker::Principal(principal) => (principal.clone(), Vec::new()),
        Invoker::Service { service, source_arn } => (
            Principal::Service((*service).to_owned()),
            vec![("aws:SourceArn", source_arn.as_str()), ("aws:SourceAccount", ACCOUNT)],
        ),
    };
    cloud
        .iam
        .authorize_with(&principal, INVOKE, &function.arn(), &context, policy.as_ref())
        .map_err(|error| access_denied(error.message))
}

/// What `authorize` says, in Lambda's own code and status.
pub fn authorize(cloud: &Cloud, principal: &Principal, action: &str, resource: &str) -> Result<(), AwsError> {
    cloud.iam.authorize(principal, action, resource, &[]).map_err(|error| access_denied(error.message))
}

fn access_denied(message: String) -> AwsError {
    AwsError::new(403, "AccessDeniedException", message)
}

/// What AddPermission and AWS::Lambda::Permission ask for.
pub struct Grant {
    pub statement_id: String,
    pub action: String,
    pub principal: String,
    pub source_arn: Option<String>,
    pub source_account: Option<String>,
}

impl Grant {
    /// The statement as GetPolicy shows it.
    pub fn statement(&self, function_arn: &str) -> Result<Value, AwsError> {
        let known = self.action == "*" || self.action == "lambda:*" || self.action.starts_with("lambda:");
        if !known {
            return Err(AwsError::validation(
                "ValidationException",
                format!(
                    "1 validation error detected: Value '{}' at 'action' failed to satisfy constraint: Member must satisfy regular expression pattern: (lambda:[*]|lambda:[a-zA-Z]+|[*])",
                    self.action
                ),
            ));
        }
        let principal = if self.principal == "*" {
            json!("*")
        } else if self.principal.ends_with(".amazonaws.com") {
            json!({"Service": self.principal})
        } else if self.principal.len() == 12 && self.principal.bytes().all(|byte| byte.is_ascii_digit()) {
            json!({"AWS": format!("arn:aws:iam::{}:root", self.principal)})
        } else if self.principal.starts_with("arn:") {
            json!({"AWS": self.principal})
        } else {
            return Err(AwsError::validation(
                "InvalidParameterValueException",
                "The provided principal was invalid. Please check the principal and try again.",
            ));
        };
        let mut statement = json!({
            "Sid": self.statement_id,
            "Effect": "Allow",
            "Principal": principal,
            "Action": self.action,
            "Resource": function_arn,
        });
        let mut conditions = serde_json::Map::new();
        if let Some(account) = &self.source_account {
            conditions.insert("StringEquals".into(), json!({"AWS:SourceAccount": account}));
        }
        if let Some(source) = &self.source_arn {
            conditions.insert("ArnLike".into(), json!({"AWS:SourceArn": source}));
        }
        if let (false, Value::Object(map)) = (conditions.is_empty(), &mut statement) {
            map.insert("Condition".into(), Value::Object(conditions));
        }
        Ok(statement)
    }
}

/// Adds a statement to a function's policy.
pub(super) fn add(cloud: &Cloud, function: &Function, grant: &Grant) -> Result<Value, AwsError> {
    let arn = function.arn();
    let statement = grant.statement(&arn)?;
    let id = grant.statement_id.as_str();
    let added = cloud.lambda.amend(&arn, |function| {
        let fresh = !function.policy.iter().any(|known| known.get("Sid").and_then(Value::as_str) == Some(id));
        if fresh {
            function.policy.push(statement.clone());
        }
        fresh
    })?;
    if !added {
        let words = format!(
            "The statement id ({id}) provided already exists. Please provide a new statement id, or remove the existing statement."
        );
        return Err(AwsError::new(409, "ResourceConflictException", words));
    }
    Ok(statement)
}

/// Removes a statement; false where there is none with this id.
pub(super) fn withdraw(cloud: &Cloud, function: &Function, id: &str) -> Result<bool, AwsError> {
    cloud.lambda.amend(&function.arn(), |function| {
        let before = function.policy.len();
        function.policy.retain(|statement| statement.get("Sid").and_then(Value::as_str) != Some(id));
        function.policy.len() < before
    })
}
