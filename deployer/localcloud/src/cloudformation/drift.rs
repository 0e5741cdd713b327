//! Drift: the live properties of resources against those that the stack gave them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::model::{Resource, now};
use super::schema::Schema;
use crate::auth::Principal;
use crate::cloud::Cloud;
use crate::resource::Request;

/// One run of DetectStackDrift.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Detection {
    pub stack_id: String,
    /// `DETECTION_IN_PROGRESS`, `DETECTION_COMPLETE` or `DETECTION_FAILED`.
    pub status: String,
    pub reason: Option<String>,
    pub drift_status: Option<String>,
    pub drifted: usize,
    pub started: i64,
}

/// What a detection found of one resource.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResourceDrift {
    /// `IN_SYNC`, `MODIFIED` or `DELETED`.
    pub status: String,
    pub expected: Value,
    pub actual: Option<Value>,
    /// As DescribeStackResourceDrifts answers them.
    pub differences: Vec<Value>,
    pub checked: i64,
}

/// Reads every resource of the stack and records what differs.
pub async fn detect(cloud: Arc<Cloud>, detection_id: String, stack_id: String, principal: Principal) {
    let resources: Vec<(Resource, Request)> = cloud.cloudformation.state.read(|state| {
        let Some(stack) = state.stacks.get(&stack_id) else { return Vec::new() };
        stack
            .resources
            .values()
            .filter(|resource| resource.physical_id.is_some())
            .map(|resource| {
                let request = Request {
                    stack_id: stack.id.clone(),
                    stack_name: stack.name.clone(),
                    logical_id: resource.logical_id.clone(),
                    region: stack.region.clone(),
                    principal: principal.clone(),
                    tags: stack.resource_tags(&resource.logical_id),
                    properties: resource.properties.clone(),
                };
                (resource.clone(), request)
            })
            .collect()
    });
    let mut failure = None;
    let mut drifts = Vec::new();
    for (resource, request) in resources {
        let physical_id = resource.physical_id.clone().unwrap_or_default();
        let kinds = cloud.cloudformation.types();
        let Some(kind) = kinds.iter().find(|kind| kind.name() == resource.kind) else { continue };
        match kind.read(&cloud, &request, &physical_id).await {
            Ok(actual) => drifts.push((resource.logical_id.clone(), compare(&resource, actual))),
            Err(error) => {
                failure = Some(format!(
                    "Failed to detect drift on resource [{}]: {}",
                    resource.logical_id, error.reason
                ));
            }
        }
    }
    cloud.cloudformation.state.write(|state| {
        let drifted = drifts.iter().filter(|(_, drift)| drift.status != "IN_SYNC").count();
        let status = if drifted == 0 { "IN_SYNC" } else { "DRIFTED" };
        if let Some(stack) = state.stacks.get_mut(&stack_id) {
            stack.drift = Some((status.to_owned(), now()));
            for (logical_id, drift) in drifts {
                if let Some(resource) = stack.resources.get_mut(&logical_id) {
                    resource.drift = Some(drift);
                }
            }
        }
        if let Some(detection) = state.drift_detections.get_mut(&detection_id) {
            detection.status =
                if failure.is_some() { "DETECTION_FAILED" } else { "DETECTION_COMPLETE" }.to_owned();
            detection.reason = failure;
            detection.drift_status = Some(status.to_owned());
            detection.drifted = drifted;
        }
    });
}

/// Only properties that the template sets are compared, and of these not the write-only ones.
fn compare(resource: &Resource, actual: Option<Value>) -> ResourceDrift {
    let mut differences = Vec::new();
    let schema = Schema::of(&resource.kind);
    if let Some(actual) = &actual {
        for (name, expected) in resource.properties.as_object().into_iter().flatten() {
            if schema.is_some_and(|schema| schema.tag_property() == Some(name)) {
                continue;
            }
            walk(schema, &mut vec![name], expected, actual.get(name), &mut differences);
        }
    }
    let status = match (&actual, differences.is_empty()) {
        (None, _) => "DELETED",
        (Some(_), true) => "IN_SYNC",
        (Some(_), false) => "MODIFIED",
    };
    ResourceDrift {
        status: status.to_owned(),
        expected: resource.properties.clone(),
        actual,
        differences,
        checked: now(),
    }
}

fn walk<'a>(
    schema: Option<&Schema>,
    path: &mut Vec<&'a str>,
    expected: &'a Value,
    actual: Option<&Value>,
    differences: &mut Vec<Value>,
) {
    if schema.is_some_and(|schema| schema.write_only(path)) {
        return;
    }
    if let (Value::Object(expected), Some(Value::Object(actual))) = (expected, actual) {
        for (name, value) in expected {
            path.push(name);
            walk(schema, path, value, actual.get(name), differences);
            path.pop();
        }
        return;
    }
    let kind = match actual {
        None => "REMOVE",
        Some(actual) if same(expected, actual) => return,
        Some(_) => "NOT_EQUAL",
    };
    differences.push(json!({
        "PropertyPath": format!("/{}", path.join("/")),
        "ExpectedValue": text(Some(expected)),
        "ActualValue": text(actual),
        "DifferenceType": kind,
    }));
}

/// Lists are compared without their order: services answer many of them as sets.
fn same(expected: &Value, actual: &Value) -> bool {
    match (expected, actual) {
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().all(|item| other.iter().any(|it| same(item, it)))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.iter().all(|(name, item)| other.get(name).is_some_and(|it| same(item, it)))
        }
        _ => expected == actual,
    }
}

fn text(value: Option<&Value>) -> String {
    match value {
        None => "null".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}
