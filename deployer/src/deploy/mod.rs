//! The engine: from a desired stack to an outcome.
//!
//! [`up`], [`down`] and [`rollback`] look at the stack, ask the [`planner`] for the next step, do it and look again.
//! A deployment is a change set ([`change_sets`]), an [`approval`], its execution and its events
//! ([`events`]); a failure is explained by its first [`causes`]. Calls outlive passing faults ([`calls`]).
//! There is no state file: the truth is CloudFormation, the stack's tags and artefacts addressed by
//! their content ([`artifacts`]).
//!
//! The engine never prints: it tells [`Progress`], asks through [`Confirm`] and ends in an [`Outcome`].

mod access;
mod approval;
mod artifacts;
mod calls;
mod causes;
mod change_sets;
mod desired;
mod down;
mod events;
mod execute;
mod explain;
mod losses;
mod oracle;
mod outcome;
pub mod planner;
mod progress;
mod reading;
mod review;
mod rollback;
mod seal;
mod up;
mod waiting;

use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

pub use access::{Access, AccessChange};
pub use approval::{Approval, Approvals};
pub use artifacts::{BUCKET_STACK, Upload, bucket_name, bucket_stack};
pub use causes::{Cause, causes, is_cascade};
pub use desired::{Desired, INLINE_LIMIT, PROTECTION};
pub use down::Removal;
pub use events::Followed;
pub use explain::{Explanation, explain};
pub use losses::Loss;
pub use oracle::Impossible;
pub use outcome::Outcome;
pub use progress::{Answer, Confirm, Interrupt, Progress, Question, Reporter};
pub use review::Review;
pub use seal::{Sealed, Sealing};
pub use up::Planned;

use crate::aws::{self, Aws};

/// What every operation needs.
pub struct Engine<'a> {
    pub aws: &'a Aws,
    pub reporter: Reporter,
    pub confirm: &'a dyn Confirm,
    pub interrupt: Interrupt,
    /// How long to wait for somebody else's operation.
    pub patience: Duration,
    pub options: planner::Options,
    /// Unique to this run; part of every change set's name and token.
    pub run: String,
    pub commit: Commit,
}

/// Tells the sources' commit, where there is one; asked only for a deployment that changes something.
pub type Commit = Box<dyn Fn() -> Option<String> + Send + Sync>;

impl Engine<'_> {
    /// `<utc>-<8 random characters>`: sorts by time, never the same twice.
    pub fn new_run() -> String {
        let random = Uuid::new_v4().simple().to_string();
        format!("{}-{}", Timestamp::now().strftime("%Y%m%d%H%M%S"), &random[..8])
    }

    /// A token that later runs recognise as this content's, whichever run sent it.
    fn token(&self, fingerprint: &str) -> String {
        format!("{fingerprint}-{}", self.run)
    }

    async fn stack(&self, stack: &str) -> Result<Option<aws::Stack>, Error> {
        self.insist(format!("look at the stack {stack}"), async || self.aws.stack(stack).await).await
    }

    /// What an error means for a run: without an answer, or with expired credentials after it set
    /// something in motion, nobody knows how that ends. The next run will.
    fn conclude(&self, ended: Result<Outcome, Error>, began: bool) -> Result<Outcome, Error> {
        let error = match ended {
            Err(error) => error,
            ended => return ended,
        };
        let Error::Aws { source, .. } = &error;
        if self.interrupt.is_set() && source.passing() {
            return Ok(Outcome::Interrupted { running: began });
        }
        if source.passing() || (began && !matches!(source, aws::Error::Denied(_))) {
            return Ok(Outcome::Unknown { why: format!("{error}: {source}") });
        }
        Err(error)
    }
}

/// Why the engine could not even begin, or lost its way before anything was changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("could not {doing}")]
    Aws {
        doing: String,
        #[source]
        source: aws::Error,
    },
}

impl Error {
    pub fn when(doing: impl Into<String>) -> impl FnOnce(aws::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Aws { doing, source }
    }
}
