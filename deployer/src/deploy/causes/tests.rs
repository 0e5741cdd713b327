//! Causes among events written by hand, and in a stack within another.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::BoxFuture;

use super::super::planner;
use super::super::{Answer, Approvals, Confirm, Desired, Interrupt, Outcome, Progress, Question, Reporter};
use super::*;
use crate::aws::{Aws, Settings};
use crate::project::Class;

fn event(logical_id: &str, status: &str, reason: &str) -> Event {
    let stack = logical_id == "stack";
    Event {
        id: format!("{logical_id}-{status}"),
        stack_id: "arn:stack".to_owned(),
        time: jiff::Timestamp::UNIX_EPOCH,
        logical_id: logical_id.to_owned(),
        physical_id: if stack { "arn:stack" } else { "physical" }.to_owned(),
        kind: if stack { STACK } else { "AWS::DynamoDB::Table" }.to_owned(),
        status: status.to_owned(),
        reason: (!reason.is_empty()).then(|| reason.to_owned()),
        token: None,
        hook: None,
    }
}

fn ids(events: &[Event]) -> Vec<String> {
    causes(events).into_iter().map(|cause| cause.logical_id).collect()
}

#[test]
fn the_cause_is_the_earliest_failure_that_was_not_cancelled() {
    let events = [
        event("stack", "CREATE_IN_PROGRESS", "User Initiated"),
        event("Role", "CREATE_FAILED", "Resource creation cancelled"),
        event("Table", "CREATE_FAILED", "Table already exists"),
        event("stack", "ROLLBACK_IN_PROGRESS", "The following resource(s) failed to create: [Role, Table]."),
        event("Pool", "DELETE_FAILED", "has a domain"),
    ];
    assert_eq!(ids(&events), ["Table"]);
}

#[test]
fn several_independent_causes_are_all_told() {
    let events = [event("A", "CREATE_FAILED", "one"), event("B", "CREATE_FAILED", "two")];
    assert_eq!(ids(&events), ["A", "B"]);
}

#[test]
fn a_failure_while_rolling_back_is_the_cause_only_where_nothing_failed_before() {
    let events =
        [event("stack", "UPDATE_ROLLBACK_IN_PROGRESS", ""), event("Pool", "UPDATE_FAILED", "cannot go back")];
    assert_eq!(ids(&events), ["Pool"]);
}

#[test]
fn a_hook_fails_on_an_in_progress_event() {
    let mut hook = event("Bucket", "CREATE_IN_PROGRESS", "");
    hook.hook = Some(("HOOK_COMPLETE_FAILED".to_owned(), "not encrypted".to_owned()));
    assert_eq!(causes(&[hook])[0].reason, "not encrypted");
}

#[test]
fn a_service_may_speak_of_cancelling_without_being_a_cascade() {
    assert!(is_cascade("Resource creation cancelled"));
    assert!(is_cascade("Resource update cancelled"));
    assert!(!is_cascade("Deployment was cancelled by the alarm"));
    assert!(!is_cascade("Resource handler returned message: \"TransactionCanceledException\""));
}

#[test]
fn a_nested_stack_is_followed_past_its_own_deletion() {
    let inner = |logical_id: &str, status: &str, reason: &str| Event {
        stack_id: "arn:nested".to_owned(),
        physical_id: if logical_id == "stack" { "arn:nested" } else { "physical" }.to_owned(),
        ..event(logical_id, status, reason)
    };
    let nested = Event {
        physical_id: "arn:nested".to_owned(),
        kind: STACK.to_owned(),
        ..event("Nested", "CREATE_FAILED", "Embedded stack arn:nested was not successfully created")
    };
    let events = [
        event("stack", "CREATE_IN_PROGRESS", "User Initiated"),
        inner("stack", "CREATE_IN_PROGRESS", ""),
        inner("Table", "CREATE_FAILED", "exists"),
        nested,
        inner("stack", "DELETE_IN_PROGRESS", ""),
        inner("Other", "DELETE_COMPLETE", ""),
    ];
    let found = causes(&events);
    assert_eq!(found[0].within.as_deref(), Some("Nested"), "{found:?}");
    assert_eq!(ids(&events), ["Table"]);
}

struct Nobody;

impl Confirm for Nobody {
    fn confirm<'a>(&'a self, _: &'a Question) -> BoxFuture<'a, Answer> {
        Box::pin(async { Answer::NobodyToAsk })
    }
}

#[tokio::test]
async fn what_failed_in_a_nested_stack_is_read_from_that_stack_alone() {
    let cloud = localcloud::start(localcloud::Config::default()).await.unwrap();
    let settings = Settings {
        region: Some("us-east-1".to_owned()),
        endpoint: Some(cloud.endpoint().to_owned()),
        embedded: true,
    };
    let aws = Aws::connect(&settings).await.unwrap();
    let (reporter, mut progress) = Reporter::new();
    let (_interrupting, interrupt) = Interrupt::new();
    let engine = Engine {
        aws: &aws,
        reporter,
        confirm: &Nobody,
        interrupt,
        patience: Duration::from_secs(20),
        options: planner::Options::default(),
        run: Engine::new_run(),
        commit: Box::new(|| None),
    };
    let group = "{Type: 'AWS::Logs::LogGroup', Properties: {LogGroupName: taken}}";
    let inner = Desired {
        stack: "inner".to_owned(),
        class: Class::Ephemeral,
        template: format!("Resources:\n  First: {group}\n  Second: {group}\n"),
        parameters: BTreeMap::new(),
        tags: BTreeMap::new(),
        protected: false,
        stack_policy: false,
    };
    let outcome = engine.up(&inner, None, &Approvals::default()).await.unwrap();
    assert!(matches!(outcome, Outcome::RolledBack { .. }), "{outcome:?}");
    let id = aws.stack("inner").await.unwrap().unwrap().id;

    let nested = |name: &str, physical_id: &str| Event {
        kind: STACK.to_owned(),
        physical_id: physical_id.to_owned(),
        ..event(name, "CREATE_FAILED", "Embedded stack was not successfully created")
    };
    // One that was never made, and a resource that only looks like a stack's id, have no history to read.
    let other = Event {
        physical_id: "arn:aws:sns:us-east-1:000000000000:t".to_owned(),
        ..event("Topic", "CREATE_FAILED", "no")
    };
    let events = [
        event("stack", "CREATE_IN_PROGRESS", "User Initiated"),
        nested("Unmade", ""),
        other,
        nested("Inner", &id),
        event("stack", "ROLLBACK_IN_PROGRESS", ""),
    ];
    while progress.try_recv().is_ok() {}
    let found = engine.causes_of(&events).await;
    let told: Vec<_> =
        found.iter().map(|cause| (cause.logical_id.as_str(), cause.within.as_deref())).collect();
    assert_eq!(told.len(), 3, "{told:?}");
    assert_eq!(told[..2], [("Unmade", None), ("Topic", None)]);
    assert!(matches!(told[2], ("First" | "Second", Some("Inner"))), "{told:?}");
    let warned = std::iter::from_fn(|| progress.try_recv().ok());
    assert_eq!(warned.filter(|told| matches!(told, Progress::Warning { .. })).count(), 0);
    drop(engine);
    cloud.stop().await;
}

#[test]
fn a_delete_that_fails_is_explained_by_itself_and_not_by_the_create_before() {
    let events = [
        event("stack", "CREATE_IN_PROGRESS", ""),
        event("Old", "CREATE_FAILED", "exists"),
        event("stack", "DELETE_IN_PROGRESS", ""),
        event("Pool", "DELETE_FAILED", "has a domain"),
    ];
    assert_eq!(ids(&events), ["Pool"]);
}

#[test]
fn a_resources_reason_is_its_own_hooks() {
    let hook = |logical_id: &str, reason: &str| Event {
        hook: Some(("HOOK_COMPLETE_FAILED".to_owned(), reason.to_owned())),
        ..event(logical_id, "CREATE_IN_PROGRESS", "")
    };
    let events = [
        hook("Other", "merely warns"),
        hook("Bucket", "not encrypted"),
        event("Bucket", "CREATE_FAILED", "The following hook(s) failed"),
    ];
    assert_eq!(causes(&events)[0].reason, "not encrypted");
}

#[test]
fn a_stack_tells_why_where_no_resource_failed_and_its_lists_are_no_causes() {
    let alone = |status: &str, reason: &str| ids(&[event("stack", status, reason)]);
    assert_eq!(alone("UPDATE_COMPLETE", "Export A cannot be deleted as it is in use by B"), ["stack"]);
    assert_eq!(alone("UPDATE_ROLLBACK_IN_PROGRESS", "User Initiated"), ["stack"]);
    let none: [String; 0] = [];
    assert_eq!(alone("UPDATE_IN_PROGRESS", "User Initiated"), none);
    assert_eq!(alone("CREATE_FAILED", "The following resource(s) failed to create: [A]. "), none);
    assert_eq!(alone("UPDATE_IN_PROGRESS", "Transformation succeeded"), none);
    assert_eq!(alone("CREATE_FAILED", "Resource creation cancelled"), none);
}
