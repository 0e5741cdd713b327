//! Getting a stack out of a failure: cancel, roll back, continue a rollback.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::Ask;
use crate::cloudformation::engine;
use crate::cloudformation::form::invalid;
use crate::cloudformation::status::StackStatus;
use crate::wire::AwsError;

pub fn cancel(ask: &Ask<'_>) -> Result<Value, AwsError> {
    ask.form.only(ask.operation, &["StackName", "ClientRequestToken"])?;
    let id = ask.stack_id(|name| format!("Stack [{name}] does not exist"))?;
    let role = ask.on_stack(&id, |stack| Ok(stack.settings.role_arn.clone()))?;
    let operation = ask.new_operation("ROLLBACK", role.as_deref())?;
    ask.on_stack(&id, |stack| {
        if ask.repeated(stack)?.is_some() {
            return Ok(());
        }
        if stack.status != StackStatus::UpdateInProgress {
            return Err(invalid("CancelUpdateStack cannot be called from current stack status"));
        }
        ask.remember(stack, &json!({}));
        let undo = stack.undoing();
        stack.begin(operation, undo, Some("User Initiated"));
        Ok(())
    })?;
    ask.cloud.cloudformation.interrupt(&id);
    engine::run(ask.cloud, &id);
    Ok(json!({}))
}

/// From CREATE_FAILED or UPDATE_FAILED, back to the last state that was complete.
pub fn rollback(ask: &Ask<'_>) -> Result<Value, AwsError> {
    ask.form.only(ask.operation, &["StackName", "RoleARN", "ClientRequestToken", "RetainExceptOnCreate"])?;
    let id = ask.stack_id(|name| format!("Stack [{name}] does not exist"))?;
    let sticking = ask.on_stack(&id, |stack| Ok(stack.settings.role_arn.clone()))?;
    let role = ask.role(sticking.as_deref())?;
    let mut operation = ask.new_operation("ROLLBACK", role.as_deref())?;
    operation.retain_except_on_create = ask.form.flag("RetainExceptOnCreate")?.unwrap_or(false);
    let answer = ask.on_stack(&id, |stack| {
        if let Some(answer) = ask.repeated(stack)? {
            return Ok(answer);
        }
        if !matches!(stack.status, StackStatus::CreateFailed | StackStatus::UpdateFailed) {
            return Err(invalid(format!(
                "Stack:{} is in {} state and can not be rolled back.",
                stack.id, stack.status
            )));
        }
        let answer = json!({"StackId": stack.id, "OperationId": operation.id});
        ask.remember(stack, &answer);
        stack.settings.role_arn = role.clone();
        let undo = stack.undoing();
        stack.begin(operation, undo, Some("User Initiated"));
        Ok(answer)
    })?;
    engine::run(ask.cloud, &id);
    Ok(answer)
}

pub fn continue_rollback(ask: &Ask<'_>) -> Result<Value, AwsError> {
    ask.form.only(ask.operation, &["StackName", "RoleARN", "ResourcesToSkip", "ClientRequestToken"])?;
    let id = ask.stack_id(|name| format!("Stack [{name}] does not exist"))?;
    let sticking = ask.on_stack(&id, |stack| Ok(stack.settings.role_arn.clone()))?;
    let role = ask.role(sticking.as_deref())?;
    let mut operation = ask.new_operation("CONTINUE_ROLLBACK", role.as_deref())?;
    let skip: BTreeSet<String> = ask.form.list("ResourcesToSkip").unwrap_or_default().into_iter().collect();
    ask.on_stack(&id, |stack| {
        if ask.repeated(stack)?.is_some() {
            return Ok(());
        }
        if stack.status != StackStatus::UpdateRollbackFailed {
            return Err(invalid(format!(
                "Stack:{} is in {} state and can not continue a rollback.",
                stack.id, stack.status
            )));
        }
        let touched = |name: &&String| {
            stack.resources.get(*name).is_none_or(|resource| resource.status != "UPDATE_FAILED")
        };
        let wrong: Vec<&str> = skip.iter().filter(touched).map(String::as_str).collect();
        if !wrong.is_empty() {
            return Err(invalid(format!(
                "ResourcesToSkip may name only resources that are in the UPDATE_FAILED state: [{}]",
                wrong.join(", ")
            )));
        }
        operation.skip = skip;
        ask.remember(stack, &json!({}));
        stack.settings.role_arn = role.clone();
        stack.begin(operation, StackStatus::UpdateRollbackInProgress, Some("User Initiated"));
        Ok(())
    })?;
    engine::run(ask.cloud, &id);
    Ok(json!({}))
}
