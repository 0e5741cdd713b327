//! Ctrl-C in each phase.

use deployer::deploy::{Approvals, Outcome};
use deployer::project::Class;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::bed::{Bed, Run, Thinks, small};
use crate::kill::Story;
use localcloud::faults::Passage;

/// Sends Ctrl-C when the run passes this point; tells whether `operation` was sent before.
async fn interrupt(
    run: &Run<'_>,
    mut gate: UnboundedReceiver<Passage>,
    point: usize,
    operation: &str,
    sent: &mut bool,
) {
    let mut number = 0;
    while let Some(passage) = gate.recv().await {
        *sent |= passage.operation == operation && number <= point;
        if number == point {
            run.interrupt.send_replace(true);
        }
        number += 1;
        let _ = passage.go.send(());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ctrl_c_before_the_execution_leaves_nothing_and_after_it_detaches() {
    let bed = Bed::new().await;
    let (mut before, mut after) = (0, 0);
    for story in [Story::Create, Story::Update] {
        for point in 0.. {
            let stack = format!("{story:?}-{point}").to_lowercase();
            let former = story.before(&bed, &stack).await;
            let gate = bed.faults().gate();
            let run = bed.run();
            let mut executed = false;
            let outcome = tokio::select! {
                outcome = story.tell(&run, &stack) => outcome.unwrap(),
                () = interrupt(&run, gate, point, "ExecuteChangeSet", &mut executed) => unreachable!("the gate stays open"),
            };
            if !*run.interrupt.borrow() {
                break;
            }
            if executed {
                // What was over already may be told as it ended.
                let fine =
                    matches!(outcome, Outcome::Interrupted { running: true } | Outcome::Deployed { .. });
                assert!(fine, "{story:?} {point}: {outcome:?}");
                after += 1;
                continue;
            }
            assert!(
                matches!(outcome, Outcome::Interrupted { running: false }) && outcome.exit_code() == 130,
                "{story:?} {point}: {outcome:?}"
            );
            assert_eq!(bed.stray_change_sets(&stack).await, Vec::<String>::new(), "{story:?} {point}");
            let live = bed.aws.stack(&stack).await.unwrap().map(|stack| stack.id);
            assert_eq!(live, former, "{story:?} {point}");
            before += 1;
        }
    }
    println!("{:<40} {before} before, {after} after the execution", "Ctrl-C at each call");
    assert!(before > 10 && after > 4, "{before} {after}");
    bed.cloud.stop().await;
}

#[tokio::test]
async fn ctrl_c_at_the_question_takes_the_change_set_and_the_empty_stack_away() {
    let bed = Bed::new().await;
    let stage = small("asked", 3);
    bed.up(&stage).await.unwrap();
    // Production asks about every update.
    let changed = deployer::deploy::Desired { class: Class::Production, ..small("asked", 7) };
    let run = bed.run_asking(&Thinks);
    let nothing = Approvals::default();
    let asked = run.engine.up(&changed, None, &nothing);
    let mut gate = bed.faults().gate();
    let ctrl_c = async {
        while let Some(passage) = gate.recv().await {
            let settled = passage.operation == "DescribeChangeSet" && passage.done;
            passage.go.send(()).unwrap();
            if settled {
                break;
            }
        }
        drop(gate);
        // From here on the run makes no call before its question is answered.
        while bed.faults().calls().iter().any(|call| call.operation != "DescribeChangeSet") {
            tokio::task::yield_now().await;
        }
        run.interrupt.send_replace(true);
        std::future::pending::<()>().await;
    };
    let outcome = tokio::select! {
        outcome = asked => outcome.unwrap(),
        () = ctrl_c => unreachable!("it waits for ever"),
    };
    assert!(matches!(outcome, Outcome::Interrupted { running: false }), "{outcome:?}");
    assert_eq!(bed.stray_change_sets("asked").await, Vec::<String>::new());
    bed.cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ctrl_c_in_down_deletes_nothing_before_the_delete_was_sent_and_the_next_run_finishes() {
    let bed = Bed::new().await;
    let (mut before, mut after) = (0, 0);
    for story in [Story::Down, Story::DownProtected] {
        for point in 0.. {
            let stack = format!("{story:?}-{point}").to_lowercase();
            let id = story.before(&bed, &stack).await;
            let gate = bed.faults().gate();
            let run = bed.run();
            let mut deleting = false;
            let outcome = tokio::select! {
                outcome = story.tell(&run, &stack) => outcome.unwrap(),
                () = interrupt(&run, gate, point, "DeleteStack", &mut deleting) => unreachable!("the gate stays open"),
            };
            if !*run.interrupt.borrow() {
                break;
            }
            let there = bed.aws.stack(&stack).await.unwrap().is_some();
            match &outcome {
                Outcome::Interrupted { running } => {
                    assert_eq!(outcome.exit_code(), 130);
                    assert!(there || *running, "{story:?} {point}: gone, and nobody said that it goes");
                }
                Outcome::Deleted { .. } => assert!(deleting && !there, "{story:?} {point}"),
                other => panic!("{story:?} {point}: {other:?}"),
            }
            if deleting {
                after += 1;
            } else {
                assert!(there, "{story:?} {point}: deleted without a DeleteStack");
                before += 1;
            }
            let again = story.tell(&bed.run(), &stack).await.unwrap();
            story.ended_well(&bed, &stack, id, &again).await.unwrap();
        }
    }
    println!("{:<40} {before} before, {after} after the delete", "Ctrl-C at each call of down");
    assert!(before > 6 && after > 4, "{before} {after}");
    bed.cloud.stop().await;
}

/// A stage that an endpoint answers for, with nothing to build.
fn project(endpoint: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("environments")).unwrap();
    let stage = format!(
        "service: shop\nclass: ephemeral\nregion: us-east-1\nendpoint: {endpoint}\n\
         http_api: {{cors_origins: ['https://shop.example.com']}}\n\
         user_pool: {{callback_urls: ['https://shop.example.com/']}}\n"
    );
    std::fs::write(folder.path().join("environments/dev.yaml"), stage).unwrap();
    std::fs::write(folder.path().join("Cargo.toml"), "[workspace]\nmembers = []\n").unwrap();
    folder
}

fn interrupt_process(process: &std::process::Child) {
    let sent = std::process::Command::new("kill").args(["-INT", &process.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_ctrl_c_ends_at_once_even_while_a_call_hangs() {
    use std::io::BufRead as _;

    let bed = Bed::new().await;
    let folder = project(bed.cloud.endpoint());
    let mut gate = bed.faults().gate();
    let mut process = std::process::Command::new(env!("CARGO_BIN_EXE_deployer"))
        .args(["down", "--stage", "dev", "--yes", "--project"])
        .arg(folder.path())
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env_remove("AWS_PROFILE")
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = std::io::BufReader::new(process.stderr.take().unwrap()).lines();
    // Never let go: the call gets no answer.
    let _held = loop {
        let passage = gate.recv().await.unwrap();
        if passage.operation == "DescribeStacks" {
            break passage;
        }
        passage.go.send(()).unwrap();
    };
    interrupt_process(&process);
    let said =
        tokio::task::block_in_place(|| lines.find(|line| line.as_ref().unwrap().contains("Ctrl-C again")));
    assert!(said.is_some(), "the first one is answered by what the second would do");
    assert!(process.try_wait().unwrap().is_none(), "the first one waits for the call");
    interrupt_process(&process);
    let status = tokio::task::block_in_place(|| process.wait()).unwrap();
    assert_eq!(status.code(), Some(130));
    bed.cloud.stop().await;
}
