//! What a stack is now: DescribeStacks, ListStacks and the views of its resources.

use serde_json::{Map, Value, json};

use super::change_sets::shown_parameters;
use super::{Ask, page, tag_list};
use crate::cloudformation::form::invalid;
use crate::cloudformation::model::{OnFailure, Operation, Resource, Stack, time};
use crate::cloudformation::status::StackStatus;
use crate::cloudformation::template::Template;
use crate::wire::AwsError;

const STACKS_A_PAGE: usize = 20;
const RESOURCES_A_PAGE: usize = 20;

pub fn stacks(ask: &Ask<'_>) -> Result<Value, AwsError> {
    ask.form.only(ask.operation, &["StackName", "NextToken"])?;
    if ask.form.text("StackName").is_some() {
        let id = ask.stack_id(|name| format!("Stack with id {name} does not exist"))?;
        return ask.on_stack(&id, |stack| Ok(json!({"Stacks": [shown(stack)]})));
    }
    ask.authorize("*")?;
    let living: Vec<Value> = ask.read(|state| {
        state
            .stacks
            .values()
            .rev()
            .filter(|stack| stack.region == ask.call.region && stack.status != StackStatus::DeleteComplete)
            .map(shown)
            .collect()
    });
    let (stacks, next) = page(living, ask.form.text("NextToken"), STACKS_A_PAGE)?;
    Ok(json!({"Stacks": stacks, "NextToken": next}))
}

fn shown(stack: &Stack) -> Value {
    let description =
        Template::parse(&stack.settings.template).ok().and_then(|template| template.description);
    let outputs: Vec<Value> = stack
        .outputs
        .iter()
        .map(|output| {
            json!({
                "OutputKey": output.key,
                "OutputValue": output.value,
                "Description": output.description,
                "ExportName": output.export,
            })
        })
        .collect();
    let kept = stack.operation.as_ref().is_some_and(|operation| operation.on_failure == OnFailure::DoNothing);
    json!({
        "StackId": stack.id,
        "StackName": stack.name,
        "ChangeSetId": stack.executed_change_set,
        "Description": description,
        "Parameters": shown_parameters(&stack.settings),
        "CreationTime": time(stack.created),
        "DeletionTime": stack.deleted.map(time),
        "LastUpdatedTime": stack.updated.map(time),
        "RollbackConfiguration": {},
        "StackStatus": stack.status,
        "StackStatusReason": stack.reason,
        "DisableRollback": kept,
        "NotificationARNs": [],
        "Capabilities": stack.settings.capabilities,
        "Outputs": outputs,
        "RoleARN": stack.settings.role_arn,
        "Tags": tag_list(&stack.settings.tags),
        "EnableTerminationProtection": stack.termination_protection,
        "DriftInformation": drift(stack),
        "LastOperations": last_operations(stack),
    })
}

fn drift(stack: &Stack) -> Value {
    match &stack.drift {
        None => json!({"StackDriftStatus": "NOT_CHECKED"}),
        Some((status, at)) => json!({"StackDriftStatus": status, "LastCheckTimestamp": time(*at)}),
    }
}

fn last_operations(stack: &Stack) -> Value {
    let shown = |operation: &Operation| json!({"OperationType": operation.kind, "OperationId": operation.id});
    stack.operation.iter().map(shown).collect()
}

pub fn list(ask: &Ask<'_>) -> Result<Value, AwsError> {
    ask.form.only(ask.operation, &["NextToken", "StackStatusFilter"])?;
    ask.authorize("*")?;
    let filter = ask.form.list("StackStatusFilter").unwrap_or_default();
    if let Some(unknown) = filter.iter().find(|status| StackStatus::parse(status).is_none()) {
        return Err(invalid(format!(
            "1 validation error detected: Value '[{unknown}]' at 'stackStatusFilter' failed to satisfy constraint"
        )));
    }
    let summaries: Vec<Value> = ask.read(|state| {
        let wanted = |stack: &&Stack| {
            stack.region == ask.call.region
                && (filter.is_empty() || filter.iter().any(|status| status == stack.status.as_str()))
        };
        state
            .stacks
            .values()
            .rev()
            .filter(wanted)
            .map(|stack| {
                json!({
                    "StackId": stack.id,
                    "StackName": stack.name,
                    "CreationTime": time(stack.created),
                    "LastUpdatedTime": stack.updated.map(time),
                    "DeletionTime": stack.deleted.map(time),
                    "StackStatus": stack.status,
                    "StackStatusReason": stack.reason,
                    "DriftInformation": drift(stack),
                    "LastOperations": last_operations(stack),
                })
            })
            .collect()
    });
    let (summaries, next) = page(summaries, ask.form.text("NextToken"), STACKS_A_PAGE)?;
    Ok(json!({"StackSummaries": summaries, "NextToken": next}))
}

/// The members that all views of a resource share; `changed` names the time's member.
fn resource_fields(resource: &Resource, changed: &str) -> Map<String, Value> {
    let drift = resource.drift.as_ref().map_or_else(
        || json!({"StackResourceDriftStatus": "NOT_CHECKED"}),
        |drift| json!({"StackResourceDriftStatus": drift.status, "LastCheckTimestamp": time(drift.checked)}),
    );
    let mut fields = Map::new();
    fields.insert("LogicalResourceId".to_owned(), json!(resource.logical_id));
    fields.insert("PhysicalResourceId".to_owned(), json!(resource.physical_id));
    fields.insert("ResourceType".to_owned(), json!(resource.kind));
    fields.insert(changed.to_owned(), json!(time(resource.changed)));
    fields.insert("ResourceStatus".to_owned(), json!(resource.status));
    fields.insert("ResourceStatusReason".to_owned(), json!(resource.reason));
    fields.insert("DriftInformation".to_owned(), drift);
    fields
}

fn of_stack(stack: &Stack, mut fields: Map<String, Value>) -> Value {
    fields.insert("StackId".to_owned(), json!(stack.id));
    fields.insert("StackName".to_owned(), json!(stack.name));
    Value::Object(fields)
}

pub fn resources(ask: &Ask<'_>) -> Result<Value, AwsError> {
    ask.form.only(ask.operation, &["StackName", "LogicalResourceId", "PhysicalResourceId"])?;
    let id = match (ask.form.text("StackName"), ask.form.text("PhysicalResourceId")) {
        (Some(_), _) => ask.stack_id(|name| format!("Stack with id {name} does not exist"))?,
        (None, Some(physical)) => ask
            .read(|state| {
                let owns = |stack: &&Stack| {
                    stack.resources.values().any(|it| it.physical_id.as_deref() == Some(physical))
                };
                state.stacks.values().rev().find(owns).map(|stack| stack.id.clone())
            })
            .ok_or_else(|| invalid(format!("Stack for {physical} does not exist")))?,
        (None, None) => {
            return Err(invalid("Exactly one of StackName and PhysicalResourceId must be specified"));
        }
    };
    ask.authorize(&id)?;
    let logical = ask.form.text("LogicalResourceId");
    ask.on_stack(&id, |stack| {
        let resources: Vec<Value> = stack
            .resources
            .values()
            .filter(|resource| logical.is_none_or(|logical| logical == resource.logical_id))
            .map(|resource| of_stack(stack, resource_fields(resource, "Timestamp")))
            .collect();
        Ok(json!({"StackResources": resources}))
    })
}

pub fn resource(ask: &Ask<'_>) -> Result<Value, AwsError> {
    ask.form.only(ask.operation, &["StackName", "LogicalResourceId"])?;
    let id = ask.stack_id(|name| format!("Stack '{name}' does not exist"))?;
    let logical = ask.form.required("LogicalResourceId")?;
    ask.on_stack(&id, |stack| {
        let resource = stack
            .resources
            .get(logical)
            .ok_or_else(|| invalid(format!("Resource {logical} does not exist for stack {}", stack.name)))?;
        let mut fields = resource_fields(resource, "LastUpdatedTimestamp");
        let metadata = resource.metadata.as_ref().map(Value::to_string);
        fields.insert("Metadata".to_owned(), json!(metadata.unwrap_or_else(|| "{}".to_owned())));
        Ok(json!({"StackResourceDetail": of_stack(stack, fields)}))
    })
}

pub fn list_resources(ask: &Ask<'_>) -> Result<Value, AwsError> {
    ask.form.only(ask.operation, &["StackName", "NextToken"])?;
    let id = ask.stack_id(|name| format!("Stack with id {name} does not exist"))?;
    let all: Vec<Value> = ask.on_stack(&id, |stack| {
        Ok(stack
            .resources
            .values()
            .map(|resource| Value::Object(resource_fields(resource, "LastUpdatedTimestamp")))
            .collect())
    })?;
    let (summaries, next) = page(all, ask.form.text("NextToken"), RESOURCES_A_PAGE)?;
    Ok(json!({"StackResourceSummaries": summaries, "NextToken": next}))
}
