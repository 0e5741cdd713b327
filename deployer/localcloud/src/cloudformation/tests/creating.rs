//! Creating stacks, and what a failure leaves.

use super::*;

#[tokio::test]
async fn a_failed_resource_cancels_its_siblings_and_everything_made_is_deleted() {
    let bed = bed();
    let held = bed.script.hold("create Slow");
    let failing = bed.script.hold("create Bad");
    bed.script.fail("create Bad");
    let template = groups(&[
        ("First", "", ""),
        ("Bad", "LogGroupName: !Ref First", ""),
        ("Slow", "LogGroupName: !Ref First", ""),
        ("Never", "LogGroupName: !Ref Slow", ""),
    ]);
    bed.create(&template, &[("ClientRequestToken", "t-1")]).unwrap();
    bed.begun("create Slow").await;
    bed.begun("create Bad").await;
    failing.notify_one();
    let cancelled = "Slow CREATE_FAILED Resource creation cancelled".to_owned();
    while !bed.events(0).contains(&cancelled) {
        tokio::task::yield_now().await;
    }
    held.notify_one();
    assert_eq!(bed.rest().await, "ROLLBACK_COMPLETE");
    assert_eq!(bed.script.live(), Vec::<String>::new());
    let events = bed.events(0);
    assert_eq!(
        events[..events.len() - 6],
        [
            "s CREATE_IN_PROGRESS User Initiated",
            "First CREATE_IN_PROGRESS",
            "First CREATE_IN_PROGRESS Resource creation Initiated",
            "First CREATE_COMPLETE",
            "Bad CREATE_IN_PROGRESS",
            "Slow CREATE_IN_PROGRESS",
            "Bad CREATE_FAILED create Bad fails",
            "Slow CREATE_FAILED Resource creation cancelled",
            "s ROLLBACK_IN_PROGRESS The following resource(s) failed to create: [Bad, Slow]. Rollback requested by user.",
        ]
    );
    assert_eq!(
        events[events.len() - 3..],
        ["First DELETE_IN_PROGRESS", "First DELETE_COMPLETE", "s ROLLBACK_COMPLETE"],
        "what is needed goes last"
    );
    let calls = bed.script.calls.lock().unwrap().clone();
    assert!(calls.contains(&"delete Slow".to_owned()), "what a cancelled step made is deleted too");
    assert_eq!(bed.tokens(), BTreeSet::from([Some("t-1".to_owned())]), "every event carries the token");
}

#[tokio::test]
async fn nothing_more_is_started_after_a_failure() {
    let bed = bed();
    bed.script.fail("create A");
    bed.create(&groups(&[("A", "", ""), ("B", "", "")]), &[]).unwrap();
    assert_eq!(bed.rest().await, "ROLLBACK_COMPLETE");
    assert_eq!(*bed.script.calls.lock().unwrap(), ["create A"]);
}

#[tokio::test]
async fn on_failure_says_whether_resources_stay_or_the_stack_goes() {
    let template = groups(&[("A", "", ""), ("B", "LogGroupName: !Ref A", "")]);
    let bed = bed();
    bed.script.fail("create B");
    bed.create(&template, &[("OnFailure", "DO_NOTHING")]).unwrap();
    assert_eq!(bed.rest().await, "CREATE_FAILED");
    assert_eq!(bed.script.live(), ["A-1"]);
    bed.ask("RollbackStack", &[("StackName", "s"), ("ClientRequestToken", "r")]).unwrap();
    assert_eq!(bed.rest().await, "ROLLBACK_COMPLETE");
    assert_eq!(bed.script.live(), Vec::<String>::new());

    let bed = super::bed();
    bed.script.fail("create B");
    bed.create(&template, &[("OnFailure", "DELETE")]).unwrap();
    assert_eq!(bed.rest().await, "DELETE_COMPLETE");
    assert_eq!(bed.script.live(), Vec::<String>::new());
}

#[tokio::test]
async fn a_stack_that_failed_without_rollback_can_be_updated_on() {
    let bed = bed();
    bed.script.fail("create B");
    let template = groups(&[("A", "", ""), ("B", "LogGroupName: !Ref A", "")]);
    bed.create(&template, &[("DisableRollback", "true")]).unwrap();
    assert_eq!(bed.rest().await, "CREATE_FAILED");
    bed.script.heal();
    bed.update(&template, &[]).unwrap();
    assert_eq!(bed.rest().await, "UPDATE_COMPLETE");
    assert_eq!(bed.script.live(), ["A-1", "B-2"]);
}

#[tokio::test]
async fn a_rollback_that_cannot_delete_stops_failed_and_keeps_what_is_needed() {
    let bed = bed();
    bed.script.fail("create C");
    bed.script.fail("delete B");
    let template =
        groups(&[("A", "", ""), ("B", "LogGroupName: !Ref A", ""), ("C", "LogGroupName: !Ref B", "")]);
    bed.create(&template, &[]).unwrap();
    assert_eq!(bed.rest().await, "ROLLBACK_FAILED");
    assert_eq!(bed.script.live(), ["A-1", "B-2"]);
    assert_eq!(
        bed.events(0).last().unwrap(),
        "s ROLLBACK_FAILED The following resource(s) failed to delete: [B]."
    );
    bed.script.heal();
    bed.ask("DeleteStack", &[("StackName", "s")]).unwrap();
    assert_eq!(bed.rest().await, "DELETE_COMPLETE");
    assert_eq!(bed.script.live(), Vec::<String>::new());
}

#[tokio::test]
async fn retained_resources_survive_a_failed_create_unless_they_except_it() {
    let template = |policy: &str| {
        groups(&[("A", "", &format!("DeletionPolicy: {policy}")), ("B", "LogGroupName: !Ref A", "")])
    };
    for (policy, more, live, event) in [
        ("Retain", &[][..], 1, "A DELETE_SKIPPED"),
        ("RetainExceptOnCreate", &[], 0, "A DELETE_COMPLETE"),
        ("Retain", &[("RetainExceptOnCreate", "true")], 0, "A DELETE_COMPLETE"),
    ] {
        let bed = bed();
        bed.script.fail("create B");
        bed.create(&template(policy), more).unwrap();
        assert_eq!(bed.rest().await, "ROLLBACK_COMPLETE");
        assert_eq!(bed.script.live().len(), live, "{policy} {more:?}");
        assert!(bed.events(0).contains(&event.to_owned()), "{policy}: {:?}", bed.events(0));
    }
}

#[tokio::test]
async fn a_stack_can_be_deleted_while_it_is_created() {
    let bed = bed();
    let held = bed.script.hold("create A");
    bed.create(&groups(&[("A", "", ""), ("B", "LogGroupName: !Ref A", "")]), &[]).unwrap();
    bed.begun("create A").await;
    bed.ask("DeleteStack", &[("StackName", "s"), ("ClientRequestToken", "d")]).unwrap();
    assert_eq!(bed.status(), StackStatus::DeleteInProgress);
    held.notify_one();
    assert_eq!(bed.rest().await, "DELETE_COMPLETE");
    assert_eq!(bed.script.live(), Vec::<String>::new());
    assert!(!bed.script.calls.lock().unwrap().contains(&"create B".to_owned()));
}

#[tokio::test]
async fn independent_resources_are_made_at_the_same_time() {
    let bed = bed();
    let (one, two) = (bed.script.hold("create A"), bed.script.hold("create B"));
    bed.create(&groups(&[("A", "", ""), ("B", "", "")]), &[]).unwrap();
    bed.begun("create A").await;
    bed.begun("create B").await;
    two.notify_one();
    one.notify_one();
    assert_eq!(bed.rest().await, "CREATE_COMPLETE");
}

#[tokio::test]
async fn properties_that_the_schema_refuses_fail_their_resource() {
    let bed = bed();
    bed.create(&groups(&[("A", "RetentionInDay: 3", "")]), &[]).unwrap();
    assert_eq!(bed.rest().await, "ROLLBACK_COMPLETE");
    assert!(bed.events(0).contains(
        &"A CREATE_FAILED Properties validation failed for resource A with message:\n#: extraneous key [RetentionInDay] is not permitted".to_owned()
    ));
}
