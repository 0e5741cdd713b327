//! DetectStackDrift and what it found.

use serde_json::{Value, json};

use super::{Ask, page};
use crate::cloudformation::drift::{self, Detection};
use crate::cloudformation::form::invalid;
use crate::cloudformation::model::{now, time};
use crate::wire::AwsError;

const DRIFTS_A_PAGE: usize = 20;

pub fn detect(ask: &Ask<'_>) -> Result<Value, AwsError> {
    ask.form.only(ask.operation, &["StackName"])?;
    let id = ask.stack_id(|name| format!("Stack [{name}] does not exist"))?;
    ask.on_stack(&id, |stack| {
        let legal = stack.status.stable() || stack.status.as_str().ends_with("_FAILED");
        if legal {
            Ok(())
        } else {
            Err(invalid(format!(
                "Drift detection cannot be performed on stack {} in status {}",
                stack.id, stack.status
            )))
        }
    })?;
    let detection_id = uuid::Uuid::new_v4().to_string();
    ask.write(|state| {
        state.drift_detections.insert(
            detection_id.clone(),
            Detection {
                stack_id: id.clone(),
                status: "DETECTION_IN_PROGRESS".to_owned(),
                reason: None,
                drift_status: None,
                drifted: 0,
                started: now(),
            },
        )
    });
    tokio::spawn(drift::detect(ask.cloud.clone(), detection_id.clone(), id, ask.call.principal.clone()));
    Ok(json!({"StackDriftDetectionId": detection_id}))
}

pub fn status(ask: &Ask<'_>) -> Result<Value, AwsError> {
    ask.form.only(ask.operation, &["StackDriftDetectionId"])?;
    let id = ask.form.required("StackDriftDetectionId")?;
    let detection = ask
        .read(|state| state.drift_detections.get(id).cloned())
        .ok_or_else(|| invalid(format!("Drift detection with id {id} does not exist")))?;
    ask.authorize(&detection.stack_id)?;
    Ok(json!({
        "StackId": detection.stack_id,
        "StackDriftDetectionId": id,
        "StackDriftStatus": detection.drift_status,
        "DetectionStatus": detection.status,
        "DetectionStatusReason": detection.reason,
        "DriftedStackResourceCount": detection.drifted,
        "Timestamp": time(detection.started),
    }))
}

pub fn resources(ask: &Ask<'_>) -> Result<Value, AwsError> {
    ask.form
        .only(ask.operation, &["StackName", "StackResourceDriftStatusFilters", "NextToken", "MaxResults"])?;
    let id = ask.stack_id(|name| format!("Stack [{name}] does not exist"))?;
    let filters = ask.form.list("StackResourceDriftStatusFilters").unwrap_or_default();
    let all: Vec<Value> = ask.on_stack(&id, |stack| {
        let drifts =
            stack.resources.values().filter_map(|resource| Some((resource, resource.drift.as_ref()?)));
        Ok(drifts
            .filter(|(_, drift)| filters.is_empty() || filters.contains(&drift.status))
            .map(|(resource, drift)| {
                json!({
                    "StackId": stack.id,
                    "LogicalResourceId": resource.logical_id,
                    "PhysicalResourceId": resource.physical_id,
                    "ResourceType": resource.kind,
                    "ExpectedProperties": drift.expected.to_string(),
                    "ActualProperties": drift.actual.as_ref().map(Value::to_string),
                    "PropertyDifferences": drift.differences,
                    "StackResourceDriftStatus": drift.status,
                    "Timestamp": time(drift.checked),
                })
            })
            .collect())
    })?;
    let size = match ask.form.text("MaxResults") {
        None => DRIFTS_A_PAGE,
        Some(text) => text
            .parse()
            .ok()
            .filter(|size| (1..=100).contains(size))
            .ok_or_else(|| invalid("MaxResults must be from 1 to 100"))?,
    };
    let (drifts, next) = page(all, ask.form.text("NextToken"), size)?;
    Ok(json!({"StackResourceDrifts": drifts, "NextToken": next}))
}
