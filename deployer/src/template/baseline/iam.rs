//! The baseline's rules on IAM: who may assume a role, and what its statements allow.

use super::{Rules, intrinsic, texts};
use crate::project::Problem;
use crate::project::yaml::{Node, Value};

/// What Lambda does for a function in a VPC as the function's role ("Required IAM permissions", Giving Lambda functions
/// access to resources in an Amazon VPC). The ids of the interfaces are EC2's.
const ON_INTERFACES: [&str; 4] = [
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:UnassignPrivateIpAddresses",
];

impl<'a> Rules<'a, '_> {
    pub(super) fn role(&mut self) {
        for policy in self.property(&["Policies"]).and_then(Node::sequence).unwrap_or_default() {
            self.statements(policy.get("PolicyDocument"));
        }
        self.attached("ManagedPolicyArns");
        for statement in statements_of(self.property(&["AssumeRolePolicyDocument"])) {
            let limited = statement.at(&["Condition", "StringEquals", "aws:SourceAccount"]).is_some();
            if allows(statement) && !limited {
                let help = "add Condition: {StringEquals: {aws:SourceAccount: !Ref AWS::AccountId}}";
                let message = "the trust is not limited to this account".to_owned();
                self.fail("role-trust", &["AssumeRolePolicyDocument"], message, help);
            }
        }
    }

    /// Policies that stand elsewhere: nobody here sees what they allow, and their owner may change it.
    fn attached(&mut self, property: &str) {
        for policy in self.property(&[property]).and_then(Node::sequence).unwrap_or_default() {
            // One of the template itself is judged there.
            if intrinsic(policy).is_some_and(|(name, _)| name == "Ref") {
                continue;
            }
            let message = format!("{}: it allows whatever {} does", self.id, written(policy));
            let help = "write the statements that are needed into its Policies";
            let place = self.item.place_of(policy);
            self.problems.push(Problem::new("managed-policy", message).at(place).help(help));
        }
    }

    /// The policy of a resource: who may use it.
    pub(super) fn resource_policy(&mut self, path: &[&str]) {
        for statement in statements_of(self.property(path)) {
            let principal = statement.get("Principal");
            let anybody = texts(principal).contains(&"*")
                || texts(principal.and_then(|principal| principal.get("AWS"))).contains(&"*");
            if allows(statement) && anybody && statement.get("Condition").is_none() {
                let message = format!("{}: anybody may use it, of any account", self.id);
                let place = self.item.place_of(principal.unwrap_or(statement));
                let help = "name who may, or limit it by a Condition";
                self.problems.push(Problem::new("any-principal", message).at(place).help(help));
            }
        }
    }

    /// No wildcards, and no right to create log groups: one that a function made itself outlives
    /// the stack and makes the next create fail.
    pub(super) fn statements(&mut self, document: Option<&'a Node>) {
        for statement in statements_of(document).into_iter().filter(|statement| allows(statement)) {
            let actions = written_all(statement.get("Action"));
            let actions: Vec<&str> = actions.iter().map(String::as_str).collect();
            let place = |key: &str| self.item.place_of(statement.get(key).unwrap_or(statement));
            let mut found = Vec::new();
            for action in &actions {
                if action.contains(['*', '?']) {
                    found.push((
                        "wildcard-action",
                        format!("the action {action}"),
                        place("Action"),
                        "name each action",
                    ));
                }
                if action.eq_ignore_ascii_case("logs:CreateLogGroup") {
                    let help = "declare the group, and grant CreateLogStream and PutLogEvents on it";
                    found.push(("create-log-group", (*action).to_owned(), place("Action"), help));
                }
            }
            for key in ["NotAction", "NotResource"] {
                if statement.get(key).is_some() {
                    found.push(("wildcard-action", key.to_owned(), place(key), "name what is allowed"));
                }
            }
            // Calls that have no resource to name: what a function in a VPC asks about its network.
            let describes =
                !actions.is_empty() && actions.iter().all(|action| action.starts_with("ec2:Describe"));
            let interfaces =
                !actions.is_empty() && actions.iter().all(|action| ON_INTERFACES.contains(action));
            let unnamed = |text: &str| describes || (interfaces && is_any_interface(text));
            let resources = written_all(statement.get("Resource"));
            if let Some(wide) = resources.iter().find(|text| is_wide(text) && !unnamed(text)) {
                let help = "name the resource: !GetAtt <resource>.Arn";
                found.push(("wildcard-resource", format!("Resource is {wide}"), place("Resource"), help));
            }
            for (rule, message, place, help) in found {
                self.problems
                    .push(Problem::new(rule, format!("{}: {message}", self.id)).at(place).help(help));
            }
        }
    }
}

/// Whether a resource is not one, but all of some kind, region or account. Objects of a bucket, streams of a log group
/// and routes of an API have no other way to be named.
fn is_wide(resource: &str) -> bool {
    if resource == "*" {
        return true;
    }
    let plain = without_references(resource);
    let parts: Vec<&str> = plain.splitn(6, ':').collect();
    match parts.as_slice() {
        ["arn", _, service, region, account, name] => {
            let whole = ["execute-api", "logs", "s3"].contains(service);
            region.contains('*') || account.contains('*') || *name == "*" || (name.contains('*') && !whole)
        }
        // `${Table.Arn}/index/*`, and `${Table.Arn}*`: all whose names begin like the table's.
        _ => plain.ends_with("/index/*") || plain.starts_with("x*"),
    }
}

/// Whether a resource is every network interface of one region and account. Lambda asks for all kinds of resources when
/// it deletes one.
fn is_any_interface(resource: &str) -> bool {
    let plain = without_references(resource);
    let parts: Vec<&str> = plain.splitn(6, ':').collect();
    match parts.as_slice() {
        ["arn", _, "ec2", region, account, "network-interface/*" | "*/*"] => {
            !region.contains('*') && !account.contains('*')
        }
        _ => false,
    }
}

/// A text as CloudFormation puts it together, whose references are left as `${Name}`.
fn written(node: &Node) -> String {
    match intrinsic(node) {
        Some(("Sub", inner)) => match &inner.value {
            Value::Sequence(items) => items.first().and_then(Node::text).unwrap_or_default().to_owned(),
            Value::Scalar { text, .. } => text.clone(),
            Value::Mapping(_) => String::new(),
        },
        Some(("Join", inner)) => {
            let parts = inner.sequence().unwrap_or_default();
            let between = parts.first().and_then(Node::text).unwrap_or_default();
            let joined = parts.get(1).and_then(Node::sequence).unwrap_or_default();
            joined.iter().map(written).collect::<Vec<_>>().join(between)
        }
        Some((_, inner)) => match &inner.value {
            Value::Scalar { text, .. } => format!("${{{text}}}"),
            Value::Sequence(items) => {
                format!("${{{}}}", items.iter().filter_map(Node::text).collect::<Vec<_>>().join("."))
            }
            Value::Mapping(_) => "${}".to_owned(),
        },
        None => node.text().unwrap_or_default().to_owned(),
    }
}

/// The texts of a value that is one or a list of them.
fn written_all(node: Option<&Node>) -> Vec<String> {
    let Some(node) = node else { return Vec::new() };
    match &node.value {
        Value::Sequence(items) if intrinsic(node).is_none() => items.iter().map(written).collect(),
        Value::Sequence(_) | Value::Scalar { .. } | Value::Mapping(_) => vec![written(node)],
    }
}

/// A text of `!Sub` whose references are one letter each.
fn without_references(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        plain.push_str(before);
        plain.push('x');
        rest = after.split_once('}').map_or("", |(_, after)| after);
    }
    plain + rest
}

/// The statements of a policy document: a list or a single one.
fn statements_of(document: Option<&Node>) -> Vec<&Node> {
    let Some(found) = document.and_then(|document| document.get("Statement")) else { return Vec::new() };
    match &found.value {
        Value::Sequence(items) => items.iter().collect(),
        Value::Scalar { .. } | Value::Mapping(_) => vec![found],
    }
}

fn allows(statement: &Node) -> bool {
    statement.get("Effect").and_then(Node::text) == Some("Allow")
}

#[cfg(test)]
mod tests {
    use super::{is_any_interface, is_wide};

    #[test]
    fn a_resource_in_any_region_or_account_or_with_any_name_is_wide() {
        for wide in [
            "*",
            "arn:aws:dynamodb:*:*:table/users",
            "arn:aws:dynamodb:us-east-1:*:table/users",
            "arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/*",
            "${UsersTable.Arn}/index/*",
            "${UsersTable.Arn}*",
            "arn:aws:logs:*:*:*",
        ] {
            assert!(is_wide(wide), "{wide}");
        }
        for named in [
            "arn:aws:dynamodb:us-east-1:123456789012:table/users/index/by-owner",
            "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:/aws/lambda/x:*",
            "arn:aws:s3:::bucket/*",
            "${UsersTable.Arn}",
            "${Group.Arn}:*",
        ] {
            assert!(!is_wide(named), "{named}");
        }
    }

    #[test]
    fn interfaces_are_any_of_one_region_and_account() {
        let own = "arn:${AWS::Partition}:ec2:${AWS::Region}:${AWS::AccountId}:";
        assert!(
            is_any_interface(&format!("{own}network-interface/*")) && is_any_interface(&format!("{own}*/*"))
        );
        for other in ["*", "arn:aws:ec2:*:*:network-interface/*", "arn:aws:ec2:eu-west-1:1:security-group/*"]
        {
            assert!(!is_any_interface(other), "{other}");
        }
    }
}
