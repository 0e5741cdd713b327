//! The state table: what `up`, `down` and `rollback` do next about a stack, as pure functions over values.
//!
//! A command looks at the stack, asks for the next step, does it and looks again, until there is a
//! step that ends it. Nothing here calls anything.

use crate::aws::StackStatus;
use crate::project::Class;

/// What is known about the stack and what this run has tried already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    pub class: Class,
    /// `None`: there is no such stack.
    pub status: Option<StackStatus>,
    /// The newest stack-level event carries this deployment's token: its own operation, begun by a
    /// former run that did not see the end.
    pub mine: bool,
    /// In review: somebody else's change set waits to be executed.
    pub foreign_change_set: bool,
    /// Resources of the failed stack that hold data are still there.
    pub data_left: bool,
    /// Resources of any kind are still there.
    pub resources_left: bool,
    pub tried: Tried,
    pub options: Options,
}

/// Steps that a run takes at most once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tried {
    pub delete: bool,
    pub roll_back: bool,
    pub continue_rollback: bool,
    pub retain: bool,
    pub unblock: bool,
}

/// What the person allowed on the command line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// `up --replace-failed`: a production stack that never worked may be deleted.
    pub replace_failed: bool,
    /// `down --force`: do not wait for running operations, leave behind what will not go.
    pub force: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpStep {
    /// A change set of type CREATE.
    Create,
    /// A change set of type UPDATE; the last update may have failed.
    Update { last_failed: bool },
    /// Follow the operation that a former run of this deployment began.
    Resume,
    /// Wait for somebody else's operation, bounded.
    Wait,
    /// Delete what never worked, then look again.
    Delete,
    /// RollbackStack, then look again.
    RollBack,
    /// ContinueUpdateRollback without skipping anything, then look again.
    ContinueRollback,
    /// Exit 6.
    Foreign,
    /// Exit 7.
    Stuck,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DownStep {
    /// There is nothing (any more).
    Done,
    Delete,
    /// Follow the delete that is running.
    Attach,
    Wait,
    CancelUpdate,
    /// Take away what is known to refuse it, and delete once more.
    DeleteUnblocked,
    /// Delete once more and leave alive what does not go (legal only in DELETE_FAILED).
    DeleteRetaining,
    /// Exit 8: list what is left.
    LeftOver,
    Foreign,
    Stuck,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RollbackStep {
    /// The stack is deleted.
    Gone,
    /// The stack rests in a state from which `up` goes on.
    AtRest,
    /// ContinueUpdateRollback, skipping what the person named; then look again.
    Continue,
    /// RollbackStack, then look again.
    RollBack,
    Wait,
    /// Exit 2: something is to be skipped, and this state has nothing to skip.
    CannotSkip,
    /// Exit 7: no rollback leads out of this state.
    Stuck,
}

/// The next step of `up`.
pub fn up(facts: &Facts) -> UpStep {
    use StackStatus as S;
    let Some(status) = &facts.status else { return UpStep::Create };
    match status {
        S::DeleteComplete => UpStep::Create,
        S::ReviewInProgress if facts.foreign_change_set => UpStep::Foreign,
        S::ReviewInProgress => UpStep::Create,
        S::CreateComplete | S::UpdateComplete | S::ImportComplete | S::ImportRollbackComplete => {
            UpStep::Update { last_failed: false }
        }
        S::UpdateRollbackComplete => UpStep::Update { last_failed: true },
        // Our own rollback is a failure, although it ends in *_COMPLETE.
        S::CreateInProgress | S::UpdateInProgress | S::RollbackInProgress | S::UpdateRollbackInProgress
            if facts.mine =>
        {
            UpStep::Resume
        }
        S::CreateInProgress
        | S::UpdateInProgress
        | S::UpdateCompleteCleanupInProgress
        | S::UpdateRollbackCompleteCleanupInProgress
        | S::RollbackInProgress
        | S::UpdateRollbackInProgress
        | S::ImportInProgress
        | S::ImportRollbackInProgress
        | S::DeleteInProgress => UpStep::Wait,
        S::CreateFailed => recreate(facts, !facts.resources_left),
        S::RollbackComplete => {
            recreate(facts, facts.class != Class::Production || facts.options.replace_failed)
        }
        S::RollbackFailed => recreate(facts, facts.class == Class::Development && !facts.data_left),
        S::UpdateFailed if facts.tried.roll_back => UpStep::Stuck,
        S::UpdateFailed => UpStep::RollBack,
        S::UpdateRollbackFailed if facts.tried.continue_rollback => UpStep::Stuck,
        S::UpdateRollbackFailed => UpStep::ContinueRollback,
        S::DeleteFailed => recreate(facts, facts.class == Class::Development),
        S::ImportRollbackFailed => UpStep::Stuck,
        S::Unknown(_) if status.in_progress() => UpStep::Wait,
        S::Unknown(_) => UpStep::Stuck,
    }
}

/// Deletes what failed: always in ephemeral stages, elsewhere where `harmless`; once a run.
fn recreate(facts: &Facts, harmless: bool) -> UpStep {
    let allowed = facts.class == Class::Ephemeral || harmless;
    if allowed && !facts.tried.delete { UpStep::Delete } else { UpStep::Stuck }
}

/// The next step of `down`, after the stage's class allowed it at all.
pub fn down(facts: &Facts) -> DownStep {
    use StackStatus as S;
    let ephemeral = facts.class == Class::Ephemeral;
    let Some(status) = &facts.status else { return DownStep::Done };
    match status {
        S::DeleteComplete => DownStep::Done,
        S::ReviewInProgress if facts.foreign_change_set => DownStep::Foreign,
        S::ReviewInProgress
        | S::CreateComplete
        | S::UpdateComplete
        | S::UpdateRollbackComplete
        | S::ImportComplete
        | S::ImportRollbackComplete
        | S::CreateFailed
        | S::RollbackComplete
        | S::RollbackFailed
        | S::UpdateFailed => delete(facts),
        S::CreateInProgress if facts.options.force && !facts.tried.delete => DownStep::Delete,
        S::UpdateInProgress if facts.options.force && !facts.tried.roll_back => DownStep::CancelUpdate,
        S::CreateInProgress
        | S::UpdateInProgress
        | S::UpdateCompleteCleanupInProgress
        | S::UpdateRollbackCompleteCleanupInProgress
        | S::RollbackInProgress
        | S::UpdateRollbackInProgress
        | S::ImportInProgress
        | S::ImportRollbackInProgress => DownStep::Wait,
        S::UpdateRollbackFailed | S::ImportRollbackFailed if ephemeral => delete(facts),
        S::UpdateRollbackFailed | S::ImportRollbackFailed => DownStep::Stuck,
        S::DeleteInProgress => DownStep::Attach,
        S::DeleteFailed if !facts.tried.unblock => DownStep::DeleteUnblocked,
        S::DeleteFailed if facts.options.force && !facts.tried.retain => DownStep::DeleteRetaining,
        S::DeleteFailed => DownStep::LeftOver,
        S::Unknown(_) if status.in_progress() => DownStep::Wait,
        S::Unknown(_) => DownStep::Stuck,
    }
}

/// A delete that came back to a complete stack was turned away (an export in use): not to be repeated.
fn delete(facts: &Facts) -> DownStep {
    if facts.tried.delete { DownStep::LeftOver } else { DownStep::Delete }
}

/// The next step of `rollback`. `skipping`: the person named resources to skip, which
/// ContinueUpdateRollback alone takes.
pub fn rollback(status: &StackStatus, tried: Tried, skipping: bool) -> RollbackStep {
    use StackStatus as S;
    match status {
        S::DeleteComplete => RollbackStep::Gone,
        S::UpdateRollbackFailed if tried.continue_rollback => RollbackStep::Stuck,
        S::UpdateRollbackFailed => RollbackStep::Continue,
        S::UpdateFailed if tried.roll_back => RollbackStep::Stuck,
        S::UpdateFailed if skipping => RollbackStep::CannotSkip,
        S::UpdateFailed => RollbackStep::RollBack,
        S::ReviewInProgress
        | S::CreateComplete
        | S::UpdateComplete
        | S::UpdateRollbackComplete
        | S::ImportComplete
        | S::ImportRollbackComplete => RollbackStep::AtRest,
        S::CreateInProgress
        | S::UpdateInProgress
        | S::UpdateCompleteCleanupInProgress
        | S::UpdateRollbackCompleteCleanupInProgress
        | S::RollbackInProgress
        | S::UpdateRollbackInProgress
        | S::ImportInProgress
        | S::ImportRollbackInProgress
        | S::DeleteInProgress => RollbackStep::Wait,
        S::CreateFailed
        | S::RollbackComplete
        | S::RollbackFailed
        | S::DeleteFailed
        | S::ImportRollbackFailed => RollbackStep::Stuck,
        S::Unknown(_) if status.in_progress() => RollbackStep::Wait,
        S::Unknown(_) => RollbackStep::Stuck,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(class: Class, status: StackStatus) -> Facts {
        Facts {
            class,
            status: Some(status),
            mine: false,
            foreign_change_set: false,
            data_left: true,
            resources_left: true,
            tried: Tried::default(),
            options: Options::default(),
        }
    }

    const CLASSES: [Class; 3] = [Class::Ephemeral, Class::Development, Class::Production];

    #[test]
    fn rollback_complete_is_deleted_and_created_except_in_production() {
        let steps = CLASSES.map(|class| up(&facts(class, StackStatus::RollbackComplete)));
        assert_eq!(steps, [UpStep::Delete, UpStep::Delete, UpStep::Stuck]);
        let mut allowed = facts(Class::Production, StackStatus::RollbackComplete);
        allowed.options.replace_failed = true;
        assert_eq!(up(&allowed), UpStep::Delete);
    }

    #[test]
    fn a_running_operation_is_resumed_only_where_it_is_mine() {
        let mut running = facts(Class::Development, StackStatus::UpdateInProgress);
        assert_eq!(up(&running), UpStep::Wait);
        running.mine = true;
        assert_eq!(up(&running), UpStep::Resume);
    }

    #[test]
    fn rollback_failed_repairs_itself_in_development_only_where_no_data_is_lost() {
        let mut failed = facts(Class::Development, StackStatus::RollbackFailed);
        assert_eq!(up(&failed), UpStep::Stuck);
        failed.data_left = false;
        assert_eq!(up(&failed), UpStep::Delete);
        failed.tried.delete = true;
        assert_eq!(up(&failed), UpStep::Stuck);
    }

    #[test]
    fn update_rollback_failed_is_continued_once_and_never_twice() {
        let mut failed = facts(Class::Ephemeral, StackStatus::UpdateRollbackFailed);
        assert_eq!(up(&failed), UpStep::ContinueRollback);
        failed.tried.continue_rollback = true;
        assert_eq!(up(&failed), UpStep::Stuck);
    }

    #[test]
    fn somebody_elses_change_set_on_a_stack_in_review_stops_both_commands() {
        let mut review = facts(Class::Ephemeral, StackStatus::ReviewInProgress);
        assert_eq!((up(&review), down(&review)), (UpStep::Create, DownStep::Delete));
        review.foreign_change_set = true;
        assert_eq!((up(&review), down(&review)), (UpStep::Foreign, DownStep::Foreign));
    }

    #[test]
    fn a_delete_turned_away_by_an_export_in_use_is_not_success() {
        let mut back = facts(Class::Ephemeral, StackStatus::UpdateComplete);
        back.tried.delete = true;
        assert_eq!(down(&back), DownStep::LeftOver);
    }

    #[test]
    fn resources_are_left_alive_only_by_force_and_only_in_delete_failed() {
        let mut failed = facts(Class::Development, StackStatus::DeleteFailed);
        failed.tried = Tried { delete: true, unblock: true, ..Tried::default() };
        assert_eq!(down(&failed), DownStep::LeftOver);
        failed.options.force = true;
        assert_eq!(down(&failed), DownStep::DeleteRetaining);
        failed.tried.retain = true;
        assert_eq!(down(&failed), DownStep::LeftOver);
    }

    #[test]
    fn a_failed_delete_is_tried_once_more_without_what_is_known_to_refuse_it() {
        let mut failed = facts(Class::Ephemeral, StackStatus::DeleteFailed);
        for tried in [false, true] {
            failed.tried.delete = tried;
            assert_eq!(down(&failed), DownStep::DeleteUnblocked);
        }
        failed.tried.unblock = true;
        assert_eq!(down(&failed), DownStep::LeftOver);
    }

    #[test]
    fn force_interrupts_a_create_and_cancels_an_update_once_and_waits_otherwise() {
        let mut running = [StackStatus::CreateInProgress, StackStatus::UpdateInProgress]
            .map(|status| facts(Class::Development, status));
        assert_eq!(running.each_ref().map(down), [DownStep::Wait, DownStep::Wait]);
        running.iter_mut().for_each(|facts| facts.options.force = true);
        assert_eq!(running.each_ref().map(down), [DownStep::Delete, DownStep::CancelUpdate]);
        let all = Tried { delete: true, roll_back: true, ..Tried::default() };
        running.iter_mut().for_each(|facts| facts.tried = all);
        assert_eq!(running.each_ref().map(down), [DownStep::Wait, DownStep::Wait]);
    }

    #[test]
    fn a_rollback_is_tried_once_and_skips_only_while_continuing_one() {
        let fresh = Tried::default();
        assert_eq!(rollback(&StackStatus::UpdateFailed, fresh, true), RollbackStep::CannotSkip);
        assert_eq!(rollback(&StackStatus::UpdateFailed, fresh, false), RollbackStep::RollBack);
        assert_eq!(rollback(&StackStatus::UpdateRollbackFailed, fresh, true), RollbackStep::Continue);
        let all = Tried { roll_back: true, continue_rollback: true, ..fresh };
        for status in [StackStatus::UpdateFailed, StackStatus::UpdateRollbackFailed] {
            assert_eq!(rollback(&status, all, false), RollbackStep::Stuck);
        }
    }

    #[test]
    fn an_unknown_status_in_progress_is_waited_for_and_any_other_stops() {
        for class in CLASSES {
            let running = facts(class, StackStatus::Unknown("REFRESH_IN_PROGRESS".to_owned()));
            assert_eq!((up(&running), down(&running)), (UpStep::Wait, DownStep::Wait));
            let odd = facts(class, StackStatus::Unknown("REFRESHED".to_owned()));
            assert_eq!((up(&odd), down(&odd)), (UpStep::Stuck, DownStep::Stuck));
            let steps = [running, odd].map(|facts| facts.status.map(|it| rollback(&it, facts.tried, false)));
            assert_eq!(steps, [Some(RollbackStep::Wait), Some(RollbackStep::Stuck)]);
        }
    }
}
