//! Stack policies: which updates of which resources are allowed.

use serde_json::Value;

/// A policy's document. The error is the text of a ValidationError.
pub fn parse(text: &str) -> Result<Value, String> {
    let policy: Value =
        serde_json::from_str(text).map_err(|error| format!("Error validating stack policy: {error}"))?;
    let statements = statements(&policy);
    if statements.is_empty() {
        return Err("Error validating stack policy: Missing required field Statement".to_owned());
    }
    for statement in statements {
        for (one, other) in [("Action", "NotAction"), ("Resource", "NotResource")] {
            if statement.get(one).is_none() && statement.get(other).is_none() {
                return Err(format!("Error validating stack policy: Missing required field {one}"));
            }
        }
        if !matches!(statement.get("Effect").and_then(Value::as_str), Some("Allow" | "Deny")) {
            return Err("Error validating stack policy: Effect must be Allow or Deny".to_owned());
        }
        for operator in statement.get("Condition").and_then(Value::as_object).into_iter().flatten() {
            let known = matches!(operator.0.as_str(), "StringEquals" | "StringLike")
                && operator.1.as_object().is_some_and(|keys| keys.keys().all(|key| key == "ResourceType"));
            if !known {
                return Err(format!("Error validating stack policy: unknown condition {}", operator.0));
            }
        }
    }
    Ok(policy)
}

/// Why a policy does not let an action happen. With a policy, what no statement allows is denied.
pub fn denial(policy: &Value, action: &str, logical_id: &str, kind: &str) -> Option<String> {
    let resource = format!("LogicalResourceId/{logical_id}");
    let mut allowed = false;
    for (index, statement) in statements(policy).into_iter().enumerate() {
        if !applies(statement, action, &resource, kind) {
            continue;
        }
        if statement.get("Effect").and_then(Value::as_str) == Some("Deny") {
            return Some(format!(
                "Action denied by stack policy: Statement [#{}] does not allow [{action}] for resource [{resource}]",
                index + 1
            ));
        }
        allowed = true;
    }
    (!allowed).then(|| {
        format!("Action denied by stack policy: no statement allows [{action}] for resource [{resource}]")
    })
}

fn statements(policy: &Value) -> Vec<&Value> {
    match policy.get("Statement") {
        Some(Value::Array(statements)) => statements.iter().collect(),
        Some(statement @ Value::Object(_)) => vec![statement],
        _ => Vec::new(),
    }
}

fn applies(statement: &Value, action: &str, resource: &str, kind: &str) -> bool {
    let named = |one: &str, other: &str, subject: &str| match (statement.get(one), statement.get(other)) {
        (Some(patterns), _) => any(patterns, subject),
        (None, Some(patterns)) => !any(patterns, subject),
        (None, None) => false,
    };
    let conditions = statement.get("Condition").and_then(Value::as_object);
    let holds = conditions.into_iter().flatten().all(|(operator, keys)| {
        keys.get("ResourceType").is_some_and(|patterns| match operator.as_str() {
            "StringLike" => any(patterns, kind),
            _ => texts(patterns).any(|text| text == kind),
        })
    });
    named("Action", "NotAction", action) && named("Resource", "NotResource", resource) && holds
}

fn any(patterns: &Value, subject: &str) -> bool {
    texts(patterns).any(|pattern| like(pattern.as_bytes(), subject.as_bytes()))
}

fn texts(value: &Value) -> impl Iterator<Item = &str> {
    value.as_str().into_iter().chain(value.as_array().into_iter().flatten().filter_map(Value::as_str))
}

/// `*` stands for any text, `?` for one character.
fn like(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) => {
            like(rest, text) || text.split_first().is_some_and(|(_, tail)| like(pattern, tail))
        }
        (Some((first, rest)), Some((head, tail))) => (*first == b'?' || first == head) && like(rest, tail),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_deny_by_type_holds_and_the_rest_is_allowed() {
        let policy = json!({"Statement": [
            {"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"},
            {"Effect": "Deny", "Action": ["Update:Replace", "Update:Delete"], "Principal": "*", "Resource": "*",
             "Condition": {"StringEquals": {"ResourceType": ["AWS::DynamoDB::Table"]}}},
        ]});
        let denied = |action, kind| denial(&policy, action, "A", kind);
        assert!(denied("Update:Replace", "AWS::DynamoDB::Table").unwrap().contains("LogicalResourceId/A"));
        assert_eq!(denied("Update:Modify", "AWS::DynamoDB::Table"), None);
        assert_eq!(denied("Update:Delete", "AWS::Logs::LogGroup"), None);
    }

    #[test]
    fn what_no_statement_allows_is_denied() {
        let policy = json!({"Statement": {"Effect": "Allow", "Action": "Update:*", "Principal": "*", "NotResource": "LogicalResourceId/Prod*"}});
        assert_eq!(denial(&policy, "Update:Modify", "Other", "T"), None);
        assert!(denial(&policy, "Update:Modify", "ProdTable", "T").is_some());
    }
}
