//! Deleting stacks, and what stands in the way.

use super::*;

#[tokio::test]
async fn a_delete_that_fails_can_be_repeated_retained_or_forced() {
    let template = groups(&[("A", "", ""), ("B", "LogGroupName: !Ref A", "")]);
    for (more, live) in [
        (&[("RetainResources.member.1", "B")][..], vec!["B-2"]),
        (&[("DeletionMode", "FORCE_DELETE_STACK")], vec!["A-1", "B-2"]),
        (&[], vec![]),
    ] {
        let bed = bed();
        bed.create(&template, &[]).unwrap();
        bed.rest().await;
        if !more.is_empty() {
            let early = bed.ask("DeleteStack", &[&[("StackName", "s")], more].concat()).unwrap_err();
            assert!(early.message.contains("DELETE_FAILED"), "{early}");
        }
        bed.script.fail("delete B");
        bed.ask("DeleteStack", &[("StackName", "s")]).unwrap();
        assert_eq!(bed.rest().await, "DELETE_FAILED");
        assert_eq!(bed.script.live(), ["A-1", "B-2"], "what B needs is not touched");
        if more.is_empty() {
            bed.script.heal();
        }
        bed.ask("DeleteStack", &[&[("StackName", "s")], more].concat()).unwrap();
        assert_eq!(bed.rest().await, "DELETE_COMPLETE");
        assert_eq!(bed.script.live(), live);
    }
}

#[tokio::test]
async fn retained_resources_are_skipped() {
    let bed = bed();
    bed.create(
        &groups(&[("A", "", "DeletionPolicy: Retain"), ("B", "", "DeletionPolicy: RetainExceptOnCreate")]),
        &[],
    )
    .unwrap();
    bed.rest().await;
    let from = bed.events_so_far();
    bed.ask("DeleteStack", &[("StackName", "s"), ("ClientRequestToken", "d")]).unwrap();
    assert_eq!(bed.rest().await, "DELETE_COMPLETE");
    assert_eq!(
        bed.events(from),
        ["s DELETE_IN_PROGRESS User Initiated", "A DELETE_SKIPPED", "B DELETE_SKIPPED", "s DELETE_COMPLETE"]
    );
}

#[tokio::test]
async fn termination_protection_refuses_and_changes_nothing() {
    let bed = bed();
    bed.create(&groups(&[("A", "", "")]), &[("EnableTerminationProtection", "true")]).unwrap();
    bed.rest().await;
    let refused = bed.ask("DeleteStack", &[("StackName", "s")]).unwrap_err();
    assert_eq!(refused.message, "Stack [s] cannot be deleted while TerminationProtection is enabled");
    assert_eq!(bed.status(), StackStatus::CreateComplete);
    let lift = [("StackName", "s"), ("EnableTerminationProtection", "false")];
    bed.ask("UpdateTerminationProtection", &lift).unwrap();
    bed.ask("DeleteStack", &[("StackName", "s")]).unwrap();
    assert_eq!(bed.rest().await, "DELETE_COMPLETE");
}

#[tokio::test]
async fn an_export_in_use_turns_the_delete_back() {
    let bed = bed();
    let exporting = groups(&[("A", "", "")]) + "Outputs: {O: {Value: !Ref A, Export: {Name: shared}}}\n";
    bed.create(&exporting, &[]).unwrap();
    bed.rest().await;
    let importing = groups(&[("B", "LogGroupName: !ImportValue shared", "")]);
    bed.ask("CreateStack", &[("StackName", "user"), ("TemplateBody", &importing)]).unwrap();
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    let imports = bed.ask("ListImports", &[("ExportName", "shared")]).unwrap();
    assert_eq!(imports["Imports"], json!(["user"]));
    bed.ask("DeleteStack", &[("StackName", "s")]).unwrap();
    assert_eq!(bed.rest().await, "CREATE_COMPLETE");
    assert_eq!(
        bed.events(0).last().unwrap(),
        "s CREATE_COMPLETE Export shared cannot be deleted as it is in use by user"
    );
    let without = groups(&[("A", "RetentionInDays: 1", "")]);
    bed.update(&without, &[]).unwrap();
    assert_eq!(bed.rest().await, "UPDATE_ROLLBACK_COMPLETE");
    let exports = bed.ask("ListExports", &[]).unwrap();
    assert_eq!(exports["Exports"][0]["Name"], "shared");
}

#[tokio::test]
async fn a_delete_of_what_is_not_there_is_done() {
    let bed = bed();
    assert_eq!(bed.ask("DeleteStack", &[("StackName", "s")]), Ok(json!({})));
}
