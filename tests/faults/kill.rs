//! Kill points: a run dies before and after each of its calls, and the next run finishes its work.

use std::time::Duration;

use deployer::aws::StackStatus;
use deployer::deploy::{Desired, Error, Outcome};
use localcloud::faults::Passage;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::bed::{Bed, Run, on_a_thread, production, protected, removal, small, yes};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Story {
    Create,
    CreateProtected,
    Update,
    UpdateProtected,
    Recover,
    NoChange,
    ReplaceInProduction,
    Down,
    DownProtected,
}

pub const STORIES: [Story; 9] = [
    Story::Create,
    Story::CreateProtected,
    Story::Update,
    Story::UpdateProtected,
    Story::Recover,
    Story::NoChange,
    Story::ReplaceInProduction,
    Story::Down,
    Story::DownProtected,
];

impl Story {
    pub fn desired(self, stack: &str) -> Desired {
        match self {
            Self::Create | Self::Recover | Self::Down => small(stack, 3),
            Self::Update => small(stack, 7),
            Self::CreateProtected | Self::DownProtected => protected(stack, 3),
            Self::UpdateProtected => protected(stack, 7),
            Self::ReplaceInProduction => production(stack, "id"),
            Self::NoChange => {
                let before = small(stack, 3);
                Desired { template: format!("# another comment\n{}", before.template), ..before }
            }
        }
    }

    /// What is there before the story begins. Answers the stack's id, where there is one.
    pub async fn before(self, bed: &Bed, stack: &str) -> Option<String> {
        let there = match self {
            Self::Create | Self::CreateProtected => return None,
            Self::Update | Self::NoChange | Self::Down | Self::Recover => small(stack, 3),
            Self::UpdateProtected | Self::DownProtected => protected(stack, 3),
            Self::ReplaceInProduction => production(stack, "pk"),
        };
        let made = bed.up(&there).await.unwrap();
        assert!(matches!(made, Outcome::Deployed { .. }), "{made:?}");
        if self == Self::Recover {
            bed.force(stack, "ROLLBACK_COMPLETE");
        }
        bed.aws.stack(stack).await.unwrap().map(|stack| stack.id)
    }

    pub fn takes_down(self) -> bool {
        matches!(self, Self::Down | Self::DownProtected)
    }

    pub async fn tell(self, run: &Run<'_>, stack: &str) -> Result<Outcome, Error> {
        let desired = self.desired(stack);
        if self.takes_down() {
            return run.engine.down(&removal(&desired), &yes()).await;
        }
        run.engine.up(&desired, None, &yes()).await
    }

    /// Operations that the story's stack has seen at the end, however often it was told.
    fn operations(self) -> &'static [&'static str] {
        match self {
            Self::Create | Self::Recover | Self::NoChange => &["CREATE_IN_PROGRESS"],
            Self::Update | Self::CreateProtected | Self::ReplaceInProduction => {
                &["CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"]
            }
            Self::UpdateProtected => &["CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"],
            Self::Down => &["CREATE_IN_PROGRESS", "DELETE_IN_PROGRESS"],
            Self::DownProtected => {
                &["CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS"]
            }
        }
    }

    /// The end is right: the outcome, the stack, nothing left lying, and no operation twice.
    pub async fn ended_well(
        self,
        bed: &Bed,
        stack: &str,
        id: Option<String>,
        outcome: &Outcome,
    ) -> Result<(), String> {
        let told = match outcome {
            Outcome::Deployed { .. } | Outcome::Unchanged { .. } => !self.takes_down(),
            Outcome::Deleted { .. } | Outcome::NothingThere => self.takes_down(),
            _ => false,
        };
        if !told {
            return Err(format!("the outcome is {outcome:?}"));
        }
        let live = bed.aws.stack(stack).await.unwrap();
        let id = match (&live, self.takes_down()) {
            (None, true) => id.unwrap_or_default(),
            (Some(live), false) => {
                let fine = [StackStatus::CreateComplete, StackStatus::UpdateComplete];
                if !fine.contains(&live.status) {
                    return Err(format!("the stack is {}", live.status));
                }
                let desired = self.desired(stack);
                let unchanged = bed.run().engine.unchanged(&desired).await.unwrap();
                if unchanged.is_none() && self != Self::NoChange {
                    return Err("the stack is not what it should be".to_owned());
                }
                live.id.clone()
            }
            (live, _) => return Err(format!("the stack is {live:?}")),
        };
        if self == Self::ReplaceInProduction {
            let policy = bed.stack_policy(&id).await;
            if !policy.contains("Update:Replace") {
                return Err(format!("the stack policy is {policy}"));
            }
        }
        let stray = bed.stray_change_sets(stack).await;
        if !stray.is_empty() {
            return Err(format!("left lying: {stray:?}"));
        }
        let operations = bed.operations(&id).await;
        if operations != self.operations() {
            return Err(format!("operations: {operations:?}"));
        }
        Ok(())
    }
}

/// Lets `number` calls pass and holds the next one, before its work or before its answer.
async fn hold(mut gate: UnboundedReceiver<Passage>, number: usize) -> Passage {
    for _ in 0..number {
        let passage = gate.recv().await.unwrap();
        passage.go.send(()).unwrap();
    }
    gate.recv().await.unwrap()
}

/// Kills a run at a point and runs again. `None`: the run ended before that point.
async fn kill_at(bed: &Bed, story: Story, point: usize) -> Option<Result<(), String>> {
    let stack = format!("{story:?}-{point}").to_lowercase();
    let id = story.before(bed, &stack).await;
    let gate = bed.faults().gate();
    let killed = {
        let run = bed.run();
        tokio::select! {
            _ = story.tell(&run, &stack) => None,
            held = hold(gate, point) => Some(format!("{} {}", held.operation, if held.done { "done" } else { "sent" })),
        }
    }?;
    // A run that hangs is as wrong as one that ends badly.
    let again = tokio::time::timeout(Duration::from_secs(30), async { story.tell(&bed.run(), &stack).await });
    let found = match again.await {
        Ok(Ok(outcome)) => story.ended_well(bed, &stack, id, &outcome).await,
        Ok(Err(error)) => Err(format!("{error:?}")),
        Err(_) => Err("the next run hangs".to_owned()),
    };
    Some(found.map_err(|why| format!("{story:?} killed at {point} ({killed}): {why}")))
}

async fn kill_everywhere(story: Story) -> (usize, Vec<String>) {
    let bed = Bed::new().await;
    let mut wrong = Vec::new();
    for point in 0.. {
        match kill_at(&bed, story, point).await {
            None => return (point, wrong),
            Some(found) => wrong.extend(found.err()),
        }
    }
    unreachable!("every run ends")
}

#[test]
fn a_run_killed_before_or_after_any_call_converges_in_one_re_run() {
    let tasks = STORIES.map(|story| (story, on_a_thread(move || kill_everywhere(story))));
    let (mut all, mut wrong) = (0, Vec::new());
    for (story, task) in tasks {
        let (points, found) = task.join().unwrap();
        println!("{:<40} {:>4}/{points} kill points", format!("{story:?}"), points - found.len());
        all += points;
        wrong.extend(found);
    }
    println!("{}/{all} kill points converge", all - wrong.len());
    assert_eq!(wrong, Vec::<String>::new());
    assert!(all > 150, "{all}");
}

/// Makes the artefact bucket, or takes it away with what is in it.
async fn bucket(run: &Run<'_>, account: &str, make: bool) -> Result<bool, String> {
    let ended = if make {
        run.engine.ensure_bucket(account, true, &yes()).await.map(|failed| failed.is_none())
    } else {
        let removed = run.engine.remove_bucket(account).await;
        removed.map(|outcome| matches!(outcome, Outcome::Deleted { .. } | Outcome::NothingThere))
    };
    ended.map_err(|error| format!("{error:?}"))
}

/// Kills the making, or the removal, of the bucket at a point and runs again. `false`: it ended before that point.
async fn kill_bucket_at(make: bool, point: usize) -> Result<bool, String> {
    let bed = Bed::new().await;
    let account = bed.aws.caller().await.unwrap().account;
    let name = deployer::deploy::bucket_name(&account, "us-east-1");
    if !make {
        assert_eq!(bucket(&bed.run(), &account, true).await, Ok(true));
        bed.aws.put_text(&name, "some/key", "content").await.unwrap();
    }
    let gate = bed.faults().gate();
    let killed = {
        let run = bed.run();
        tokio::select! {
            _ = bucket(&run, &account, make) => return Ok(false),
            held = hold(gate, point) => held.operation,
        }
    };
    let again = bucket(&bed.run(), &account, make).await;
    let there = bed.aws.bucket_exists(&name, &account).await.unwrap();
    let status = bed.status(deployer::deploy::BUCKET_STACK).await;
    let right = again == Ok(true) && there == make && (status == Some(StackStatus::CreateComplete)) == make;
    if right {
        Ok(true)
    } else {
        Err(format!("{point} ({killed}): {again:?}, bucket {there}, stack {status:?}"))
    }
}

#[tokio::test]
async fn a_bucket_half_made_or_half_removed_is_finished_by_the_next_run() {
    for make in [true, false] {
        let mut points = 0;
        while kill_bucket_at(make, points).await.unwrap() {
            points += 1;
        }
        let what = if make { "the artefact bucket made" } else { "the artefact bucket removed" };
        println!("{what:<40} {points:>4}/{points} kill points");
        assert!(points > 8, "{points}");
    }
}
