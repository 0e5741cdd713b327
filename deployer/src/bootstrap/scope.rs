//! Which stacks are meant, and what everything that belongs to them is called.

use super::Error;
use crate::project::Project;

/// IAM's limit of a role's name.
const LONGEST_ROLE: usize = 64;

/// A stage, or a family of stages, of one service.
#[derive(Debug, Clone)]
pub struct Scope {
    service: String,
    /// The stage, or the family without its star and hyphen: `dev`, `pr`.
    environment: String,
    /// The stage whose template was read.
    stack_read: String,
    /// The name of every stack, as IAM matches it: `shop-dev`, `shop-pr-*`.
    stacks: String,
    bucket: String,
}

impl Scope {
    pub(super) fn of(project: &Project, bucket: &str) -> Result<Self, Error> {
        let pattern = project.family.as_deref().unwrap_or(project.stage.as_str());
        let scope = Self {
            service: project.service.to_string(),
            environment: pattern.trim_end_matches('*').trim_end_matches('-').to_owned(),
            stack_read: project.stack_name.to_string(),
            stacks: format!("{}-{pattern}", project.service),
            bucket: bucket.to_owned(),
        };
        for name in [scope.pipeline(), scope.service_role()] {
            if name.len() > LONGEST_ROLE {
                return Err(Error::LongName { name });
            }
        }
        let own = scope.stack();
        match scope.stacks.strip_suffix('*') {
            Some(start) if own.starts_with(start) => Err(Error::Own { stacks: scope.stacks, own }),
            _ => Ok(scope),
        }
    }

    /// The stack of the rights themselves.
    pub fn stack(&self) -> String {
        format!("deployer-{}-{}", self.service, self.environment)
    }

    /// The GitHub environment whose jobs deploy these stages.
    pub fn environment(&self) -> &str {
        &self.environment
    }

    pub fn service(&self) -> &str {
        &self.service
    }

    pub fn service_role(&self) -> String {
        format!("{}-{}-cloudformation", self.service, self.environment)
    }

    pub fn boundary(&self) -> String {
        format!("{}-{}-boundary", self.service, self.environment)
    }

    pub fn pipeline(&self) -> String {
        format!("{}-{}-pipeline", self.service, self.environment)
    }

    /// For a person.
    pub(super) fn stages(&self) -> String {
        if self.stacks.ends_with('*') {
            format!("the stages {}-*", self.environment)
        } else {
            format!("the stage {}", self.environment)
        }
    }

    /// The value of a stage's `deployer:stage` tag, as IAM matches it.
    pub(super) fn stage_tag(&self) -> &str {
        self.stacks.get(self.service.len() + 1..).unwrap_or_default()
    }

    pub(super) fn stacks(&self) -> &str {
        &self.stacks
    }

    /// A name of the stage that was read, as any of the stages has it.
    pub(super) fn generalised(&self, name: &str) -> String {
        name.replace(&self.stack_read, &self.stacks)
    }

    /// Each ARN that a resource of this account and region can have.
    pub(super) fn arn(&self, service: &str, rest: &str) -> String {
        format!("arn:${{AWS::Partition}}:{service}:${{AWS::Region}}:${{AWS::AccountId}}:{rest}")
    }

    /// IAM has no regions.
    pub(super) fn iam(&self, rest: &str) -> String {
        format!("arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:{rest}")
    }

    /// The roles of the functions: their path is the stack's name.
    pub(super) fn function_roles(&self) -> String {
        self.iam(&format!("role/{}/*", self.stacks))
    }

    pub(super) fn bucket(&self) -> String {
        format!("arn:${{AWS::Partition}}:s3:::{}", self.bucket)
    }

    /// The one prefix that is this service's.
    pub(super) fn artifacts(&self) -> String {
        format!("{}/{}/*", self.bucket(), self.service)
    }
}
