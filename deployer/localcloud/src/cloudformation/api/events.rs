//! DescribeStackEvents and DescribeEvents.

use serde_json::{Value, json};

use super::change_sets::find;
use super::{Ask, page};
use crate::cloudformation::form::invalid;
use crate::cloudformation::model::{ChangeSet, Event, Operation, Stack, time};
use crate::wire::AwsError;

const EVENTS_A_PAGE: usize = 20;

/// Newest first. A page's token says which event comes next, so that events that arrive between
/// two pages shift nothing.
pub fn describe_stack_events(ask: &Ask<'_>) -> Result<Value, AwsError> {
    ask.form.only(ask.operation, &["StackName", "NextToken"])?;
    let id = ask.stack_id(|name| format!("Stack [{name}] does not exist"))?;
    let token = ask.form.text("NextToken");
    ask.on_stack(&id, |stack| {
        let end = match token {
            None => stack.events.len(),
            Some(token) => token
                .strip_prefix("events-")
                .and_then(|at| at.parse::<usize>().ok())
                .filter(|at| *at <= stack.events.len())
                .ok_or_else(|| invalid("Invalid NextToken"))?,
        };
        let start = end.saturating_sub(EVENTS_A_PAGE);
        let shown: Vec<Value> = stack
            .events
            .get(start..end)
            .unwrap_or_default()
            .iter()
            .rev()
            .map(|it| shown(stack, it))
            .collect();
        let next = (start > 0).then(|| format!("events-{start}"));
        Ok(json!({"StackEvents": shown, "NextToken": next}))
    })
}

fn shown(stack: &Stack, event: &Event) -> Value {
    json!({
        "StackId": stack.id,
        "EventId": event.id,
        "StackName": stack.name,
        "OperationId": event.operation_id,
        "LogicalResourceId": event.logical_id,
        "PhysicalResourceId": event.physical_id,
        "ResourceType": event.kind,
        "Timestamp": time(event.timestamp),
        "ResourceStatus": event.status,
        "ResourceStatusReason": event.reason,
        "ResourceProperties": event.properties,
        "ClientRequestToken": event.token,
    })
}

/// By stack, operation or change set; with the operations' own events and what early validation
/// found.
pub fn describe_events(ask: &Ask<'_>) -> Result<Value, AwsError> {
    ask.form.only(ask.operation, &["StackName", "ChangeSetName", "OperationId", "Filters", "NextToken"])?;
    let failed_only = ask.form.flag("Filters.FailedEvents")?.unwrap_or(false);
    let operation_id = ask.form.text("OperationId");
    let events = ask.read(|state| {
        if ask.form.text("ChangeSetName").is_some() {
            let (id, at) = find(ask, state)?;
            let stack = state.stacks.get(&id);
            let set = stack.and_then(|stack| Some((stack, stack.change_sets.get(at)?)));
            return Ok(set.map(|(stack, set)| change_set_events(stack, set)).unwrap_or_default());
        }
        let stack = match (ask.form.text("StackName"), operation_id) {
            (Some(name), _) => state.find(name, &ask.call.region),
            (None, Some(operation)) => state.stacks.values().find(|stack| {
                stack.operations.iter().chain(&stack.operation).any(|it| it.id == operation)
                    || stack.change_sets.iter().any(|it| it.operation_id == operation)
            }),
            (None, None) => {
                return Err(invalid("One of ChangeSetName, OperationId or StackName must be specified"));
            }
        };
        let stack = stack.ok_or_else(|| {
            let name = ask.form.text("StackName").or(operation_id).unwrap_or_default();
            invalid(format!("Stack [{name}] does not exist"))
        })?;
        Ok(stack_events(stack, operation_id))
    })?;
    let kept: Vec<Value> = events.into_iter().filter(|event| !failed_only || failure(event)).collect();
    if let Some(id) = kept.first().and_then(|event| event["StackId"].as_str()) {
        ask.authorize(id)?;
    }
    let (events, next) = page(kept, ask.form.text("NextToken"), EVENTS_A_PAGE)?;
    Ok(json!({"OperationEvents": events, "NextToken": next}))
}

fn failure(event: &Value) -> bool {
    event["ResourceStatus"].as_str().is_some_and(|status| status.ends_with("_FAILED"))
        || event["ValidationStatus"] == "FAILED"
}

/// Newest first.
fn stack_events(stack: &Stack, operation_id: Option<&str>) -> Vec<Value> {
    let wanted = |id: Option<&str>| operation_id.is_none() || id == operation_id;
    let mut events: Vec<(i64, Value)> = Vec::new();
    for operation in stack.operations.iter().chain(stack.operation.iter().filter(|it| it.ended.is_none())) {
        if wanted(Some(&operation.id)) {
            events.extend(operation_events(stack, operation));
        }
    }
    for event in stack.events.iter().filter(|event| wanted(event.operation_id.as_deref())) {
        let mut value = shown(stack, event);
        if let Some(fields) = value.as_object_mut() {
            let failed = event.status.ends_with("_FAILED") && event.logical_id != stack.name;
            fields.remove("StackName");
            fields.insert(
                "EventType".to_owned(),
                json!(if failed { "PROVISIONING_ERROR" } else { "PROGRESS_EVENT" }),
            );
        }
        events.push((event.timestamp, value));
    }
    for set in &stack.change_sets {
        if wanted(Some(&set.operation_id)) {
            events.extend(change_set_events(stack, set).into_iter().map(|event| (set.created, event)));
        }
    }
    events.sort_by_key(|(at, _)| *at);
    events.into_iter().rev().map(|(_, event)| event).collect()
}

fn operation_events(stack: &Stack, operation: &Operation) -> Vec<(i64, Value)> {
    let event = |status: &str, at: i64| {
        let id = format!("{}-{status}", operation.id);
        let value = json!({
            "EventId": id,
            "StackId": stack.id,
            "OperationId": operation.id,
            "OperationType": operation.kind,
            "OperationStatus": status,
            "EventType": "STACK_EVENT",
            "Timestamp": time(at),
            "StartTime": time(operation.started),
            "EndTime": operation.ended.filter(|_| status != "IN_PROGRESS").map(time),
            "ClientRequestToken": operation.token,
        });
        (at, value)
    };
    let mut events = vec![event("IN_PROGRESS", operation.started)];
    if let Some(ended) = operation.ended {
        events.push(event(if operation.failed { "FAILED" } else { "SUCCEEDED" }, ended));
    }
    events
}

fn change_set_events(stack: &Stack, set: &ChangeSet) -> Vec<Value> {
    let status = if set.status == "FAILED" { "FAILED" } else { "SUCCEEDED" };
    let base = json!({
        "StackId": stack.id,
        "OperationId": set.operation_id,
        "OperationType": "CREATE_CHANGESET",
        "Timestamp": time(set.created),
    });
    let event = |rest: Value| {
        let mut event = base.clone();
        if let (Some(fields), Value::Object(rest)) = (event.as_object_mut(), rest) {
            fields.extend(rest);
        }
        event
    };
    let mut events = vec![event(json!({
        "EventId": format!("{}-{status}", set.operation_id),
        "EventType": "STACK_EVENT",
        "OperationStatus": status,
        "StartTime": time(set.created),
        "EndTime": time(set.created),
    }))];
    events.extend(set.findings.iter().enumerate().map(|(index, finding)| {
        event(json!({
            "EventId": format!("{}-{index}", set.operation_id),
            "EventType": "VALIDATION_ERROR",
            "LogicalResourceId": finding.logical_id,
            "ResourceType": finding.kind,
            "ValidationFailureMode": "FAIL",
            "ValidationName": "PROPERTY_VALIDATION",
            "ValidationStatus": "FAILED",
            "ValidationStatusReason": finding.reason,
            "ValidationPath": finding.path,
        }))
    }));
    events
}
