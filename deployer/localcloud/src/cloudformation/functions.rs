//! The shape of the intrinsic functions: their names, their arguments and what these refer to.

use serde_json::{Map, Value};

/// A name that a value refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reference<'a> {
    /// `Ref` and `${Name}`.
    Name(&'a str),
    /// `Fn::GetAtt` and `${Name.Attribute}`.
    Attribute(&'a str, &'a str),
    Condition(&'a str),
    Mapping(&'a str),
}

pub fn pseudo_parameter(name: &str) -> bool {
    matches!(
        name,
        "AWS::AccountId"
            | "AWS::NoValue"
            | "AWS::NotificationARNs"
            | "AWS::Partition"
            | "AWS::Region"
            | "AWS::StackId"
            | "AWS::StackName"
            | "AWS::URLSuffix"
    )
}

/// Visits every reference in a value; refuses functions that are not implemented.
pub fn references<'a>(
    value: &'a Value,
    visit: &mut dyn FnMut(Reference<'a>) -> Result<(), String>,
) -> Result<(), String> {
    match value {
        Value::Array(items) => items.iter().try_for_each(|item| references(item, visit)),
        Value::Object(map) => {
            let Some((name, argument)) = call(map) else {
                return map.values().try_for_each(|item| references(item, visit));
            };
            match name {
                "Ref" => visit(Reference::Name(text_argument(name, argument)?)),
                "Condition" => visit(Reference::Condition(text_argument(name, argument)?)),
                "Fn::GetAtt" => {
                    let (resource, attribute) = get_att(argument)?;
                    visit(Reference::Attribute(resource, attribute))
                }
                "Fn::Sub" => {
                    let (text, variables) = sub_arguments(argument)?;
                    for part in sub_parts(text)? {
                        let SubPart::Name(name) = part else { continue };
                        if variables.is_some_and(|variables| variables.contains_key(name)) {
                            continue;
                        }
                        visit(match name.split_once('.') {
                            Some((resource, attribute)) => Reference::Attribute(resource, attribute),
                            None => Reference::Name(name),
                        })?;
                    }
                    variables.into_iter().flat_map(Map::values).try_for_each(|item| references(item, visit))
                }
                "Fn::If" => {
                    let parts = list_argument(name, argument, 3..=3)?;
                    if let Some(condition) = parts.first().and_then(Value::as_str) {
                        visit(Reference::Condition(condition))?;
                    }
                    parts.iter().skip(1).try_for_each(|item| references(item, visit))
                }
                "Fn::FindInMap" => {
                    let parts = list_argument(name, argument, 3..=3)?;
                    if let Some(mapping) = parts.first().and_then(Value::as_str) {
                        visit(Reference::Mapping(mapping))?;
                    }
                    parts.iter().try_for_each(|item| references(item, visit))
                }
                "Fn::And" | "Fn::Base64" | "Fn::Equals" | "Fn::ImportValue" | "Fn::Join" | "Fn::Not"
                | "Fn::Or" | "Fn::Select" | "Fn::Split" => references(argument, visit),
                other => Err(format!("Template error: localcloud does not implement {other}")),
            }
        }
        Value::String(text) if text.contains("{{resolve:") => {
            Err(format!("Template error: localcloud does not implement dynamic references: {text}"))
        }
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

/// The function call that an object stands for.
pub fn call(map: &Map<String, Value>) -> Option<(&str, &Value)> {
    let (name, argument) = map.iter().next()?;
    let function = name == "Ref" || name.starts_with("Fn::") || (name == "Condition" && argument.is_string());
    (map.len() == 1 && function).then_some((name, argument))
}

pub fn text_argument<'a>(function: &str, argument: &'a Value) -> Result<&'a str, String> {
    argument
        .as_str()
        .ok_or_else(|| format!("Template error: every {function} object must have a single String value."))
}

pub fn list_argument<'a>(
    function: &str,
    argument: &'a Value,
    lengths: std::ops::RangeInclusive<usize>,
) -> Result<&'a [Value], String> {
    argument.as_array().map(Vec::as_slice).filter(|list| lengths.contains(&list.len())).ok_or_else(|| {
        format!(
            "Template error: every {function} object requires a list of {} to {} parameters",
            lengths.start(),
            lengths.end()
        )
    })
}

pub fn get_att(argument: &Value) -> Result<(&str, &str), String> {
    let parts = match argument {
        Value::String(text) => text.split_once('.'),
        Value::Array(parts) => match parts.as_slice() {
            [Value::String(resource), Value::String(attribute)] => {
                Some((resource.as_str(), attribute.as_str()))
            }
            _ => None,
        },
        _ => None,
    };
    parts.ok_or_else(|| {
        "Template error: every Fn::GetAtt object requires two non-empty parameters, the resource name and the resource attribute".to_owned()
    })
}

/// The text of `Fn::Sub` and its own variables.
pub type SubArguments<'a> = (&'a str, Option<&'a Map<String, Value>>);

pub fn sub_arguments(argument: &Value) -> Result<SubArguments<'_>, String> {
    let parts = match argument {
        Value::String(text) => Some((text.as_str(), None)),
        Value::Array(parts) => match parts.as_slice() {
            [Value::String(text), Value::Object(variables)] => Some((text.as_str(), Some(variables))),
            _ => None,
        },
        _ => None,
    };
    parts.ok_or_else(|| {
        "Template error: One or more Fn::Sub intrinsic functions don't specify expected arguments. Specify a string as first argument, and an optional second argument to specify a mapping of values to replace in the string".to_owned()
    })
}

pub enum SubPart<'a> {
    Text(&'a str),
    Name(&'a str),
}

/// Splits `a${B}c${!D}` into text and names; `${!D}` is the literal `${D}`.
pub fn sub_parts(text: &str) -> Result<Vec<SubPart<'_>>, String> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let (before, after) = rest.split_at(start);
        parts.push(SubPart::Text(before));
        let inner = after.get(2..).unwrap_or_default();
        let end = inner
            .find('}')
            .ok_or_else(|| format!("Template error: the Fn::Sub text has a ${{ that does not end: {text}"))?;
        let name = inner.get(..end).unwrap_or_default();
        match name.strip_prefix('!') {
            Some(literal) => parts.extend([SubPart::Text("${"), SubPart::Text(literal), SubPart::Text("}")]),
            None => parts.push(SubPart::Name(name.trim())),
        }
        rest = inner.get(end + 1..).unwrap_or_default();
    }
    parts.push(SubPart::Text(rest));
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn dynamic_references_are_refused() {
        let value = json!("{{resolve:ssm:name}}");
        assert!(references(&value, &mut |_| Ok(())).unwrap_err().contains("dynamic references"));
    }
}
