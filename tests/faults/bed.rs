//! An embedded cloud with fault controls, and the stories that are told through faults.

use std::collections::BTreeMap;
use std::time::Duration;

use deployer::aws::{Aws, Error as AwsError, Event, Settings, StackStatus};
use deployer::deploy::{
    Answer, Approvals, Confirm, Desired, Engine, Error, Interrupt, Outcome, Progress, Question, Removal,
    Reporter, planner,
};
use deployer::project::Class;
use futures::future::BoxFuture;
use localcloud::faults::{Fault, Faults, Kind};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::watch;

/// Says yes at once.
pub struct Yes;

impl Confirm for Yes {
    fn confirm<'a>(&'a self, _question: &'a Question) -> BoxFuture<'a, Answer> {
        Box::pin(async { Answer::Yes })
    }
}

/// Never answers: the person is still thinking.
pub struct Thinks;

impl Confirm for Thinks {
    fn confirm<'a>(&'a self, _question: &'a Question) -> BoxFuture<'a, Answer> {
        Box::pin(std::future::pending())
    }
}

pub struct Bed {
    pub cloud: localcloud::Running,
    pub aws: Aws,
}

/// An engine with the two ends that a command holds.
pub struct Run<'a> {
    pub engine: Engine<'a>,
    pub progress: UnboundedReceiver<Progress>,
    pub interrupt: watch::Sender<bool>,
}

impl Run<'_> {
    pub fn warnings(&mut self) -> Vec<String> {
        let mut found = Vec::new();
        while let Ok(progress) = self.progress.try_recv() {
            if let Progress::Warning { text } = progress {
                found.push(text);
            }
        }
        found
    }
}

impl Bed {
    pub async fn new() -> Self {
        let config = localcloud::Config { faults: true, ..localcloud::Config::default() };
        let cloud = localcloud::start(config).await.unwrap();
        let settings = Settings {
            region: Some("us-east-1".to_owned()),
            endpoint: Some(cloud.endpoint().to_owned()),
            embedded: true,
        };
        let aws = Aws::connect(&settings).await.unwrap();
        Self { cloud, aws }
    }

    pub fn faults(&self) -> &Faults {
        &self.cloud.cloud().faults
    }

    pub fn run(&self) -> Run<'_> {
        self.run_asking(&Yes)
    }

    pub fn run_asking<'a>(&'a self, confirm: &'a dyn Confirm) -> Run<'a> {
        let (reporter, progress) = Reporter::new();
        let (sender, interrupt) = Interrupt::new();
        let engine = Engine {
            aws: &self.aws,
            reporter,
            confirm,
            interrupt,
            patience: Duration::from_secs(20),
            options: planner::Options::default(),
            run: Engine::new_run(),
            commit: Box::new(|| None),
        };
        Run { engine, progress, interrupt: sender }
    }

    pub async fn up(&self, desired: &Desired) -> Result<Outcome, Error> {
        self.run().engine.up(desired, None, &yes()).await
    }

    pub async fn down(&self, desired: &Desired) -> Result<Outcome, Error> {
        self.run().engine.down(&removal(desired), &yes()).await
    }

    pub async fn status(&self, stack: &str) -> Option<StackStatus> {
        self.aws.stack(stack).await.unwrap().map(|stack| stack.status)
    }

    pub fn force(&self, stack: &str, status: &str) {
        let status = localcloud::cloudformation::StackStatus::parse(status).unwrap();
        assert!(self.cloud.cloud().cloudformation.force_status(
            stack,
            "us-east-1",
            status,
            "as the test wants"
        ));
    }

    /// Operations that the stack's history tells of, by the status that each began with.
    pub async fn operations(&self, stack_id: &str) -> Vec<String> {
        let history: Vec<Event> = self.run().engine.history(stack_id).await.unwrap();
        let begins = ["CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS"];
        let begun = history.into_iter().filter(|event| event.of_stack()).map(|event| event.status);
        begun.filter(|status| begins.contains(&status.as_str())).collect()
    }

    /// The policy that protects the stack's resources from updates; empty where there is none.
    pub async fn stack_policy(&self, stack: &str) -> String {
        let config = aws_sdk_cloudformation::Config::builder()
            .behavior_version_latest()
            .region(aws_sdk_cloudformation::config::Region::new("us-east-1"))
            .endpoint_url(self.cloud.endpoint())
            .credentials_provider(aws_credential_types::Credentials::new("test", "test", None, None, "test"))
            .build();
        let client = aws_sdk_cloudformation::Client::from_conf(config);
        let answer = client.get_stack_policy().stack_name(stack).send().await.unwrap();
        answer.stack_policy_body.unwrap_or_default()
    }

    /// Change sets that could still be executed, or failed and were left lying.
    pub async fn stray_change_sets(&self, stack: &str) -> Vec<String> {
        match self.aws.change_sets(stack).await {
            Ok(sets) => {
                sets.into_iter().filter(|set| set.executable || set.failed).map(|set| set.name).collect()
            }
            Err(AwsError::Rejected { .. }) => Vec::new(),
            Err(error) => panic!("{error}"),
        }
    }
}

/// Runs `work` on a thread and a runtime of its own.
pub fn on_a_thread<T, F>(work: impl FnOnce() -> F + Send + 'static) -> std::thread::JoinHandle<T>
where
    T: Send + 'static,
    F: Future<Output = T>,
{
    std::thread::spawn(|| {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work())
    })
}

pub fn yes() -> Approvals {
    Approvals { yes: true, replace: vec!["Orders".to_owned()] }
}

pub fn removal(desired: &Desired) -> Removal {
    Removal { stack: desired.stack.clone(), class: desired.class }
}

/// The same fault for the next `count` calls of an operation of CloudFormation.
pub fn fault(operation: &str, count: u32, kind: Kind) -> Fault {
    let service = if ["PUT", "HEAD"].contains(&operation) { "s3" } else { "cloudformation" };
    Fault { service: service.to_owned(), operation: operation.to_owned(), count, kind }
}

pub fn refusal(status: u16, code: &str) -> Kind {
    Kind::Error { status, code: code.to_owned(), message: "a fault that was asked for".to_owned() }
}

pub fn rewrite(from: &str, to: &str) -> Kind {
    Kind::Rewrite { from: from.to_owned(), to: to.to_owned() }
}

/// A stage with one log group, kept for so many days.
pub fn small(stack: &str, days: u32) -> Desired {
    Desired {
        stack: stack.to_owned(),
        class: Class::Ephemeral,
        template: format!(
            "Resources:\n  Log:\n    Type: AWS::Logs::LogGroup\n    Properties:\n      LogGroupName: /{stack}\n      \
             RetentionInDays: {days}\nOutputs:\n  Name: {{Value: !Ref Log}}\n"
        ),
        parameters: BTreeMap::new(),
        tags: BTreeMap::from([("deployer:stage".to_owned(), "dev".to_owned())]),
        protected: false,
        stack_policy: false,
    }
}

/// A production stage whose table has this key: another key replaces the table.
pub fn production(stack: &str, key: &str) -> Desired {
    Desired {
        class: Class::Production,
        template: format!(
            "Resources:\n  Orders:\n    Type: AWS::DynamoDB::Table\n    Properties:\n      \
             BillingMode: PAY_PER_REQUEST\n      AttributeDefinitions: [{{AttributeName: {key}, AttributeType: S}}]\n      \
             KeySchema: [{{AttributeName: {key}, KeyType: HASH}}]\n"
        ),
        protected: true,
        stack_policy: true,
        ..small(stack, 3)
    }
}

/// A stage whose log group takes every protection there is.
pub fn protected(stack: &str, days: u32) -> Desired {
    Desired {
        class: Class::Development,
        template: format!(
            "Parameters:\n  DeletionProtection: {{Type: String, Default: 'false'}}\nResources:\n  Log:\n    \
             Type: AWS::Logs::LogGroup\n    Properties:\n      LogGroupName: /{stack}\n      \
             RetentionInDays: {days}\n      DeletionProtectionEnabled: !Ref DeletionProtection\n"
        ),
        parameters: BTreeMap::from([("DeletionProtection".to_owned(), "true".to_owned())]),
        protected: true,
        stack_policy: true,
        ..small(stack, days)
    }
}
