//! Waiting for somebody else's operation, at most as long as the person is patient.

use super::events::{Followed, Start};
use super::outcome::Outcome;
use super::{Engine, Error, Progress};
use crate::aws::Stack;

impl Engine<'_> {
    /// `None`: the operation is over, look again.
    pub(super) async fn wait(&self, stack: &Stack) -> Result<Option<Outcome>, Error> {
        self.reporter.tell(Progress::Waiting { stack: stack.name.clone(), status: stack.status.clone() });
        tokio::select! {
            biased;
            () = tokio::time::sleep(self.patience) => Ok(Some(Outcome::Busy { status: stack.status.clone() })),
            ended = self.until_over(stack) => ended,
        }
    }

    async fn until_over(&self, stack: &Stack) -> Result<Option<Outcome>, Error> {
        let since = self.newest_event(&stack.id).await.map_err(Error::when("read the events"))?;
        // Its last event may have come before: then no other one would ever follow.
        if !self.stack(&stack.id).await?.is_some_and(|stack| stack.status.in_progress()) {
            return Ok(None);
        }
        Ok(match self.follow(&stack.id, Start { since, token: None }).await {
            Followed::Ended { .. } => None,
            Followed::Lost { why } => Some(Outcome::Unknown { why }),
            Followed::Interrupted => Some(Outcome::Interrupted { running: true }),
        })
    }
}
