//! Policy documents: parsed, and refused with IAM's own words where they are malformed.

use serde_json::{Map, Value};

use super::condition::Condition;
use super::pattern::Pattern;
use crate::wire::AwsError;

/// Where a document is used decides which elements it needs and may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Attached to a role: no principal.
    Identity,
    /// A role's trust policy: a principal, no resource.
    Trust,
    /// Attached to a bucket, a function, …: a principal and a resource.
    Resource,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    Allow,
    Deny,
}

/// A parsed document.
#[derive(Debug, Clone)]
pub struct Policy {
    pub statements: Vec<Statement>,
}

#[derive(Debug, Clone)]
pub struct Statement {
    pub effect: Effect,
    pub principals: Option<Set<Vec<PrincipalPattern>>>,
    pub actions: Set<Vec<Pattern>>,
    pub resources: Option<Set<Vec<Pattern>>>,
    pub conditions: Vec<Condition>,
}

/// `Action` or `NotAction`, and so on.
#[derive(Debug, Clone)]
pub enum Set<T> {
    These(T),
    AllBut(T),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PrincipalPattern {
    Anyone,
    /// An account, role, session or user.
    Aws(String),
    Service(String),
    /// An identity provider, by its ARN.
    Federated(String),
    /// Canonical users: nobody here is one.
    Other,
}

/// A document that IAM refuses with MalformedPolicyDocument.
pub fn malformed(text: impl Into<String>) -> AwsError {
    AwsError::new(400, "MalformedPolicyDocument", text)
}

impl Policy {
    pub fn parse(document: &Value, kind: Kind) -> Result<Self, AwsError> {
        let document = document.as_object().ok_or_else(|| malformed("Syntax errors in policy."))?;
        known(document, &["Version", "Id", "Statement"])?;
        // Variables are text in the older version of the language.
        let variables = match document.get("Version").map(Value::as_str) {
            Some(Some("2012-10-17")) => true,
            None | Some(Some("2008-10-17")) => false,
            Some(_) => return Err(malformed("The policy failed legacy parsing")),
        };
        let statements = match document.get("Statement") {
            Some(Value::Array(statements)) if !statements.is_empty() => statements.iter().collect(),
            Some(statement @ Value::Object(_)) => vec![statement],
            _ => return Err(malformed("Syntax errors in policy.")),
        };
        let statements = statements
            .into_iter()
            .map(|statement| Statement::parse(statement, kind, variables))
            .collect::<Result<_, _>>()?;
        Ok(Self { statements })
    }
}

impl Statement {
    fn parse(statement: &Value, kind: Kind, variables: bool) -> Result<Self, AwsError> {
        let statement = statement.as_object().ok_or_else(|| malformed("Syntax errors in policy."))?;
        known(
            statement,
            &[
                "Sid",
                "Effect",
                "Principal",
                "NotPrincipal",
                "Action",
                "NotAction",
                "Resource",
                "NotResource",
                "Condition",
            ],
        )?;
        if let Some(sid) = statement.get("Sid") {
            let legal = sid.as_str().is_some_and(|sid| sid.chars().all(|c| c.is_ascii_alphanumeric()));
            // Only identity policies restrict the characters of a Sid.
            if !legal && kind == Kind::Identity {
                return Err(malformed("Statement IDs (SID) in a single policy must be alpha-numeric."));
            }
        }
        let effect = match statement.get("Effect").and_then(Value::as_str) {
            Some("Allow") => Effect::Allow,
            Some("Deny") => Effect::Deny,
            _ => return Err(malformed("Syntax errors in policy.")),
        };
        Ok(Self {
            effect,
            principals: principals(statement, kind)?,
            actions: actions(statement, kind)?,
            resources: resources(statement, kind, variables)?,
            conditions: conditions(statement, variables)?,
        })
    }
}

fn known(object: &Map<String, Value>, names: &[&str]) -> Result<(), AwsError> {
    match object.keys().find(|key| !names.contains(&key.as_str())) {
        Some(_) => Err(malformed("Syntax errors in policy.")),
        None => Ok(()),
    }
}

fn principals(
    statement: &Map<String, Value>,
    kind: Kind,
) -> Result<Option<Set<Vec<PrincipalPattern>>>, AwsError> {
    let set = match (statement.get("Principal"), statement.get("NotPrincipal")) {
        (None, None) if kind == Kind::Identity => return Ok(None),
        (None, None) => return Err(malformed("Missing required field Principal")),
        _ if kind == Kind::Identity => {
            return Err(malformed("Policy document should not specify a principal."));
        }
        (Some(principal), None) => Set::These(principal_patterns(principal)?),
        (None, Some(principal)) => Set::AllBut(principal_patterns(principal)?),
        (Some(_), Some(_)) => return Err(malformed("Syntax errors in policy.")),
    };
    Ok(Some(set))
}

fn principal_patterns(principal: &Value) -> Result<Vec<PrincipalPattern>, AwsError> {
    if principal.as_str() == Some("*") {
        return Ok(vec![PrincipalPattern::Anyone]);
    }
    let kinds = principal.as_object().ok_or_else(|| malformed("Invalid principal in policy."))?;
    let mut patterns = Vec::new();
    for (kind, names) in kinds {
        for name in strings(names)? {
            patterns.push(match (kind.as_str(), name.as_str()) {
                ("AWS", "*") => PrincipalPattern::Anyone,
                ("AWS", _) if is_account(&name) || name.starts_with("arn:") => PrincipalPattern::Aws(name),
                ("Service", _) if name.ends_with(".amazonaws.com") => PrincipalPattern::Service(name),
                ("Federated", _) => PrincipalPattern::Federated(name),
                ("CanonicalUser", _) => PrincipalPattern::Other,
                ("AWS", _) => {
                    return Err(malformed(format!("Invalid principal in policy: \"AWS\":\"{name}\"")));
                }
                ("Service", _) => {
                    return Err(malformed(format!("Invalid principal in policy: \"SERVICE\":\"{name}\"")));
                }
                _ => return Err(malformed("Invalid principal in policy.")),
            });
        }
    }
    Ok(patterns)
}

fn is_account(name: &str) -> bool {
    name.len() == 12 && name.bytes().all(|byte| byte.is_ascii_digit())
}

fn actions(statement: &Map<String, Value>, kind: Kind) -> Result<Set<Vec<Pattern>>, AwsError> {
    let (value, negated) = match (statement.get("Action"), statement.get("NotAction")) {
        (Some(actions), None) => (actions, false),
        (None, Some(actions)) => (actions, true),
        (None, None) => return Err(malformed("Policy statement must contain actions.")),
        (Some(_), Some(_)) => return Err(malformed("Syntax errors in policy.")),
    };
    let mut patterns = Vec::new();
    for action in strings(value)? {
        if action != "*" && action.split_once(':').is_none_or(|(service, _)| service.is_empty()) {
            return Err(malformed(
                "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
            ));
        }
        if kind == Kind::Trust && !action.to_ascii_lowercase().starts_with("sts:") {
            return Err(malformed("AssumeRole policy may only specify STS AssumeRole actions."));
        }
        // Action names have no case.
        patterns.push(Pattern::new(&action.to_ascii_lowercase(), false));
    }
    if patterns.is_empty() {
        return Err(malformed("Policy statement must contain actions."));
    }
    Ok(if negated { Set::AllBut(patterns) } else { Set::These(patterns) })
}

fn resources(
    statement: &Map<String, Value>,
    kind: Kind,
    variables: bool,
) -> Result<Option<Set<Vec<Pattern>>>, AwsError> {
    let (value, negated) = match (statement.get("Resource"), statement.get("NotResource")) {
        (None, None) if kind == Kind::Trust => return Ok(None),
        _ if kind == Kind::Trust => return Err(malformed("Has prohibited field Resource")),
        (Some(resources), None) => (resources, false),
        (None, Some(resources)) => (resources, true),
        (None, None) => return Err(malformed("Policy statement must contain resources.")),
        (Some(_), Some(_)) => return Err(malformed("Syntax errors in policy.")),
    };
    let mut patterns = Vec::new();
    for resource in strings(value)? {
        if resource != "*" && resource.splitn(6, ':').count() < 6 {
            return Err(malformed(format!("Resource {resource} must be in ARN format or \"*\".")));
        }
        patterns.push(Pattern::new(&resource, variables));
    }
    if patterns.is_empty() {
        return Err(malformed("Policy statement must contain resources."));
    }
    Ok(Some(if negated { Set::AllBut(patterns) } else { Set::These(patterns) }))
}

fn conditions(statement: &Map<String, Value>, variables: bool) -> Result<Vec<Condition>, AwsError> {
    let Some(block) = statement.get("Condition") else { return Ok(Vec::new()) };
    let block = block.as_object().ok_or_else(|| malformed("Syntax errors in policy."))?;
    let mut conditions = Vec::new();
    for (operator, keys) in block {
        let keys = keys.as_object().ok_or_else(|| malformed("Syntax errors in policy."))?;
        for (key, values) in keys {
            conditions.push(Condition::parse(operator, key, strings(values)?, variables)?);
        }
    }
    Ok(conditions)
}

/// One string or a list of them; booleans and numbers count as their text.
fn strings(value: &Value) -> Result<Vec<String>, AwsError> {
    let one = |value: &Value| match value {
        Value::String(text) => Ok(text.clone()),
        Value::Bool(flag) => Ok(flag.to_string()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => Err(malformed("Syntax errors in policy.")),
    };
    match value {
        Value::Array(values) => values.iter().map(one).collect(),
        other => Ok(vec![one(other)?]),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refusal(document: &Value, kind: Kind) -> String {
        let error = Policy::parse(document, kind).unwrap_err();
        assert_eq!(error.code, "MalformedPolicyDocument");
        error.message
    }

    fn with(statement: Value) -> Value {
        json!({"Version": "2012-10-17", "Statement": [statement]})
    }

    #[test]
    fn an_identity_policy_needs_resources_and_has_no_principal() {
        let statement = with(json!({"Effect": "Allow", "Action": "s3:GetObject"}));
        assert_eq!(refusal(&statement, Kind::Identity), "Policy statement must contain resources.");
        let statement =
            with(json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*", "Principal": "*"}));
        assert_eq!(refusal(&statement, Kind::Identity), "Policy document should not specify a principal.");
    }

    #[test]
    fn a_trust_policy_needs_a_principal_and_has_no_resource() {
        let statement = with(json!({"Effect": "Allow", "Action": "sts:AssumeRole"}));
        assert_eq!(refusal(&statement, Kind::Trust), "Missing required field Principal");
        let statement = with(json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*",
            "Principal": {"Service": "lambda.amazonaws.com"}}));
        assert_eq!(refusal(&statement, Kind::Trust), "Has prohibited field Resource");
    }

    #[test]
    fn a_resource_is_an_arn_or_a_star() {
        let statement =
            with(json!({"Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": "profiles"}));
        assert_eq!(refusal(&statement, Kind::Identity), "Resource profiles must be in ARN format or \"*\".");
    }

    #[test]
    fn an_action_names_its_service() {
        let statement = with(json!({"Effect": "Allow", "Action": "GetItem", "Resource": "*"}));
        assert!(refusal(&statement, Kind::Identity).contains("prefaced by a vendor"));
    }

    #[test]
    fn an_operator_that_cannot_be_judged_refuses_the_policy() {
        let statement = with(json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*",
            "Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}));
        assert!(refusal(&statement, Kind::Identity).contains("IpAddress"));
    }

    #[test]
    fn a_misspelt_element_is_a_syntax_error() {
        let statement = with(json!({"Effect": "Allow", "Actions": "s3:GetObject", "Resource": "*"}));
        assert_eq!(refusal(&statement, Kind::Identity), "Syntax errors in policy.");
    }
}
