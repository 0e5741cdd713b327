//! Following an operation by its events until it ends.

use std::time::Duration;

use tokio::time::Instant;

use super::{Engine, Progress};
use crate::aws::{Error, Event, StackStatus};

/// While events flow.
const QUICK: Duration = Duration::from_secs(1);
/// In silence.
const SLOW: Duration = Duration::from_secs(15);
/// Without any answer for so long, nothing is known any more.
const GIVE_UP: Duration = Duration::from_secs(15 * 60);

/// How following ended.
#[derive(Debug)]
pub enum Followed {
    /// The operation ended; its events, oldest first.
    Ended { status: StackStatus, events: Vec<Event> },
    /// No answer any more; the operation goes on.
    Lost { why: String },
    /// Ctrl-C; the operation goes on.
    Interrupted,
}

impl Engine<'_> {
    /// The newest event's id: what comes after it belongs to the next operation.
    pub(super) async fn newest_event(&self, stack: &str) -> Result<Option<String>, Error> {
        Ok(self.aws.events_page(stack, None).await?.0.into_iter().next().map(|event| event.id))
    }

    /// Tells every event after `since` until the stack speaks its last word. One call a poll; polls
    /// at once, each second while events flow, growing to 15 s in silence.
    pub(super) async fn follow(&self, stack: &str, since: Option<String>) -> Followed {
        let mut seen = since;
        let mut events: Vec<Event> = Vec::new();
        let mut pause = Duration::ZERO;
        let mut answered = Instant::now();
        loop {
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.interrupt.wait() => return Followed::Interrupted,
            }
            match self.events_after(stack, seen.as_deref()).await {
                Ok(new) => {
                    answered = Instant::now();
                    pause = if new.is_empty() { slower(pause) } else { QUICK };
                    if let Some(newest) = new.last() {
                        seen = Some(newest.id.clone());
                    }
                    for event in new {
                        self.reporter.tell(Progress::Event { event: Box::new(event.clone()) });
                        events.push(event);
                    }
                    if let Some(status) = ended(&events) {
                        return Followed::Ended { status, events };
                    }
                }
                // A throttled or failed poll is not a failed deployment.
                Err(error) if error.passing() && answered.elapsed() < GIVE_UP => pause = slower(pause),
                Err(error) => return Followed::Lost { why: error.to_string() },
            }
        }
    }

    /// Events newer than `seen`, oldest first.
    pub(super) async fn events_after(&self, stack: &str, seen: Option<&str>) -> Result<Vec<Event>, Error> {
        let mut new = Vec::new();
        let mut token = None;
        loop {
            let (page, next) = self.aws.events_page(stack, token).await?;
            let known = page.iter().position(|event| Some(event.id.as_str()) == seen);
            new.extend(page.into_iter().take(known.unwrap_or(usize::MAX)));
            if known.is_some() || next.is_none() {
                new.reverse();
                return Ok(new);
            }
            token = next;
        }
    }

    /// Every event that the stack remembers, oldest first.
    pub async fn history(&self, stack: &str) -> Result<Vec<Event>, Error> {
        self.events_after(stack, None).await
    }

    /// Events of the newest operation of a stack, oldest first: from the last time that the stack
    /// itself began something.
    pub async fn last_operation(&self, stack: &str) -> Result<Vec<Event>, Error> {
        let all = self.events_after(stack, None).await?;
        let start = all.iter().rposition(begins).unwrap_or(0);
        Ok(all.into_iter().skip(start).collect())
    }
}

/// A rollback belongs to the operation that it undoes.
pub(super) fn begins(event: &Event) -> bool {
    event.of_stack()
        && matches!(
            StackStatus::parse(&event.status),
            StackStatus::CreateInProgress
                | StackStatus::UpdateInProgress
                | StackStatus::DeleteInProgress
                | StackStatus::ImportInProgress
        )
}

/// The stack's own newest event tells whether the operation is over.
fn ended(events: &[Event]) -> Option<StackStatus> {
    let status = StackStatus::parse(&events.iter().rev().find(|event| event.of_stack())?.status);
    (!status.in_progress() && status != StackStatus::ReviewInProgress).then_some(status)
}

/// Half as long again, with jitter so that many deployers do not poll in step.
fn slower(pause: Duration) -> Duration {
    let jitter = f64::from(uuid::Uuid::new_v4().as_bytes()[0]) / f64::from(u8::MAX) * 0.2;
    pause.max(QUICK).mul_f64(1.4 + jitter).min(SLOW)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polls_grow_from_one_second_to_fifteen_in_silence() {
        let mut pause = Duration::ZERO;
        for _ in 0..20 {
            let next = slower(pause);
            assert!(next > pause.max(QUICK) || next == SLOW);
            pause = next;
        }
        assert_eq!(pause, SLOW);
    }
}
