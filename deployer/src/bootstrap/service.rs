//! The service role: what CloudFormation's handlers call for the template's resources, on what is these stages' own.
//!
//! Which actions that are is the registry's word ([`localcloud::handlers`]); here stands on which resources. A new
//! type of resource, or a property that takes further actions, needs the rights to be made anew.

use localcloud::handlers::{self, On, Subject};
use serde_json::Value;

use super::scope::Scope;
use super::statements::{Statements, Where};
use super::{Error, network};
use crate::template::Template;

pub(super) fn statements(scope: &Scope, template: &Template) -> Result<Vec<Value>, Error> {
    let mut rights = Statements::default();
    for (logical_id, resource) in &template.resources {
        let kind = resource.kind.as_str();
        if !handlers::known(kind) {
            return Err(Error::UnknownType { kind: kind.to_owned(), logical_id: logical_id.to_string() });
        }
        let mut properties = resource.properties();
        if kind == "AWS::IAM::Role" {
            // Also where the stage does not name the boundary yet, which is about to be made.
            properties["PermissionsBoundary"] = scope.boundary().into();
        }
        // Stages always have tags, and their resources get them.
        let subject = Subject { kind, properties: &properties, previous: None, tagged: true };
        let made = Made { scope, kind, logical_id: logical_id.as_str(), properties: &properties };
        for needed in subject.all_needs() {
            for place in made.places(needed.action, needed.on) {
                rights.allow(needed.action, place);
            }
        }
    }
    Ok(rights.into_values())
}

/// A resource of the template.
struct Made<'a> {
    scope: &'a Scope,
    kind: &'a str,
    logical_id: &'a str,
    properties: &'a Value,
}

impl Made<'_> {
    /// EC2 judges a call on each resource that it names, all else on one.
    fn places(&self, action: &str, on: On) -> Vec<Where> {
        if on == On::Itself && network::is_of(self.kind) {
            return network::places(self.scope, self.kind, action, self.properties);
        }
        vec![self.place(action, on)]
    }

    fn place(&self, action: &str, on: On) -> Where {
        let scope = self.scope;
        match on {
            On::Itself => self.itself(action),
            On::Collection if self.kind == "AWS::ApiGatewayV2::Api" => Where::on([gateway("/apis")]),
            On::Collection => Where::on([gateway("/apis/*")]),
            On::Tags => Where::on([gateway("/tags/*")]),
            On::PassedRole => Where::on([scope.function_roles()]).when(
                "StringEquals",
                "iam:PassedToService",
                "lambda.amazonaws.com",
            ),
            On::Code => Where::on([scope.artifacts()]),
            On::Key => scope.tagged("aws:ResourceTag", Where::on([scope.arn("kms", "key/*")])),
            On::Any if action == "logs:DescribeLogGroups" => Where::on([scope.arn("logs", "log-group:*")]),
            // A new one has no name yet, but the tags that it will have.
            On::Any if matches!(action, "cognito-idp:CreateUserPool" | "kms:CreateKey") => {
                scope.tagged("aws:RequestTag", Where::anywhere())
            }
            On::Any => Where::anywhere(),
        }
    }

    fn itself(&self, action: &str) -> Where {
        let scope = self.scope;
        let stacks = scope.stacks();
        match self.kind {
            // Their ids are random, so that only the tags tell whose they are.
            "AWS::Cognito::UserPool" | "AWS::Cognito::UserPoolClient" | "AWS::Cognito::UserPoolDomain" => {
                scope.tagged("aws:ResourceTag", Where::on([scope.arn("cognito-idp", "userpool/*")]))
            }
            "AWS::KMS::Key" => scope.tagged("aws:ResourceTag", Where::on([scope.arn("kms", "key/*")])),
            "AWS::DynamoDB::Table" => Where::on([scope.arn("dynamodb", &format!("table/{stacks}-*"))]),
            "AWS::IAM::Role" | "AWS::IAM::Policy" => self.role(action),
            "AWS::Lambda::Function" | "AWS::Lambda::Permission" => {
                Where::on([scope.arn("lambda", &format!("function:{stacks}-*"))])
            }
            "AWS::Logs::LogGroup" => self.log_group(),
            _ => Where::on([gateway("/apis/*")]),
        }
    }

    /// Nobody makes a role, or gives one more rights, outside of the boundary (Permissions boundaries for IAM
    /// entities, IAM user guide). A role that has it keeps it: nothing here may take it away.
    fn role(&self, action: &str) -> Where {
        let place = Where::on([self.scope.function_roles()]);
        let bounded = matches!(
            action,
            "iam:AttachRolePolicy"
                | "iam:CreateRole"
                | "iam:PutRolePermissionsBoundary"
                | "iam:PutRolePolicy"
        );
        if !bounded {
            return place;
        }
        let boundary = self.scope.iam(&format!("policy/{}", self.scope.boundary()));
        place.when("StringEquals", "iam:PermissionsBoundary", boundary)
    }

    /// The functions' groups together, any other by its name.
    fn log_group(&self) -> Where {
        let named = self.properties["LogGroupName"].as_str().map(|name| self.scope.generalised(name));
        let name = named.unwrap_or_else(|| format!("{}-{}-*", self.scope.stacks(), self.logical_id));
        let functions = format!("/aws/lambda/{}-", self.scope.stacks());
        let name = if name.starts_with(&functions) { format!("{functions}*") } else { name };
        let group = self.scope.arn("logs", &format!("log-group:{name}"));
        let streams = format!("{group}:*");
        if group.ends_with('*') { Where::on([group]) } else { Where::on([group, streams]) }
    }
}

fn gateway(path: &str) -> String {
    format!("arn:${{AWS::Partition}}:apigateway:${{AWS::Region}}::{path}")
}
