//! CloudFormation's vocabulary as values: stacks, change sets, events.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::Serialize;

/// The 23 statuses of a stack, and any that a newer CloudFormation may bring.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum StackStatus {
    CreateInProgress,
    CreateFailed,
    CreateComplete,
    RollbackInProgress,
    RollbackFailed,
    RollbackComplete,
    DeleteInProgress,
    DeleteFailed,
    DeleteComplete,
    UpdateInProgress,
    UpdateCompleteCleanupInProgress,
    UpdateComplete,
    UpdateFailed,
    UpdateRollbackInProgress,
    UpdateRollbackFailed,
    UpdateRollbackCompleteCleanupInProgress,
    UpdateRollbackComplete,
    ReviewInProgress,
    ImportInProgress,
    ImportComplete,
    ImportRollbackInProgress,
    ImportRollbackFailed,
    ImportRollbackComplete,
    /// A value that this version does not know.
    Unknown(String),
}

impl StackStatus {
    /// Every known status with CloudFormation's word for it.
    pub const KNOWN: [(&'static str, Self); 23] = [
        ("CREATE_IN_PROGRESS", Self::CreateInProgress),
        ("CREATE_FAILED", Self::CreateFailed),
        ("CREATE_COMPLETE", Self::CreateComplete),
        ("ROLLBACK_IN_PROGRESS", Self::RollbackInProgress),
        ("ROLLBACK_FAILED", Self::RollbackFailed),
        ("ROLLBACK_COMPLETE", Self::RollbackComplete),
        ("DELETE_IN_PROGRESS", Self::DeleteInProgress),
        ("DELETE_FAILED", Self::DeleteFailed),
        ("DELETE_COMPLETE", Self::DeleteComplete),
        ("UPDATE_IN_PROGRESS", Self::UpdateInProgress),
        ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", Self::UpdateCompleteCleanupInProgress),
        ("UPDATE_COMPLETE", Self::UpdateComplete),
        ("UPDATE_FAILED", Self::UpdateFailed),
        ("UPDATE_ROLLBACK_IN_PROGRESS", Self::UpdateRollbackInProgress),
        ("UPDATE_ROLLBACK_FAILED", Self::UpdateRollbackFailed),
        ("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", Self::UpdateRollbackCompleteCleanupInProgress),
        ("UPDATE_ROLLBACK_COMPLETE", Self::UpdateRollbackComplete),
        ("REVIEW_IN_PROGRESS", Self::ReviewInProgress),
        ("IMPORT_IN_PROGRESS", Self::ImportInProgress),
        ("IMPORT_COMPLETE", Self::ImportComplete),
        ("IMPORT_ROLLBACK_IN_PROGRESS", Self::ImportRollbackInProgress),
        ("IMPORT_ROLLBACK_FAILED", Self::ImportRollbackFailed),
        ("IMPORT_ROLLBACK_COMPLETE", Self::ImportRollbackComplete),
    ];

    pub fn parse(text: &str) -> Self {
        Self::KNOWN
            .into_iter()
            .find_map(|(name, status)| (name == text).then_some(status))
            .unwrap_or_else(|| Self::Unknown(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        if let Self::Unknown(text) = self {
            return text;
        }
        Self::KNOWN.iter().find_map(|(name, status)| (status == self).then_some(*name)).unwrap_or_default()
    }

    /// An operation is running. REVIEW_IN_PROGRESS is not one: nothing happens until somebody acts.
    pub fn in_progress(&self) -> bool {
        *self != Self::ReviewInProgress && self.as_str().ends_with("_IN_PROGRESS")
    }
}

impl fmt::Display for StackStatus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl Serialize for StackStatus {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// A stack as DescribeStacks shows it.
#[derive(Debug, Clone)]
pub struct Stack {
    /// The ARN: addresses this very stack, also after its deletion.
    pub id: String,
    pub name: String,
    pub status: StackStatus,
    pub reason: Option<String>,
    pub parameters: BTreeMap<String, String>,
    pub tags: BTreeMap<String, String>,
    pub outputs: BTreeMap<String, String>,
    pub termination_protection: bool,
    pub notification_arns: Vec<String>,
    pub created: Option<Timestamp>,
    pub updated: Option<Timestamp>,
}

impl Stack {
    /// The account, which the ARN names: `arn:<partition>:cloudformation:<region>:<account>:stack/…`.
    pub fn account(&self) -> &str {
        self.id.split(':').nth(4).unwrap_or_default()
    }
}

/// What a change set is made of.
#[derive(Debug, Clone)]
pub struct ChangeSetRequest {
    /// Name or ARN of the stack.
    pub stack: String,
    pub name: String,
    /// `CREATE` for a stack that does not exist or is in review, else `UPDATE`.
    pub create: bool,
    pub template: TemplateBody,
    pub parameters: BTreeMap<String, String>,
    /// Always sent: absent tags would keep the old ones. (Notification ARNs are never sent: absent,
    /// they keep what somebody else set.)
    pub tags: BTreeMap<String, String>,
    /// `None`: the template makes nothing that has to be acknowledged.
    pub capability: Option<Capability>,
    /// Kept with the change set, also after its execution.
    pub description: String,
    pub token: String,
}

/// What CloudFormation wants to be told before it makes IAM resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Capability {
    /// The template makes IAM resources.
    Iam,
    /// Some of them have names of their own.
    NamedIam,
}

/// Where CloudFormation reads the template from.
#[derive(Debug, Clone)]
pub enum TemplateBody {
    /// At most 51,200 bytes.
    Inline(String),
    /// An address in S3, at most 1 MB.
    Url(String),
}

/// A change set's own status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeSetStatus {
    /// Still being made (CREATE_PENDING, CREATE_IN_PROGRESS), or deleted.
    Pending,
    Complete,
    Failed,
    Other(String),
}

/// Whether a change set can be executed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Execution {
    Available,
    /// Any other value, in CloudFormation's word.
    No(String),
}

#[derive(Debug, Clone)]
pub struct ChangeSet {
    pub id: String,
    pub name: String,
    pub stack_id: String,
    pub status: ChangeSetStatus,
    pub execution: Execution,
    pub reason: Option<String>,
    pub changes: Vec<Change>,
}

/// A change set in its stack's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedChangeSet {
    pub name: String,
    /// It could be executed now.
    pub executable: bool,
    pub failed: bool,
}

/// What happens to one resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// `Add`, `Modify`, `Remove`, `Import`, `Dynamic`.
    pub action: String,
    pub logical_id: String,
    pub physical_id: Option<String>,
    #[serde(rename = "type")]
    pub kind: String,
    pub replacement: Replacement,
    pub details: Vec<Detail>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Replacement {
    No,
    Conditional,
    Yes,
}

/// One property of a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Detail {
    /// `Properties`, `Tags`, `Metadata`, …
    pub attribute: String,
    pub property: Option<String>,
    pub before: Option<String>,
    pub after: Option<String>,
    /// Changing it makes a new resource.
    pub recreates: bool,
}

/// One line of a stack's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Event {
    pub id: String,
    pub stack_id: String,
    pub time: Timestamp,
    pub logical_id: String,
    pub physical_id: String,
    #[serde(rename = "type")]
    pub kind: String,
    /// A resource's status; for the stack's own events a [`StackStatus`].
    pub status: String,
    pub reason: Option<String>,
    /// The token of the request that began the operation.
    pub token: Option<String>,
    /// Set where a hook speaks: its status, and its failure sits on an *_IN_PROGRESS event.
    pub hook: Option<(String, String)>,
}

impl Event {
    /// The stack speaks of itself.
    pub fn of_stack(&self) -> bool {
        self.kind == "AWS::CloudFormation::Stack" && self.physical_id == self.stack_id
    }
}

/// A resource of a stack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Resource {
    pub logical_id: String,
    pub physical_id: Option<String>,
    #[serde(rename = "type")]
    pub kind: String,
    pub status: String,
    pub reason: Option<String>,
}
