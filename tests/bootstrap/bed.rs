//! An embedded cloud in which an administrator deployed a stage's rights, and the pipeline's view of it.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Output};
use std::time::Duration;

use aws_sdk_cloudformation::types::{Capability, Parameter};
use deployer::aws::{Aws, Settings};
use deployer::deploy::{
    Answer, Approvals, Confirm, Desired, Engine, Interrupt, Outcome, Progress, Question, Removal, Reporter,
    Upload, bucket_name, planner,
};
use deployer::project::Class;
use futures::future::BoxFuture;
use localcloud::auth::Principal;
use localcloud::cloudformation::StackStatus;
use localcloud::iam::{Credentials, Decision};
use sha2::{Digest, Sha256};

use super::migrator;
use super::rights::{Rights, Role};

const REGION: &str = "us-east-1";
const ACCOUNT: &str = "000000000000";
const ISSUER: &str = "token.actions.githubusercontent.com";

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
    session: Credentials,
    rights: Rights,
    pub template: String,
    zips: tempfile::TempDir,
}

impl Bed {
    /// An account with its artefact bucket and these rights.
    pub async fn new(rights: &Rights) -> Self {
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
        let subject = format!("repo:acme/shop:environment:{}", rights.scope.environment());
        let session = session(&cloud, rights, &subject, "sts.amazonaws.com").unwrap();
        let pipeline = administrator
            .clone()
            .with_session(&session.access_key_id, &session.secret_access_key, &session.session_token)
            .with_service_role(Some(format!("arn:aws:iam::{ACCOUNT}:role/{}", rights.scope.service_role())));
        Self {
            cloud,
            pipeline,
            session,
            administrator,
            rights: rights.clone(),
            template: rights.stage.clone(),
            zips: tempfile::tempdir().unwrap(),
        }
    }

    /// What GitHub's token with these claims is answered.
    pub fn assume(&self, subject: &str, audience: &str) -> Result<(), String> {
        session(&self.cloud, &self.rights, subject, audience).map(drop)
    }

    pub fn decisions(&self) -> Vec<Decision> {
        self.cloud.cloud().iam.decisions()
    }

    /// Whether CloudFormation may do this as the service role, on each of these resources.
    pub fn service_may(&self, action: &str, on: &[(&str, &[(&str, &str)])]) -> bool {
        let role_name = self.rights.scope.service_role();
        let role_arn = format!("arn:aws:iam::{ACCOUNT}:role/{role_name}");
        let principal = Principal::Role { role_arn, role_name, session: "stack".to_owned() };
        let iam = &self.cloud.cloud().iam;
        on.iter().all(|(resource, context)| {
            let arn = if *resource == "*" {
                "*".to_owned()
            } else {
                format!("arn:aws:ec2:{REGION}:{ACCOUNT}:{resource}")
            };
            iam.authorize(&principal, action, &arn, context).is_ok()
        })
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

    pub fn migrates(&self) -> bool {
        self.rights.project.migrator().is_some()
    }

    /// What `up` does when the stack is there, by the command that does it alone: the real binary with the pipeline's
    /// credentials, as its job has them.
    pub fn migrate(&self) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_deployer"));
        command.args(["db", "migrate", "--stage", self.rights.project.stage.as_str(), "--project"]);
        command.arg(&self.rights.project.root);
        for name in ["AWS_PROFILE", "AWS_DEFAULT_REGION"] {
            command.env_remove(name);
        }
        command.env("AWS_ACCESS_KEY_ID", &self.session.access_key_id);
        command.env("AWS_SECRET_ACCESS_KEY", &self.session.secret_access_key);
        command.env("AWS_SESSION_TOKEN", &self.session.session_token);
        command.env("AWS_REGION", REGION).env("AWS_ENDPOINT_URL", self.cloud.endpoint());
        command.env("HOME", self.zips.path()).env("NO_COLOR", "1").output().unwrap()
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
        zip.write_all(migrator::script(content).as_bytes()).unwrap();
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

/// What GitHub's token with these claims is answered.
fn session(
    cloud: &localcloud::Running,
    rights: &Rights,
    subject: &str,
    audience: &str,
) -> Result<Credentials, String> {
    let provider = format!("arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER}");
    let role = format!("arn:aws:iam::{ACCOUNT}:role/{}", rights.scope.pipeline());
    let claims = [(format!("{ISSUER}:aud"), audience), (format!("{ISSUER}:sub"), subject)];
    let claims: Vec<(&str, &str)> = claims.iter().map(|(key, value)| (key.as_str(), *value)).collect();
    let iam = &cloud.cloud().iam;
    iam.assume_for_identity(&provider, &claims, &role, "run").map_err(|error| error.code)
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
