//! The most that any function of these stages may be granted, whatever its template says.

use serde_json::Value;

use super::scope::Scope;
use super::statements::{Statements, Where};
use crate::template::Template;

/// Reading and writing items, and nothing of the tables themselves.
const ITEMS: [&str; 9] = [
    "BatchGetItem",
    "BatchWriteItem",
    "ConditionCheckItem",
    "DeleteItem",
    "GetItem",
    "PutItem",
    "Query",
    "Scan",
    "UpdateItem",
];

pub(super) fn statements(scope: &Scope, template: &Template) -> Vec<Value> {
    let mut rights = Statements::default();
    let tables = scope.arn("dynamodb", &format!("table/{}-*", scope.stacks()));
    for action in ITEMS {
        rights.allow(format!("dynamodb:{action}"), Where::on([tables.clone()]));
    }
    // Users, and nothing of the pool. Its id has no name in it.
    let pools = Where::on([scope.arn("cognito-idp", "userpool/*")]);
    for action in ["cognito-idp:Admin*", "cognito-idp:ListUsers"] {
        rights.allow(action, pools.clone());
    }
    let logs = Where::on([scope.arn("logs", &format!("log-group:/aws/lambda/{}-*", scope.stacks()))]);
    for action in ["logs:CreateLogStream", "logs:PutLogEvents"] {
        rights.allow(action, logs.clone());
    }
    // What a function needs beside these (a secret, the network interfaces of a VPC): the action, since the
    // resource is not this service's and the role's own policy names it.
    let known = ["dynamodb:", "cognito-idp:", "logs:"];
    for action in granted(template) {
        if !known.iter().any(|service| action.starts_with(service)) {
            rights.allow(action, Where::anywhere());
        }
    }
    rights.into_values()
}

/// The actions of all policies of the template's roles.
fn granted(template: &Template) -> Vec<String> {
    let mut actions = Vec::new();
    for resource in template.resources.values() {
        let properties = resource.properties();
        match resource.kind.as_str() {
            "AWS::IAM::Role" => {
                let policies = properties["Policies"].as_array().into_iter().flatten();
                policies.for_each(|policy| actions_of(&policy["PolicyDocument"], &mut actions));
            }
            "AWS::IAM::Policy" => actions_of(&properties["PolicyDocument"], &mut actions),
            _ => {}
        }
    }
    actions
}

fn actions_of(document: &Value, actions: &mut Vec<String>) {
    for statement in document["Statement"].as_array().into_iter().flatten() {
        match &statement["Action"] {
            Value::String(action) => actions.push(action.clone()),
            Value::Array(list) => actions.extend(list.iter().filter_map(Value::as_str).map(str::to_owned)),
            _ => {}
        }
    }
}
