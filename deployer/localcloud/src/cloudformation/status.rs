//! The 23 statuses of a stack, and what each one lets happen.

use serde::{Deserialize, Serialize};

/// Names as CloudFormation writes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum StackStatus {
    CreateComplete,
    CreateFailed,
    CreateInProgress,
    DeleteComplete,
    DeleteFailed,
    DeleteInProgress,
    ImportComplete,
    ImportInProgress,
    ImportRollbackComplete,
    ImportRollbackFailed,
    ImportRollbackInProgress,
    ReviewInProgress,
    RollbackComplete,
    RollbackFailed,
    RollbackInProgress,
    UpdateComplete,
    UpdateCompleteCleanupInProgress,
    UpdateFailed,
    UpdateInProgress,
    UpdateRollbackComplete,
    UpdateRollbackCompleteCleanupInProgress,
    UpdateRollbackFailed,
    UpdateRollbackInProgress,
}

use StackStatus as S;

impl StackStatus {
    pub const ALL: [Self; 23] = [
        S::CreateComplete,
        S::CreateFailed,
        S::CreateInProgress,
        S::DeleteComplete,
        S::DeleteFailed,
        S::DeleteInProgress,
        S::ImportComplete,
        S::ImportInProgress,
        S::ImportRollbackComplete,
        S::ImportRollbackFailed,
        S::ImportRollbackInProgress,
        S::ReviewInProgress,
        S::RollbackComplete,
        S::RollbackFailed,
        S::RollbackInProgress,
        S::UpdateComplete,
        S::UpdateCompleteCleanupInProgress,
        S::UpdateFailed,
        S::UpdateInProgress,
        S::UpdateRollbackComplete,
        S::UpdateRollbackCompleteCleanupInProgress,
        S::UpdateRollbackFailed,
        S::UpdateRollbackInProgress,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            S::CreateComplete => "CREATE_COMPLETE",
            S::CreateFailed => "CREATE_FAILED",
            S::CreateInProgress => "CREATE_IN_PROGRESS",
            S::DeleteComplete => "DELETE_COMPLETE",
            S::DeleteFailed => "DELETE_FAILED",
            S::DeleteInProgress => "DELETE_IN_PROGRESS",
            S::ImportComplete => "IMPORT_COMPLETE",
            S::ImportInProgress => "IMPORT_IN_PROGRESS",
            S::ImportRollbackComplete => "IMPORT_ROLLBACK_COMPLETE",
            S::ImportRollbackFailed => "IMPORT_ROLLBACK_FAILED",
            S::ImportRollbackInProgress => "IMPORT_ROLLBACK_IN_PROGRESS",
            S::ReviewInProgress => "REVIEW_IN_PROGRESS",
            S::RollbackComplete => "ROLLBACK_COMPLETE",
            S::RollbackFailed => "ROLLBACK_FAILED",
            S::RollbackInProgress => "ROLLBACK_IN_PROGRESS",
            S::UpdateComplete => "UPDATE_COMPLETE",
            S::UpdateCompleteCleanupInProgress => "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
            S::UpdateFailed => "UPDATE_FAILED",
            S::UpdateInProgress => "UPDATE_IN_PROGRESS",
            S::UpdateRollbackComplete => "UPDATE_ROLLBACK_COMPLETE",
            S::UpdateRollbackCompleteCleanupInProgress => "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
            S::UpdateRollbackFailed => "UPDATE_ROLLBACK_FAILED",
            S::UpdateRollbackInProgress => "UPDATE_ROLLBACK_IN_PROGRESS",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// An operation runs. A stack under review has no operation.
    pub fn busy(self) -> bool {
        self.as_str().ends_with("_IN_PROGRESS") && self != S::ReviewInProgress
    }

    /// The last operation left the stack as some template describes it: what a later failure goes
    /// back to.
    pub fn stable(self) -> bool {
        matches!(
            self,
            S::CreateComplete
                | S::UpdateComplete
                | S::UpdateRollbackComplete
                | S::ImportComplete
                | S::ImportRollbackComplete
        )
    }

    /// UpdateStack, and change sets of type UPDATE, are legal. After a failure that was not rolled
    /// back the stack may be updated on (the user guide's "stack failure options").
    pub fn updatable(self) -> bool {
        self.stable() || matches!(self, S::CreateFailed | S::UpdateFailed)
    }

    /// DeleteStack is legal: refused while an update is going on or being undone.
    pub fn deletable(self) -> bool {
        !matches!(
            self,
            S::UpdateInProgress
                | S::UpdateCompleteCleanupInProgress
                | S::UpdateRollbackInProgress
                | S::UpdateRollbackCompleteCleanupInProgress
                | S::ImportInProgress
                | S::ImportRollbackInProgress
                | S::DeleteComplete
        )
    }
}

impl std::fmt::Display for StackStatus {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stored_name_is_the_name_on_the_wire() {
        for status in StackStatus::ALL {
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
            assert_eq!(StackStatus::parse(status.as_str()), Some(status));
        }
    }

    #[test]
    fn a_stack_that_can_be_updated_can_be_deleted() {
        assert!(StackStatus::ALL.into_iter().all(|status| !status.updatable() || status.deletable()));
    }
}
