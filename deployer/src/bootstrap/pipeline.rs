//! The pipeline's own rights: what `up` and `down` call by themselves, and who may take the role.

use serde_json::{Value, json};

use super::scope::Scope;
use super::statements::{Statements, Where, text};
use super::{Error, document};
use crate::project::Project;

/// GitHub's issuer of tokens for its jobs (Configuring OpenID Connect in Amazon Web Services, GitHub docs).
const ISSUER: &str = "token.actions.githubusercontent.com";
/// The audience that the action `configure-aws-credentials` asks for.
const AUDIENCE: &str = "sts.amazonaws.com";

/// Calls of every run that deploys or removes a stage: all of them name the stack, and are judged on it (Actions,
/// resources and condition keys for AWS CloudFormation, Service Authorization Reference).
const STACKS: [&str; 11] = [
    "CreateChangeSet",
    "DeleteChangeSet",
    "DeleteStack",
    "DescribeChangeSet",
    "DescribeEvents",
    "DescribeStackEvents",
    "DescribeStacks",
    "ExecuteChangeSet",
    "GetTemplate",
    "ListChangeSets",
    "ListStackResources",
];

/// Calls that only a stage needs which something went wrong with before.
pub const RECOVERY: [&str; 3] = [
    "cloudformation:CancelUpdateStack",
    "cloudformation:ContinueUpdateRollback",
    "cloudformation:RollbackStack",
];

/// Whose jobs may deploy: those of one repository that run in the stage's environment.
#[derive(Debug, Clone)]
pub struct Trust {
    repository: String,
    /// Whether the account's identity provider is made with it. An account has one.
    pub provider: bool,
}

impl Trust {
    /// `repository` is `OWNER/NAME`.
    pub fn new(repository: &str, provider: bool) -> Result<Self, Error> {
        let legal = |part: &str| {
            !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        };
        match repository.split_once('/') {
            // GitHub takes no such name: it is the end of the address to clone.
            Some((owner, name)) if legal(owner) && legal(name) && !name.ends_with(".git") => {
                Ok(Self { repository: repository.to_owned(), provider })
            }
            _ => Err(Error::Repository { text: repository.to_owned() }),
        }
    }
}

pub(super) fn statements(scope: &Scope, project: &Project) -> Vec<Value> {
    let class = project.class;
    let mut rights = Statements::default();
    let stacks = Where::on([scope.arn("cloudformation", &format!("stack/{}/*", scope.stacks()))]);
    for action in STACKS {
        rights.allow(format!("cloudformation:{action}"), stacks.clone());
    }
    for action in RECOVERY {
        rights.allow(action, stacks.clone());
    }
    if class.protected() {
        rights.allow("cloudformation:UpdateTerminationProtection", stacks.clone());
    }
    if class.stack_policy() {
        rights.allow("cloudformation:SetStackPolicy", stacks);
    }
    let role = Where::on([scope.iam(&format!("role/{}", scope.service_role()))]);
    let to_cloudformation = role.when("StringEquals", "iam:PassedToService", "cloudformation.amazonaws.com");
    rights.allow("iam:PassRole", to_cloudformation);
    // HeadBucket, and without it a missing object looks like a forbidden one (HeadObject, S3 API reference).
    rights.allow("s3:ListBucket", Where::on([scope.bucket()]));
    rights.allow("s3:GetObject", Where::on([scope.artifacts()]));
    rights.allow("s3:PutObject", Where::on([scope.artifacts()]));
    // Migrations are an invocation of the one function that has them.
    if let Some(function) = project.migrator() {
        let name = scope.generalised(&function.function_name);
        rights.allow("lambda:InvokeFunction", Where::on([scope.arn("lambda", &format!("function:{name}"))]));
    }
    rights.into_values()
}

pub(super) fn provider() -> Value {
    // IAM trusts the authority of GitHub's certificate by itself and needs no thumbprint of it.
    json!({
        "Type": "AWS::IAM::OIDCProvider",
        "DeletionPolicy": "Retain",
        "UpdateReplacePolicy": "Retain",
        "Properties": {"Url": format!("https://{ISSUER}"), "ClientIdList": [AUDIENCE]},
    })
}

pub(super) fn role(scope: &Scope, trust: &Trust) -> Value {
    let provider = if trust.provider {
        json!({"Ref": "Provider"})
    } else {
        text(&scope.iam(&format!("oidc-provider/{ISSUER}")))
    };
    // The environment and not a branch: GitHub's own rules say who may deploy to it.
    let subject = format!("repo:{}:environment:{}", trust.repository, scope.environment());
    json!({
        "Type": "AWS::IAM::Role",
        "Properties": {
            "RoleName": scope.pipeline(),
            "AssumeRolePolicyDocument": document(vec![json!({
                "Effect": "Allow",
                "Principal": {"Federated": provider},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": {"StringEquals": {
                    format!("{ISSUER}:aud"): AUDIENCE,
                    format!("{ISSUER}:sub"): subject,
                }},
            })]),
            "ManagedPolicyArns": [{"Ref": "PipelinePolicy"}],
        },
    })
}
