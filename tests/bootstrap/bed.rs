//! An embedded cloud in which an administrator deployed a stage's rights, and the pipeline's view of it.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use aws_sdk_cloudformation::types::{Capability, Parameter};
use deployer::aws::{Aws, Settings};
use deployer::bootstrap::{Scope, Trust, bootstrap};
use deployer::deploy::{
    Answer, Approvals, Confirm, Desired, Engine, Interrupt, Outcome, Progress, Question, Removal, Reporter,
    Upload, bucket_name, planner,
};
use deployer::project::{Class, Project};
use futures::future::BoxFuture;
use localcloud::cloudformation::StackStatus;
use localcloud::iam::Decision;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const REGION: &str = "us-east-1";
const ACCOUNT: &str = "000000000000";
const ISSUER: &str = "token.actions.githubusercontent.com";

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

/// The template that `bootstrap` renders, and the stage that it is for.
#[derive(Clone)]
pub struct Rights {
    pub project: Project,
    /// The stage's own template.
    stage: String,
    parameters: Vec<String>,
    scope: Scope,
    tree: Value,
}

impl Rights {
    pub fn of(stage: &str) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let render = |project: &Project| deployer::template::render(project).unwrap();
        let bucket = bucket_name("${AWS::AccountId}", "${AWS::Region}");
        let trust = Trust::new("acme/shop", true).unwrap();
        let make = |project: &Project| bootstrap(project, &render(project), &bucket, Some(&trust)).unwrap();
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

/// Somebody who says yes, also by a stack's name.
struct Agrees;

impl Confirm for Agrees {
    fn confirm<'a>(&'a self, _question: &'a Question) -> BoxFuture<'a, Answer> {
        Box::pin(async { Answer::Yes })
    }
}

pub struct Bed {
    pub cloud: localcloud::Running,
    administrator: Aws,
    pipeline: Aws,
    rights: Rights,
    pub template: String,
    zips: tempfile::TempDir,
}

impl Bed {
    /// An account with its artefact bucket and these rights.
    pub async fn new(stage: &str, rights: &Rights) -> Self {
        assert_eq!(rights.project.stage.as_str(), stage);
        let cloud = localcloud::start(localcloud::Config::default()).await.unwrap();
        let settings = Settings {
            region: Some(REGION.to_owned()),
            endpoint: Some(cloud.endpoint().to_owned()),
            embedded: true,
        };
        let administrator = Aws::connect(&settings).await.unwrap();
        let made = Desired {
            stack: rights.scope.stack(),
            class: Class::Ephemeral,
            template: rights.tree.to_string(),
            parameters: BTreeMap::new(),
            tags: BTreeMap::new(),
            protected: false,
            stack_policy: false,
        };
        let (engine, _progress) = engine(&administrator, false);
        assert!(engine.ensure_bucket(ACCOUNT, false, &yes()).await.unwrap().is_none());
        let outcome = engine.up(&made, None, &yes()).await.unwrap();
        assert!(matches!(outcome, Outcome::Deployed { .. }), "{outcome:?}");
        drop(engine);
        let zips = tempfile::tempdir().unwrap();
        let template = rights.stage.clone();
        let mut bed = Self {
            cloud,
            pipeline: administrator.clone(),
            administrator,
            rights: rights.clone(),
            template,
            zips,
        };
        let subject = format!("repo:acme/shop:environment:{}", rights.scope.environment());
        let session = bed.session(&subject, "sts.amazonaws.com").unwrap();
        bed.pipeline = bed
            .pipeline
            .with_session(&session.access_key_id, &session.secret_access_key, &session.session_token)
            .with_service_role(Some(format!("arn:aws:iam::{ACCOUNT}:role/{}", rights.scope.service_role())));
        bed
    }

    fn session(&self, subject: &str, audience: &str) -> Result<localcloud::iam::Credentials, String> {
        let provider = format!("arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER}");
        let role = format!("arn:aws:iam::{ACCOUNT}:role/{}", self.rights.scope.pipeline());
        let claims = [(format!("{ISSUER}:aud"), audience), (format!("{ISSUER}:sub"), subject)];
        let claims: Vec<(&str, &str)> = claims.iter().map(|(key, value)| (key.as_str(), *value)).collect();
        let iam = &self.cloud.cloud().iam;
        iam.assume_for_identity(&provider, &claims, &role, "run").map_err(|error| error.code)
    }

    /// What GitHub's token with these claims is answered.
    pub fn assume(&self, subject: &str, audience: &str) -> Result<(), String> {
        self.session(subject, audience).map(drop)
    }

    pub fn decisions(&self) -> Vec<Decision> {
        self.cloud.cloud().iam.decisions()
    }

    pub fn asked_by(&self, decision: &Decision) -> Option<(Role, String)> {
        let of = |name: &str| decision.principal.contains(&format!(":assumed-role/{name}/"));
        let role = if of(&self.rights.scope.pipeline()) {
            Role::Pipeline
        } else if of(&self.rights.scope.service_role()) {
            Role::Service
        } else {
            return None;
        };
        Some((role, decision.action.clone()))
    }

    /// Puts the stack into a status that this cloud does not come to by itself.
    pub fn force(&self, status: StackStatus) {
        let formation = &self.cloud.cloud().cloudformation;
        assert!(formation.force_status(self.stack(), REGION, status, "a test"));
    }

    /// Lifts a production stack's protection, as a person must before `down`.
    pub async fn lift_protection(&self) {
        if self.rights.project.class == Class::Production {
            self.administrator.set_termination_protection(self.stack(), false).await.unwrap();
        }
    }

    /// Deletes the remains of a failed create, as a person does in production.
    pub async fn clear_away(&self) {
        self.administrator.delete_stack(self.stack(), "clear-away", &[]).await.unwrap();
        while self.administrator.stack(self.stack()).await.unwrap().is_some() {}
    }

    /// An update that fails and is left so: with `DisableRollback`, which the deployer never says.
    pub async fn fail_update(&self, desired: &Desired) {
        let client = aws_sdk_cloudformation::Client::from_conf(
            aws_sdk_cloudformation::Config::builder()
                .behavior_version_latest()
                .region(aws_sdk_cloudformation::config::Region::new(REGION))
                .endpoint_url(self.cloud.endpoint())
                .credentials_provider(aws_credential_types::Credentials::new(
                    "test", "test", None, None, "test",
                ))
                .build(),
        );
        let parameters = desired
            .parameters
            .iter()
            .map(|(name, value)| Parameter::builder().parameter_key(name).parameter_value(value).build());
        let asked = client
            .create_change_set()
            .stack_name(self.stack())
            .change_set_name(format!("broken-{}", Engine::new_run()))
            .template_body(&desired.template)
            .capabilities(Capability::CapabilityIam)
            .set_parameters(Some(parameters.collect()))
            .send();
        let id = asked.await.unwrap().id.unwrap();
        client.execute_change_set().change_set_name(id).disable_rollback(true).send().await.unwrap();
        let status = || async { self.administrator.stack(self.stack()).await.unwrap().unwrap().status };
        while status().await.in_progress() {}
        assert_eq!(status().await, deployer::aws::StackStatus::UpdateFailed);
    }

    pub fn engine(&self, force: bool) -> (Engine<'_>, tokio::sync::mpsc::UnboundedReceiver<Progress>) {
        engine(&self.pipeline, force)
    }

    pub fn bucket(&self) -> String {
        bucket_name(ACCOUNT, REGION)
    }

    pub fn class(&self) -> Class {
        self.rights.project.class
    }

    pub fn stack(&self) -> &str {
        self.rights.project.stack_name.as_str()
    }

    pub fn removal(&self) -> Removal {
        Removal { stack: self.stack().to_owned(), class: self.class() }
    }

    /// A zip for every function; `content` tells the versions apart.
    pub fn uploads(&self, content: &str) -> Vec<Upload> {
        let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        zip.start_file("bootstrap", zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(content.as_bytes()).unwrap();
        let bytes = zip.finish().unwrap().into_inner();
        let sha256: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        let file = self.zips.path().join(format!("{sha256}.zip"));
        std::fs::write(&file, &bytes).unwrap();
        let functions = self.rights.project.functions.iter();
        functions
            .map(|function| Upload {
                key: format!("{}/{}/{sha256}.zip", self.rights.project.service, function.name),
                file: file.clone(),
                sha256: sha256.clone(),
                bytes: bytes.len() as u64,
            })
            .collect()
    }

    pub fn desired(&self, template: &str, uploads: &[Upload], more_tags: &[(&str, &str)]) -> Desired {
        let project = &self.rights.project;
        let account = ACCOUNT.parse().unwrap();
        let region = REGION.parse().unwrap();
        let mut known = BTreeMap::from([
            ("ArtifactBucket".to_owned(), self.bucket()),
            ("DomainPrefix".to_owned(), project.domain_prefix(&account, &region)),
            ("SignInOrigin".to_owned(), "https://sign-in.example".to_owned()),
            ("DeletionProtection".to_owned(), project.class.protected().to_string()),
        ]);
        for (function, upload) in project.functions.iter().zip(uploads) {
            known.insert(function.code_key_parameter.clone(), upload.key.clone());
        }
        known.retain(|name, _| self.rights.parameters.contains(name));
        let more = more_tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        Desired {
            stack: self.stack().to_owned(),
            class: project.class,
            template: template.to_owned(),
            parameters: known,
            tags: project.tags.clone().into_iter().chain(more).collect(),
            protected: project.class.protected(),
            stack_policy: project.class.stack_policy(),
        }
    }

    /// The outcome of deploying this template under this name with the pipeline's rights.
    pub async fn up_as(&self, stack: &str, template: &str) -> String {
        let uploads = self.uploads("v1");
        let (engine, _progress) = self.engine(false);
        engine.upload(&self.bucket(), uploads.clone()).await.unwrap();
        let desired = Desired { stack: stack.to_owned(), ..self.desired(template, &uploads, &[]) };
        match engine.up(&desired, Some(&self.bucket()), &yes()).await {
            Ok(outcome) => format!("{outcome:?}"),
            Err(deployer::deploy::Error::Aws { doing, source }) => format!("{doing}: {source}"),
        }
    }

    pub async fn stop(self) {
        self.cloud.stop().await;
    }
}

pub fn yes() -> Approvals {
    Approvals { yes: true, replace: Vec::new() }
}

fn engine(aws: &Aws, force: bool) -> (Engine<'_>, tokio::sync::mpsc::UnboundedReceiver<Progress>) {
    let (reporter, progress) = Reporter::new();
    let (_, interrupt) = Interrupt::new();
    let engine = Engine {
        aws,
        reporter,
        confirm: &Agrees,
        interrupt,
        patience: Duration::from_secs(20),
        options: planner::Options { replace_failed: false, force },
        run: Engine::new_run(),
        commit: Box::new(|| None),
    };
    (engine, progress)
}
