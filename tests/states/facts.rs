//! Facts beside the status that decide what happens: whose operation it is, what is left, what the
//! person allowed, and what the world does meanwhile.

use std::time::Duration;

use aws_sdk_cloudformation::types::ChangeSetType;
use deployer::aws::StackStatus;
use deployer::deploy::planner::Options;
use deployer::deploy::{Desired, Outcome, Progress};
use deployer::project::Class;

use super::CLASSES;
use super::bed::{Bed, Command, How, Stage, log_group};

/// Long enough for what this cloud does in milliseconds.
fn patient() -> How {
    How { patience: Duration::from_secs(60), ..How::default() }
}

/// Only a log group: nothing whose loss loses data.
fn without_data(stage: &Stage<'_>) -> Desired {
    let log = log_group("Log", &format!("/{}", stage.stack), 3);
    Desired {
        template: format!("Resources:\n{log}"),
        protected: false,
        stack_policy: false,
        ..stage.desired(3)
    }
}

/// Executes the very content that `up` wants, as a run that was killed did.
async fn killed_run(stage: &Stage<'_>, status: &str) {
    let id = stage.change_set("d", &stage.desired(7), ChangeSetType::Create).await;
    let token = format!("{}-20260101000000-00000000", stage.desired(7).fingerprint());
    let client = &stage.bed.client;
    client.execute_change_set().change_set_name(id).client_request_token(token).send().await.unwrap();
    while stage.status().await.unwrap().in_progress() {}
    stage.force(status);
}

#[tokio::test]
async fn an_operation_of_a_killed_run_is_followed_without_patience() {
    let bed = Bed::new().await;
    let stage = bed.stage("mine", Class::Ephemeral);
    killed_run(&stage, "CREATE_IN_PROGRESS").await;
    let (outcome, cell) = stage
        .run_while(Command::Up, &How::default(), |told| {
            if matches!(told, Progress::Note { .. }) {
                stage.force("CREATE_COMPLETE");
            }
        })
        .await;
    assert!(matches!(outcome, Outcome::Deployed { .. }), "{outcome:?}");
    assert_eq!(cell, ": 0");
    bed.cloud.stop().await;
}

#[tokio::test]
async fn a_killed_runs_rollback_is_a_failure_although_it_ends_complete() {
    let bed = Bed::new().await;
    let stage = bed.stage("undone", Class::Ephemeral);
    killed_run(&stage, "ROLLBACK_IN_PROGRESS").await;
    let (outcome, cell) = stage
        .run_while(Command::Up, &How::default(), |told| {
            if matches!(told, Progress::Note { .. }) {
                stage.force("ROLLBACK_COMPLETE");
            }
        })
        .await;
    assert!(
        matches!(outcome, Outcome::RolledBack { status: StackStatus::RollbackComplete, .. }),
        "{outcome:?}"
    );
    assert_eq!(cell, ": 3");
    bed.cloud.stop().await;
}

#[tokio::test]
async fn somebody_elses_operation_is_waited_for_and_then_the_update_goes_on() {
    let bed = Bed::new().await;
    for (number, status) in
        ["CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS"].into_iter().enumerate()
    {
        let stage = bed.stage(&format!("wait-{number}"), Class::Ephemeral);
        stage.begin_in(status).await;
        let (_, cell) = stage
            .run_while(Command::Up, &patient(), |told| {
                if matches!(told, Progress::Waiting { .. }) {
                    stage.force("CREATE_COMPLETE");
                }
            })
            .await;
        assert_eq!(cell, "update execute : 0", "{status}");
    }
    bed.cloud.stop().await;
}

#[tokio::test]
async fn a_delete_that_runs_already_is_followed_to_its_end() {
    let bed = Bed::new().await;
    let stage = bed.stage("going", Class::Development);
    stage.begin_in("DELETE_IN_PROGRESS").await;
    let (outcome, cell) = stage
        .run_while(Command::Down, &patient(), |told| {
            if matches!(told, Progress::Waiting { .. }) {
                stage.force("DELETE_COMPLETE");
            }
        })
        .await;
    assert!(matches!(outcome, Outcome::Deleted { .. }), "{outcome:?}");
    assert_eq!(cell, ": 0");
    let absent = bed.stage("gone", Class::Ephemeral);
    absent.begin_in("DELETE_IN_PROGRESS").await;
    let (_, cell) = absent
        .run_while(Command::Up, &patient(), |told| {
            if matches!(told, Progress::Waiting { .. }) {
                // Its log group stays behind: the next one must not clash with it.
                absent.force("DELETE_COMPLETE");
            }
        })
        .await;
    assert!(cell.starts_with("create execute"), "{cell}");
    bed.cloud.stop().await;
}

#[tokio::test]
async fn somebody_elses_change_set_on_a_stack_in_review_stops_both_commands_and_ours_stops_none() {
    let bed = Bed::new().await;
    let theirs = bed.stage("theirs", Class::Ephemeral);
    theirs.change_set("by-hand", &theirs.desired(3), ChangeSetType::Create).await;
    assert_eq!(theirs.run(Command::Up, &How::default()).await, ": 6");
    assert_eq!(theirs.run(Command::Down, &How::default()).await, ": 6");
    for (command, expected) in [(Command::Up, "create execute : 0"), (Command::Down, "delete : 0")] {
        let ours = bed.stage(&format!("ours-{command:?}"), Class::Ephemeral);
        ours.change_set("d-20260101000000-12345678-123456", &ours.desired(3), ChangeSetType::Create).await;
        let cell = ours.run(command, &How::default()).await;
        assert_eq!(cell.trim_start_matches("discard "), expected);
    }
    bed.cloud.stop().await;
}

#[tokio::test]
async fn a_failed_create_that_left_nothing_is_made_again_in_every_class() {
    let bed = Bed::new().await;
    for class in CLASSES {
        let stage = bed.stage(&format!("empty-{}", class.as_str()), class);
        stage.begin_in("REVIEW_IN_PROGRESS").await;
        stage.force("CREATE_FAILED");
        let cell = stage.run(Command::Up, &How::default()).await;
        assert!(cell.starts_with("delete create execute") && cell.ends_with(": 0"), "{class:?}: {cell}");
    }
    bed.cloud.stop().await;
}

#[tokio::test]
async fn rollback_failed_repairs_itself_in_development_where_no_data_is_lost() {
    let bed = Bed::new().await;
    for (class, expected) in
        [(Class::Development, "delete create execute protect : 0"), (Class::Production, ": 7")]
    {
        let stage = bed.stage(&format!("harmless-{}", class.as_str()), class);
        stage.deploy(&without_data(&stage)).await;
        stage.force("ROLLBACK_FAILED");
        assert_eq!(stage.run(Command::Up, &How::default()).await, expected);
    }
    bed.cloud.stop().await;
}

#[tokio::test]
async fn a_failed_production_stack_is_replaced_only_where_the_person_said_so() {
    let bed = Bed::new().await;
    let stage = bed.stage("failed", Class::Production);
    stage.begin_in("ROLLBACK_COMPLETE").await;
    assert_eq!(stage.run(Command::Up, &How::default()).await, ": 7");
    let options = Options { replace_failed: true, force: false };
    let cell = stage.run(Command::Up, &How { options, ..How::default() }).await;
    assert_eq!(cell, "delete create execute policy protect : 0");
    bed.cloud.stop().await;
}

#[tokio::test]
async fn a_protected_production_stack_is_not_deleted() {
    let bed = Bed::new().await;
    let stage = bed.stage("guarded", Class::Production);
    stage.begin_in("CREATE_COMPLETE").await;
    assert_eq!(stage.run(Command::Down, &How::default()).await, ": 9");
    bed.cloud.stop().await;
}

#[tokio::test]
async fn what_does_not_go_ends_in_8_and_is_left_behind_only_by_force() {
    let bed = Bed::new().await;
    let stage = bed.stage("stuck", Class::Ephemeral);
    let mut full = stage.desired(3);
    full.template += "  Files:\n    Type: AWS::S3::Bucket\n    Properties: {BucketName: not-empty}\n";
    stage.deploy(&full).await;
    // S3 deletes no bucket that holds something, and what it holds is nobody's to throw away.
    bed.aws.put_text("not-empty", "key", "content").await.unwrap();
    assert_eq!(stage.run(Command::Down, &How::default()).await, "delete delete : 8");
    assert_eq!(stage.status().await, Some(StackStatus::DeleteFailed));
    let forced = How { options: Options { force: true, replace_failed: false }, ..How::default() };
    let (outcome, cell) = stage.run_while(Command::Down, &forced, |_| {}).await;
    let Outcome::LeftOver { resources } = &outcome else { panic!("{outcome:?}") };
    assert_eq!(resources.iter().map(|it| it.logical_id.as_str()).collect::<Vec<_>>(), ["Files"]);
    assert_eq!(cell, "delete retain : 8");
    assert_eq!(stage.status().await, None);
    bed.cloud.stop().await;
}

#[tokio::test]
async fn a_protected_table_in_delete_failed_loses_its_protection_and_goes() {
    let bed = Bed::new().await;
    let stage = bed.stage("guarded", Class::Ephemeral);
    let mut guarded = stage.desired(3);
    guarded.template =
        guarded.template.replace("BillingMode", "DeletionProtectionEnabled: true\n      BillingMode");
    stage.deploy(&guarded).await;
    assert_eq!(stage.run(Command::Down, &How::default()).await, "delete unblock delete : 0");
    bed.cloud.stop().await;
}

#[tokio::test]
async fn down_by_force_cancels_an_update_and_interrupts_a_create() {
    let bed = Bed::new().await;
    let options = Options { force: true, replace_failed: false };
    let create = bed.stage("creating", Class::Development);
    create.begin_in("CREATE_IN_PROGRESS").await;
    assert_eq!(create.run(Command::Down, &How { options, ..How::default() }).await, "delete : 0");
    let update = bed.stage("updating", Class::Ephemeral);
    update.fail_update().await;
    update.force("UPDATE_IN_PROGRESS");
    assert_eq!(update.run(Command::Down, &How { options, ..patient() }).await, "cancel delete : 0");
    bed.cloud.stop().await;
}

/// The update's log group vanished by another hand: it cannot be brought back to what it was.
async fn wedged(stage: &Stage<'_>) {
    stage.fail_update().await;
    stage.bed.delete_log_group(&format!("/{}", stage.stack)).await;
    assert_eq!(stage.run(Command::Rollback, &How::default()).await, "roll-back continue : 7");
    assert_eq!(stage.status().await, Some(StackStatus::UpdateRollbackFailed));
}

#[tokio::test]
async fn a_rollback_that_fails_is_continued_once_and_skips_only_what_a_person_names() {
    let bed = Bed::new().await;
    let stage = bed.stage("wedged", Class::Development);
    wedged(&stage).await;
    let (outcome, cell) = stage.run_while(Command::Up, &How::default(), |_| {}).await;
    assert_eq!(cell, "continue : 7");
    let Outcome::Stuck { causes, choices, .. } = &outcome else { panic!("{outcome:?}") };
    assert!(
        causes.iter().any(|cause| cause.logical_id == "Log" || cause.logical_id == "Clash"),
        "{causes:?}"
    );
    assert!(choices.iter().any(|choice| choice.contains("rollback")), "{choices:?}");
    assert_eq!(stage.run(Command::Rollback, &How::default()).await, "continue : 7");
    let skip = How { skip: vec!["Log".to_owned()], ..How::default() };
    let (outcome, cell) = stage.run_while(Command::Rollback, &skip, |_| {}).await;
    assert!(
        matches!(outcome, Outcome::Recovered { status: StackStatus::UpdateRollbackComplete }),
        "{outcome:?}"
    );
    assert_eq!(cell, "skip : 0");
    assert_eq!(stage.run(Command::Rollback, &skip).await, ": 0", "at rest there is nothing to skip");
    bed.cloud.stop().await;
}

#[tokio::test]
async fn nothing_is_skipped_where_cloudformation_would_ignore_it() {
    let bed = Bed::new().await;
    let stage = bed.stage("unskippable", Class::Ephemeral);
    stage.begin_in("UPDATE_FAILED").await;
    let skip = How { skip: vec!["Log".to_owned()], ..How::default() };
    assert_eq!(stage.run(Command::Rollback, &skip).await, ": 2");
    bed.cloud.stop().await;
}

#[tokio::test]
async fn an_unknown_operation_counts_as_busy() {
    let bed = Bed::new().await;
    let stage = bed.stage("odd", Class::Ephemeral);
    stage.begin_in("CREATE_COMPLETE").await;
    let how = How { pretend: Some("REFRESH_IN_PROGRESS"), ..How::default() };
    for command in [Command::Up, Command::Down, Command::Rollback] {
        assert_eq!(stage.run(command, &how).await, ": 5");
    }
    bed.cloud.stop().await;
}

#[tokio::test]
async fn content_that_is_live_already_changes_nothing() {
    let bed = Bed::new().await;
    for class in CLASSES {
        let stage = bed.stage(&format!("same-{}", class.as_str()), class);
        stage.deploy(&stage.desired(7)).await;
        assert_eq!(stage.run(Command::Up, &How::default()).await, ": 0");
    }
    bed.cloud.stop().await;
}
