//! What an administrator makes once for a stage, or a family of stages, so that pipelines deploy it without being
//! administrators. Pure: a project and its template become the template of a small stack of its own.
//!
//! - a **pipeline role** that one repository's environment may assume; it may do to the stages' stacks what `up` and
//!   `down` do, pass one role, use one prefix of the artefact bucket, and invoke the function that migrates the stages'
//!   database, where there is one ([`pipeline`]);
//! - a **service role** that CloudFormation works as: what the handlers of the template's resource types call, on
//!   what belongs to these stages ([`service`], EC2's part in [`network`]);
//! - a **permissions boundary** that no function's role exceeds ([`boundary`]).
//!
//! Most of it is told by names, so no rights are made for stages that others reach by their names ([`scope`]).

mod boundary;
mod network;
mod pipeline;
mod scope;
mod service;
mod statements;

use serde_json::{Value, json};

use crate::project::{Neighbour, Project};
use crate::template::{self, Template};

pub use pipeline::{RECOVERY, Trust};
pub use scope::Scope;

/// What is made.
#[derive(Debug, Clone)]
pub struct Bootstrap {
    pub scope: Scope,
    /// CloudFormation's template of it all.
    pub template: String,
}

/// Why the rights of a stage cannot be told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("nobody here knows what CloudFormation does for {kind} ({logical_id})")]
    UnknownType { kind: String, logical_id: String },
    #[error("the role's name {name} has {} characters, and IAM takes 64", name.len())]
    LongName { name: String },
    #[error("{text:?} is no repository: OWNER/NAME, as in its address")]
    Repository { text: String },
    #[error("the stacks {stacks} of this family would hold {own}, which has the rights")]
    Own { stacks: String, own: String },
    #[error("the rights over {reaching} would reach {reached}: its names begin with {start}, too")]
    Reach { reaching: String, reached: String, start: String },
}

/// The stack of a stage's rights. `bucket` is the artefact bucket's name, where account and region are written
/// `${AWS::AccountId}` and `${AWS::Region}`; `all` are the project's stages and families.
pub fn bootstrap(
    project: &Project,
    template: &Template,
    all: &[Neighbour],
    bucket: &str,
    trust: Option<&Trust>,
) -> Result<Bootstrap, Error> {
    let scope = Scope::of(project, bucket, all)?;
    let mut resources = serde_json::Map::new();
    resources
        .insert("Boundary".to_owned(), managed(&scope.boundary(), boundary::statements(&scope, template)));
    resources.insert("ServiceRole".to_owned(), service_role(&scope, service::statements(&scope, template)?));
    let pipeline = pipeline::statements(&scope, project);
    resources.insert("PipelinePolicy".to_owned(), managed(&scope.pipeline(), pipeline));
    let mut outputs = serde_json::Map::new();
    let mut tell = |name: &str, value: Value| outputs.insert(name.to_owned(), json!({"Value": value}));
    tell("ServiceRoleArn", json!({"Fn::GetAtt": ["ServiceRole", "Arn"]}));
    tell("BoundaryArn", json!({"Ref": "Boundary"}));
    tell("PipelinePolicyArn", json!({"Ref": "PipelinePolicy"}));
    if let Some(trust) = trust {
        if trust.provider {
            resources.insert("Provider".to_owned(), pipeline::provider());
        }
        resources.insert("PipelineRole".to_owned(), pipeline::role(&scope, trust));
        tell("PipelineRoleArn", json!({"Fn::GetAtt": ["PipelineRole", "Arn"]}));
    }
    let tree = json!({
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": format!("Rights of {}'s pipelines over {}", project.service, scope.stages()),
        "Resources": resources,
        "Outputs": outputs,
    });
    Ok(Bootstrap { scope, template: template::document(&tree) })
}

fn document(statements: Vec<Value>) -> Value {
    json!({"Version": "2012-10-17", "Statement": statements})
}

fn managed(name: &str, statements: Vec<Value>) -> Value {
    json!({
        "Type": "AWS::IAM::ManagedPolicy",
        "Properties": {"ManagedPolicyName": name, "PolicyDocument": document(statements)},
    })
}

fn service_role(scope: &Scope, statements: Vec<Value>) -> Value {
    json!({
        "Type": "AWS::IAM::Role",
        "Properties": {
            "RoleName": scope.service_role(),
            // No condition: only who may pass the role can have CloudFormation take it, and roles are passed
            // within their account alone (Grant permissions to pass a role, IAM user guide).
            "AssumeRolePolicyDocument": document(vec![json!({
                "Effect": "Allow",
                "Principal": {"Service": "cloudformation.amazonaws.com"},
                "Action": "sts:AssumeRole",
            })]),
            "Policies": [{"PolicyName": "resources", "PolicyDocument": document(statements)}],
        },
    })
}
