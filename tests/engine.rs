//! The engine over the wire: every test has an embedded cloud of its own and talks to it through
//! the real SDK.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::time::Duration;

use deployer::aws::{Aws, Settings, StackStatus};
use deployer::deploy::{
    Answer, Approvals, BUCKET_STACK, Confirm, Desired, Engine, Interrupt, Outcome, Planned, Progress,
    Question, Removal, Reporter, bucket_name, planner,
};
use deployer::project::Class;
use futures::future::BoxFuture;
use tokio::sync::mpsc::UnboundedReceiver;

/// Answers every question the same way.
struct Says(Answer);

impl Confirm for Says {
    fn confirm<'a>(&'a self, _question: &'a Question) -> BoxFuture<'a, Answer> {
        let answer = self.0;
        Box::pin(async move { answer })
    }
}

struct Bed {
    cloud: localcloud::Running,
    aws: Aws,
}

impl Bed {
    async fn new() -> Self {
        let cloud = localcloud::start(localcloud::Config::default()).await.unwrap();
        let settings = Settings {
            region: Some("us-east-1".to_owned()),
            endpoint: Some(cloud.endpoint().to_owned()),
            embedded: true,
        };
        let aws = Aws::connect(&settings).await.unwrap();
        Self { cloud, aws }
    }

    fn engine<'a>(&'a self, confirm: &'a dyn Confirm) -> (Engine<'a>, UnboundedReceiver<Progress>) {
        let (reporter, progress) = Reporter::new();
        let (_, interrupt) = Interrupt::new();
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
        (engine, progress)
    }

    async fn up(&self, desired: &Desired) -> Outcome {
        self.engine(&NOBODY).0.up(desired, None, &Approvals::default()).await.unwrap()
    }

    async fn down(&self, desired: &Desired) -> Outcome {
        let removal = Removal { stack: desired.stack.clone(), class: desired.class };
        let approvals = Approvals { yes: true, replace: Vec::new() };
        self.engine(&NOBODY).0.down(&removal, &approvals).await.unwrap()
    }

    async fn status(&self, stack: &str) -> Option<StackStatus> {
        self.aws.stack(stack).await.unwrap().map(|stack| stack.status)
    }
}

/// The embedded cloud's only one.
const ACCOUNT: &str = "000000000000";

const NOBODY: Says = Says(Answer::NobodyToAsk);

fn desired(class: Class, resources: &str) -> Desired {
    Desired {
        stack: "shop-dev".to_owned(),
        class,
        template: format!("Resources:\n{resources}"),
        parameters: BTreeMap::new(),
        tags: BTreeMap::from([("deployer:stage".to_owned(), "dev".to_owned())]),
        protected: false,
        stack_policy: false,
    }
}

fn log_group(id: &str, name: &str, days: u32) -> String {
    format!(
        "  {id}:\n    Type: AWS::Logs::LogGroup\n    Properties:\n      LogGroupName: {name}\n      RetentionInDays: {days}\n"
    )
}

fn table(key: &str) -> String {
    format!(
        "  Orders:\n    Type: AWS::DynamoDB::Table\n    Properties:\n      BillingMode: PAY_PER_REQUEST\n      \
         AttributeDefinitions: [{{AttributeName: {key}, AttributeType: S}}]\n      \
         KeySchema: [{{AttributeName: {key}, KeyType: HASH}}]\n"
    )
}

#[tokio::test]
async fn a_first_up_creates_a_second_changes_nothing_and_down_leaves_nothing() {
    let bed = Bed::new().await;
    let desired = desired(Class::Ephemeral, &log_group("Log", "/shop/one", 3));
    let first = bed.up(&desired).await;
    assert!(matches!(first, Outcome::Deployed { created: true, resources: 1, .. }), "{first:?}");
    assert_eq!(bed.status("shop-dev").await, Some(StackStatus::CreateComplete));
    let second = bed.up(&desired).await;
    assert!(matches!(second, Outcome::Unchanged { .. }), "{second:?}");
    let down = bed.down(&desired).await;
    assert!(matches!(&down, Outcome::Deleted { kept } if kept.is_empty()), "{down:?}");
    assert_eq!(bed.status("shop-dev").await, None);
    assert!(matches!(bed.down(&desired).await, Outcome::NothingThere));
    bed.cloud.stop().await;
}

#[tokio::test]
async fn a_failing_first_deploy_rolls_back_and_names_the_first_cause() {
    let bed = Bed::new().await;
    bed.up(&Desired {
        stack: "other".to_owned(),
        ..desired(Class::Ephemeral, &log_group("Log", "/taken", 3))
    })
    .await;
    let resources = log_group("Fine", "/fine", 3) + &log_group("Clash", "/taken", 3);
    let broken = desired(Class::Ephemeral, &resources);
    let failed = bed.up(&broken).await;
    let Outcome::RolledBack { status, causes } = &failed else { panic!("{failed:?}") };
    assert_eq!((status, failed.exit_code()), (&StackStatus::RollbackComplete, 3));
    assert_eq!(causes.iter().map(|cause| cause.logical_id.as_str()).collect::<Vec<_>>(), ["Clash"]);
    assert!(causes[0].reason.contains("exists"), "{}", causes[0].reason);
    // The next one, mended, takes the wreck away by itself.
    let mended = bed.up(&desired(Class::Ephemeral, &log_group("Fine", "/fine", 3))).await;
    assert!(matches!(mended, Outcome::Deployed { .. }), "{mended:?}");
    bed.cloud.stop().await;
}

#[tokio::test]
async fn a_failing_update_goes_back_to_the_former_state() {
    let bed = Bed::new().await;
    bed.up(&Desired {
        stack: "other".to_owned(),
        ..desired(Class::Ephemeral, &log_group("Log", "/taken", 3))
    })
    .await;
    let good = desired(Class::Ephemeral, &log_group("Log", "/shop", 3));
    bed.up(&good).await;
    let broken =
        desired(Class::Ephemeral, &(log_group("Log", "/shop", 7) + &log_group("Clash", "/taken", 3)));
    let failed = bed.up(&broken).await;
    assert!(
        matches!(&failed, Outcome::RolledBack { causes, .. } if causes[0].logical_id == "Clash"),
        "{failed:?}"
    );
    assert_eq!(bed.status("shop-dev").await, Some(StackStatus::UpdateRollbackComplete));
    // The former content is live again, so that asking for it changes nothing.
    let again = bed.up(&good).await;
    assert!(matches!(again, Outcome::Unchanged { .. }), "{again:?}");
    bed.cloud.stop().await;
}

#[tokio::test]
async fn replacing_a_table_asks_in_development_and_nobody_to_ask_changes_nothing() {
    let bed = Bed::new().await;
    bed.up(&desired(Class::Development, &table("pk"))).await;
    let replaced = desired(Class::Development, &table("id"));
    let refused = bed.up(&replaced).await;
    assert!(matches!(&refused, Outcome::Refused { why, .. } if why.contains("Orders")), "{refused:?}");
    assert_eq!(refused.exit_code(), 9);
    let declined = bed.engine(&Says(Answer::No)).0.up(&replaced, None, &Approvals::default()).await.unwrap();
    assert!(matches!(declined, Outcome::Declined), "{declined:?}");
    assert_eq!(bed.status("shop-dev").await, Some(StackStatus::CreateComplete));
    let allowed = Approvals { yes: true, replace: Vec::new() };
    let done = bed.engine(&NOBODY).0.up(&replaced, None, &allowed).await.unwrap();
    assert!(matches!(done, Outcome::Deployed { created: false, .. }), "{done:?}");
    bed.cloud.stop().await;
}

#[tokio::test]
async fn a_plan_tells_replacement_and_leaves_nothing_behind() {
    let bed = Bed::new().await;
    let first = desired(Class::Ephemeral, &table("pk"));
    let planned = bed.engine(&NOBODY).0.plan(&first, ACCOUNT).await.unwrap();
    assert!(
        matches!(&planned, Planned::Changes { create: true, review } if review.changes.len() == 1),
        "{planned:?}"
    );
    assert_eq!(bed.status("shop-dev").await, None, "a preview of an absent stack leaves no stack in review");
    bed.up(&first).await;
    let planned =
        bed.engine(&NOBODY).0.plan(&desired(Class::Ephemeral, &table("id")), ACCOUNT).await.unwrap();
    let Planned::Changes { review, .. } = planned else { panic!("{planned:?}") };
    // The registry lists KeySchema among the conditional create-only properties: a change set says perhaps.
    assert_eq!(review.changes[0].replacement, deployer::aws::Replacement::Yes);
    assert_eq!(
        (review.approval.losses[0].logical_id.as_str(), review.approval.losses[0].holds),
        ("Orders", Some(0))
    );
    assert!(bed.aws.change_sets("shop-dev").await.unwrap().iter().all(|set| !set.executable && !set.failed));
    bed.cloud.stop().await;
}

#[tokio::test]
async fn a_change_set_that_is_refused_before_anything_ran_is_exit_2_and_leaves_no_stack() {
    let bed = Bed::new().await;
    let unknown =
        desired(Class::Ephemeral, "  Log:\n    Type: AWS::Logs::LogGroup\n    Properties: {Colour: red}\n");
    let refused = bed.up(&unknown).await;
    // Early validation tells its details only in DescribeEvents.
    assert!(
        matches!(&refused, Outcome::Rejected { reason } if reason.contains("Log") && reason.contains("Colour")),
        "{refused:?}"
    );
    assert_eq!(bed.status("shop-dev").await, None);
    let missing = desired(Class::Ephemeral, "  Log:\n    Type: AWS::Logs::LogGroup\n    DependsOn: Absent\n");
    let refused = bed.up(&missing).await;
    assert!(matches!(&refused, Outcome::Rejected { reason } if reason.contains("Absent")), "{refused:?}");
    assert_eq!(refused.exit_code(), 2);
    bed.cloud.stop().await;
}

#[tokio::test]
async fn the_artefact_bucket_is_made_once_after_asking_and_removed_with_its_content() {
    let bed = Bed::new().await;
    let account = bed.aws.caller().await.unwrap().account;
    let (engine, _progress) = bed.engine(&NOBODY);
    let refused = engine.ensure_bucket(&account, false, &Approvals::default()).await.unwrap();
    assert!(matches!(refused, Some(Outcome::Refused { .. })), "{refused:?}");
    let yes = Approvals { yes: true, replace: Vec::new() };
    assert!(engine.ensure_bucket(&account, false, &yes).await.unwrap().is_none());
    let bucket = bucket_name(&account, "us-east-1");
    assert!(bed.aws.bucket_exists(&bucket, &account).await.unwrap());
    assert_eq!(bed.status(BUCKET_STACK).await, Some(StackStatus::CreateComplete));
    assert!(engine.ensure_bucket(&account, false, &Approvals::default()).await.unwrap().is_none());
    bed.aws.put_text(&bucket, "a/b", "content").await.unwrap();
    assert!(bed.aws.object_exists(&bucket, "a/b").await.unwrap());
    drop(engine);
    bed.cloud.stop().await;
}

#[tokio::test]
async fn a_protected_stack_is_created_unprotected_then_switched_and_down_lifts_it() {
    let bed = Bed::new().await;
    let template = "Parameters:\n  DeletionProtection: {Type: String, Default: 'false'}\nResources:\n  Orders:\n    \
         Type: AWS::DynamoDB::Table\n    DeletionPolicy: RetainExceptOnCreate\n    Properties:\n      \
         BillingMode: PAY_PER_REQUEST\n      DeletionProtectionEnabled: !Ref DeletionProtection\n      \
         AttributeDefinitions: [{AttributeName: pk, AttributeType: S}]\n      \
         KeySchema: [{AttributeName: pk, KeyType: HASH}]\n";
    let desired = Desired {
        template: template.to_owned(),
        parameters: BTreeMap::from([("DeletionProtection".to_owned(), "true".to_owned())]),
        protected: true,
        ..desired(Class::Development, "")
    };
    let up = bed.up(&desired).await;
    assert!(matches!(up, Outcome::Deployed { .. }), "{up:?}");
    let stack = bed.aws.stack("shop-dev").await.unwrap().unwrap();
    assert!(stack.termination_protection);
    assert_eq!(stack.parameters.get("DeletionProtection").map(String::as_str), Some("true"));
    assert!(matches!(bed.up(&desired).await, Outcome::Unchanged { .. }));
    let removal = Removal { stack: desired.stack.clone(), class: desired.class };
    let refused = bed.engine(&NOBODY).0.down(&removal, &Approvals::default()).await.unwrap();
    assert_eq!(refused.exit_code(), 9, "{refused:?}");
    let down = bed.down(&desired).await;
    assert!(matches!(&down, Outcome::Deleted { kept } if kept.len() == 1), "{down:?}");
    bed.cloud.stop().await;
}

/// A table that its template itself protects, and the pool and domain that go before it.
const STUBBORN: &str = "  Orders:\n    Type: AWS::DynamoDB::Table\n    Properties:\n      BillingMode: PAY_PER_REQUEST\n      \
     DeletionProtectionEnabled: true\n      AttributeDefinitions: [{AttributeName: pk, AttributeType: S}]\n      \
     KeySchema: [{AttributeName: pk, KeyType: HASH}]\n  Users:\n    Type: AWS::Cognito::UserPool\n    Properties:\n      \
     DeletionProtection: ACTIVE\n      UsernameAttributes: [email]\n      AutoVerifiedAttributes: [email]\n";

/// CreateUserPoolDomain is CloudFormation's alone here: another stack gives the pool its domain and goes without it.
async fn with_a_domain(bed: &Bed, pool: &str) {
    let domain = Desired {
        stack: "domain".to_owned(),
        ..desired(
            Class::Ephemeral,
            &format!(
                "  Domain:\n    Type: AWS::Cognito::UserPoolDomain\n    DeletionPolicy: Retain\n    Properties: {{Domain: left-behind, UserPoolId: {pool}}}\n"
            ),
        )
    };
    assert!(matches!(bed.up(&domain).await, Outcome::Deployed { .. }));
    assert!(matches!(bed.down(&domain).await, Outcome::Deleted { .. }));
}

#[tokio::test]
async fn what_is_known_to_refuse_a_delete_is_taken_away_and_the_delete_tried_once_more() {
    let bed = Bed::new().await;
    let stage = desired(Class::Ephemeral, STUBBORN);
    bed.up(&stage).await;
    let resources = bed.aws.resources("shop-dev").await.unwrap();
    let pool = resources
        .iter()
        .find(|resource| resource.logical_id == "Users")
        .unwrap()
        .physical_id
        .clone()
        .unwrap();
    with_a_domain(&bed, &pool).await;

    let (engine, mut progress) = bed.engine(&NOBODY);
    let removal = Removal { stack: stage.stack.clone(), class: stage.class };
    let down = engine.down(&removal, &Approvals::default()).await.unwrap();
    let mut notes = Vec::new();
    while let Ok(told) = progress.try_recv() {
        if let Progress::Note { text } | Progress::Warning { text } = told {
            notes.push(text);
        }
    }
    assert!(matches!(&down, Outcome::Deleted { kept } if kept.is_empty()), "{down:?} {notes:?}");
    for what in [
        "the deletion protection of the table",
        "the domain left-behind",
        "the deletion protection of the user pool",
    ] {
        assert!(notes.iter().any(|note| note.contains(what)), "{what}: {notes:?}");
    }
    drop(engine);
    bed.cloud.stop().await;
}

/// More than CloudFormation takes inline, and nothing in it.
fn padded(template: &str) -> String {
    format!("# {}\n{template}", "x".repeat(60_000))
}

#[tokio::test]
async fn a_template_too_large_to_be_sent_goes_by_the_bucket_also_in_plan_and_down() {
    let bed = Bed::new().await;
    let small = desired(Class::Ephemeral, &log_group("Log", "/shop/large", 3));
    let large = Desired { template: padded(&small.template), ..small };
    let planned = bed.engine(&NOBODY).0.plan(&large, ACCOUNT).await.unwrap();
    let Planned::Ended(Outcome::Rejected { reason }) = &planned else { panic!("{planned:?}") };
    assert!(reason.contains("does not exist yet: the first `up` makes it"), "{reason}");

    let yes = Approvals { yes: true, replace: Vec::new() };
    let engine = bed.engine(&NOBODY).0;
    assert!(engine.ensure_bucket(ACCOUNT, false, &yes).await.unwrap().is_none());
    let planned = engine.plan(&large, ACCOUNT).await.unwrap();
    assert!(matches!(planned, Planned::Changes { create: true, .. }), "{planned:?}");
    let protected = Desired {
        class: Class::Development,
        template: large.template.replacen(
            "Resources:",
            "Parameters:\n  DeletionProtection: {Type: String}\nResources:",
            1,
        ) + "      DeletionProtectionEnabled: !Ref DeletionProtection\n",
        parameters: BTreeMap::from([("DeletionProtection".to_owned(), "true".to_owned())]),
        protected: true,
        ..large
    };
    let bucket = bucket_name(ACCOUNT, "us-east-1");
    let up = engine.up(&protected, Some(&bucket), &yes).await.unwrap();
    assert!(matches!(up, Outcome::Deployed { .. }), "{up:?}");
    let down = bed.down(&protected).await;
    assert!(matches!(down, Outcome::Deleted { .. }), "{down:?}");
    drop(engine);
    bed.cloud.stop().await;
}

#[tokio::test]
async fn a_change_set_says_which_deployer_made_it_in_which_run_from_which_commit() {
    let bed = Bed::new().await;
    let mut engine = bed.engine(&NOBODY).0;
    engine.commit = Box::new(|| Some("0123456789ab-dirty".to_owned()));
    let desired = desired(Class::Ephemeral, &log_group("Log", "/shop/told", 3));
    engine.up(&desired, None, &Approvals::default()).await.unwrap();
    let client = aws_sdk_cloudformation::Client::from_conf(
        aws_sdk_cloudformation::Config::builder()
            .behavior_version_latest()
            .region(aws_sdk_cloudformation::config::Region::new("us-east-1"))
            .endpoint_url(bed.cloud.endpoint())
            .credentials_provider(aws_credential_types::Credentials::new("test", "test", None, None, "test"))
            .build(),
    );
    let sets =
        client.list_change_sets().stack_name("shop-dev").send().await.unwrap().summaries.unwrap_or_default();
    let described: Vec<&str> = sets.iter().filter_map(|set| set.description.as_deref()).collect();
    let expected =
        format!("deployer {}, run {}, commit 0123456789ab-dirty", env!("CARGO_PKG_VERSION"), engine.run);
    assert_eq!(described, [expected]);
    let stack = bed.aws.stack("shop-dev").await.unwrap().unwrap();
    assert_eq!(
        stack.tags, desired.tags,
        "tags are handed on to every resource: they must not change with each commit"
    );
    drop(engine);
    bed.cloud.stop().await;
}
