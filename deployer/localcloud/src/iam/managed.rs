//! The few of AWS's own managed policies that function roles attach.
//!
//! Source: the AWS managed policy reference guide, versions of 2024.

use serde_json::{Value, json};

use super::ManagedPolicy;

/// A policy of AWS by its ARN; `None` for those that this cloud does not have.
pub fn of_aws(arn: &str) -> Option<ManagedPolicy> {
    let (path, name) = match arn.strip_prefix("arn:aws:iam::aws:policy/")?.rsplit_once('/') {
        Some((path, name)) => (format!("/{path}/"), name),
        None => ("/".to_owned(), arn.rsplit('/').next()?),
    };
    let statement = match (path.as_str(), name) {
        ("/", "AdministratorAccess") => json!({"Effect": "Allow", "Action": "*", "Resource": "*"}),
        ("/service-role/", "AWSLambdaBasicExecutionRole") => {
            allow(&["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"])
        }
        ("/service-role/", "AWSLambdaVPCAccessExecutionRole") => allow(&[
            "logs:CreateLogGroup",
            "logs:CreateLogStream",
            "logs:PutLogEvents",
            "ec2:CreateNetworkInterface",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeSubnets",
            "ec2:DeleteNetworkInterface",
            "ec2:AssignPrivateIpAddresses",
            "ec2:UnassignPrivateIpAddresses",
        ]),
        _ => return None,
    };
    Some(ManagedPolicy {
        name: name.to_owned(),
        path,
        arn: arn.to_owned(),
        description: None,
        document: json!({"Version": "2012-10-17", "Statement": [statement]}),
    })
}

fn allow(actions: &[&str]) -> Value {
    json!({"Effect": "Allow", "Action": actions, "Resource": "*"})
}
