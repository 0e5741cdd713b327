//! Why an operation failed: the first cause, not the cascade that follows it.

use std::collections::BTreeSet;

use serde::Serialize;

use super::Engine;
use super::events::begins;
use super::explain::{Explanation, explain, property};
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
    /// The property that the reason names, as a path such as `LoggingConfig.LogGroup`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub property: Option<String>,
    /// The nested stack (its logical id, or a path of them) that the resource is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub within: Option<String>,
    /// It failed while the stack was going back: not why the operation failed, but what holds it now.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub rolling_back: bool,
    /// What it means and what to do, where this tool knows.
    #[serde(flatten)]
    pub explanation: Option<Explanation>,
}

/// What type a nested stack has, and a stack's own events.
const STACK: &str = "AWS::CloudFormation::Stack";
/// Nested stacks may hold nested stacks; a circle of garbled answers must end.
const DEEPEST: usize = 8;

/// The independent causes among an operation's events, the earliest first. Events are the oldest
/// first and begin with the stack's own; those of its nested stacks may be among them.
///
/// A resource that CloudFormation cancelled because another one failed is no cause. A nested stack is
/// followed to what failed in it. A hook's failure sits on an *_IN_PROGRESS event, and matters only
/// where the resource failed by it: a hook that merely warns says the same. Where no resource failed,
/// the stack itself says why (an export in use, a time-out, a person). What fails while rolling back
/// comes last: it is the cause only where there is no other, and what to mend where the rollback stops.
pub fn causes(events: &[Event]) -> Vec<Cause> {
    events.first().map(|first| of_stack(events, &first.stack_id, 0)).unwrap_or_default()
}

fn of_stack(events: &[Event], stack: &str, depth: usize) -> Vec<Cause> {
    let own: Vec<&Event> = events.iter().filter(|event| event.stack_id == stack).collect();
    // The rollback of its parent deletes a nested stack that could not be created: the deletion is
    // not what failed.
    let operation = own
        .iter()
        .rposition(|event| begins(event) && (depth == 0 || event.status != "DELETE_IN_PROGRESS"))
        .unwrap_or(0);
    let own = own.get(operation..).unwrap_or_default();
    let rollback = own.iter().position(|event| event.of_stack() && event.status.contains("ROLLBACK"));
    let (before, after) = own.split_at(rollback.unwrap_or(own.len()));
    let mut found = failures(events, before, depth);
    if found.is_empty() {
        found.extend(own.iter().filter_map(|event| told_by_stack(event)).take(1));
    }
    let stopped = own.iter().rev().find(|event| event.of_stack());
    if found.is_empty() || stopped.is_some_and(|event| event.status.ends_with("ROLLBACK_FAILED")) {
        found.extend(while_rolling_back(events, after, depth));
    }
    found
}

/// Failures since the rollback was begun for the last time.
fn while_rolling_back(all: &[Event], after: &[&Event], depth: usize) -> Vec<Cause> {
    let last = after
        .iter()
        .rposition(|event| event.of_stack() && event.status.ends_with("ROLLBACK_IN_PROGRESS"))
        .unwrap_or(0);
    let mut found = failures(all, after.get(last..).unwrap_or_default(), depth);
    found.iter_mut().for_each(|cause| cause.rolling_back = true);
    found
}

fn failures(all: &[Event], some: &[&Event], depth: usize) -> Vec<Cause> {
    let resources = || some.iter().filter(|event| !event.of_stack());
    let mut told: BTreeSet<&str> = BTreeSet::new();
    let mut found = Vec::new();
    for event in resources().filter(|event| failed_by_itself(event)) {
        if !told.insert(&event.logical_id) {
            continue;
        }
        let inner = if event.kind == STACK && depth < DEEPEST && !event.physical_id.is_empty() {
            of_stack(all, &event.physical_id, depth + 1)
        } else {
            Vec::new()
        };
        if inner.is_empty() {
            let hook = resources()
                .filter(|other| other.logical_id == event.logical_id)
                .find_map(|other| hook_failure(other));
            found.extend(event.reason.as_ref().map(|reason| cause(event, hook.unwrap_or(reason))));
        } else {
            found.extend(inner.into_iter().map(|cause| Cause {
                within: Some(match cause.within {
                    Some(deeper) => format!("{}/{deeper}", event.logical_id),
                    None => event.logical_id.clone(),
                }),
                ..cause
            }));
        }
    }
    if found.is_empty() {
        found.extend(resources().filter_map(|event| Some(cause(event, hook_failure(event)?))).take(1));
    }
    found
}

fn failed_by_itself(event: &Event) -> bool {
    event.status.ends_with("_FAILED") && !event.reason.as_deref().is_some_and(is_cascade)
}

/// CloudFormation's words for a resource that it stopped because another one failed: "Resource
/// creation cancelled", "Resource update cancelled", … A reason of a service may hold the word too.
pub fn is_cascade(reason: &str) -> bool {
    let reason = reason.trim().to_ascii_lowercase();
    let stopped = reason.strip_prefix("resource ").is_some_and(|rest| {
        ["creation", "update", "deletion", "import"]
            .iter()
            .filter_map(|what| rest.strip_prefix(what))
            .any(|rest| rest.trim_start().starts_with("cancel"))
    });
    // A nested stack that was stopped with its parent.
    stopped || reason.ends_with("with reason: resource creation cancelled")
}

fn hook_failure(event: &Event) -> Option<&String> {
    event.hook.as_ref().filter(|(status, _)| status.contains("FAILED")).map(|(_, reason)| reason)
}

/// What a stack says of itself and is no mere list of what failed. A person's cancelling is worth
/// telling, a person's beginning is not.
fn told_by_stack(event: &Event) -> Option<Cause> {
    if !event.of_stack() {
        return None;
    }
    if let Some(reason) = hook_failure(event) {
        return Some(cause(event, reason));
    }
    let reason = event.reason.as_deref().map(str::trim).filter(|reason| !reason.is_empty())?;
    let by_person = reason == "User Initiated" && !event.status.contains("ROLLBACK");
    let list = reason.starts_with("The following resource(s) failed")
        || reason.starts_with("Transformation succeeded")
        || is_cascade(reason);
    (!by_person && !list).then(|| cause(event, reason))
}

fn cause(event: &Event, reason: &str) -> Cause {
    Cause {
        logical_id: event.logical_id.clone(),
        physical_id: event.physical_id.clone(),
        kind: event.kind.clone(),
        status: event.status.clone(),
        reason: reason.to_owned(),
        property: property(reason),
        within: None,
        rolling_back: false,
        explanation: explain(reason),
    }
}

impl Engine<'_> {
    /// The causes of an operation's failure, nested stacks followed by their physical ids.
    pub(super) async fn causes_of(&self, events: &[Event]) -> Vec<Cause> {
        let mut all = events.to_vec();
        let mut seen: BTreeSet<String> = BTreeSet::new();
        for _ in 0..DEEPEST {
            let nested: Vec<String> = all
                .iter()
                .filter(|event| event.kind == STACK && !event.of_stack() && failed_by_itself(event))
                .map(|event| event.physical_id.clone())
                .filter(|id| id.starts_with("arn:") && seen.insert(id.clone()))
                .collect();
            if nested.is_empty() {
                break;
            }
            for id in nested {
                match self.history(&id).await {
                    Ok(history) => all.extend(history),
                    Err(error) => {
                        self.reporter
                            .warn(format!("what failed in the nested stack {id} is unknown: {error}"));
                    }
                }
            }
        }
        causes(&all)
    }
}

#[cfg(test)]
mod tests;
