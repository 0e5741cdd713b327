//! What a change set would do: the changes of each resource, from the same decisions as the engine's.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::decide::{self, Change, Difference};
use super::engine::outputs;
use super::eval::{Scope, UNKNOWN};
use super::functions::{self, Reference};
use super::graph;
use super::model::{Finding, Resource, Settings, Stack, State};
use super::schema::Schema;
use super::template::{Policy, Template, TemplateResource};
use super::validate;

/// The outcome of planning.
pub struct Plan {
    /// As DescribeChangeSet answers them, property values included.
    pub changes: Vec<Value>,
    pub findings: Vec<Finding>,
    /// Neither resources nor outputs nor tags would change.
    pub nothing: bool,
}

/// Plans `stack` with `settings`. The error is the reason of a failed change set.
pub fn plan(state: &State, stack: &Stack, settings: &Settings, template: &Template) -> Result<Plan, String> {
    let planned: RefCell<BTreeMap<String, Change>> = RefCell::default();
    let scope = Scope {
        template,
        parameters: &settings.parameters,
        stack_id: &stack.id,
        stack_name: &stack.name,
        region: &stack.region,
        resource: &|name, attribute| Ok(planned_value(stack, &planned.borrow(), name, attribute)),
        import: &|name| state.imported(name, &stack.region),
    };
    let graph = graph::of(template, &scope)?;
    let planner = Planner { stack, settings, scope: &scope, planned: &planned };
    let mut changes = BTreeMap::new();
    let mut findings = Vec::new();
    for logical_id in graph::order(&graph) {
        let Some(declared) = template.resources.get(&logical_id) else { continue };
        if let Some(change) = planner.resource(&logical_id, declared, &mut findings)? {
            changes.insert(logical_id, change);
        }
    }
    for resource in stack.resources.values().filter(|resource| resource.physical_id.is_some()) {
        if !graph.contains_key(&resource.logical_id) {
            changes.insert(resource.logical_id.clone(), removal(resource));
        }
    }
    let unchanged = changes.is_empty() && stack.settings.tags == settings.tags;
    let nothing = unchanged && outputs(template, &scope)? == stack.outputs && !stack.resources.is_empty();
    Ok(Plan { changes: changes.into_values().collect(), findings, nothing })
}

fn planned_value(
    stack: &Stack,
    planned: &BTreeMap<String, Change>,
    name: &str,
    attribute: Option<&str>,
) -> Value {
    let stays = matches!(planned.get(name), Some(Change::None | Change::Update));
    let resource = stack.resources.get(name).filter(|_| stays);
    let value = resource.and_then(|resource| match attribute {
        None => resource.physical_id.clone().map(Value::from),
        Some(attribute) => resource.attributes.get(attribute).cloned(),
    });
    value.unwrap_or_else(|| UNKNOWN.into())
}

struct Planner<'a> {
    stack: &'a Stack,
    settings: &'a Settings,
    scope: &'a Scope<'a>,
    planned: &'a RefCell<BTreeMap<String, Change>>,
}

impl Planner<'_> {
    fn resource(
        &self,
        logical_id: &str,
        declared: &TemplateResource,
        findings: &mut Vec<Finding>,
    ) -> Result<Option<Value>, String> {
        let Some(schema) = Schema::of(&declared.kind) else { return Ok(None) };
        let resolved = self.scope.value(&declared.properties)?.unwrap_or_default();
        let (properties, violations) = validate::properties(schema, &resolved);
        findings.extend(violations.iter().map(|violation| Finding {
            logical_id: logical_id.to_owned(),
            kind: declared.kind.clone(),
            path: format!("/Resources/{logical_id}/Properties{}", violation.path.trim_start_matches('#')),
            reason: violation.to_string(),
        }));
        let current = self.stack.resources.get(logical_id).filter(|current| current.physical_id.is_some());
        let wanted = Resource {
            logical_id: logical_id.to_owned(),
            kind: declared.kind.clone(),
            physical_id: current.and_then(|current| current.physical_id.clone()),
            status: String::new(),
            reason: None,
            changed: 0,
            properties,
            attributes: Map::new(),
            tags: self.settings.tags.clone(),
            needs: BTreeSet::new(),
            metadata: declared.metadata.clone(),
            deletion_policy: declared.deletion_policy,
            update_replace_policy: declared.update_replace_policy,
            drift: None,
        };
        let change = decide::change(schema, current, &wanted);
        self.planned.borrow_mut().insert(logical_id.to_owned(), change);
        let Some(current) = current else { return Ok(Some(addition(&wanted))) };
        let mut details = self.differences(schema, current, &wanted, declared)?;
        details.extend(self.attribute_references(schema, current, declared, &details)?);
        details.extend(around(schema, current, &wanted));
        if details.is_empty() && change == Change::None {
            return Ok(None);
        }
        Ok(Some(modification(current, &wanted, &details)))
    }

    fn differences(
        &self,
        schema: &Schema,
        current: &Resource,
        wanted: &Resource,
        declared: &TemplateResource,
    ) -> Result<Vec<Value>, String> {
        let tag_property = schema.tag_property();
        let detail = |difference: &Difference<'_>| {
            let (source, entity) = self.cause(declared.properties.get(difference.name))?;
            let unknown = difference.after.is_some_and(|after| after.to_string().contains(UNKNOWN));
            let attribute = if tag_property == Some(difference.name) { "Tags" } else { "Properties" };
            let kind = match (difference.before, difference.after) {
                (None, _) => "Add",
                (_, None) => "Remove",
                _ => "Modify",
            };
            Ok(json!({
                "Target": {
                    "Attribute": attribute,
                    "Name": difference.name,
                    "RequiresRecreation": difference.recreation.as_str(),
                    "Path": format!("/Properties/{}", difference.name),
                    "BeforeValue": difference.before.map(shown),
                    "AfterValue": difference.after.map(shown),
                    "AttributeChangeType": kind,
                },
                "Evaluation": if unknown { "Dynamic" } else { "Static" },
                "ChangeSource": source,
                "CausingEntity": entity,
            }))
        };
        decide::differences(schema, &current.properties, &wanted.properties).iter().map(detail).collect()
    }

    /// Properties that read an attribute of a resource that changes in place: whether the attribute
    /// changes with it is known only afterwards, so CloudFormation lists them as dynamic.
    fn attribute_references(
        &self,
        schema: &Schema,
        current: &Resource,
        declared: &TemplateResource,
        listed: &[Value],
    ) -> Result<Vec<Value>, String> {
        let planned = self.planned.borrow();
        let mut details = Vec::new();
        for (name, value) in declared.properties.as_object().into_iter().flatten() {
            if listed.iter().any(|detail| detail["Target"]["Name"] == name.as_str()) {
                continue;
            }
            let mut entity = None;
            functions::references(value, &mut |reference| {
                if let Reference::Attribute(other, attribute) = reference
                    && planned.get(other) == Some(&Change::Update)
                {
                    entity = Some(format!("{other}.{attribute}"));
                }
                Ok(())
            })?;
            let Some(entity) = entity else { continue };
            let before = current.properties.get(name);
            let recreation = schema.recreation(name, before, Some(&UNKNOWN.into()));
            details.push(json!({
                "Target": {"Attribute": "Properties", "Name": name, "RequiresRecreation": recreation.as_str()},
                "Evaluation": "Dynamic",
                "ChangeSource": "ResourceAttribute",
                "CausingEntity": entity,
            }));
        }
        Ok(details)
    }

    /// What made a property change: a parameter's value, another resource, or the template itself.
    fn cause(&self, value: Option<&Value>) -> Result<(&'static str, Option<String>), String> {
        let mut cause = ("DirectModification", None);
        let planned = self.planned.borrow();
        let made = |name: &str| matches!(planned.get(name), Some(Change::Create | Change::Replace(_)));
        if let Some(value) = value {
            functions::references(value, &mut |reference| {
                match reference {
                    Reference::Name(name) if made(name) => {
                        cause = ("ResourceReference", Some(name.to_owned()));
                    }
                    Reference::Attribute(name, attribute) if made(name) => {
                        cause = ("ResourceAttribute", Some(format!("{name}.{attribute}")));
                    }
                    Reference::Name(name) if self.parameter_changed(name) => {
                        cause = ("ParameterReference", Some(name.to_owned()));
                    }
                    _ => {}
                }
                Ok(())
            })?;
        }
        Ok(cause)
    }

    fn parameter_changed(&self, name: &str) -> bool {
        self.settings.parameters.get(name) != self.stack.settings.parameters.get(name)
            && self.settings.parameters.contains_key(name)
    }
}

/// Details of what surrounds the properties: stack tags, metadata and policies.
fn around(schema: &Schema, current: &Resource, wanted: &Resource) -> Vec<Value> {
    let tags = schema.tag_property().is_some() && current.tags != wanted.tags;
    [
        ("Tags", tags),
        ("Metadata", current.metadata != wanted.metadata),
        ("DeletionPolicy", current.deletion_policy != wanted.deletion_policy),
        ("UpdateReplacePolicy", current.update_replace_policy != wanted.update_replace_policy),
    ]
    .into_iter()
    .filter(|(_, differs)| *differs)
    .map(|(attribute, _)| {
        json!({
            "Target": {"Attribute": attribute, "RequiresRecreation": "Never"},
            "Evaluation": "Static",
            "ChangeSource": "DirectModification",
        })
    })
    .collect()
}

fn change(action: &str, resource: &Resource, rest: Value) -> Value {
    let mut fields = json!({
        "Action": action,
        "LogicalResourceId": resource.logical_id,
        "PhysicalResourceId": resource.physical_id,
        "ResourceType": resource.kind,
        "Scope": [],
        "Details": [],
    });
    if let (Some(fields), Value::Object(rest)) = (fields.as_object_mut(), rest) {
        fields.extend(rest);
    }
    json!({"Type": "Resource", "ResourceChange": fields})
}

fn addition(wanted: &Resource) -> Value {
    change("Add", wanted, json!({"AfterContext": context(wanted)}))
}

fn removal(current: &Resource) -> Value {
    let policy = if current.deletion_policy == Policy::Delete { "Delete" } else { "Retain" };
    change("Remove", current, json!({"PolicyAction": policy, "BeforeContext": context(current)}))
}

fn modification(current: &Resource, wanted: &Resource, details: &[Value]) -> Value {
    let scope: BTreeSet<&str> =
        details.iter().filter_map(|detail| detail["Target"]["Attribute"].as_str()).collect();
    let replacement = details
        .iter()
        .map(|detail| {
            match (detail["Target"]["RequiresRecreation"].as_str(), detail["Evaluation"].as_str()) {
                (Some("Always"), Some("Static")) => (2, "True"),
                (Some("Always" | "Conditionally"), _) => (1, "Conditional"),
                _ => (0, "False"),
            }
        })
        .max()
        .map_or("False", |(_, name)| name);
    let policy = match (replacement, wanted.update_replace_policy) {
        ("True", Policy::Delete) => Some("ReplaceAndDelete"),
        ("True", Policy::Retain | Policy::RetainExceptOnCreate) => Some("ReplaceAndRetain"),
        _ => None,
    };
    change(
        "Modify",
        wanted,
        json!({
            "PolicyAction": policy,
            "Replacement": replacement,
            "Scope": scope,
            "Details": details,
            "BeforeContext": context(current),
            "AfterContext": context(wanted),
        }),
    )
}

fn context(resource: &Resource) -> String {
    let mut context = json!({"Properties": resource.properties});
    if let (Some(fields), Some(metadata)) = (context.as_object_mut(), &resource.metadata) {
        fields.insert("Metadata".to_owned(), metadata.clone());
    }
    context.to_string()
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// A change without its property values, for DescribeChangeSet without IncludePropertyValues.
pub fn without_values(change: &Value) -> Value {
    let mut change = change.clone();
    if let Some(fields) = change.get_mut("ResourceChange").and_then(Value::as_object_mut) {
        fields.remove("BeforeContext");
        fields.remove("AfterContext");
        for detail in fields.get_mut("Details").and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(target) = detail.get_mut("Target").and_then(Value::as_object_mut) {
                for name in ["Path", "BeforeValue", "AfterValue", "AttributeChangeType"] {
                    target.remove(name);
                }
            }
        }
    }
    change
}

/// Resources whose type the new template changes: not a legal update.
pub fn retyped<'a>(stack: &'a Stack, template: &Template) -> Vec<&'a str> {
    stack
        .resources
        .values()
        .filter(|resource| resource.physical_id.is_some())
        .filter(|resource| {
            template
                .resources
                .get(&resource.logical_id)
                .is_some_and(|declared| declared.kind != resource.kind)
        })
        .map(|resource| resource.logical_id.as_str())
        .collect()
}
