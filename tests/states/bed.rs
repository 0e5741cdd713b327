//! Stacks in every state, and one command run against one of them.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_config::{BehaviorVersion, Region};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::types::{ChangeSetStatus, ChangeSetType, Tag};
use deployer::aws::{Aws, Settings, StackStatus};
use deployer::deploy::{
    Answer, Approvals, Confirm, Desired, Engine, Interrupt, Outcome, Progress, Question, Removal, Reporter,
    planner,
};
use deployer::project::Class;
use futures::future::BoxFuture;

use super::relay::Relay;
use super::table::UNKNOWN;

const REGION: &str = "us-east-1";
const YES: Approvals = Approvals { yes: true, replace: Vec::new() };
/// A log group that another stack has: what names it too fails.
const TAKEN: &str = "/taken";

/// One embedded cloud for many stages.
pub struct Bed {
    pub cloud: localcloud::Running,
    pub aws: Aws,
    pub client: Client,
    logs: aws_sdk_cloudwatchlogs::Client,
}

/// One stack of one class.
pub struct Stage<'a> {
    pub bed: &'a Bed,
    pub stack: String,
    pub class: Class,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    Up,
    Down,
    Rollback,
}

/// What is not the same in every run.
#[derive(Debug, Clone)]
pub struct How {
    pub patience: Duration,
    pub options: planner::Options,
    pub skip: Vec<String>,
    /// The cloud speaks of this status instead of the stack's own.
    pub pretend: Option<&'static str>,
}

/// Somebody else's operation is waited for so long: in the table's cells it never ends.
const SOON_OVER: Duration = Duration::from_secs(3);

impl Default for How {
    fn default() -> Self {
        Self { patience: SOON_OVER, options: planner::Options::default(), skip: Vec::new(), pretend: None }
    }
}

/// Answers every question the same way.
struct Says(Answer);

impl Confirm for Says {
    fn confirm<'a>(&'a self, _question: &'a Question) -> BoxFuture<'a, Answer> {
        let answer = self.0;
        Box::pin(async move { answer })
    }
}

async fn connect(endpoint: String) -> Aws {
    let settings = Settings { region: Some(REGION.to_owned()), endpoint: Some(endpoint), embedded: true };
    Aws::connect(&settings).await.unwrap()
}

impl Bed {
    pub async fn new() -> Self {
        let cloud = localcloud::start(localcloud::Config::default()).await.unwrap();
        let credentials = Credentials::new("test", "test", None, None, "test");
        let config = aws_config::SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(REGION))
            .endpoint_url(cloud.endpoint())
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .build();
        let aws = connect(cloud.endpoint().to_owned()).await;
        let logs = aws_sdk_cloudwatchlogs::Client::new(&config);
        let bed = Self { cloud, aws, client: Client::new(&config), logs };
        let other = bed.stage("taken", Class::Ephemeral);
        let taken =
            Desired { template: format!("Resources:\n{}", log_group("Log", TAKEN, 3)), ..other.desired(3) };
        other.deploy(&taken).await;
        bed
    }

    /// What somebody does by hand, past CloudFormation.
    pub async fn delete_log_group(&self, name: &str) {
        self.logs.delete_log_group().log_group_name(name).send().await.unwrap();
    }

    pub fn stage(&self, stack: &str, class: Class) -> Stage<'_> {
        Stage { bed: self, stack: stack.to_owned(), class }
    }
}

impl Stage<'_> {
    /// A table with data in it and a log group that keeps its lines for so many days.
    pub fn desired(&self, days: u32) -> Desired {
        let policy = if self.class == Class::Ephemeral { "Delete" } else { "RetainExceptOnCreate" };
        let table = format!(
            "  Orders:\n    Type: AWS::DynamoDB::Table\n    DeletionPolicy: {policy}\n    Properties:\n      \
             BillingMode: PAY_PER_REQUEST\n      \
             AttributeDefinitions: [{{AttributeName: pk, AttributeType: S}}]\n      \
             KeySchema: [{{AttributeName: pk, KeyType: HASH}}]\n"
        );
        let log = log_group("Log", &format!("/{}", self.stack), days);
        Desired {
            stack: self.stack.clone(),
            class: self.class,
            template: format!("Resources:\n{table}{log}"),
            parameters: BTreeMap::new(),
            tags: BTreeMap::from([("deployer:stage".to_owned(), "dev".to_owned())]),
            protected: self.class != Class::Ephemeral,
            stack_policy: self.class == Class::Production,
        }
    }

    /// Content that fails: a name that another stack has.
    pub fn broken(&self) -> Desired {
        let desired = self.desired(5);
        let clash = log_group("Clash", TAKEN, 5).replace("Type:", "DependsOn: Log\n    Type:");
        Desired { template: desired.template.clone() + &clash, ..desired }
    }

    /// Deploys without the relay, to begin with.
    pub async fn deploy(&self, desired: &Desired) -> Outcome {
        let (reporter, _) = Reporter::new();
        let engine = engine(&self.bed.aws, reporter, &Says(Answer::NobodyToAsk), &How::default());
        engine.up(desired, None, &YES).await.unwrap()
    }

    pub async fn status(&self) -> Option<StackStatus> {
        self.bed.aws.stack(&self.stack).await.unwrap().map(|stack| stack.status)
    }

    pub fn force(&self, status: &str) {
        let status = localcloud::cloudformation::StackStatus::parse(status).unwrap();
        assert!(self.bed.cloud.cloud().cloudformation.force_status(&self.stack, REGION, status, "forced"));
    }

    /// Brings the stack into a state: really, where this cloud can be made to, else by decree.
    pub async fn begin_in(&self, status: &'static str) {
        match status {
            "absent" => return,
            "DELETE_COMPLETE" => {
                let fleeting = self.bed.stage(&self.stack, Class::Ephemeral);
                fleeting.deploy(&fleeting.desired(3)).await;
                fleeting.run(Command::Down, &How::default()).await;
                assert_eq!(self.status().await, None);
                return;
            }
            "REVIEW_IN_PROGRESS" => {
                let id = self.change_set("d", &self.desired(3), ChangeSetType::Create).await;
                self.bed.client.delete_change_set().change_set_name(id).send().await.unwrap();
            }
            "CREATE_COMPLETE" | UNKNOWN => self.work().await,
            "UPDATE_COMPLETE" => {
                self.work().await;
                self.deploy(&self.desired(5)).await;
            }
            "UPDATE_ROLLBACK_COMPLETE" => {
                self.work().await;
                self.deploy(&self.broken()).await;
            }
            "ROLLBACK_COMPLETE" => {
                self.deploy(&self.broken()).await;
            }
            "UPDATE_FAILED" => self.fail_update().await,
            "UPDATE_ROLLBACK_FAILED" => {
                self.fail_update().await;
                self.force(status);
            }
            _ if status.starts_with("UPDATE_") || status.starts_with("IMPORT_") => {
                self.work().await;
                self.force(status);
            }
            // What never worked was never protected.
            _ => {
                self.deploy(&Desired { protected: false, stack_policy: false, ..self.desired(3) }).await;
                self.force(status);
            }
        }
        let found = self.status().await.unwrap();
        assert_eq!(found.as_str(), if status == UNKNOWN { "CREATE_COMPLETE" } else { status });
    }

    pub async fn work(&self) {
        let made = self.deploy(&self.desired(3)).await;
        assert!(matches!(made, Outcome::Deployed { .. }), "{made:?}");
    }

    /// An update that failed and was left so, as `DisableRollback` has it.
    pub async fn fail_update(&self) {
        self.work().await;
        let id = self.change_set("d", &self.broken(), ChangeSetType::Update).await;
        self.bed.client.execute_change_set().change_set_name(id).disable_rollback(true).send().await.unwrap();
        while self.status().await.unwrap().in_progress() {}
        assert_eq!(self.status().await, Some(StackStatus::UpdateFailed));
    }

    /// A change set that can be executed; its ARN.
    pub async fn change_set(&self, name: &str, desired: &Desired, kind: ChangeSetType) -> String {
        let tags = desired.tags.iter();
        let asked = self
            .bed
            .client
            .create_change_set()
            .stack_name(&self.stack)
            .change_set_name(name)
            .change_set_type(kind)
            .template_body(&desired.template)
            .set_tags(Some(tags.map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()))
            .send();
        let id = asked.await.unwrap().id.unwrap();
        loop {
            let found = self.bed.client.describe_change_set().change_set_name(&id).send().await.unwrap();
            if found.status == Some(ChangeSetStatus::CreateComplete) {
                return id;
            }
        }
    }

    /// A person lifted the protection of a production stack by its name.
    pub async fn lift(&self) {
        let stack = self.bed.aws.stack(&self.stack).await.unwrap();
        if stack.is_some_and(|stack| stack.termination_protection) {
            self.bed.aws.set_termination_protection(&self.stack, false).await.unwrap();
        }
    }

    /// Runs a command: the mutating calls and the exit code, as the table has them.
    pub async fn run(&self, command: Command, how: &How) -> String {
        self.run_while(command, how, |_| {}).await.1
    }

    /// The same, with the outcome, and with something done about what the engine tells meanwhile.
    pub async fn run_while(
        &self,
        command: Command,
        how: &How,
        mut heard: impl FnMut(&Progress),
    ) -> (Outcome, String) {
        let relay = Relay::start(self.bed.cloud.address(), how.pretend).await;
        let aws = connect(relay.endpoint()).await;
        let (reporter, mut progress) = Reporter::new();
        // A production stack is deleted by typing its name; everything else takes `--yes`.
        let person = Says(if command == Command::Down { Answer::Yes } else { Answer::NobodyToAsk });
        let engine = engine(&aws, reporter, &person, how);
        let work = async move {
            match command {
                Command::Up => engine.up(&self.desired(7), None, &YES).await,
                Command::Down => {
                    let removal = Removal { stack: self.stack.clone(), class: self.class };
                    engine.down(&removal, &YES).await
                }
                Command::Rollback => engine.rollback(&self.stack, &how.skip).await,
            }
        };
        let listen = async {
            while let Some(told) = progress.recv().await {
                heard(&told);
            }
        };
        let (outcome, ()) = tokio::join!(work, listen);
        let outcome = outcome.unwrap();
        let calls = relay.mutations().join(" ");
        let cell = format!("{calls} : {}", outcome.exit_code()).trim_start().to_owned();
        (outcome, cell)
    }
}

fn engine<'a>(aws: &'a Aws, reporter: Reporter, confirm: &'a dyn Confirm, how: &How) -> Engine<'a> {
    Engine {
        aws,
        reporter,
        confirm,
        interrupt: Interrupt::new().1,
        patience: how.patience,
        options: how.options,
        run: Engine::new_run(),
        commit: Box::new(|| None),
    }
}

pub fn log_group(id: &str, name: &str, days: u32) -> String {
    format!(
        "  {id}:\n    Type: AWS::Logs::LogGroup\n    Properties:\n      LogGroupName: {name}\n      RetentionInDays: {days}\n"
    )
}
