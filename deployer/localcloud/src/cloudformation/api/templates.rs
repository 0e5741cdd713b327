//! Templates as they were sent, and what can be said of one without a stack.

use serde_json::{Value, json};

use super::Ask;
use super::change_sets::find;
use crate::cloudformation::form::invalid;
use crate::cloudformation::template::Template;
use crate::wire::AwsError;

pub fn get(ask: &Ask<'_>) -> Result<Value, AwsError> {
    ask.form.only(ask.operation, &["StackName", "ChangeSetName", "TemplateStage"])?;
    let text = if ask.form.text("ChangeSetName").is_some() {
        ask.read(|state| {
            let (id, at) = find(ask, state)?;
            let set = state.stacks.get(&id).and_then(|stack| stack.change_sets.get(at));
            Ok::<_, AwsError>(set.map(|set| set.settings.template.clone()))
        })?
    } else {
        let id = ask.stack_id(|name| format!("Stack with id {name} does not exist"))?;
        ask.on_stack(&id, |stack| Ok(Some(stack.settings.template.clone())))?
    };
    let text = text.filter(|text| !text.is_empty()).ok_or_else(|| invalid("The stack has no template"))?;
    Ok(json!({"TemplateBody": text, "StagesAvailable": ["Original", "Processed"]}))
}

fn asked(ask: &Ask<'_>) -> Result<(String, Template), AwsError> {
    let text = if ask.form.text("StackName").is_some() {
        let id = ask.stack_id(|name| format!("Stack with id {name} does not exist"))?;
        ask.on_stack(&id, |stack| Ok(stack.settings.template.clone()))?
    } else {
        ask.authorize("*")?;
        ask.template(None)?
    };
    let template = Template::parse(&text).map_err(invalid)?;
    Ok((text, template))
}

pub fn summary(ask: &Ask<'_>) -> Result<Value, AwsError> {
    ask.form.only(ask.operation, &["StackName", "TemplateBody", "TemplateURL"])?;
    let (_, template) = asked(ask)?;
    let parameters: Vec<Value> = template
        .parameters
        .iter()
        .map(|(name, declared)| {
            json!({
                "ParameterKey": name,
                "DefaultValue": declared.default,
                "ParameterType": declared.kind.as_str(),
                "NoEcho": declared.no_echo,
                "Description": declared.description,
                "ParameterConstraints": {"AllowedValues": declared.allowed_values},
            })
        })
        .collect();
    let mut kinds: Vec<&str> = template.resources.values().map(|resource| resource.kind.as_str()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let capability = template.capability();
    Ok(json!({
        "Parameters": parameters,
        "Description": template.description,
        "Capabilities": capability.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
        "CapabilitiesReason": capability.as_ref().map(|(_, reason)| reason),
        "ResourceTypes": kinds,
        "Version": template.version,
        "Metadata": template.metadata.as_ref().map(Value::to_string),
        "DeclaredTransforms": [],
    }))
}

pub fn validate(ask: &Ask<'_>) -> Result<Value, AwsError> {
    ask.form.only(ask.operation, &["TemplateBody", "TemplateURL"])?;
    let (_, template) = asked(ask)?;
    let parameters: Vec<Value> = template
        .parameters
        .iter()
        .map(|(name, declared)| {
            json!({
                "ParameterKey": name,
                "DefaultValue": declared.default,
                "NoEcho": declared.no_echo,
                "Description": declared.description,
            })
        })
        .collect();
    let capability = template.capability();
    Ok(json!({
        "Parameters": parameters,
        "Description": template.description,
        "Capabilities": capability.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
        "CapabilitiesReason": capability.as_ref().map(|(_, reason)| reason),
        "DeclaredTransforms": [],
    }))
}
