//! Following an operation by its events until it ends.

use std::time::Duration;

use tokio::time::Instant;

use super::{Engine, Progress};
use crate::aws::{Error, Event, StackStatus};

/// How following ended.
#[derive(Debug)]
pub enum Followed {
    /// The operation ended; its events, oldest first.
    Ended { status: StackStatus, events: Vec<Event> },
    /// No answer any more, or none that says more; the operation goes on.
    Lost { why: String },
    /// Ctrl-C; the operation goes on.
    Interrupted,
}

/// Where following begins.
#[derive(Debug, Clone, Default)]
pub(super) struct Start {
    /// What comes after this event belongs to the operation.
    pub since: Option<String>,
    /// The token that began the operation; without one, the next end of anything is the end.
    pub token: Option<String>,
}

impl Engine<'_> {
    /// The newest event's id: what comes after it belongs to the next operation.
    pub(super) async fn newest_event(&self, stack: &str) -> Result<Option<String>, Error> {
        let (page, _) = self.persist(async || self.aws.events_page(stack, None).await).await?;
        Ok(page.into_iter().next().map(|event| event.id))
    }

    /// Tells every event until the operation speaks its last word. One call a poll; polls at once,
    /// each second while events flow, growing to 15 s in silence.
    pub(super) async fn follow(&self, stack: &str, start: Start) -> Followed {
        let pace = self.pace();
        let mut seen = start.since;
        let mut events: Vec<Event> = Vec::new();
        let mut pause = Duration::ZERO;
        let mut answered = Instant::now();
        let mut heard = Instant::now();
        loop {
            tokio::select! {
                biased;
                () = self.interrupt.wait() => return Followed::Interrupted,
                () = tokio::time::sleep(pause) => {}
            }
            match self.events_after(stack, seen.as_deref()).await {
                Ok(new) => {
                    answered = Instant::now();
                    pause = if new.is_empty() { pace.slower(pause) } else { pace.quick };
                    if let Some(newest) = new.last() {
                        heard = Instant::now();
                        seen = Some(newest.id.clone());
                    }
                    for event in new {
                        self.reporter.tell(Progress::Event { event: Box::new(event.clone()) });
                        events.push(event);
                    }
                    if let Some(status) = ended(&events, start.token.as_deref()) {
                        return Followed::Ended { status, events };
                    }
                    // CloudFormation itself gives a resource up after hours at most.
                    if heard.elapsed() > self.patience {
                        return Followed::Lost {
                            why: format!(
                                "the stack has been silent for {:?} and is still at work",
                                self.patience
                            ),
                        };
                    }
                }
                // A throttled or failed poll is not a failed deployment (aws-cdk-cli#1777).
                Err(error) if error.passing() && answered.elapsed() < pace.give_up => {
                    pause = pace.slower(pause);
                }
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
        self.persist(async || self.events_after(stack, None).await).await
    }

    /// Events of the newest operation of a stack, oldest first: from the last time that the stack
    /// itself began something.
    pub async fn last_operation(&self, stack: &str) -> Result<Vec<Event>, Error> {
        let all = self.history(stack).await?;
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

/// The stack's own newest event tells whether the operation is over. Another's operation may have
/// ended just before: what carries another token counts only once ours was heard of (it may be
/// cancelled or deleted by somebody else). Not every endpoint gives tokens.
fn ended(events: &[Event], token: Option<&str>) -> Option<StackStatus> {
    let begun = events.iter().position(|event| event.of_stack() && event.token.as_deref() == token);
    let ours =
        |event: &&Event| event.of_stack() && (begun.is_some() || token.is_none() || event.token.is_none());
    let last = events.get(begun.unwrap_or(0)..)?.iter().rev().find(ours)?;
    let status = StackStatus::parse(&last.status);
    (!status.in_progress() && status != StackStatus::ReviewInProgress).then_some(status)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(status: &str, token: Option<&str>) -> Event {
        Event {
            id: uuid::Uuid::new_v4().to_string(),
            stack_id: "arn:stack".to_owned(),
            time: jiff::Timestamp::UNIX_EPOCH,
            logical_id: "stack".to_owned(),
            physical_id: "arn:stack".to_owned(),
            kind: "AWS::CloudFormation::Stack".to_owned(),
            status: status.to_owned(),
            reason: None,
            token: token.map(str::to_owned),
            hook: None,
        }
    }

    #[test]
    fn anothers_end_just_before_is_not_the_end_of_ours() {
        let before = event("UPDATE_COMPLETE", Some("theirs"));
        assert_eq!(ended(std::slice::from_ref(&before), Some("ours")), None);
        let begun = event("UPDATE_IN_PROGRESS", Some("ours"));
        assert_eq!(ended(&[before.clone(), begun.clone()], Some("ours")), None);
        let over = event("UPDATE_ROLLBACK_COMPLETE", Some("ours"));
        assert_eq!(ended(&[before, begun, over], Some("ours")), Some(StackStatus::UpdateRollbackComplete));
    }

    #[test]
    fn ours_ends_too_when_somebody_else_cancels_or_deletes_it() {
        let events = [
            event("CREATE_IN_PROGRESS", Some("ours")),
            event("DELETE_IN_PROGRESS", Some("theirs")),
            event("DELETE_COMPLETE", Some("theirs")),
        ];
        assert_eq!(ended(&events, Some("ours")), Some(StackStatus::DeleteComplete));
    }

    #[test]
    fn an_endpoint_without_tokens_is_followed_all_the_same() {
        let events = [event("CREATE_IN_PROGRESS", None), event("CREATE_COMPLETE", None)];
        assert_eq!(ended(&events, Some("ours")), Some(StackStatus::CreateComplete));
        assert_eq!(ended(&events, None), Some(StackStatus::CreateComplete));
    }
}
