//! Updating stacks, replacing resources, and the ways back.

use super::*;

/// A stack of A, and B that reads A; both complete.
async fn two() -> Bed {
    let bed = bed();
    bed.create(&before(), &[]).unwrap();
    assert_eq!(bed.rest().await, "CREATE_COMPLETE");
    bed
}

fn before() -> String {
    groups(&[("A", "RetentionInDays: 3", ""), ("B", "LogGroupName: !Ref A", "")])
}

#[tokio::test]
async fn a_replacement_makes_the_new_one_first_and_deletes_the_old_one_last() {
    let bed = two().await;
    let from = bed.events_so_far();
    bed.update(
        &groups(&[("A", "RetentionInDays: 3, LogGroupName: named", ""), ("B", "LogGroupName: !Ref A", "")]),
        &[],
    )
    .unwrap();
    assert_eq!(bed.rest().await, "UPDATE_COMPLETE");
    let hence = "Requested update requires the creation of a new physical resource; hence creating one.";
    assert_eq!(
        bed.events(from),
        [
            "s UPDATE_IN_PROGRESS User Initiated".to_owned(),
            format!("A UPDATE_IN_PROGRESS {hence}"),
            "A UPDATE_IN_PROGRESS Resource creation Initiated".to_owned(),
            "A UPDATE_COMPLETE".to_owned(),
            format!("B UPDATE_IN_PROGRESS {hence}"),
            "B UPDATE_IN_PROGRESS Resource creation Initiated".to_owned(),
            "B UPDATE_COMPLETE".to_owned(),
            "s UPDATE_COMPLETE_CLEANUP_IN_PROGRESS".to_owned(),
            "B DELETE_IN_PROGRESS".to_owned(),
            "B DELETE_COMPLETE".to_owned(),
            "A DELETE_IN_PROGRESS".to_owned(),
            "A DELETE_COMPLETE".to_owned(),
            "s UPDATE_COMPLETE".to_owned(),
        ]
    );
    assert_eq!(bed.script.live(), ["A-3", "B-4"]);
}

#[tokio::test]
async fn a_failed_update_brings_everything_back() {
    let bed = two().await;
    let template = groups(&[
        ("A", "RetentionInDays: 5", ""),
        ("New", "ResourcePolicyDocument: {a: !GetAtt A.Arn}", ""),
        ("B", "LogGroupName: !Sub '${A}x', RetentionInDays: 1", "DependsOn: New"),
        ("Bad", "LogGroupName: !Ref B", ""),
    ]) + "Outputs: {O: {Value: x}}\n";
    bed.script.fail("create Bad");
    let from = bed.events_so_far();
    bed.update(&template, &[]).unwrap();
    assert_eq!(bed.rest().await, "UPDATE_ROLLBACK_COMPLETE");
    let events = bed.events(from);
    let failed = events.iter().position(|event| event.starts_with("s UPDATE_ROLLBACK_IN_PROGRESS")).unwrap();
    assert_eq!(
        events[failed..],
        [
            "s UPDATE_ROLLBACK_IN_PROGRESS The following resource(s) failed to create: [Bad].",
            "A UPDATE_IN_PROGRESS",
            "A UPDATE_COMPLETE",
            "B UPDATE_COMPLETE",
            "s UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
            "Bad DELETE_COMPLETE",
            "B DELETE_IN_PROGRESS",
            "B DELETE_COMPLETE",
            "New DELETE_IN_PROGRESS",
            "New DELETE_COMPLETE",
            "s UPDATE_ROLLBACK_COMPLETE",
        ]
    );
    assert_eq!(bed.script.live(), ["A-1", "B-2"]);
    assert_eq!(bed.script.live.lock().unwrap()["A-1"], json!({"RetentionInDays": 3}));
    assert_eq!(bed.described()["Outputs"], json!([]));
    let text = bed.ask("GetTemplate", &[("StackName", "s")]).unwrap();
    assert_eq!(text["TemplateBody"], before());
}

#[tokio::test]
async fn a_rollback_that_fails_is_continued_or_skipped() {
    let bed = two().await;
    bed.script.fail("create Bad");
    bed.script.fail("update A");
    let wanted = groups(&[("A", "RetentionInDays: 5", ""), ("B", "LogGroupName: !Ref A", "")]);
    // The update itself fails half-way, and so does the way back.
    bed.update(&wanted, &[]).unwrap();
    assert_eq!(bed.rest().await, "UPDATE_ROLLBACK_FAILED");
    assert_eq!(
        bed.events(0).last().unwrap(),
        "s UPDATE_ROLLBACK_FAILED The following resource(s) failed to update: [A]."
    );
    assert!(bed.update(&wanted, &[]).unwrap_err().message.contains("is in UPDATE_ROLLBACK_FAILED state"));
    let wrong = [("StackName", "s"), ("ResourcesToSkip.member.1", "B")];
    assert!(bed.ask("ContinueUpdateRollback", &wrong).unwrap_err().message.contains("[B]"));
    bed.ask("ContinueUpdateRollback", &[("StackName", "s"), ("ClientRequestToken", "c1")]).unwrap();
    assert_eq!(bed.rest().await, "UPDATE_ROLLBACK_FAILED");
    let skip = [("StackName", "s"), ("ResourcesToSkip.member.1", "A"), ("ClientRequestToken", "c2")];
    bed.ask("ContinueUpdateRollback", &skip).unwrap();
    assert_eq!(bed.rest().await, "UPDATE_ROLLBACK_COMPLETE");
    bed.script.heal();
    bed.update(&wanted, &[]).unwrap();
    assert_eq!(bed.rest().await, "UPDATE_COMPLETE");
}

#[tokio::test]
async fn without_rollback_a_failed_update_stays_and_can_be_rolled_back_later() {
    let bed = two().await;
    bed.script.fail("update A");
    let wanted = groups(&[("A", "RetentionInDays: 5", ""), ("B", "LogGroupName: !Ref A", "")]);
    bed.update(&wanted, &[("DisableRollback", "true")]).unwrap();
    assert_eq!(bed.rest().await, "UPDATE_FAILED");
    bed.script.heal();
    bed.ask("RollbackStack", &[("StackName", "s")]).unwrap();
    assert_eq!(bed.rest().await, "UPDATE_ROLLBACK_COMPLETE");
    assert_eq!(bed.script.live.lock().unwrap()["A-1"], json!({"RetentionInDays": 3}));

    bed.script.fail("update A");
    bed.update(&wanted, &[("DisableRollback", "true")]).unwrap();
    assert_eq!(bed.rest().await, "UPDATE_FAILED");
    bed.script.heal();
    bed.update(&wanted, &[]).unwrap();
    assert_eq!(bed.rest().await, "UPDATE_COMPLETE");
    assert_eq!(bed.script.live.lock().unwrap()["A-1"], json!({"RetentionInDays": 5}));
}

#[tokio::test]
async fn a_cancelled_update_is_rolled_back() {
    let bed = two().await;
    let held = bed.script.hold("update A");
    let wanted =
        groups(&[("A", "RetentionInDays: 5", ""), ("B", "LogGroupName: !Ref A, RetentionInDays: 1", "")]);
    bed.update(&wanted, &[]).unwrap();
    bed.begun("update A").await;
    bed.ask("CancelUpdateStack", &[("StackName", "s"), ("ClientRequestToken", "c")]).unwrap();
    assert_eq!(bed.status(), StackStatus::UpdateRollbackInProgress);
    held.notify_one();
    assert_eq!(bed.rest().await, "UPDATE_ROLLBACK_COMPLETE");
    assert_eq!(bed.script.live.lock().unwrap()["A-1"], json!({"RetentionInDays": 3}));
    assert!(!bed.script.calls.lock().unwrap().contains(&"update B".to_owned()));
    let refused = bed.ask("CancelUpdateStack", &[("StackName", "s")]).unwrap_err();
    assert_eq!(refused.message, "CancelUpdateStack cannot be called from current stack status");
}

#[tokio::test]
async fn removed_resources_go_in_the_clean_up_and_retained_ones_stay() {
    let bed = bed();
    bed.create(&groups(&[("A", "", ""), ("B", "", ""), ("C", "", "DeletionPolicy: Retain")]), &[]).unwrap();
    bed.rest().await;
    let from = bed.events_so_far();
    bed.update(&groups(&[("A", "", "")]), &[]).unwrap();
    assert_eq!(bed.rest().await, "UPDATE_COMPLETE");
    let mut events = bed.events(from);
    events.sort();
    assert_eq!(events[..3], ["B DELETE_COMPLETE", "B DELETE_IN_PROGRESS", "C DELETE_SKIPPED"]);
    assert_eq!(bed.script.live().len(), 2);
}

#[tokio::test]
async fn a_clean_up_that_fails_leaves_the_resource_and_the_stack_is_complete() {
    let bed = two().await;
    bed.script.fail("delete B");
    bed.update(&groups(&[("A", "RetentionInDays: 3", "")]), &[]).unwrap();
    assert_eq!(bed.rest().await, "UPDATE_COMPLETE");
    assert!(bed.events(0).contains(&"B DELETE_FAILED delete B fails".to_owned()));
    assert_eq!(
        bed.described()["StackStatusReason"],
        "Update successful. One or more resources could not be deleted."
    );
    assert_eq!(bed.script.live(), ["A-1", "B-2"]);
}

#[tokio::test]
async fn a_resource_with_a_fixed_name_is_not_replaced() {
    let bucket = |more: &str| {
        format!("Resources: {{A: {{Type: 'AWS::S3::Bucket', Properties: {{BucketName: fixed{more}}}}}}}")
    };
    let bed = bed();
    bed.create(&bucket(""), &[]).unwrap();
    bed.rest().await;
    bed.update(&bucket(", BucketNamespace: account-regional"), &[]).unwrap();
    assert_eq!(bed.rest().await, "UPDATE_ROLLBACK_COMPLETE");
    let reason = "A UPDATE_FAILED CloudFormation cannot update a stack when a custom-named resource requires replacing. Rename fixed and update the stack again.";
    assert!(bed.events(0).contains(&reason.to_owned()), "{:?}", bed.events(0));
}

#[tokio::test]
async fn new_stack_tags_reach_every_resource_that_takes_tags() {
    let bed = two().await;
    let tag = [("Tags.member.1.Key", "k"), ("Tags.member.1.Value", "v")];
    bed.update(&before(), &tag).unwrap();
    assert_eq!(bed.rest().await, "UPDATE_COMPLETE");
    let calls = bed.script.calls.lock().unwrap().clone();
    assert_eq!(calls[2..], ["update A", "update B"]);
    // Absent tags stay, an empty list removes them.
    assert_eq!(bed.update(&before(), &[]).unwrap_err().message, "No updates are to be performed.");
    bed.update(&before(), &[("Tags", "")]).unwrap();
    assert_eq!(bed.rest().await, "UPDATE_COMPLETE");
    assert_eq!(bed.described()["Tags"], json!([]));
}

#[tokio::test]
async fn a_stack_policy_denies_updates_until_it_is_overridden() {
    let bed = two().await;
    let policy = r#"{"Statement":[{"Effect":"Allow","Action":"Update:*","Principal":"*","Resource":"*"},
        {"Effect":"Deny","Action":["Update:Modify","Update:Delete"],"Principal":"*","Resource":"LogicalResourceId/A"}]}"#;
    bed.ask("SetStackPolicy", &[("StackName", "s"), ("StackPolicyBody", policy)]).unwrap();
    let wanted = groups(&[("A", "RetentionInDays: 5", ""), ("B", "LogGroupName: !Ref A", "")]);
    bed.update(&wanted, &[]).unwrap();
    assert_eq!(bed.rest().await, "UPDATE_ROLLBACK_COMPLETE");
    assert!(bed.events(0).iter().any(|it| it.starts_with("A UPDATE_FAILED Action denied by stack policy")));
    bed.update(&groups(&[("B", "LogGroupName: x", "")]), &[]).unwrap();
    assert_eq!(bed.rest().await, "UPDATE_ROLLBACK_COMPLETE");
    assert!(bed.script.live().contains(&"A-1".to_owned()));
    let open = r#"{"Statement":{"Effect":"Allow","Action":"Update:*","Principal":"*","Resource":"*"}}"#;
    bed.update(&wanted, &[("StackPolicyDuringUpdateBody", open)]).unwrap();
    assert_eq!(bed.rest().await, "UPDATE_COMPLETE");
}
