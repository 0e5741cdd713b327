//! Random walks of the planner over what CloudFormation permits: it never asks for a call that is
//! illegal in the stack's status, and every command ends.
//!
//! The tables here are read from the API reference and the user guide, not from the planner.

use deployer::aws::StackStatus;
use deployer::deploy::planner::{self, DownStep, Facts, Options, RollbackStep, Tried, UpStep};
use deployer::project::Class;

const STEPS: usize = 1_000_000;
/// A command that changes a stack more often than this goes round in circles.
const MOST_CALLS: usize = 4;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Call {
    CreateSet,
    UpdateSet,
    Delete,
    DeleteAgain,
    DeleteRetaining,
    RollBack,
    Continue,
    ContinueSkipping,
    Cancel,
}

const COMPLETE: [&str; 5] = [
    "CREATE_COMPLETE",
    "UPDATE_COMPLETE",
    "UPDATE_ROLLBACK_COMPLETE",
    "IMPORT_COMPLETE",
    "IMPORT_ROLLBACK_COMPLETE",
];

/// Whether CloudFormation takes the call in this status; `""` is no stack at all.
fn legal(status: &str, call: Call) -> bool {
    match call {
        // "CREATE" is for a stack that does not exist or is in review (CreateChangeSet, ChangeSetType).
        Call::CreateSet => matches!(status, "" | "DELETE_COMPLETE" | "REVIEW_IN_PROGRESS"),
        // The user guide's "stack failure options" lets a failed stack be updated on.
        Call::UpdateSet => COMPLETE.contains(&status) || matches!(status, "CREATE_FAILED" | "UPDATE_FAILED"),
        // Refused while an update or an import is carried out, cleaned up or undone.
        Call::Delete | Call::DeleteAgain => {
            COMPLETE.contains(&status)
                || status.ends_with("_FAILED")
                || matches!(status, "ROLLBACK_COMPLETE" | "REVIEW_IN_PROGRESS" | "CREATE_IN_PROGRESS")
        }
        // DeleteStack: "RetainResources: for stacks in the DELETE_FAILED state".
        Call::DeleteRetaining => status == "DELETE_FAILED",
        Call::RollBack => matches!(status, "CREATE_FAILED" | "UPDATE_FAILED"),
        Call::Continue | Call::ContinueSkipping => status == "UPDATE_ROLLBACK_FAILED",
        Call::Cancel => status == "UPDATE_IN_PROGRESS",
    }
}

/// What a stack may be when an operation of this call is over.
fn ends(call: Call) -> &'static [&'static str] {
    match call {
        Call::CreateSet => &[
            "CREATE_COMPLETE",
            "ROLLBACK_COMPLETE",
            "ROLLBACK_FAILED",
            "CREATE_FAILED",
            "REVIEW_IN_PROGRESS",
        ],
        Call::UpdateSet => {
            &["UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED", "UPDATE_FAILED"]
        }
        // An export in use turns a delete back to a complete stack.
        Call::Delete | Call::DeleteAgain => {
            &["", "DELETE_COMPLETE", "DELETE_FAILED", "DELETE_FAILED", "UPDATE_COMPLETE"]
        }
        Call::DeleteRetaining => &["", "DELETE_COMPLETE", "DELETE_FAILED"],
        Call::RollBack => {
            &["UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED", "UPDATE_FAILED", "ROLLBACK_COMPLETE"]
        }
        Call::Continue | Call::ContinueSkipping => &["UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED"],
        Call::Cancel => {
            &["UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED"]
        }
    }
}

/// What somebody else's operation ends in.
fn others(status: &str) -> &'static [&'static str] {
    match status {
        "CREATE_IN_PROGRESS" => &["CREATE_COMPLETE", "CREATE_FAILED", "ROLLBACK_IN_PROGRESS"],
        "ROLLBACK_IN_PROGRESS" => &["ROLLBACK_COMPLETE", "ROLLBACK_FAILED"],
        "UPDATE_IN_PROGRESS" => {
            &["UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_FAILED"]
        }
        "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS" => &["UPDATE_COMPLETE"],
        "UPDATE_ROLLBACK_IN_PROGRESS" => {
            &["UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_ROLLBACK_FAILED"]
        }
        "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS" => &["UPDATE_ROLLBACK_COMPLETE"],
        "IMPORT_IN_PROGRESS" => &["IMPORT_COMPLETE", "IMPORT_ROLLBACK_IN_PROGRESS"],
        "IMPORT_ROLLBACK_IN_PROGRESS" => &["IMPORT_ROLLBACK_COMPLETE", "IMPORT_ROLLBACK_FAILED"],
        "DELETE_IN_PROGRESS" => &["", "DELETE_COMPLETE", "DELETE_FAILED"],
        "REFRESH_IN_PROGRESS" => &["UPDATE_COMPLETE", "REFRESHED"],
        other => panic!("nothing runs in {other}"),
    }
}

/// The same walk every time (xorshift64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn one_of<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::try_from(self.next() >> 33).unwrap() % from.len()]
    }

    fn coin(&mut self) -> bool {
        self.one_of(&[true, false])
    }
}

/// What one step of a command means for the world.
enum Means {
    Send(Call),
    /// Somebody's operation is waited for, or a former one of ours is followed.
    Wait,
    End,
}

fn up(step: UpStep) -> Means {
    match step {
        UpStep::Create => Means::Send(Call::CreateSet),
        UpStep::Update { .. } => Means::Send(Call::UpdateSet),
        UpStep::Resume | UpStep::Wait => Means::Wait,
        UpStep::Delete => Means::Send(Call::Delete),
        UpStep::RollBack => Means::Send(Call::RollBack),
        UpStep::ContinueRollback => Means::Send(Call::Continue),
        UpStep::Foreign | UpStep::Stuck => Means::End,
    }
}

fn down(step: DownStep) -> Means {
    match step {
        DownStep::Delete => Means::Send(Call::Delete),
        DownStep::DeleteUnblocked => Means::Send(Call::DeleteAgain),
        DownStep::DeleteRetaining => Means::Send(Call::DeleteRetaining),
        DownStep::CancelUpdate => Means::Send(Call::Cancel),
        DownStep::Attach | DownStep::Wait => Means::Wait,
        DownStep::Done | DownStep::LeftOver | DownStep::Foreign | DownStep::Stuck => Means::End,
    }
}

fn rollback(step: RollbackStep, skipping: bool) -> Means {
    match step {
        RollbackStep::Continue if skipping => Means::Send(Call::ContinueSkipping),
        RollbackStep::Continue => Means::Send(Call::Continue),
        RollbackStep::RollBack => Means::Send(Call::RollBack),
        RollbackStep::Wait => Means::Wait,
        RollbackStep::Gone | RollbackStep::AtRest | RollbackStep::CannotSkip | RollbackStep::Stuck => {
            Means::End
        }
    }
}

/// What the engine marks as tried when it sends the call.
fn mark(tried: &mut Tried, call: Call) {
    match call {
        Call::Delete => tried.delete = true,
        Call::DeleteAgain => *tried = Tried { delete: true, unblock: true, ..*tried },
        Call::DeleteRetaining => tried.retain = true,
        Call::RollBack | Call::Cancel => tried.roll_back = true,
        Call::Continue | Call::ContinueSkipping => tried.continue_rollback = true,
        Call::CreateSet | Call::UpdateSet => {}
    }
}

fn random_facts(dice: &mut Dice) -> Facts {
    Facts {
        class: dice.one_of(&[Class::Ephemeral, Class::Development, Class::Production]),
        status: None,
        mine: dice.coin(),
        foreign_change_set: dice.coin(),
        data_left: dice.coin(),
        resources_left: dice.coin(),
        tried: Tried::default(),
        options: Options { replace_failed: dice.coin(), force: dice.coin() },
    }
}

#[test]
fn no_step_of_a_million_is_illegal_and_every_command_ends() {
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
    let every: Vec<&str> = StackStatus::KNOWN.iter().map(|(name, _)| *name).collect();
    let starts = [every, vec!["", "REFRESHED", "REFRESH_IN_PROGRESS"]].concat();
    let (mut steps, mut commands, mut calls) = (0, 0, 0);
    while steps < STEPS {
        commands += 1;
        let mut facts = random_facts(&mut dice);
        let (command, skipping) = (dice.one_of(&["up", "down", "rollback"]), dice.coin());
        let mut status = dice.one_of(&starts);
        let mut sent = 0;
        loop {
            steps += 1;
            facts.status = (!status.is_empty()).then(|| StackStatus::parse(status));
            let means = match (command, &facts.status) {
                ("up", _) => up(planner::up(&facts)),
                ("down", _) => down(planner::down(&facts)),
                (_, None) => Means::End,
                (_, Some(status)) => rollback(planner::rollback(status, facts.tried, skipping), skipping),
            };
            match means {
                Means::End => break,
                Means::Wait => status = dice.one_of(others(status)),
                Means::Send(call) => {
                    assert!(legal(status, call), "{command} asks for {call:?} in `{status}`: {facts:?}");
                    mark(&mut facts.tried, call);
                    sent += 1;
                    calls += 1;
                    assert!(sent <= MOST_CALLS, "{command} goes round in circles in {status}: {facts:?}");
                    status = dice.one_of(ends(call));
                    if matches!(call, Call::CreateSet | Call::UpdateSet) {
                        // A deployment is the last thing that `up` does.
                        break;
                    }
                }
            }
        }
    }
    println!("0 illegal calls in {steps} random planner steps ({commands} commands, {calls} calls)");
}
