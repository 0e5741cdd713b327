//! The evaluation of policies: who may do what to which resource.
//!
//! Source: "Policy evaluation logic" in the IAM user guide. Pure: knows documents, not where they are kept.

use std::borrow::Cow;

use super::policy::{Effect, Policy, PrincipalPattern, Set, Statement};
use crate::auth::Principal;
use crate::cloud::ACCOUNT;

/// One question.
pub struct Ask<'a> {
    pub principal: &'a Principal,
    pub action: &'a str,
    pub resource: &'a str,
    /// Condition keys with their values; a key with several values stands several times.
    pub context: &'a [(&'a str, &'a str)],
}

/// What a set of documents says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Allowed,
    /// Nothing allows it.
    Silent,
    Denied,
}

impl<'a> Ask<'a> {
    #[cfg(test)]
    pub fn anonymous(action: &'a str, resource: &'a str, context: &'a [(&'a str, &'a str)]) -> Self {
        Self { principal: &Principal::Anonymous, action, resource, context }
    }

    /// The values of a condition key, given in lower case: the request's own and those that every
    /// request has.
    pub fn values(&self, key: &str) -> Vec<String> {
        let own: Vec<String> = self
            .context
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case(key))
            .map(|(_, value)| (*value).to_owned())
            .collect();
        if own.is_empty() { self.global(key).into_iter().map(Cow::into_owned).collect() } else { own }
    }

    fn global(&self, key: &str) -> Option<Cow<'_, str>> {
        let signed = matches!(self.principal, Principal::Administrator | Principal::Role { .. });
        match key {
            // The loopback endpoint is as good as TLS: nothing leaves the machine.
            "aws:securetransport" => Some("true".into()),
            "aws:resourceaccount" => Some(ACCOUNT.into()),
            "aws:principalaccount" if signed => Some(ACCOUNT.into()),
            "aws:principalarn" => match self.principal {
                Principal::Administrator => Some(self.principal.arn().into()),
                // The role's ARN, not the session's.
                Principal::Role { role_arn, .. } => Some(role_arn.as_str().into()),
                Principal::Service(_) | Principal::Federated(_) | Principal::Anonymous => None,
            },
            "aws:principalisawsservice" => {
                Some(matches!(self.principal, Principal::Service(_)).to_string().into())
            }
            _ => None,
        }
    }
}

/// An explicit deny anywhere wins over every allow.
pub fn judge<'p>(policies: impl IntoIterator<Item = &'p Policy>, ask: &Ask<'_>) -> Verdict {
    let mut verdict = Verdict::Silent;
    for statement in policies.into_iter().flat_map(|policy| &policy.statements) {
        if !applies(statement, ask) {
            continue;
        }
        match statement.effect {
            Effect::Deny => return Verdict::Denied,
            Effect::Allow => verdict = Verdict::Allowed,
        }
    }
    verdict
}

fn applies(statement: &Statement, ask: &Ask<'_>) -> bool {
    let principal = match &statement.principals {
        None => true,
        Some(Set::These(patterns)) => patterns.iter().any(|pattern| is(ask.principal, pattern)),
        Some(Set::AllBut(patterns)) => !patterns.iter().any(|pattern| is(ask.principal, pattern)),
    };
    let action = ask.action.to_ascii_lowercase();
    principal
        && contains(&statement.actions, &action, ask)
        && statement.resources.as_ref().is_none_or(|set| contains(set, ask.resource, ask))
        && statement.conditions.iter().all(|condition| condition.holds(ask))
}

fn contains(set: &Set<Vec<super::pattern::Pattern>>, text: &str, ask: &Ask<'_>) -> bool {
    match set {
        Set::These(patterns) => patterns.iter().any(|pattern| pattern.matches(text, ask)),
        Set::AllBut(patterns) => !patterns.iter().any(|pattern| pattern.matches(text, ask)),
    }
}

fn is(principal: &Principal, pattern: &PrincipalPattern) -> bool {
    match (pattern, principal) {
        (PrincipalPattern::Anyone, _) => true,
        (PrincipalPattern::Service(name), Principal::Service(service)) => name == service,
        (PrincipalPattern::Federated(name), Principal::Federated(provider)) => name == provider,
        (PrincipalPattern::Aws(name), Principal::Administrator | Principal::Role { .. }) => {
            let account = name == ACCOUNT || *name == format!("arn:aws:iam::{ACCOUNT}:root");
            let role = matches!(principal, Principal::Role { role_arn, .. } if role_arn == name);
            account || role || *name == principal.arn()
        }
        (
            PrincipalPattern::Service(_)
            | PrincipalPattern::Aws(_)
            | PrincipalPattern::Federated(_)
            | PrincipalPattern::Other,
            _,
        ) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::policy::Kind;
    use super::*;

    fn role() -> Principal {
        Principal::Role {
            role_arn: "arn:aws:iam::000000000000:role/r".to_owned(),
            role_name: "r".to_owned(),
            session: "s".to_owned(),
        }
    }

    fn verdict(statements: Value, kind: Kind, action: &str, resource: &str) -> Verdict {
        let policy = Policy::parse(&json!({"Version": "2012-10-17", "Statement": statements}), kind).unwrap();
        judge([&policy], &Ask { principal: &role(), action, resource, context: &[] })
    }

    const TABLE: &str = "arn:aws:dynamodb:us-east-1:000000000000:table/profiles";

    #[test]
    fn what_nothing_allows_is_refused() {
        let allow = json!([{"Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": TABLE}]);
        let of = |action: &str, resource: &str| verdict(allow.clone(), Kind::Identity, action, resource);
        assert_eq!(of("dynamodb:GetItem", TABLE), Verdict::Allowed);
        assert_eq!(of("DynamoDB:getitem", TABLE), Verdict::Allowed);
        assert_eq!(of("dynamodb:PutItem", TABLE), Verdict::Silent);
        assert_eq!(of("dynamodb:GetItem", &format!("{TABLE}/index/i")), Verdict::Silent);
        assert_eq!(of("dynamodb:GetItem", &TABLE.to_uppercase()), Verdict::Silent);
    }

    #[test]
    fn an_explicit_deny_wins_in_any_order() {
        let allow = json!({"Effect": "Allow", "Action": "*", "Resource": "*"});
        let deny = json!({"Effect": "Deny", "Action": "dynamodb:Delete*", "Resource": "*"});
        for statements in [json!([allow, deny]), json!([deny, allow])] {
            let of = |action| verdict(statements.clone(), Kind::Identity, action, TABLE);
            assert_eq!(of("dynamodb:DeleteItem"), Verdict::Denied);
            assert_eq!(of("dynamodb:GetItem"), Verdict::Allowed);
        }
    }

    #[test]
    fn not_action_and_not_resource_mean_everything_else() {
        let statements = json!([{"Effect": "Allow", "NotAction": "dynamodb:Delete*",
            "NotResource": "arn:aws:dynamodb:*:*:table/secret*"}]);
        let of = |action: &str, resource: &str| verdict(statements.clone(), Kind::Identity, action, resource);
        assert_eq!(of("dynamodb:GetItem", TABLE), Verdict::Allowed);
        assert_eq!(of("dynamodb:DeleteItem", TABLE), Verdict::Silent);
        let secret = "arn:aws:dynamodb:us-east-1:000000000000:table/secrets";
        assert_eq!(of("dynamodb:GetItem", secret), Verdict::Silent);
    }

    #[test]
    fn a_variable_stands_for_the_principals_account() {
        let statements = json!([{"Effect": "Allow", "Action": "dynamodb:GetItem",
            "Resource": "arn:aws:dynamodb:us-east-1:${aws:PrincipalAccount}:table/profiles"}]);
        assert_eq!(verdict(statements, Kind::Identity, "dynamodb:GetItem", TABLE), Verdict::Allowed);
    }

    #[test]
    fn a_resource_policy_speaks_of_accounts_roles_sessions_and_services() {
        for (principal, expected) in [
            (json!({"AWS": "000000000000"}), Verdict::Allowed),
            (json!({"AWS": "arn:aws:iam::000000000000:root"}), Verdict::Allowed),
            (json!({"AWS": "arn:aws:iam::000000000000:role/r"}), Verdict::Allowed),
            (json!({"AWS": "arn:aws:sts::000000000000:assumed-role/r/s"}), Verdict::Allowed),
            (json!({"AWS": "arn:aws:iam::000000000000:role/other"}), Verdict::Silent),
            (json!({"AWS": "111111111111"}), Verdict::Silent),
            (json!({"Service": "lambda.amazonaws.com"}), Verdict::Silent),
            (json!("*"), Verdict::Allowed),
        ] {
            let statements = json!([{"Effect": "Allow", "Principal": principal,
                "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"}]);
            let found = verdict(statements, Kind::Resource, "s3:GetObject", "arn:aws:s3:::b/k");
            assert_eq!(found, expected, "{principal}");
        }
    }
}
