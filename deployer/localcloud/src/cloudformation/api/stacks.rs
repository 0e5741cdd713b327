//! CreateStack, UpdateStack, DeleteStack, and what protects a stack.

use serde_json::{Value, json};

use super::Ask;
use crate::cloudformation::form::invalid;
use crate::cloudformation::model::{OnFailure, Operation, Settings, Stack, now};
use crate::cloudformation::parameters::{self};
use crate::cloudformation::status::StackStatus;
use crate::cloudformation::template::Template;
use crate::cloudformation::{engine, plan};
use crate::wire::AwsError;

/// The settings that a request asks for, checked as far as they can be before anything runs.
pub fn settings(ask: &Ask<'_>, before: Option<&Settings>) -> Result<(Settings, Template), AwsError> {
    let none = Settings::default();
    let previous = before.unwrap_or(&none);
    let text = ask.template(before.map(|before| before.template.as_str()).filter(|text| !text.is_empty()))?;
    let template = Template::parse(&text).map_err(invalid)?;
    let parameters = parameters::values(&template.parameters, &ask.parameters()?, &previous.parameters)
        .map_err(invalid)?;
    let capabilities = ask.form.list("Capabilities").unwrap_or_default();
    if let Some(other) = capabilities.iter().find(|name| {
        !matches!(name.as_str(), "CAPABILITY_IAM" | "CAPABILITY_NAMED_IAM" | "CAPABILITY_AUTO_EXPAND")
    }) {
        return Err(invalid(format!(
            "1 validation error detected: Value '[{other}]' at 'capabilities' failed to satisfy constraint: Member must satisfy enum value set: [CAPABILITY_IAM, CAPABILITY_NAMED_IAM, CAPABILITY_AUTO_EXPAND]"
        )));
    }
    if let Some((needed, _)) = template.capability() {
        let given = |name: &str| capabilities.iter().any(|capability| capability == name);
        if !given(needed) && !given("CAPABILITY_NAMED_IAM") {
            return Err(AwsError::new(
                400,
                "InsufficientCapabilitiesException",
                format!("Requires capabilities : [{needed}]"),
            ));
        }
    }
    let settings = Settings {
        template: text,
        parameters,
        tags: ask.tags(&previous.tags)?,
        capabilities,
        role_arn: ask.role(previous.role_arn.as_deref())?,
    };
    Ok((settings, template))
}

pub fn check_name(name: &str) -> Result<(), AwsError> {
    let legal = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if !legal {
        return Err(invalid(format!(
            "1 validation error detected: Value '{name}' at 'stackName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*"
        )));
    }
    if name.len() > 128 {
        return Err(invalid(format!(
            "1 validation error detected: Value '{name}' at 'stackName' failed to satisfy constraint: Member must have length less than or equal to 128"
        )));
    }
    Ok(())
}

/// `Stack:arn… is in UPDATE_IN_PROGRESS state and can not be updated.`
pub fn not_updatable(stack: &Stack) -> AwsError {
    invalid(format!("Stack:{} is in {} state and can not be updated.", stack.id, stack.status))
}

pub fn on_failure(text: Option<&str>) -> Result<Option<OnFailure>, AwsError> {
    Ok(match text {
        None => None,
        Some("ROLLBACK") => Some(OnFailure::Rollback),
        Some("DELETE") => Some(OnFailure::Delete),
        Some("DO_NOTHING") => Some(OnFailure::DoNothing),
        Some(other) => {
            return Err(invalid(format!(
                "1 validation error detected: Value '{other}' at 'onFailure' failed to satisfy constraint: Member must satisfy enum value set: [ROLLBACK, DELETE, DO_NOTHING]"
            )));
        }
    })
}

pub fn create(ask: &Ask<'_>) -> Result<Value, AwsError> {
    ask.form.only(
        ask.operation,
        &[
            "StackName",
            "TemplateBody",
            "TemplateURL",
            "Parameters",
            "DisableRollback",
            "Capabilities",
            "RoleARN",
            "OnFailure",
            "StackPolicyBody",
            "Tags",
            "ClientRequestToken",
            "EnableTerminationProtection",
            "RetainExceptOnCreate",
        ],
    )?;
    let name = ask.form.required("StackName")?;
    check_name(name)?;
    ask.authorize(name)?;
    let region = &ask.call.region;
    if let Some(answer) =
        ask.read(|state| state.find(name, region).map(|stack| ask.repeated(stack))).transpose()?.flatten()
    {
        return Ok(answer);
    }
    let (settings, _) = settings(ask, None)?;
    let policy = ask.policy("StackPolicyBody")?;
    let mut on_failure = on_failure(ask.form.text("OnFailure"))?;
    match (ask.form.flag("DisableRollback")?, on_failure) {
        (Some(_), Some(_)) => {
            return Err(invalid("Only one of DisableRollback and OnFailure may be specified"));
        }
        (Some(true), None) => on_failure = Some(OnFailure::DoNothing),
        _ => {}
    }
    let mut operation = ask.new_operation("CREATE_STACK", settings.role_arn.as_deref())?;
    operation.on_failure = on_failure.unwrap_or(OnFailure::Rollback);
    operation.retain_except_on_create = ask.form.flag("RetainExceptOnCreate")?.unwrap_or(false);
    let protected = ask.form.flag("EnableTerminationProtection")?.unwrap_or(false);
    let id = ask.write(|state| {
        if state.find(name, region).is_some() {
            return Err(AwsError::new(
                400,
                "AlreadyExistsException",
                format!("Stack [{name}] already exists"),
            ));
        }
        let mut stack = Stack::new(name, region, StackStatus::CreateInProgress);
        stack.settings = settings;
        stack.policy = policy;
        stack.termination_protection = protected;
        let answer = json!({"StackId": stack.id, "OperationId": operation.id});
        ask.remember(&mut stack, &answer);
        stack.begin(operation, StackStatus::CreateInProgress, Some("User Initiated"));
        let id = stack.id.clone();
        state.stacks.insert(id.clone(), stack);
        Ok((id, answer))
    });
    let (id, answer) = id?;
    engine::run(ask.cloud, &id);
    Ok(answer)
}

pub fn update(ask: &Ask<'_>) -> Result<Value, AwsError> {
    ask.form.only(
        ask.operation,
        &[
            "StackName",
            "TemplateBody",
            "TemplateURL",
            "UsePreviousTemplate",
            "StackPolicyDuringUpdateBody",
            "Parameters",
            "Capabilities",
            "RoleARN",
            "StackPolicyBody",
            "Tags",
            "DisableRollback",
            "ClientRequestToken",
            "RetainExceptOnCreate",
        ],
    )?;
    let id = ask.stack_id(|name| format!("Stack [{name}] does not exist"))?;
    if let Some(answer) = ask.on_stack(&id, |stack| ask.repeated(stack))? {
        return Ok(answer);
    }
    let before = ask.on_stack(&id, |stack| {
        if stack.status.updatable() { Ok(stack.settings.clone()) } else { Err(not_updatable(stack)) }
    })?;
    let (settings, template) = settings(ask, Some(&before))?;
    let plan = ask.read(|state| match state.stacks.get(&id) {
        Some(stack) => legal(stack, &template)
            .and_then(|()| plan::plan(state, stack, &settings, &template).map_err(invalid)),
        None => Err(invalid(format!("Stack [{id}] does not exist"))),
    })?;
    let policy = ask.policy("StackPolicyBody")?;
    if plan.nothing && policy.is_none() {
        return Err(invalid("No updates are to be performed."));
    }
    let mut operation = ask.new_operation("UPDATE_STACK", settings.role_arn.as_deref())?;
    if ask.form.flag("DisableRollback")?.unwrap_or(false) {
        operation.on_failure = OnFailure::DoNothing;
    }
    operation.retain_except_on_create = ask.form.flag("RetainExceptOnCreate")?.unwrap_or(false);
    operation.policy = ask.policy("StackPolicyDuringUpdateBody")?;
    let answer = ask.on_stack(&id, |stack| {
        if !stack.status.updatable() {
            return Err(not_updatable(stack));
        }
        if let Some(policy) = policy {
            stack.policy = Some(policy);
        }
        let answer = json!({"StackId": stack.id, "OperationId": operation.id});
        ask.remember(stack, &answer);
        start_update(stack, operation, settings);
        Ok(answer)
    })?;
    engine::run(ask.cloud, &id);
    Ok(answer)
}

/// Changes of a resource's type are no update.
pub fn legal(stack: &Stack, template: &Template) -> Result<(), AwsError> {
    let retyped = plan::retyped(stack, template);
    if retyped.is_empty() {
        return Ok(());
    }
    Err(invalid(format!(
        "Update of resource type is not permitted. The new template modifies resource type of the following resources: [{}]",
        retyped.join(", ")
    )))
}

/// What fails goes back to the last state that was complete.
pub fn start_update(stack: &mut Stack, operation: Operation, settings: Settings) {
    if stack.status.stable() {
        stack.former = Some(Box::new(stack.snapshot()));
    }
    stack.settings = settings;
    stack.updated = Some(now());
    stack.begin(operation, StackStatus::UpdateInProgress, Some("User Initiated"));
}

pub fn delete(ask: &Ask<'_>) -> Result<Value, AwsError> {
    ask.form.only(
        ask.operation,
        &["StackName", "RetainResources", "RoleARN", "ClientRequestToken", "DeletionMode"],
    )?;
    let name = ask.form.required("StackName")?;
    ask.authorize(name)?;
    let found = ask.read(|state| {
        state.find(name, &ask.call.region).map(|stack| (stack.id.clone(), stack.settings.role_arn.clone()))
    });
    // A stack that is not there is deleted.
    let Some((id, sticking)) = found else { return Ok(json!({})) };
    let role = ask.role(sticking.as_deref())?;
    let mut operation = ask.new_operation("DELETE_STACK", role.as_deref())?;
    operation.retain = ask.form.list("RetainResources").unwrap_or_default().into_iter().collect();
    operation.force = match ask.form.text("DeletionMode") {
        None | Some("STANDARD") => false,
        Some("FORCE_DELETE_STACK") => true,
        Some(other) => {
            return Err(invalid(format!(
                "1 validation error detected: Value '{other}' at 'deletionMode' failed to satisfy constraint: Member must satisfy enum value set: [STANDARD, FORCE_DELETE_STACK]"
            )));
        }
    };
    let started = ask.on_stack(&id, |stack| {
        if ask.repeated(stack)?.is_some()
            || matches!(stack.status, StackStatus::DeleteInProgress | StackStatus::DeleteComplete)
        {
            return Ok(false);
        }
        if stack.termination_protection {
            return Err(invalid(format!("Stack [{}] cannot be deleted while TerminationProtection is enabled", stack.name)));
        }
        if !stack.status.deletable() {
            return Err(invalid(format!("Stack [{}] cannot be deleted while in status {}", stack.name, stack.status)));
        }
        if stack.status != StackStatus::DeleteFailed {
            let only = if operation.force { "FORCE_DELETE_STACK" } else { "RetainResources" };
            if operation.force || !operation.retain.is_empty() {
                return Err(invalid(format!("Invalid operation on stack [{}]. {only} can only be specified for a stack in the DELETE_FAILED state.", stack.id)));
            }
        }
        if let Some(unknown) = operation.retain.iter().find(|it| !stack.resources.contains_key(*it)) {
            return Err(invalid(format!("The specified resources to retain do not exist in stack {}: [{unknown}]", stack.name)));
        }
        if let Some(role) = role {
            stack.settings.role_arn = Some(role);
        }
        ask.remember(stack, &json!({}));
        stack.begin(operation, StackStatus::DeleteInProgress, Some("User Initiated"));
        Ok(true)
    })?;
    if started {
        ask.cloud.cloudformation.interrupt(&id);
        engine::run(ask.cloud, &id);
    }
    Ok(json!({}))
}

pub fn termination_protection(ask: &Ask<'_>) -> Result<Value, AwsError> {
    ask.form.only(ask.operation, &["StackName", "EnableTerminationProtection"])?;
    let id = ask.stack_id(|name| format!("Stack [{name}] does not exist"))?;
    let enable = ask
        .form
        .flag("EnableTerminationProtection")?
        .ok_or_else(|| invalid("1 validation error detected: Value null at 'enableTerminationProtection' failed to satisfy constraint: Member must not be null"))?;
    ask.on_stack(&id, |stack| {
        if matches!(stack.status, StackStatus::DeleteInProgress | StackStatus::DeleteComplete) {
            return Err(invalid(format!("Stack [{}] is in {} state", stack.name, stack.status)));
        }
        stack.termination_protection = enable;
        Ok(json!({"StackId": stack.id}))
    })
}

pub fn set_policy(ask: &Ask<'_>) -> Result<Value, AwsError> {
    ask.form.only(ask.operation, &["StackName", "StackPolicyBody"])?;
    let id = ask.stack_id(|name| format!("Stack [{name}] does not exist"))?;
    let policy = ask
        .policy("StackPolicyBody")?
        .ok_or_else(|| invalid("Either StackPolicyBody or StackPolicyURL must be specified."))?;
    ask.on_stack(&id, |stack| {
        stack.policy = Some(policy);
        Ok(json!({}))
    })
}

pub fn get_policy(ask: &Ask<'_>) -> Result<Value, AwsError> {
    ask.form.only(ask.operation, &["StackName"])?;
    let id = ask.stack_id(|name| format!("Stack [{name}] does not exist"))?;
    ask.on_stack(&id, |stack| Ok(json!({"StackPolicyBody": stack.policy.as_ref().map(Value::to_string)})))
}
