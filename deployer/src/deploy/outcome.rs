//! How a command ended. The outcome alone decides the exit code.

use std::collections::BTreeMap;

use serde::Serialize;

use super::causes::Cause;
use super::oracle::Impossible;
use crate::aws::{Resource, StackStatus};

/// Every way in which `up`, `down`, `rollback` or `plan` can end once the input is known to be good.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// Nothing to do.
    Unchanged { outputs: BTreeMap<String, String> },
    /// The stack is what the template says.
    Deployed { outputs: BTreeMap<String, String>, created: bool, resources: usize },
    /// The stack is gone. `kept` are resources that its templates retain on purpose.
    Deleted { kept: Vec<Resource> },
    /// There was nothing to delete.
    NothingThere,
    /// It failed, and CloudFormation took everything back.
    RolledBack { status: StackStatus, causes: Vec<Cause> },
    /// `rollback` brought the stack back to where `up` goes on.
    Recovered { status: StackStatus },
    /// `rollback` found nothing to roll back.
    AtRest { status: StackStatus },
    /// `rollback --skip` of a stack that has nothing to skip. Nothing was changed.
    CannotSkip { status: StackStatus },
    /// The person said no. Nothing was changed.
    Declined,
    /// Needs an approval that nobody could be asked for, or the stage is protected.
    Refused { why: String, hint: String },
    /// Somebody else's operation is running, longer than we wait.
    Busy { status: StackStatus },
    /// An unexecuted change set of someone else's is on a stack that does not exist yet.
    Foreign { change_sets: Vec<String> },
    /// An update that cannot succeed; found before anything ran.
    Impossible { found: Vec<Impossible> },
    /// A change set that CloudFormation refused before anything ran.
    Rejected { reason: String },
    /// The stack is in a state from which a person must choose the way.
    Stuck { status: StackStatus, causes: Vec<Cause>, choices: Vec<String> },
    /// Deleted, but something that was not meant to stay is left.
    LeftOver { resources: Vec<Resource> },
    /// No answer about an operation that runs on without us.
    Unknown { why: String },
    /// Ctrl-C. `running` says whether an operation goes on at AWS.
    Interrupted { running: bool },
}

impl Outcome {
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Unchanged { .. }
            | Self::Deployed { .. }
            | Self::Deleted { .. }
            | Self::NothingThere
            | Self::Recovered { .. }
            | Self::AtRest { .. } => 0,
            Self::Impossible { .. } | Self::Rejected { .. } | Self::CannotSkip { .. } => 2,
            Self::RolledBack { .. } => 3,
            Self::Unknown { .. } => 4,
            Self::Busy { .. } => 5,
            Self::Foreign { .. } => 6,
            Self::Stuck { .. } => 7,
            Self::LeftOver { .. } => 8,
            Self::Refused { .. } | Self::Declined => 9,
            Self::Interrupted { .. } => 130,
        }
    }
}
