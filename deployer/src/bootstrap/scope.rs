//! Which stacks are meant, and what everything that belongs to them is called.

use super::Error;
use super::statements::Where;
use crate::project::{AccountId, Neighbour, Project};

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
    account: Option<AccountId>,
    bucket: String,
}

impl Scope {
    /// `all` are the stages and families of the project, this one among them.
    pub(super) fn of(project: &Project, bucket: &str, all: &[Neighbour]) -> Result<Self, Error> {
        let pattern = project.family.as_deref().unwrap_or(project.stage.as_str());
        let scope = Self {
            service: project.service.to_string(),
            environment: pattern.trim_end_matches('*').trim_end_matches('-').to_owned(),
            stack_read: project.stack_name.to_string(),
            stacks: format!("{}-{pattern}", project.service),
            account: project.account.clone(),
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
            _ => scope.apart_from(all),
        }
    }

    /// Tables, functions and logs are named `<stack>-<name>`, and rights on them end in a star: a stage whose name goes
    /// on where another's ends would be within that other's reach. Accounts keep them apart as well.
    fn apart_from(self, all: &[Neighbour]) -> Result<Self, Error> {
        let own = start(&self.stacks);
        for other in all {
            let stacks = format!("{}-{}", other.service, other.name);
            let elsewhere =
                matches!((&self.account, &other.account), (Some(own), Some(other)) if own != other);
            if stacks == self.stacks || elsewhere {
                continue;
            }
            let others = start(&stacks);
            let (own_stages, other_stages) = (stages(self.pattern()), stages(&other.name));
            if others.starts_with(&own) {
                return Err(Error::Reach { reaching: own_stages, reached: other_stages, start: own });
            }
            if own.starts_with(&others) {
                return Err(Error::Reach { reaching: other_stages, reached: own_stages, start: others });
            }
        }
        Ok(self)
    }

    /// The stage's name, or the family's pattern.
    fn pattern(&self) -> &str {
        self.stacks.get(self.service.len() + 1..).unwrap_or_default()
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
        stages(self.pattern())
    }

    /// What has these stages' tags: `aws:ResourceTag`, or `aws:RequestTag` of what is being made.
    pub(super) fn tagged(&self, key: &str, place: Where) -> Where {
        place.when("StringEquals", format!("{key}/deployer:service"), self.service()).when(
            "StringLike",
            format!("{key}/deployer:stage"),
            self.pattern(),
        )
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

/// How the names of everything begin that belongs to these stacks.
fn start(stacks: &str) -> String {
    stacks.strip_suffix('*').map_or_else(|| format!("{stacks}-"), str::to_owned)
}

/// For a person.
fn stages(pattern: &str) -> String {
    format!("the stage{} {pattern}", if pattern.ends_with('*') { "s" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::neighbours;
    use crate::project::tests::Fixture;

    /// Whose rights reach whom, beside `dev` and `pr-*`, when rights for `stage` are asked for.
    fn reached(stage: &str, others: &[(&str, &str)]) -> Option<(String, String)> {
        let fixture = Fixture::new();
        for (name, text) in others {
            fixture.write(
                &format!("environments/{name}.yaml"),
                &format!("extends: base\nclass: ephemeral\n{text}"),
            );
        }
        let project = fixture.load(stage).unwrap();
        match Scope::of(&project, "bucket", &neighbours(fixture.root()).unwrap()) {
            Ok(_) => None,
            Err(Error::Reach { reaching, reached, .. }) => Some((reaching, reached)),
            Err(other) => panic!("{other}"),
        }
    }

    fn told(reaching: &str, reached: &str) -> Option<(String, String)> {
        Some((reaching.to_owned(), reached.to_owned()))
    }

    #[test]
    fn a_stage_whose_name_goes_on_where_another_ends_is_told_from_both_sides() {
        for stage in ["dev", "dev-2"] {
            assert_eq!(reached(stage, &[("dev-2", "")]), told("the stage dev", "the stage dev-2"), "{stage}");
        }
        assert_eq!(
            reached("dev", &[("dev2", ""), ("develop", ""), ("de", "")]),
            None,
            "only the hyphen is shared"
        );
    }

    #[test]
    fn a_family_reaches_every_stage_that_its_pattern_would_match() {
        for stage in ["pr-7", "pr-main"] {
            let found = reached(stage, &[("pr-main", "")]);
            assert_eq!(found, told("the stages pr-*", "the stage pr-main"), "{stage}");
        }
        let previews = [("dev-previews", "stages: dev-pr-*\n")];
        assert_eq!(reached("dev", &previews), told("the stage dev", "the stages dev-pr-*"));
        assert!(reached("dev-pr-1", &previews).is_some());
        let before = [("previews", "stages: pre-*\n"), ("pre", "")];
        for stage in ["pre", "pre-7"] {
            assert!(reached(stage, &before).is_some(), "{stage}");
        }
    }

    #[test]
    fn another_service_is_told_too_and_another_account_or_the_embedded_cloud_is_apart() {
        assert_eq!(
            reached("dev", &[("prod", "service: shop-dev\n")]),
            told("the stage dev", "the stage prod")
        );
        assert_eq!(reached("dev", &[("dev-2", "service: other\n")]), None);
        assert_eq!(reached("dev", &[("dev-2", "target: local\n")]), None);
        let account = |id: &str| format!("account: \"{id}\"\n");
        let two = [("dev-2", account("111111111111")), ("dev-2-b", account("222222222222"))];
        let two = two.each_ref().map(|(name, text)| (*name, text.as_str()));
        assert_eq!(
            reached("dev-2-b", &two[1..]),
            told("the stage dev", "the stage dev-2-b"),
            "dev says none"
        );
        let apart = [("a", account("111111111111")), ("a-b", account("222222222222"))];
        let apart = apart.each_ref().map(|(name, text)| (*name, text.as_str()));
        assert_eq!(reached("a", &apart), None);
    }
}
