//! The rights that `bootstrap` renders, of which each can be taken away.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use deployer::bootstrap::{Scope, Trust, bootstrap};
use deployer::deploy::bucket_name;
use deployer::project::{Project, neighbours};
use serde_json::{Value, json};

/// Whose rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    Pipeline,
    Service,
}

/// One action of one statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    pub role: Role,
    statement: usize,
    pub action: String,
    resources: String,
}

impl fmt::Display for Grant {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Stages differ in their names alone.
        let resources = ["pr-*", "dev", "prod"].iter().fold(self.resources.clone(), |text, stage| {
            text.replace(&format!("profile-service-{stage}"), "STACKS")
                .replace(&format!("{stage:?}"), "STAGE")
        });
        write!(formatter, "{:?} {} on {resources}", self.role, self.action)
    }
}

/// `up` of such a stage migrates the database.
const WITH_DATABASE: &str = "extends: base
stages: pr-*
class: ephemeral
functions:
  post-confirmation: {enabled: false}
  post-confirmation-postgres: {enabled: true}
  get-user: {enabled: true}
database:
  secret: shop/database
  ca: ca.pem
  subnets: [subnet-0a1b2c3d, subnet-0a1b2c3e]
  security_groups: [sg-0a1b2c3d]
";

/// The template that `bootstrap` renders, and the stage that it is for.
#[derive(Clone)]
pub struct Rights {
    pub project: Project,
    /// The stage's own template.
    pub stage: String,
    pub parameters: Vec<String>,
    pub scope: Scope,
    pub tree: Value,
    /// Where its files are, when not in the repository.
    _folder: Option<Arc<tempfile::TempDir>>,
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

impl Rights {
    pub fn of(stage: &str) -> Self {
        Self::in_project(&repository(), stage)
    }

    /// Of the stage `pr-7` of a project like this one whose previews keep their people in a database within a VPC.
    pub fn with_database(more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["Cargo.toml", "Cargo.lock", "functions", "templates", "deployer", "tests"] {
            std::os::unix::fs::symlink(repository().join(name), folder.path().join(name)).unwrap();
        }
        let environments = folder.path().join("environments");
        std::fs::create_dir(&environments).unwrap();
        std::fs::copy(repository().join("environments/base.yaml"), environments.join("base.yaml")).unwrap();
        std::fs::write(environments.join("pr.yaml"), format!("{WITH_DATABASE}{more}")).unwrap();
        std::fs::write(folder.path().join("ca.pem"), "-----BEGIN CERTIFICATE-----\n").unwrap();
        let rights = Self::in_project(folder.path(), "pr-7");
        Self { _folder: Some(Arc::new(folder)), ..rights }
    }

    fn in_project(root: &Path, stage: &str) -> Self {
        let all = neighbours(root).unwrap();
        let render = |project: &Project| deployer::template::render(project).unwrap();
        let bucket = bucket_name("${AWS::AccountId}", "${AWS::Region}");
        let trust = Trust::new("acme/shop", true).unwrap();
        let make =
            |project: &Project| bootstrap(project, &render(project), &all, &bucket, Some(&trust)).unwrap();
        let mut project = Project::load(root, stage).unwrap();
        let named = make(&project);
        // As `bootstrap` says that the stage's file should.
        project.permissions_boundary = Some(named.scope.boundary());
        project.service_role = Some(named.scope.service_role());
        let made = make(&project);
        assert!(made.template == named.template, "naming the roles changes no right");
        let template = render(&project);
        Self {
            stage: template.body.clone(),
            parameters: template.parameters.keys().cloned().collect(),
            scope: made.scope,
            tree: serde_yaml::from_str(&made.template).unwrap(),
            project,
            _folder: None,
        }
    }

    fn policy_mut(&mut self, role: Role) -> &mut Vec<Value> {
        let path = match role {
            Role::Pipeline => "/Resources/PipelinePolicy/Properties/PolicyDocument/Statement",
            Role::Service => "/Resources/ServiceRole/Properties/Policies/0/PolicyDocument/Statement",
        };
        self.tree.pointer_mut(path).unwrap().as_array_mut().unwrap()
    }

    /// The statements of both roles.
    pub fn statements(&self) -> Vec<(Role, Value)> {
        let of = |role| {
            let statements = self.clone().policy_mut(role).clone();
            statements.into_iter().map(move |statement| (role, statement))
        };
        of(Role::Pipeline).chain(of(Role::Service)).collect()
    }

    pub fn grants(&self) -> Vec<Grant> {
        let mut grants = Vec::new();
        for role in [Role::Pipeline, Role::Service] {
            for (at, statement) in self.clone().policy_mut(role).iter().enumerate() {
                for action in statement["Action"].as_array().unwrap() {
                    let resources = format!("{} {}", statement["Resource"], statement["Condition"]);
                    let action = action.as_str().unwrap().to_owned();
                    grants.push(Grant { role, statement: at, action, resources });
                }
            }
        }
        grants
    }

    pub fn without(&self, grant: &Grant) -> Self {
        let mut less = self.clone();
        let statements = less.policy_mut(grant.role);
        let actions = statements[grant.statement]["Action"].as_array_mut().unwrap();
        actions.retain(|action| action != &json!(grant.action));
        if actions.is_empty() {
            statements.remove(grant.statement);
        }
        less
    }
}
