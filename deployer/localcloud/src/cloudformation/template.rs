//! A template's sections, checked as CloudFormation checks them before anything runs.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::schema::Schema;
use super::{functions, parameters, yaml};

/// What happens to a physical resource that the stack gives up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub enum Policy {
    #[default]
    Delete,
    Retain,
    RetainExceptOnCreate,
}

impl Policy {
    fn parse(value: Option<&Value>, name: &str, logical_id: &str) -> Result<Self, String> {
        match value.map(|value| (value, value.as_str())) {
            None | Some((_, Some("Delete"))) => Ok(Self::Delete),
            Some((_, Some("Retain"))) => Ok(Self::Retain),
            Some((_, Some("RetainExceptOnCreate"))) if name == "DeletionPolicy" => {
                Ok(Self::RetainExceptOnCreate)
            }
            Some((_, Some("Snapshot"))) => Err(format!(
                "Template error: resource type of {logical_id} does not support snapshots, required by {name}"
            )),
            Some((other, _)) => {
                Err(format!("Template format error: Unrecognized {name} {other} for resource {logical_id}"))
            }
        }
    }
}

/// One entry of the Resources section.
#[derive(Debug, Clone)]
pub struct TemplateResource {
    pub kind: String,
    pub properties: Value,
    pub depends_on: BTreeSet<String>,
    pub condition: Option<String>,
    pub deletion_policy: Policy,
    pub update_replace_policy: Policy,
    pub metadata: Option<Value>,
}

/// One entry of the Outputs section.
#[derive(Debug, Clone)]
pub struct TemplateOutput {
    pub value: Value,
    pub description: Option<String>,
    pub export: Option<Value>,
    pub condition: Option<String>,
}

/// A template whose sections are well-formed and whose references all lead somewhere.
#[derive(Debug, Clone)]
pub struct Template {
    pub description: Option<String>,
    pub metadata: Option<Value>,
    pub version: Option<String>,
    pub parameters: BTreeMap<String, parameters::Declaration>,
    pub mappings: Value,
    pub conditions: BTreeMap<String, Value>,
    pub resources: BTreeMap<String, TemplateResource>,
    pub outputs: BTreeMap<String, TemplateOutput>,
}

const MAX_RESOURCES: usize = 500;
const MAX_PARAMETERS: usize = 200;
const MAX_OUTPUTS: usize = 200;
const MAX_MAPPINGS: usize = 200;

impl Template {
    /// Parses and checks. The error is the text of CloudFormation's ValidationError.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut sections = yaml::parse(text)?;
        let mut take = |name: &str| -> Result<Map<String, Value>, String> {
            match sections.remove(name) {
                None => Ok(Map::new()),
                Some(Value::Object(map)) => Ok(map),
                Some(_) => Err(format!("Template format error: {name} must be an object.")),
            }
        };
        let (parameters, mappings) = (take("Parameters")?, take("Mappings")?);
        let (conditions, resources, outputs) = (take("Conditions")?, take("Resources")?, take("Outputs")?);
        let text_of = |value: Value| value.as_str().map(str::to_owned);
        let description = match sections.remove("Description") {
            None => None,
            Some(Value::String(text)) if text.len() <= 1024 => Some(text),
            Some(Value::String(_)) => {
                return Err("Template format error: 'Description' length is greater than 1024.".to_owned());
            }
            Some(_) => return Err("Template format error: Description must be a string.".to_owned()),
        };
        let version = sections.remove("AWSTemplateFormatVersion").and_then(text_of);
        if version.as_deref().is_some_and(|version| version != "2010-09-09") {
            return Err("Template format error: unsupported value for AWSTemplateFormatVersion.".to_owned());
        }
        let metadata = sections.remove("Metadata");
        if let Some(name) = ["Transform", "Rules", "Hooks"].iter().find(|name| sections.contains_key(**name))
        {
            return Err(format!("Template error: localcloud does not implement the section {name}"));
        }
        if let Some(name) = sections.keys().next() {
            return Err(format!("Invalid template property or properties [{name}]"));
        }
        if resources.is_empty() {
            return Err("Template format error: At least one Resources member must be defined.".to_owned());
        }
        for (section, count, limit) in [
            ("resources", resources.len(), MAX_RESOURCES),
            ("parameters", parameters.len(), MAX_PARAMETERS),
            ("outputs", outputs.len(), MAX_OUTPUTS),
            ("mappings", mappings.len(), MAX_MAPPINGS),
        ] {
            if count > limit {
                return Err(format!(
                    "Template format error: Number of {section}, {count}, is greater than maximum allowed, {limit}"
                ));
            }
        }
        let template = Self {
            description,
            metadata,
            version,
            parameters: each(parameters, parameters::Declaration::parse)?,
            mappings: Value::Object(mappings),
            conditions: conditions.into_iter().collect(),
            resources: each(resources, resource)?,
            outputs: each(outputs, output)?,
        };
        template.check()?;
        Ok(template)
    }

    fn check(&self) -> Result<(), String> {
        let unknown: BTreeSet<&str> = self
            .resources
            .values()
            .map(|resource| resource.kind.as_str())
            .filter(|kind| Schema::of(kind).is_none())
            .collect();
        if !unknown.is_empty() {
            let names: Vec<&str> = unknown.into_iter().collect();
            return Err(format!(
                "Template format error: Unrecognized resource types: [{}]",
                names.join(", ")
            ));
        }
        for (name, condition) in &self.conditions {
            functions::references(condition, &mut |reference| {
                self.check_reference(reference, "Conditions", name, false)
            })?;
        }
        for (name, resource) in &self.resources {
            if let Some(condition) = &resource.condition {
                self.check_condition(condition)?;
            }
            if let Some(other) = resource.depends_on.iter().find(|other| !self.resources.contains_key(*other))
            {
                return Err(unresolved(other, "Resources"));
            }
            functions::references(&resource.properties, &mut |reference| {
                self.check_reference(reference, "Resources", name, true)
            })?;
        }
        for (name, output) in &self.outputs {
            if let Some(condition) = &output.condition {
                self.check_condition(condition)?;
            }
            for value in [Some(&output.value), output.export.as_ref()].into_iter().flatten() {
                functions::references(value, &mut |reference| {
                    self.check_reference(reference, "Outputs", name, true)
                })?;
            }
        }
        Ok(())
    }

    fn check_condition(&self, name: &str) -> Result<(), String> {
        if self.conditions.contains_key(name) {
            return Ok(());
        }
        Err(format!("Template format error: Unresolved condition dependency {name}"))
    }

    fn check_reference(
        &self,
        reference: functions::Reference<'_>,
        section: &str,
        holder: &str,
        resources: bool,
    ) -> Result<(), String> {
        match reference {
            functions::Reference::Condition(name) => self.check_condition(name),
            functions::Reference::Name(name) if functions::pseudo_parameter(name) => Ok(()),
            functions::Reference::Name(name) => {
                let known =
                    self.parameters.contains_key(name) || (resources && self.resources.contains_key(name));
                if known { Ok(()) } else { Err(unresolved(name, section)) }
            }
            functions::Reference::Attribute(name, attribute) => match self.resources.get(name) {
                Some(target) if resources => {
                    let known = Schema::of(&target.kind).is_some_and(|it| it.has_attribute(attribute));
                    if known {
                        return Ok(());
                    }
                    Err(format!(
                        "Template error: resource {name} does not support attribute type {attribute} in Fn::GetAtt"
                    ))
                }
                _ => Err(format!(
                    "Template error: instance of Fn::GetAtt references undefined resource {name}"
                )),
            },
            functions::Reference::Mapping(name) => {
                if self.mappings.get(name).is_some() {
                    return Ok(());
                }
                Err(format!(
                    "Template error: Mapping named '{name}' is not present in the 'Mappings' section of template ({holder})"
                ))
            }
        }
    }

    /// The capabilities that the template needs, most specific alone, and why.
    pub fn capability(&self) -> Option<(&'static str, String)> {
        let iam: BTreeSet<&str> = self
            .resources
            .values()
            .map(|resource| resource.kind.as_str())
            .filter(|kind| kind.starts_with("AWS::IAM::"))
            .collect();
        if iam.is_empty() {
            return None;
        }
        let named = self.resources.values().any(|resource| {
            let name = match resource.kind.as_str() {
                "AWS::IAM::Role" => "RoleName",
                "AWS::IAM::ManagedPolicy" => "ManagedPolicyName",
                _ => return false,
            };
            resource.properties.get(name).is_some()
        });
        let kinds: Vec<&str> = iam.into_iter().collect();
        let capability = if named { "CAPABILITY_NAMED_IAM" } else { "CAPABILITY_IAM" };
        Some((capability, format!("The following resource(s) require capabilities: [{}]", kinds.join(", "))))
    }
}

fn unresolved(name: &str, section: &str) -> String {
    format!(
        "Template format error: Unresolved resource dependencies [{name}] in the {section} block of the template"
    )
}

fn each<T>(
    section: Map<String, Value>,
    parse: impl Fn(&str, Value) -> Result<T, String>,
) -> Result<BTreeMap<String, T>, String> {
    section
        .into_iter()
        .map(|(name, value)| {
            if name.is_empty() || name.len() > 255 || !name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
                return Err(format!("Template format error: Resource name {name} is non alphanumeric."));
            }
            parse(&name, value).map(|parsed| (name, parsed))
        })
        .collect()
}

fn resource(name: &str, value: Value) -> Result<TemplateResource, String> {
    let Value::Object(mut map) = value else {
        return Err("Template format error: Any Resources member must be an object.".to_owned());
    };
    let Some(Value::String(kind)) = map.remove("Type") else {
        return Err(format!(
            "Template format error: [/Resources/{name}] Every Resources object must contain a Type member."
        ));
    };
    let depends_on = match map.remove("DependsOn") {
        None => BTreeSet::new(),
        Some(Value::String(other)) => BTreeSet::from([other]),
        Some(Value::Array(others)) if others.iter().all(Value::is_string) => {
            others.iter().filter_map(Value::as_str).map(str::to_owned).collect()
        }
        Some(_) => {
            return Err("Template format error: DependsOn must be a string or list of strings.".to_owned());
        }
    };
    let properties = match map.remove("Properties") {
        None => Value::Object(Map::new()),
        Some(properties @ Value::Object(_)) => properties,
        Some(_) => return Err(format!("Template format error: Properties of {name} must be an object.")),
    };
    let condition = condition_name(&mut map, name)?;
    let parsed = TemplateResource {
        deletion_policy: Policy::parse(map.remove("DeletionPolicy").as_ref(), "DeletionPolicy", name)?,
        update_replace_policy: Policy::parse(
            map.remove("UpdateReplacePolicy").as_ref(),
            "UpdateReplacePolicy",
            name,
        )?,
        metadata: map.remove("Metadata"),
        kind,
        properties,
        depends_on,
        condition,
    };
    match map.keys().next().map(String::as_str) {
        None => Ok(parsed),
        Some(other @ ("CreationPolicy" | "UpdatePolicy")) => {
            Err(format!("Template error: localcloud does not implement {other} ({name})"))
        }
        Some(other) => Err(format!("Invalid template resource property '{other}'")),
    }
}

fn output(name: &str, value: Value) -> Result<TemplateOutput, String> {
    let Value::Object(mut map) = value else {
        return Err(format!("Template format error: Output {name} must be an object."));
    };
    let Some(value) = map.remove("Value") else {
        return Err("Template format error: Every Outputs member must contain a Value object".to_owned());
    };
    let export = match map.remove("Export") {
        None => None,
        Some(Value::Object(mut export)) if export.len() == 1 => export.remove("Name"),
        Some(_) => return Err(format!("Template format error: Export of {name} must have a Name.")),
    };
    let description = map.remove("Description").and_then(|text| text.as_str().map(str::to_owned));
    let condition = condition_name(&mut map, name)?;
    if let Some(other) = map.keys().next() {
        return Err(format!("Template format error: Output {name} has an unknown member {other}"));
    }
    Ok(TemplateOutput { value, description, export, condition })
}

fn condition_name(map: &mut Map<String, Value>, holder: &str) -> Result<Option<String>, String> {
    match map.remove("Condition") {
        None => Ok(None),
        Some(Value::String(name)) => Ok(Some(name)),
        Some(_) => Err(format!("Template format error: Condition of {holder} must be a string.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_templates_are_refused_in_cloudformations_words() {
        let group = "{Type: 'AWS::Logs::LogGroup'";
        for (text, message) in [
            ("Resources: {}".to_owned(), "At least one Resources member must be defined"),
            (
                format!("Resources: {{A: {group}}}}}\nTransform: x"),
                "does not implement the section Transform",
            ),
            (
                format!("Resources: {{A: {group}}}}}\nOuts: {{}}"),
                "Invalid template property or properties [Outs]",
            ),
            (
                "Resources: {A: {Type: 'AWS::No::Such'}}".to_owned(),
                "Unrecognized resource types: [AWS::No::Such]",
            ),
            (
                format!("Resources: {{A: {group}, Properties: {{LogGroupName: !Ref B}}}}}}"),
                "Unresolved resource dependencies [B] in the Resources block of the template",
            ),
            (
                format!("Resources: {{A: {group}}}}}\nOutputs: {{O: {{Value: !GetAtt A.Nope}}}}"),
                "Template error: resource A does not support attribute type Nope in Fn::GetAtt",
            ),
            (
                format!("Resources: {{A: {group}, Properties: {{LogGroupName: !GetAtt B.Arn}}}}}}"),
                "Template error: instance of Fn::GetAtt references undefined resource B",
            ),
            (format!("Resources: {{A: {group}, DependsOn: B}}}}"), "Unresolved resource dependencies [B]"),
            (format!("Resources: {{A: {group}, DeletionPolicy: Snapshot}}}}"), "does not support snapshots"),
            (format!("Resources: {{A: {group}, Typo: 1}}}}"), "Invalid template resource property 'Typo'"),
            (format!("Resources: {{A: {group}, Condition: C}}}}"), "Unresolved condition dependency C"),
        ] {
            let refused = Template::parse(&text).unwrap_err();
            assert!(refused.contains(message), "{text}\n  gave {refused}");
        }
    }

    #[test]
    fn a_named_role_needs_the_named_capability() {
        let role = |name: &str| {
            format!(
                "Resources: {{R: {{Type: 'AWS::IAM::Role', Properties: {{{name}AssumeRolePolicyDocument: {{}}}}}}}}"
            )
        };
        let capability = |text: &str| Template::parse(text).unwrap().capability().map(|(name, _)| name);
        assert_eq!(capability(&role("")), Some("CAPABILITY_IAM"));
        assert_eq!(capability(&role("RoleName: r, ")), Some("CAPABILITY_NAMED_IAM"));
        assert_eq!(capability("Resources: {A: {Type: 'AWS::Logs::LogGroup'}}"), None);
    }
}
