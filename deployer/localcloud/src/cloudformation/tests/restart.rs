//! A restart in the middle of an operation.

use super::*;
use crate::cloudformation;

/// Stops while `phase` is held, and starts again from what was written.
async fn interrupted(template: &str, update: Option<&str>, phase: &str) -> Bed {
    let folder = tempfile::tempdir().unwrap();
    let store = || Store::new(Some(folder.path().to_owned()));
    let first = bed_in(store(), Arc::default());
    let _never = first.script.hold(phase);
    first.create(template, &[("ClientRequestToken", "t")]).unwrap();
    if let Some(update) = update {
        first.rest().await;
        first.update(update, &[]).unwrap();
    }
    first.begun(phase).await;
    first.cloud.store.flush().unwrap();
    let second = bed_in(store(), Arc::clone(&first.script));
    cloudformation::start(&second.cloud);
    second.rest().await;
    second
}

#[tokio::test]
async fn an_interrupted_create_is_rolled_back() {
    let bed =
        interrupted(&groups(&[("A", "", ""), ("B", "LogGroupName: !Ref A", "")]), None, "create B").await;
    assert_eq!(bed.status(), StackStatus::RollbackComplete);
    assert_eq!(bed.script.live(), Vec::<String>::new());
    assert!(bed.events(0).contains(&"B CREATE_FAILED Resource creation cancelled".to_owned()));
}

#[tokio::test]
async fn an_interrupted_update_goes_back_to_the_former_state() {
    let bed = interrupted(
        &groups(&[("A", "RetentionInDays: 3", "")]),
        Some(&groups(&[("A", "RetentionInDays: 5", ""), ("B", "LogGroupName: !Ref A", "")])),
        "create B",
    )
    .await;
    assert_eq!(bed.status(), StackStatus::UpdateRollbackComplete);
    assert_eq!(bed.script.live.lock().unwrap()["A-1"], json!({"RetentionInDays": 3}));
}

#[tokio::test]
async fn what_names_the_old_port_names_the_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let store = || Store::new(Some(folder.path().to_owned()));
    let first = bed_in(store(), Arc::default());
    cloudformation::start(&first.cloud);
    let old = first.cloud.endpoint().to_owned();
    first
        .create(&(groups(&[("A", "", "")]) + &format!("Outputs: {{Url: {{Value: '{old}/x'}}}}\n")), &[])
        .unwrap();
    first.rest().await;
    first.cloud.store.flush().unwrap();
    let second = bed_in(store(), Arc::clone(&first.script));
    second.cloud.set_endpoint("http://127.0.0.1:9".to_owned());
    cloudformation::start(&second.cloud);
    assert_eq!(second.described()["Outputs"][0]["OutputValue"], "http://127.0.0.1:9/x");
}
