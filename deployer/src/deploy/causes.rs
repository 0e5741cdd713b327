//! Why an operation failed: the first cause, not the cascade that follows it.

use serde::Serialize;

use crate::aws::Event;

/// One resource that failed by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cause {
    pub logical_id: String,
    pub physical_id: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub status: String,
    pub reason: String,
}

/// The independent causes among an operation's events (oldest first), the earliest first.
///
/// A resource that CloudFormation cancelled because another one failed is no cause. A hook's failure
/// sits on an *_IN_PROGRESS event. What fails while rolling back comes after and is no first cause,
/// unless nothing else failed.
pub fn causes(events: &[Event]) -> Vec<Cause> {
    let rollback = events.iter().position(|event| event.of_stack() && event.status.contains("ROLLBACK"));
    let (before, after) = events.split_at(rollback.unwrap_or(events.len()));
    let mut found = failures(before);
    if found.is_empty() {
        found = failures(after);
    }
    if found.is_empty() {
        // The stack itself may know more than any of its resources.
        found.extend(
            events
                .iter()
                .filter(|event| event.of_stack() && event.status.contains("FAILED"))
                .filter_map(cause),
        );
    }
    found
}

fn failures(events: &[Event]) -> Vec<Cause> {
    let mut found: Vec<Cause> = Vec::new();
    for event in events.iter().filter(|event| !event.of_stack() && failed(event)) {
        if let Some(cause) = cause(event)
            && !found.iter().any(|known| known.logical_id == cause.logical_id)
        {
            found.push(cause);
        }
    }
    found
}

fn failed(event: &Event) -> bool {
    if event.hook.as_ref().is_some_and(|(status, _)| status.contains("FAILED")) {
        return true;
    }
    let cancelled =
        event.reason.as_deref().is_some_and(|reason| reason.to_ascii_lowercase().contains("cancelled"));
    event.status.ends_with("_FAILED") && !cancelled
}

fn cause(event: &Event) -> Option<Cause> {
    let reason = match &event.hook {
        Some((status, reason)) if status.contains("FAILED") => reason.clone(),
        _ => event.reason.clone()?,
    };
    Some(Cause {
        logical_id: event.logical_id.clone(),
        physical_id: event.physical_id.clone(),
        kind: event.kind.clone(),
        status: event.status.clone(),
        reason,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(logical_id: &str, status: &str, reason: &str) -> Event {
        let stack = logical_id == "stack";
        Event {
            id: format!("{logical_id}-{status}"),
            stack_id: "arn:stack".to_owned(),
            time: jiff::Timestamp::UNIX_EPOCH,
            logical_id: logical_id.to_owned(),
            physical_id: if stack { "arn:stack" } else { "physical" }.to_owned(),
            kind: if stack { "AWS::CloudFormation::Stack" } else { "AWS::DynamoDB::Table" }.to_owned(),
            status: status.to_owned(),
            reason: (!reason.is_empty()).then(|| reason.to_owned()),
            token: None,
            hook: None,
        }
    }

    fn ids(events: &[Event]) -> Vec<String> {
        causes(events).into_iter().map(|cause| cause.logical_id).collect()
    }

    #[test]
    fn the_cause_is_the_earliest_failure_that_was_not_cancelled() {
        let events = [
            event("stack", "CREATE_IN_PROGRESS", "User Initiated"),
            event("Role", "CREATE_FAILED", "Resource creation cancelled"),
            event("Table", "CREATE_FAILED", "Table already exists"),
            event(
                "stack",
                "ROLLBACK_IN_PROGRESS",
                "The following resource(s) failed to create: [Role, Table].",
            ),
            event("Pool", "DELETE_FAILED", "has a domain"),
        ];
        assert_eq!(ids(&events), ["Table"]);
    }

    #[test]
    fn several_independent_causes_are_all_told() {
        let events = [event("A", "CREATE_FAILED", "one"), event("B", "CREATE_FAILED", "two")];
        assert_eq!(ids(&events), ["A", "B"]);
    }

    #[test]
    fn a_failure_while_rolling_back_is_the_cause_only_where_nothing_failed_before() {
        let events = [
            event("stack", "UPDATE_ROLLBACK_IN_PROGRESS", ""),
            event("Pool", "UPDATE_FAILED", "cannot go back"),
        ];
        assert_eq!(ids(&events), ["Pool"]);
    }

    #[test]
    fn a_hook_fails_on_an_in_progress_event() {
        let mut hook = event("Bucket", "CREATE_IN_PROGRESS", "");
        hook.hook = Some(("HOOK_COMPLETE_FAILED".to_owned(), "not encrypted".to_owned()));
        assert_eq!(causes(&[hook])[0].reason, "not encrypted");
    }
}
