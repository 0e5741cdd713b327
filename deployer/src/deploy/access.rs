//! Who may do more, and who less, after an update: the statements of the live template beside the new ones.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use super::reading::{Described, Reading};

/// What one principal may do to one resource, more or less than before.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Access {
    /// The role, policy, permission or key that says so.
    pub logical_id: String,
    /// The function that has the role; else the role, or a principal outside the stack.
    pub who: String,
    pub actions: Vec<String>,
    pub resource: String,
}

impl Access {
    /// `GetProfileFunction: dynamodb:PutItem on ProfilesTable`.
    pub fn text(&self) -> String {
        format!("{}: {} on {}", self.who, self.actions.join(", "), self.resource)
    }
}

/// The difference between two templates.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct AccessChange {
    pub widened: Vec<Access>,
    pub narrowed: Vec<Access>,
}

impl AccessChange {
    pub(super) fn between(live: &Reading, wanted: &Reading) -> Self {
        let (old, new) = (grants(live), grants(wanted));
        let beyond = |some: &[Grant], others: &[Grant], deny: bool| -> Vec<Grant> {
            let new_ones = some.iter().filter(|grant| grant.deny == deny);
            new_ones.filter(|grant| !others.iter().any(|other| other.covers(grant))).cloned().collect()
        };
        // A lost denial is more access, a new one less.
        let widened = [beyond(&new, &old, false), beyond(&old, &new, true)].concat();
        let narrowed = [beyond(&old, &new, false), beyond(&new, &old, true)].concat();
        Self { widened: gathered(widened), narrowed: gathered(narrowed) }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Grant {
    logical_id: String,
    who: String,
    action: String,
    resource: String,
    /// JSON of the statement's condition; empty without one.
    condition: String,
    deny: bool,
}

impl Grant {
    /// Whether everything that `other` says is said by this one too.
    fn covers(&self, other: &Self) -> bool {
        self.deny == other.deny
            && self.who == other.who
            && (self.condition.is_empty() || self.condition == other.condition)
            && matches(&self.action.to_ascii_lowercase(), &other.action.to_ascii_lowercase())
            && matches(&self.resource, &other.resource)
    }
}

/// IAM's `*` and `?`. The text may itself be a pattern: `?` then stands for no `*`.
fn matches(pattern: &str, text: &str) -> bool {
    match (pattern.chars().next(), text.chars().next()) {
        (None, end) => end.is_none(),
        (Some('*'), _) => {
            let rest = &pattern[1..];
            text.char_indices().map(|(at, _)| &text[at..]).chain([""]).any(|tail| matches(rest, tail))
        }
        (Some(one), Some(other)) if one == other || (one == '?' && other != '*') => {
            matches(&pattern[one.len_utf8()..], &text[other.len_utf8()..])
        }
        _ => false,
    }
}

/// Lines of one principal and resource together.
fn gathered(grants: Vec<Grant>) -> Vec<Access> {
    let mut lines: BTreeMap<(String, String, String), BTreeSet<String>> = BTreeMap::new();
    for grant in grants {
        let resource = if grant.condition.is_empty() || grant.condition == "null" {
            grant.resource
        } else {
            format!("{} (under a condition)", grant.resource)
        };
        let action = if grant.deny { format!("denial of {}", grant.action) } else { grant.action };
        lines.entry((grant.who, grant.logical_id, resource)).or_default().insert(action);
    }
    lines
        .into_iter()
        .map(|((who, logical_id, resource), actions)| Access {
            logical_id,
            who,
            actions: actions.into_iter().collect(),
            resource,
        })
        .collect()
}

fn grants(reading: &Reading) -> Vec<Grant> {
    let mut found = Vec::new();
    for (id, described) in &reading.0 {
        let properties = &described.properties;
        match described.kind.as_str() {
            "AWS::IAM::Role" => of_role(reading, id, properties, &mut found),
            "AWS::IAM::Policy" | "AWS::IAM::ManagedPolicy" => {
                for role in each(&properties["Roles"]) {
                    let who = holder(reading, &name_of(role));
                    statements(id, &properties["PolicyDocument"], Some(&who), None, &mut found);
                }
            }
            "AWS::IAM::RolePolicy" => {
                let who = holder(reading, &name_of(&properties["RoleName"]));
                statements(id, &properties["PolicyDocument"], Some(&who), None, &mut found);
            }
            "AWS::Lambda::Permission" => found.push(permission(id, properties)),
            "AWS::KMS::Key" => statements(id, &properties["KeyPolicy"], None, Some(id), &mut found),
            "AWS::S3::BucketPolicy" => {
                let bucket = name_of(&properties["Bucket"]);
                statements(id, &properties["PolicyDocument"], None, Some(&bucket), &mut found);
            }
            _ => {}
        }
    }
    found
}

fn of_role(reading: &Reading, id: &str, properties: &Value, found: &mut Vec<Grant>) {
    let who = holder(reading, id);
    for policy in each(&properties["Policies"]) {
        statements(id, &policy["PolicyDocument"], Some(&who), None, found);
    }
    for attached in each(&properties["ManagedPolicyArns"]) {
        let name = name_of(attached);
        match reading.get(&name).filter(|described| described.kind == "AWS::IAM::ManagedPolicy") {
            Some(policy) => statements(id, &policy.properties["PolicyDocument"], Some(&who), None, found),
            None => found.push(whole(id, &who, format!("all that {name} allows"), false)),
        }
    }
    if !properties["PermissionsBoundary"].is_null() {
        let boundary = name_of(&properties["PermissionsBoundary"]);
        found.push(whole(id, &who, format!("all beyond the boundary {boundary}"), true));
    }
    statements(id, &properties["AssumeRolePolicyDocument"], None, Some(id), found);
}

fn whole(id: &str, who: &str, action: String, deny: bool) -> Grant {
    let (logical_id, who) = (id.to_owned(), who.to_owned());
    Grant { logical_id, who, action, resource: "*".to_owned(), condition: String::new(), deny }
}

fn permission(id: &str, properties: &Value) -> Grant {
    let limits = ["SourceArn", "SourceAccount", "PrincipalOrgID", "EventSourceToken"];
    let limits: Vec<String> = limits
        .into_iter()
        .filter(|limit| !properties[limit].is_null())
        .map(|limit| format!("{limit}={}", properties[limit]))
        .collect();
    Grant {
        logical_id: id.to_owned(),
        who: name_of(&properties["Principal"]),
        action: name_of(&properties["Action"]),
        resource: name_of(&properties["FunctionName"]),
        condition: limits.join(" "),
        deny: false,
    }
}

/// `who` has an identity's policy, `on` is the resource that has a policy of its own.
fn statements(id: &str, document: &Value, who: Option<&str>, on: Option<&str>, found: &mut Vec<Grant>) {
    for statement in each(&document["Statement"]) {
        let listed = |key: &str| -> Vec<String> {
            let but: Vec<String> = each(&statement[format!("Not{key}")]).map(name_of).collect();
            let plain = each(&statement[key]).map(name_of);
            plain.chain((!but.is_empty()).then(|| format!("everything but {}", but.join(", ")))).collect()
        };
        let whos = match who {
            Some(who) => vec![who.to_owned()],
            None => principals(&statement["Principal"]),
        };
        let resources = match on {
            Some(on) => vec![on.to_owned()],
            None => listed("Resource"),
        };
        let condition = &statement["Condition"];
        for who in &whos {
            for action in listed("Action") {
                for resource in &resources {
                    found.push(Grant {
                        logical_id: id.to_owned(),
                        who: who.clone(),
                        action: action.clone(),
                        resource: resource.clone(),
                        condition: if condition.is_null() { String::new() } else { condition.to_string() },
                        deny: statement["Effect"].as_str() == Some("Deny"),
                    });
                }
            }
        }
    }
}

fn principals(principal: &Value) -> Vec<String> {
    match principal {
        Value::Object(kinds) if !kinds.keys().any(|key| key == "Ref" || key.starts_with("Fn::")) => {
            kinds.values().flat_map(each).map(name_of).collect()
        }
        other => each(other).map(name_of).collect(),
    }
}

/// The functions that run with a role; else the role itself.
fn holder(reading: &Reading, role: &str) -> String {
    let has = |described: &Described| name_of(&described.properties["Role"]) == role;
    let functions: Vec<&str> = reading
        .of_kind("AWS::Lambda::Function")
        .filter(|(_, described)| has(described))
        .map(|(id, _)| id.as_str())
        .collect();
    if functions.is_empty() { role.to_owned() } else { functions.join(" and ") }
}

/// One or many.
fn each(value: &Value) -> std::slice::Iter<'_, Value> {
    match value {
        Value::Array(items) => items.iter(),
        Value::Null => [].iter(),
        one => std::slice::from_ref(one).iter(),
    }
}

/// A resource's logical id where the value names it, else the value itself.
fn name_of(value: &Value) -> String {
    if let Some(id) = value["Ref"].as_str() {
        return id.to_owned();
    }
    if let Some(attribute) = value["Fn::GetAtt"].as_str() {
        return attribute.strip_suffix(".Arn").unwrap_or(attribute).to_owned();
    }
    match value["Fn::Sub"].as_str().or(value.as_str()) {
        Some(text) => match text.strip_prefix("${").and_then(|rest| rest.split_once(".Arn}")) {
            Some((id, rest)) => format!("{id}{rest}"),
            None => text.to_owned(),
        },
        None => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FUNCTION: &str =
        "  Put:\n    Type: AWS::Lambda::Function\n    Properties: {Role: !GetAtt PutRole.Arn}\n";

    fn role(statement: &str) -> Reading {
        let template = format!(
            "Resources:\n{FUNCTION}  PutRole:\n    Type: AWS::IAM::Role\n    Properties:\n      Policies:\n      - \
             PolicyDocument: {{Statement: [{statement}]}}\n"
        );
        Reading::of(&template, &BTreeMap::new()).unwrap()
    }

    fn between(old: &str, new: &str) -> (Vec<String>, Vec<String>) {
        let change = AccessChange::between(&role(old), &role(new));
        let texts = |some: &[Access]| some.iter().map(Access::text).collect();
        (texts(&change.widened), texts(&change.narrowed))
    }

    const GET: &str = "{Effect: Allow, Action: 'dynamodb:GetItem', Resource: !GetAtt Orders.Arn}";

    #[test]
    fn each_function_is_told_what_it_may_do_more_and_less() {
        let both =
            "{Effect: Allow, Action: ['dynamodb:GetItem', 'dynamodb:PutItem'], Resource: !GetAtt Orders.Arn}";
        let put = vec!["Put: dynamodb:PutItem on Orders".to_owned()];
        assert_eq!(between(GET, both), (put.clone(), vec![]));
        assert_eq!(between(both, GET), (vec![], put));
        assert_eq!(between(GET, GET), (vec![], vec![]));
    }

    #[test]
    fn what_a_wildcard_covers_is_not_wider_and_a_wildcard_is() {
        let all = "{Effect: Allow, Action: 'dynamodb:*', Resource: !GetAtt Orders.Arn}";
        assert_eq!(between(all, GET), (vec![], vec!["Put: dynamodb:* on Orders".to_owned()]));
        assert_eq!(between(GET, all), (vec!["Put: dynamodb:* on Orders".to_owned()], vec![]));
        let any = "{Effect: Allow, Action: 'dynamodb:GetItem', Resource: '*'}";
        assert_eq!(between(GET, any), (vec!["Put: dynamodb:GetItem on *".to_owned()], vec![]));
        assert!(!matches("a?c", "a*c"), "one letter is less than any");
        assert!(matches("a*", "a*c") && matches("*", "") && !matches("a", "ab"));
    }

    #[test]
    fn a_lost_condition_or_denial_is_wider() {
        let limited = "{Effect: Allow, Action: 'dynamodb:GetItem', Resource: !GetAtt Orders.Arn, Condition: {Bool: {x: 'true'}}}";
        assert_eq!(between(limited, GET).0, ["Put: dynamodb:GetItem on Orders"]);
        assert_eq!(between(GET, limited), (vec![], vec!["Put: dynamodb:GetItem on Orders".to_owned()]));
        let denial = "{Effect: Deny, Action: 'dynamodb:DeleteItem', Resource: '*'}";
        let denied = format!("{GET}, {denial}");
        let told = vec!["Put: denial of dynamodb:DeleteItem on *".to_owned()];
        assert_eq!(between(&denied, GET), (told.clone(), vec![]));
        assert_eq!(between(GET, &denied), (vec![], told));
    }

    #[test]
    fn a_policy_that_stands_beside_the_role_counts_as_the_function_s() {
        for (kind, role) in [("Policy", "Roles: [!Ref PutRole]"), ("RolePolicy", "RoleName: !Ref PutRole")] {
            let template = |statement: &str| {
                let text = format!(
                    "Resources:\n{FUNCTION}  PutRole: {{Type: AWS::IAM::Role}}\n  More:\n    Type: AWS::IAM::{kind}\n    \
                     Properties: {{{role}, PolicyDocument: {{Statement: [{statement}]}}}}\n"
                );
                Reading::of(&text, &BTreeMap::new()).unwrap()
            };
            let widened = AccessChange::between(&template(""), &template(GET)).widened;
            let told: Vec<String> = widened.iter().map(Access::text).collect();
            assert_eq!(told, ["Put: dynamodb:GetItem on Orders"], "{kind}");
        }
    }

    #[test]
    fn trust_permissions_boundaries_and_managed_policies_count() {
        let reading = |text: &str| Reading::of(&format!("Resources:\n{text}"), &BTreeMap::new()).unwrap();
        let role =
            |more: &str| reading(&format!("  R:\n    Type: AWS::IAM::Role\n    Properties: {{{more}}}\n"));
        let wider = |old: &Reading, new: &Reading| -> Vec<String> {
            AccessChange::between(old, new).widened.iter().map(Access::text).collect()
        };
        let trusted = "AssumeRolePolicyDocument: {Statement: [{Effect: Allow, Principal: {Service: ec2.amazonaws.com}, Action: 'sts:AssumeRole'}]}";
        assert_eq!(wider(&role(""), &role(trusted)), ["ec2.amazonaws.com: sts:AssumeRole on R"]);
        assert_eq!(
            wider(&role(""), &role("ManagedPolicyArns: ['arn:aws:iam::aws:policy/X']")),
            ["R: all that arn:aws:iam::aws:policy/X allows on *"]
        );
        assert_eq!(
            wider(&role("PermissionsBoundary: b"), &role("")),
            ["R: denial of all beyond the boundary b on *"]
        );
        let invoke = |arn: &str| {
            reading(&format!(
                "  P:\n    Type: AWS::Lambda::Permission\n    Properties: {{Principal: s3.amazonaws.com, Action: 'lambda:InvokeFunction', FunctionName: !Ref F{arn}}}\n"
            ))
        };
        assert_eq!(
            wider(&invoke(", SourceArn: 'arn:a'"), &invoke("")),
            ["s3.amazonaws.com: lambda:InvokeFunction on F"]
        );
        assert_eq!(
            wider(&invoke(", SourceArn: 'arn:a'"), &invoke(", SourceArn: 'arn:b'")),
            ["s3.amazonaws.com: lambda:InvokeFunction on F (under a condition)"]
        );
    }
}
