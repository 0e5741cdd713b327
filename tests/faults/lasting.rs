//! Faults that last: what no patience mends ends in the outcome that says so.

use std::time::Duration;

use deployer::aws::{ChangeSetRequest, Error as AwsError, TemplateBody};
use deployer::deploy::{Desired, Error, Outcome, Upload};
use localcloud::faults::{Fault, Kind};

use crate::bed::{Bed, Run, fault, refusal, removal, rewrite, small, yes};

const ALWAYS: u32 = u32::MAX;
/// Of the file `code`.
const CODE_HASH: &str = "5694d08a2e53ffcae0c3103e5ad6f6076abd960eb1f8a56577040bc1028f702b";

fn everywhere(kind: Kind) -> Vec<Fault> {
    vec![Fault { service: "*".to_owned(), operation: "*".to_owned(), count: ALWAYS, kind }]
}

/// Tells the `up` of `desired`; these faults begin once its execution was accepted.
async fn up_then(bed: &Bed, run: &Run<'_>, desired: &Desired, faults: Vec<Fault>) -> Result<Outcome, Error> {
    let mut gate = bed.faults().gate();
    let begin = async {
        while let Some(passage) = gate.recv().await {
            let accepted = passage.operation == "ExecuteChangeSet" && passage.done;
            if accepted {
                bed.faults().set(faults.clone());
            }
            passage.go.send(()).unwrap();
            if accepted {
                break;
            }
        }
        drop(gate);
        std::future::pending::<()>().await;
    };
    let allowed = yes();
    tokio::select! {
        ended = run.engine.up(desired, None, &allowed) => ended,
        () = begin => unreachable!("it waits for ever"),
    }
}

#[tokio::test]
async fn a_repeated_call_that_is_refused_because_it_was_done_before_is_success() {
    let bed = Bed::new().await;
    // The SDK gives a call up after four attempts; the engine's own repetition is the fifth.
    bed.faults().set(vec![
        fault("CreateChangeSet", 4, Kind::DropAnswer),
        fault("CreateChangeSet", 1, refusal(400, "AlreadyExistsException")),
        fault("ExecuteChangeSet", 4, Kind::DropAnswer),
        fault("ExecuteChangeSet", 1, refusal(400, "InvalidChangeSetStatus")),
    ]);
    let outcome = bed.up(&small("repeated", 3)).await.unwrap();
    assert!(matches!(outcome, Outcome::Deployed { created: true, .. }), "{outcome:?}");
    bed.faults().set(vec![
        fault("ExecuteChangeSet", 1, Kind::DropAnswer),
        fault("ExecuteChangeSet", 1, refusal(400, "InvalidChangeSetStatus")),
    ]);
    let outcome = bed.up(&small("repeated", 7)).await.unwrap();
    assert!(matches!(outcome, Outcome::Deployed { created: false, .. }), "{outcome:?}");
    println!("{:<40} 3/3 survived", "refused because it was done before");
    bed.cloud.stop().await;
}

#[tokio::test]
async fn a_stale_read_after_the_execution_is_not_believed() {
    let bed = Bed::new().await;
    let stale = |from| vec![fault("DescribeStacks", 3, rewrite(from, "<StackStatus>REVIEW_IN_PROGRESS"))];
    let created = up_then(&bed, &bed.run(), &small("stale", 3), stale("<StackStatus>CREATE_COMPLETE")).await;
    assert!(
        matches!(created.as_ref().unwrap(), Outcome::Deployed { outputs, .. } if outputs.contains_key("Name")),
        "{created:?}"
    );
    // With a second step the stack is looked at by its name once more.
    let two = crate::bed::protected("stale-two", 3);
    let created = up_then(&bed, &bed.run(), &two, stale("<StackStatus>CREATE_COMPLETE")).await.unwrap();
    assert!(matches!(created, Outcome::Deployed { .. }), "{created:?}");
    println!("{:<40} 2/2 survived", "stale reads after the execution");
    bed.cloud.stop().await;
}

#[tokio::test]
async fn ten_minutes_without_network_are_survived_and_an_hour_is_an_unknown_outcome() {
    let bed = Bed::new().await;
    // A hundredth of real time, as against the embedded cloud.
    let (stage, run) = (small("cut-off", 3), bed.run());
    let back = async {
        tokio::time::sleep(Duration::from_secs(6)).await;
        bed.faults().set(Vec::new());
        std::future::pending::<()>().await;
    };
    let outcome = tokio::select! {
        ended = up_then(&bed, &run, &stage, everywhere(Kind::Reset)) => ended.unwrap(),
        () = back => unreachable!("it waits for ever"),
    };
    assert!(matches!(outcome, Outcome::Deployed { created: true, .. }), "{outcome:?}");
    let changed = small("cut-off", 7);
    let outcome = up_then(&bed, &bed.run(), &changed, everywhere(Kind::Reset)).await.unwrap();
    assert!(matches!(outcome, Outcome::Unknown { .. }) && outcome.exit_code() == 4, "{outcome:?}");
    bed.faults().set(Vec::new());
    let again = bed.up(&changed).await.unwrap();
    assert!(matches!(again, Outcome::Unchanged { .. } | Outcome::Deployed { .. }), "{again:?}");
    println!("{:<40} 2/2 right", "network lost for ten minutes, for ever");
    bed.cloud.stop().await;
}

#[tokio::test]
async fn credentials_or_a_clock_that_fail_mid_way_leave_the_outcome_unknown() {
    let bed = Bed::new().await;
    for (number, code) in ["ExpiredToken", "RequestExpired", "RequestTimeTooSkewed"].into_iter().enumerate() {
        let stage = small(&format!("expiring-{number}"), 3);
        bed.faults().set(everywhere(refusal(403, code)));
        let before = bed.up(&stage).await;
        let credentials = matches!(&before, Err(Error::Aws { source: AwsError::Credentials(text), .. }) if text.contains(code));
        assert!(credentials, "nothing ran: {before:?}");
        bed.faults().set(Vec::new());
        let outcome = up_then(&bed, &bed.run(), &stage, everywhere(refusal(403, code))).await.unwrap();
        assert!(matches!(outcome, Outcome::Unknown { .. }) && outcome.exit_code() == 4, "{outcome:?}");
        bed.faults().set(Vec::new());
        let again = bed.up(&stage).await.unwrap();
        assert_eq!(again.exit_code(), 0, "{again:?}");
        assert_eq!(bed.operations(&bed.aws.stack(&stage.stack).await.unwrap().unwrap().id).await.len(), 1);
    }
    println!("{:<40} 6/6 right", "expired credentials, a skewed clock");
    bed.cloud.stop().await;
}

#[tokio::test]
async fn an_unknown_status_stops_or_counts_as_busy_and_is_never_success() {
    let bed = Bed::new().await;
    let stage = small("odd", 3);
    let odd = vec![fault("DescribeStackEvents", ALWAYS, rewrite(">CREATE_COMPLETE<", ">POLISHED<"))];
    let outcome = up_then(&bed, &bed.run(), &stage, odd).await.unwrap();
    assert!(matches!(outcome, Outcome::Stuck { .. }) && outcome.exit_code() == 7, "{outcome:?}");
    for (status, exit_code) in [("POLISHED", 7), ("POLISHING_IN_PROGRESS", 5)] {
        let to = format!("<StackStatus>{status}");
        bed.faults().set(vec![fault("DescribeStacks", ALWAYS, rewrite("<StackStatus>CREATE_COMPLETE", &to))]);
        let mut run = bed.run();
        run.engine.patience = Duration::from_millis(200);
        let up = run.engine.up(&stage, None, &yes()).await.unwrap();
        let down = run.engine.down(&removal(&stage), &yes()).await.unwrap();
        assert_eq!((up.exit_code(), down.exit_code()), (exit_code, exit_code), "{up:?} {down:?}");
    }
    println!("{:<40} 5/5 right", "a status that nobody knows");
    bed.cloud.stop().await;
}

#[tokio::test]
async fn a_delete_that_is_stuck_or_turned_back_is_not_success() {
    let bed = Bed::new().await;
    let stage = small("stuck", 3);
    bed.up(&stage).await.unwrap();
    // Somebody else's delete that does not end.
    bed.force("stuck", "DELETE_IN_PROGRESS");
    let mut run = bed.run();
    run.engine.patience = Duration::from_millis(200);
    let attached = run.engine.down(&removal(&stage), &yes()).await.unwrap();
    assert!(matches!(attached, Outcome::Busy { .. }), "{attached:?}");
    // Our own that is silent for longer than the person is patient.
    bed.force("stuck", "CREATE_COMPLETE");
    bed.faults().set(vec![fault(
        "DescribeStackEvents",
        ALWAYS,
        rewrite("DELETE_COMPLETE", "DELETE_IN_PROGRESS"),
    )]);
    let own = run.engine.down(&removal(&stage), &yes()).await.unwrap();
    assert!(matches!(own, Outcome::Unknown { .. }) && own.exit_code() == 4, "{own:?}");
    bed.faults().set(Vec::new());
    assert!(matches!(bed.down(&stage).await.unwrap(), Outcome::NothingThere));
    // An export in use turns a delete back (botocore#2590).
    let exporter = small("exporter", 3);
    let export = "Outputs:\n  Name:\n    Value: !Ref Log\n    Export: {Name: shared-name}\n";
    let template = exporter.template.replace("Outputs:\n  Name: {Value: !Ref Log}\n", export);
    assert!(template.contains("Export"));
    let exporter = Desired { template, ..exporter };
    let importer = small("importer", 3);
    let template = importer.template.replace("!Ref Log", "!ImportValue shared-name");
    let importer = Desired { template, ..importer };
    bed.up(&exporter).await.unwrap();
    assert_eq!(bed.up(&importer).await.unwrap().exit_code(), 0);
    let mut run = bed.run();
    let turned = run.engine.down(&removal(&exporter), &yes()).await.unwrap();
    assert!(matches!(turned, Outcome::LeftOver { .. }) && turned.exit_code() == 8, "{turned:?}");
    let warnings = run.warnings();
    assert!(warnings.iter().any(|text| text.contains("in use by importer")), "{warnings:?}");
    println!("{:<40} 4/4 right", "a delete stuck or turned back");
    bed.cloud.stop().await;
}

#[tokio::test]
async fn what_the_clean_up_could_not_delete_is_reported_although_the_update_is_complete() {
    let bed = Bed::new().await;
    let kept = "  Kept:\n    Type: AWS::Logs::LogGroup\n    Properties: {LogGroupName: /kept, DeletionProtectionEnabled: true}\n";
    let before = small("leaky", 3);
    let with = Desired {
        template: before.template.replace("Outputs:", &format!("{kept}Outputs:")),
        ..before.clone()
    };
    bed.up(&with).await.unwrap();
    let mut run = bed.run();
    let outcome = run.engine.up(&before, None, &yes()).await.unwrap();
    assert!(matches!(outcome, Outcome::Deployed { .. }), "{outcome:?}");
    let warnings = run.warnings();
    assert!(warnings.iter().any(|text| text.contains("Kept (/kept)")), "{warnings:?}");
    println!("{:<40} 1/1 right", "a leak in the clean-up");
    bed.cloud.stop().await;
}

#[tokio::test]
async fn failed_change_sets_of_former_runs_go_and_those_of_others_stay() {
    let bed = Bed::new().await;
    let stage = small("piled", 3);
    bed.up(&stage).await.unwrap();
    for name in ["d-20260101000000-12345678-abcdef", "by-hand"] {
        let request = ChangeSetRequest {
            stack: "piled".to_owned(),
            name: name.to_owned(),
            create: false,
            template: TemplateBody::Inline(stage.template.clone()),
            parameters: stage.parameters.clone(),
            tags: stage.tags.clone(),
            capability: None,
            description: "by a former run, or by hand".to_owned(),
            token: name.to_owned(),
        };
        bed.aws.create_change_set(&request).await.unwrap();
    }
    let words = Desired { template: format!("# words\n{}", stage.template), ..stage };
    let outcome = bed.up(&words).await.unwrap();
    assert!(matches!(outcome, Outcome::Unchanged { .. }), "{outcome:?}");
    assert_eq!(bed.stray_change_sets("piled").await, ["by-hand"]);
    println!("{:<40} 2/2 right", "failed change sets of former runs");
    bed.cloud.stop().await;
}

#[tokio::test]
async fn polling_begins_at_once_slows_down_in_silence_and_never_hurries() {
    let bed = Bed::new().await;
    let stage = small("polled", 3);
    bed.up(&stage).await.unwrap();
    bed.force("polled", "UPDATE_IN_PROGRESS");
    drop(bed.faults().calls());
    let mut run = bed.run();
    run.engine.patience = Duration::from_millis(1_500);
    let outcome = run.engine.up(&small("polled", 7), None, &yes()).await.unwrap();
    assert!(matches!(outcome, Outcome::Busy { .. }), "{outcome:?}");
    let calls = bed.faults().calls();
    let polls: Vec<_> = calls.iter().filter(|call| call.operation == "DescribeStackEvents").collect();
    let gaps: Vec<Duration> = polls.windows(2).map(|pair| pair[1].at - pair[0].at).collect();
    // A hundredth of real time: a second is 10 ms, 15 s are 150 ms. The first two polls look whose
    // operation it is; then follows one that polls at once.
    let following = &gaps[3..];
    assert!(following.iter().all(|gap| *gap >= Duration::from_millis(9)), "{gaps:?}");
    assert!(following.last().unwrap() >= &Duration::from_millis(145), "{gaps:?}");
    assert!(polls.len() < 25, "{gaps:?}");
    println!("{:<40} {} polls in 150 s of silence", "the schedule", polls.len());
    bed.cloud.stop().await;
}

#[tokio::test]
async fn uploads_survive_faults_and_an_unreadable_file_is_named() {
    let bed = Bed::new().await;
    let account = bed.aws.caller().await.unwrap().account;
    let run = bed.run();
    assert!(run.engine.ensure_bucket(&account, true, &yes()).await.unwrap().is_none());
    let bucket = deployer::deploy::bucket_name(&account, "us-east-1");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("code.zip");
    std::fs::write(&file, "code").unwrap();
    let upload = |key: &str, file: &std::path::Path| Upload {
        key: key.to_owned(),
        file: file.to_owned(),
        bytes: 4,
        sha256: CODE_HASH.to_owned(),
    };
    let mut survived = 0;
    let faults = [
        ("PUT", 30, Kind::Throttle),
        ("PUT", 10, Kind::Reset),
        ("PUT", 6, Kind::DropAnswer),
        ("HEAD", 30, Kind::Throttle),
        ("HEAD", 10, refusal(500, "InternalError")),
    ];
    for (number, (call, count, kind)) in faults.into_iter().enumerate() {
        bed.faults().set(vec![fault(call, count, kind)]);
        let key = format!("{call}/{number}");
        assert_eq!(run.engine.upload(&bucket, vec![upload(&key, &file)]).await.unwrap(), 1, "{key}");
        assert!(bed.faults().left().is_empty(), "{key}");
        survived += 1;
    }
    let missing = folder.path().join("gone.zip");
    let Err(Error::Aws { source, .. }) = run.engine.upload(&bucket, vec![upload("gone", &missing)]).await
    else {
        panic!("there is no file");
    };
    assert!(source.to_string().contains("gone.zip"), "{source}");
    println!("{:<40} {survived}/5 survived", "uploads");
    drop(run);
    bed.cloud.stop().await;
}
