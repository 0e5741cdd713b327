//! Ctrl-C in each phase.

use deployer::deploy::{Approvals, Outcome};
use deployer::project::Class;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::bed::{Bed, Run, Thinks, small};
use crate::kill::Story;
use localcloud::faults::Passage;

/// Sends Ctrl-C when the run passes this point; answers whether the execution was sent before.
async fn interrupt(run: &Run<'_>, mut gate: UnboundedReceiver<Passage>, point: usize, executed: &mut bool) {
    let mut number = 0;
    while let Some(passage) = gate.recv().await {
        *executed |= passage.operation == "ExecuteChangeSet" && number <= point;
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
                () = interrupt(&run, gate, point, &mut executed) => unreachable!("the gate stays open"),
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
