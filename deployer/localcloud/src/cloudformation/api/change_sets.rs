//! Change sets: create, describe, execute, delete, list.

use serde_json::{Value, json};

use super::stacks::{check_name, legal, not_updatable, on_failure, settings, start_update};
use super::{Ask, page, tag_list};
use crate::cloud::arn;
use crate::cloudformation::form::invalid;
use crate::cloudformation::model::{ChangeSet, OnFailure, Settings, Stack, State, now, time};
use crate::cloudformation::plan::{self, Plan};
use crate::cloudformation::status::StackStatus;
use crate::cloudformation::template::Template;
use crate::cloudformation::{engine, parameters};
use crate::wire::AwsError;

const CHANGES_A_PAGE: usize = 10;
const NO_CHANGES: &str =
    "The submitted information didn't contain changes. Submit different information to create a change set.";
const EARLY_VALIDATION: &str = "The following hook(s)/validation failed: [AWS::EarlyValidation::PropertyValidation]. To troubleshoot Early Validation errors, use the DescribeEvents API for detailed failure information.";

pub fn create(ask: &Ask<'_>) -> Result<Value, AwsError> {
    ask.form.only(
        ask.operation,
        &[
            "StackName",
            "TemplateBody",
            "TemplateURL",
            "UsePreviousTemplate",
            "Parameters",
            "Capabilities",
            "RoleARN",
            "Tags",
            "ChangeSetName",
            "ClientToken",
            "Description",
            "ChangeSetType",
            "OnStackFailure",
            "IncludeNestedStacks",
            "ImportExistingResources",
            "DisableValidation",
        ],
    )?;
    for member in ["IncludeNestedStacks", "ImportExistingResources"] {
        if ask.form.flag(member)?.unwrap_or(false) {
            return Err(AwsError::not_implemented(format_args!("{member} of CreateChangeSet")));
        }
    }
    let name = ask.form.required("ChangeSetName")?;
    let stack_name = ask.form.required("StackName")?;
    ask.authorize(stack_name)?;
    let region = &ask.call.region;
    let found = ask.read(|state| state.find(stack_name, region).map(|it| it.id.clone()));
    if let Some(id) = &found
        && let Some(answer) = ask.on_stack(id, |stack| ask.repeated(stack))?
    {
        return Ok(answer);
    }
    let creating = match ask.form.text("ChangeSetType").unwrap_or("UPDATE") {
        "CREATE" => true,
        "UPDATE" => false,
        other => return Err(AwsError::not_implemented(format_args!("change sets of type {other}"))),
    };
    let before = match (&found, creating) {
        (None, false) => return Err(invalid(format!("Stack [{stack_name}] does not exist"))),
        (None, true) => {
            check_name(stack_name)?;
            None
        }
        (Some(id), _) => Some(ask.on_stack(id, |stack| {
            let review = stack.status == StackStatus::ReviewInProgress;
            if creating && !review {
                return Err(invalid(format!("Stack [{stack_name}] already exists and cannot be created again with the changeSet [{name}].")));
            }
            if !creating && !stack.status.updatable() {
                return Err(not_updatable(stack));
            }
            if stack.change_sets.iter().any(|it| it.name == name) {
                return Err(AwsError::new(400, "AlreadyExistsException", format!("ChangeSet {name} already exists")));
            }
            Ok(stack.settings.clone())
        })?),
    };
    let (settings, template) = settings(ask, before.as_ref())?;
    ask.principal(settings.role_arn.as_deref())?;
    let on_stack_failure = on_failure(ask.form.text("OnStackFailure"))?;
    if on_stack_failure == Some(OnFailure::Delete) && !creating {
        return Err(invalid("OnStackFailure DELETE can only be specified for change sets of type CREATE"));
    }
    let validate = !ask.form.flag("DisableValidation")?.unwrap_or(false);
    ask.write(|state| {
        let id = match found {
            Some(id) => id,
            None => {
                let mut stack = Stack::new(stack_name, region, StackStatus::ReviewInProgress);
                stack.enter(StackStatus::ReviewInProgress, Some("User Initiated"));
                let id = stack.id.clone();
                state.stacks.insert(id.clone(), stack);
                id
            }
        };
        let change_set = change_set(ask, state, &id, name, settings, &template, validate)?;
        let stack =
            state.stacks.get_mut(&id).ok_or_else(|| invalid(format!("Stack [{id}] does not exist")))?;
        let answer = json!({"Id": change_set.id, "StackId": id});
        ask.remember(stack, &answer);
        stack.change_sets.push(ChangeSet { on_stack_failure, ..change_set });
        Ok(answer)
    })
}

fn change_set(
    ask: &Ask<'_>,
    state: &State,
    stack_id: &str,
    name: &str,
    settings: Settings,
    template: &Template,
    validate: bool,
) -> Result<ChangeSet, AwsError> {
    let stack =
        state.stacks.get(stack_id).ok_or_else(|| invalid(format!("Stack [{stack_id}] does not exist")))?;
    legal(stack, template)?;
    let id = arn("cloudformation", &stack.region, &format!("changeSet/{name}/{}", uuid::Uuid::new_v4()));
    let (changes, findings, failure) = match plan::plan(state, stack, &settings, template) {
        Err(reason) if reason.starts_with("No export named") => (Vec::new(), Vec::new(), Some(reason)),
        Err(reason) => return Err(invalid(reason)),
        Ok(Plan { nothing: true, .. }) => (Vec::new(), Vec::new(), Some(NO_CHANGES.to_owned())),
        Ok(plan) if validate && !plan.findings.is_empty() => {
            (plan.changes, plan.findings, Some(EARLY_VALIDATION.to_owned()))
        }
        Ok(plan) => (plan.changes, Vec::new(), None),
    };
    let (status, execution) =
        if failure.is_some() { ("FAILED", "UNAVAILABLE") } else { ("CREATE_COMPLETE", "AVAILABLE") };
    Ok(ChangeSet {
        id,
        name: name.to_owned(),
        description: ask.form.text("Description").map(str::to_owned),
        created: now(),
        status: status.to_owned(),
        reason: failure,
        execution_status: execution.to_owned(),
        settings,
        on_stack_failure: None,
        changes,
        findings,
        operation_id: uuid::Uuid::new_v4().to_string(),
    })
}

/// The stack's id and the change set's position that a request names.
pub fn find(ask: &Ask<'_>, state: &State) -> Result<(String, usize), AwsError> {
    let name = ask.form.required("ChangeSetName")?;
    let missing = || AwsError::new(404, "ChangeSetNotFound", format!("ChangeSet [{name}] does not exist"));
    let stacks: Vec<&Stack> = match ask.form.text("StackName") {
        Some(stack) => vec![
            state
                .find(stack, &ask.call.region)
                .ok_or_else(|| invalid(format!("Stack [{stack}] does not exist")))?,
        ],
        None if name.starts_with("arn:") => state.stacks.values().collect(),
        None => {
            return Err(invalid("StackName must be specified if ChangeSetName is not specified as an ARN."));
        }
    };
    stacks
        .into_iter()
        .find_map(|stack| {
            let at = stack.change_sets.iter().position(|it| it.id == name || it.name == name)?;
            Some((stack.id.clone(), at))
        })
        .ok_or_else(missing)
}

pub fn describe(ask: &Ask<'_>) -> Result<Value, AwsError> {
    ask.form.only(ask.operation, &["ChangeSetName", "StackName", "NextToken", "IncludePropertyValues"])?;
    let values = ask.form.flag("IncludePropertyValues")?.unwrap_or(false);
    let found = ask.read(|state| {
        let (id, at) = find(ask, state)?;
        let stack = state.stacks.get(&id).ok_or_else(|| invalid(format!("Stack [{id}] does not exist")))?;
        Ok::<_, AwsError>((id, stack.name.clone(), stack.change_sets.get(at).cloned()))
    })?;
    let (id, stack_name, Some(set)) = found else { return Ok(json!({})) };
    ask.authorize(&id)?;
    let (changes, next) = page(set.changes, ask.form.text("NextToken"), CHANGES_A_PAGE)?;
    let changes: Vec<Value> = changes
        .iter()
        .map(|change| if values { change.clone() } else { plan::without_values(change) })
        .collect();
    Ok(json!({
        "ChangeSetName": set.name,
        "ChangeSetId": set.id,
        "StackId": id,
        "StackName": stack_name,
        "Description": set.description,
        "Parameters": shown_parameters(&set.settings),
        "CreationTime": time(set.created),
        "ExecutionStatus": set.execution_status,
        "Status": set.status,
        "StatusReason": set.reason,
        "Capabilities": set.settings.capabilities,
        "Tags": tag_list(&set.settings.tags),
        "Changes": changes,
        "NextToken": next,
        "IncludeNestedStacks": false,
        "ImportExistingResources": false,
        "OnStackFailure": set.on_stack_failure.map(|it| match it {
            OnFailure::Rollback => "ROLLBACK",
            OnFailure::Delete => "DELETE",
            OnFailure::DoNothing => "DO_NOTHING",
        }),
    }))
}

/// Parameter values as the API shows them: those with NoEcho are masked.
pub fn shown_parameters(settings: &Settings) -> Value {
    let declared: std::collections::BTreeMap<String, parameters::Declaration> =
        Template::parse(&settings.template).map(|template| template.parameters).unwrap_or_default();
    settings
        .parameters
        .iter()
        .map(|(name, value)| {
            let hidden = declared.get(name).is_some_and(|declaration| declaration.no_echo);
            json!({"ParameterKey": name, "ParameterValue": if hidden { "****" } else { value }})
        })
        .collect()
}

pub fn execute(ask: &Ask<'_>) -> Result<Value, AwsError> {
    ask.form.only(
        ask.operation,
        &["ChangeSetName", "StackName", "ClientRequestToken", "DisableRollback", "RetainExceptOnCreate"],
    )?;
    let (id, at) = ask.read(|state| find(ask, state))?;
    ask.authorize(&id)?;
    if ask.on_stack(&id, |stack| ask.repeated(stack))?.is_some() {
        return Ok(json!({}));
    }
    let set = ask.on_stack(&id, |stack| {
        stack.change_sets.get(at).cloned().ok_or_else(|| invalid("the change set is gone"))
    })?;
    let creating = ask.on_stack(&id, |stack| Ok(stack.status == StackStatus::ReviewInProgress))?;
    let kind = if creating { "CREATE_STACK" } else { "UPDATE_STACK" };
    let mut operation = ask.new_operation(kind, set.settings.role_arn.as_deref())?;
    operation.on_failure = match (ask.form.flag("DisableRollback")?, set.on_stack_failure) {
        (Some(_), Some(_)) => {
            return Err(invalid("DisableRollback cannot be specified for a change set with OnStackFailure"));
        }
        (Some(true), None) => OnFailure::DoNothing,
        (_, on_stack_failure) => on_stack_failure.unwrap_or(OnFailure::Rollback),
    };
    operation.retain_except_on_create = ask.form.flag("RetainExceptOnCreate")?.unwrap_or(false);
    ask.on_stack(&id, |stack| {
        let executable = stack.change_sets.iter().find(|it| it.id == set.id);
        let Some(current) = executable else { return Err(invalid("the change set is gone")) };
        if current.status != "CREATE_COMPLETE" || current.execution_status != "AVAILABLE" {
            let status = if current.status == "CREATE_COMPLETE" {
                format!("execution status of [{}]", current.execution_status)
            } else {
                format!("status of [{}]", current.status)
            };
            return Err(AwsError::new(
                400,
                "InvalidChangeSetStatus",
                format!("ChangeSet [{}] cannot be executed in its current {status}", set.id),
            ));
        }
        if !stack.status.updatable() && stack.status != StackStatus::ReviewInProgress {
            return Err(not_updatable(stack));
        }
        // The siblings were made for a state that is about to be another one.
        stack.change_sets.retain(|it| it.id == set.id);
        stack.change_sets.iter_mut().for_each(|it| it.execution_status = "EXECUTE_IN_PROGRESS".to_owned());
        stack.executed_change_set = Some(set.id.clone());
        ask.remember(stack, &json!({}));
        if creating {
            stack.settings = set.settings;
            stack.begin(operation, StackStatus::CreateInProgress, Some("User Initiated"));
        } else {
            start_update(stack, operation, set.settings);
        }
        Ok(())
    })?;
    engine::run(ask.cloud, &id);
    Ok(json!({}))
}

pub fn delete(ask: &Ask<'_>) -> Result<Value, AwsError> {
    ask.form.only(ask.operation, &["ChangeSetName", "StackName"])?;
    let (id, at) = match ask.read(|state| find(ask, state)) {
        Ok(found) => found,
        // A change set that is not there is deleted.
        Err(error) if error.code == "ChangeSetNotFound" => return Ok(json!({})),
        Err(error) => return Err(error),
    };
    ask.authorize(&id)?;
    ask.on_stack(&id, |stack| {
        let busy = stack.change_sets.get(at).filter(|it| it.execution_status == "EXECUTE_IN_PROGRESS");
        if let Some(set) = busy {
            return Err(AwsError::new(
                400,
                "InvalidChangeSetStatus",
                format!("An operation on ChangeSet [{}] is currently in progress.", set.id),
            ));
        }
        if at < stack.change_sets.len() {
            stack.change_sets.remove(at);
        }
        Ok(json!({}))
    })
}

pub fn list(ask: &Ask<'_>) -> Result<Value, AwsError> {
    ask.form.only(ask.operation, &["StackName", "NextToken"])?;
    let id = ask.stack_id(|name| format!("Stack [{name}] does not exist"))?;
    let summaries: Vec<Value> = ask.on_stack(&id, |stack| {
        Ok(stack
            .change_sets
            .iter()
            .map(|set| {
                json!({
                    "StackId": stack.id,
                    "StackName": stack.name,
                    "ChangeSetId": set.id,
                    "ChangeSetName": set.name,
                    "ExecutionStatus": set.execution_status,
                    "Status": set.status,
                    "StatusReason": set.reason,
                    "CreationTime": time(set.created),
                    "Description": set.description,
                    "IncludeNestedStacks": false,
                    "ImportExistingResources": false,
                })
            })
            .collect())
    })?;
    let (summaries, next) = page(summaries, ask.form.text("NextToken"), CHANGES_A_PAGE)?;
    Ok(json!({"Summaries": summaries, "NextToken": next}))
}
