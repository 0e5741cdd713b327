//! The intrinsic functions: what a template's values come to.

use std::collections::BTreeMap;

use base64::Engine as _;
use serde_json::{Map, Value};

use super::functions::{SubPart, call, get_att, list_argument, sub_arguments, sub_parts, text_argument};
use super::template::Template;
use crate::cloud::{ACCOUNT, PARTITION};

/// Stands in a planned value for what only the apply will show; CloudFormation's own marker.
pub const UNKNOWN: &str = "{{changeSet:KNOWN_AFTER_APPLY}}";

/// `Ref` of a resource, or one of its attributes.
type LookUp<'a> = dyn Fn(&str, Option<&str>) -> Result<Value, String> + 'a;

/// What the functions look things up in.
pub struct Scope<'a> {
    pub template: &'a Template,
    pub parameters: &'a BTreeMap<String, String>,
    pub stack_id: &'a str,
    pub stack_name: &'a str,
    pub region: &'a str,
    pub resource: &'a LookUp<'a>,
    /// The value of an export.
    pub import: &'a dyn Fn(&str) -> Result<Value, String>,
}

impl Scope<'_> {
    /// The value with every function applied; `None` is `AWS::NoValue`.
    pub fn value(&self, value: &Value) -> Result<Option<Value>, String> {
        match value {
            Value::Array(items) => {
                let items: Result<Vec<_>, _> = items.iter().map(|item| self.value(item)).collect();
                Ok(Some(Value::Array(items?.into_iter().flatten().collect())))
            }
            Value::Object(map) => match call(map) {
                Some((name, argument)) => self.call(name, argument),
                None => {
                    let mut resolved = Map::new();
                    for (name, item) in map {
                        if let Some(item) = self.value(item)? {
                            resolved.insert(name.clone(), item);
                        }
                    }
                    Ok(Some(Value::Object(resolved)))
                }
            },
            other => Ok(Some(other.clone())),
        }
    }

    /// Whether a named condition of the template holds.
    pub fn condition(&self, name: &str) -> Result<bool, String> {
        let condition = self
            .template
            .conditions
            .get(name)
            .ok_or_else(|| format!("Template format error: Unresolved condition dependency {name}"))?;
        self.truth(condition)
    }

    fn truth(&self, value: &Value) -> Result<bool, String> {
        match self.value(value)? {
            Some(Value::Bool(truth)) => Ok(truth),
            Some(Value::String(text)) if text == "true" => Ok(true),
            Some(Value::String(text)) if text == "false" => Ok(false),
            _ => Err("Template error: a condition must come to true or false".to_owned()),
        }
    }

    fn call(&self, name: &str, argument: &Value) -> Result<Option<Value>, String> {
        match name {
            "Ref" => self.reference(text_argument(name, argument)?),
            "Condition" => self.condition(text_argument(name, argument)?).map(|truth| Some(truth.into())),
            "Fn::GetAtt" => {
                let (resource, attribute) = get_att(argument)?;
                (self.resource)(resource, Some(attribute)).map(Some)
            }
            "Fn::Sub" => self.sub(argument).map(|text| Some(text.into())),
            "Fn::If" => {
                let parts = list_argument(name, argument, 3..=3)?;
                let [condition, yes, no] = parts else { return Ok(None) };
                let condition = condition
                    .as_str()
                    .ok_or_else(|| "Template error: Fn::If requires the name of a condition".to_owned())?;
                self.value(if self.condition(condition)? { yes } else { no })
            }
            "Fn::Equals" => {
                let parts = list_argument(name, argument, 2..=2)?;
                let mut sides = parts.iter().map(|side| self.value(side));
                let (left, right) = (sides.next().transpose()?, sides.next().transpose()?);
                Ok(Some((comparable(left.flatten()) == comparable(right.flatten())).into()))
            }
            "Fn::Not" => {
                let parts = list_argument(name, argument, 1..=1)?;
                let truths: Result<Vec<_>, _> = parts.iter().map(|part| self.truth(part)).collect();
                Ok(Some((!truths?.contains(&true)).into()))
            }
            "Fn::And" | "Fn::Or" => {
                let parts = list_argument(name, argument, 2..=10)?;
                let truths: Result<Vec<_>, _> = parts.iter().map(|part| self.truth(part)).collect();
                let truths = truths?;
                let truth = if name == "Fn::And" { !truths.contains(&false) } else { truths.contains(&true) };
                Ok(Some(truth.into()))
            }
            "Fn::Join" => {
                let parts = list_argument(name, argument, 2..=2)?;
                let separator = parts.first().and_then(Value::as_str).ok_or_else(|| {
                    "Template error: every Fn::Join object requires a string delimiter".to_owned()
                })?;
                let items = self.items(name, parts.get(1))?;
                let texts: Result<Vec<_>, _> = items.into_iter().map(|item| text_of(name, item)).collect();
                Ok(Some(texts?.join(separator).into()))
            }
            "Fn::Split" => {
                let parts = list_argument(name, argument, 2..=2)?;
                let separator = parts.first().and_then(Value::as_str).filter(|it| !it.is_empty());
                let separator = separator.ok_or_else(|| {
                    "Template error: every Fn::Split object requires a delimiter".to_owned()
                })?;
                let text = self.text(name, parts.get(1))?;
                if text.contains(UNKNOWN) {
                    return Ok(Some(Value::Array(vec![UNKNOWN.into()])));
                }
                Ok(Some(text.split(separator).map(Value::from).collect()))
            }
            "Fn::Select" => {
                let parts = list_argument(name, argument, 2..=2)?;
                let index = self.text(name, parts.first())?;
                let items = self.items(name, parts.get(1))?;
                // The parts of a value that is not known yet are not known either.
                let unknown = items.iter().find(|item| item.as_str() == Some(UNKNOWN)).cloned();
                let item = index.parse::<usize>().ok().and_then(|index| items.into_iter().nth(index));
                unknown.or(item).map(Some).ok_or_else(|| {
                    format!("Template error: Fn::Select cannot select nonexistent value at index {index}")
                })
            }
            "Fn::FindInMap" => {
                let parts = list_argument(name, argument, 3..=3)?;
                let keys: Result<Vec<_>, _> = parts.iter().map(|part| self.text(name, Some(part))).collect();
                let keys = keys?;
                let found = keys.iter().try_fold(&self.template.mappings, |map, key| map.get(key));
                found
                    .cloned()
                    .map(Some)
                    .ok_or_else(|| format!("Template error: Unable to get mapping for {}", keys.join("::")))
            }
            "Fn::Base64" => {
                let text = self.text(name, Some(argument))?;
                Ok(Some(base64::engine::general_purpose::STANDARD.encode(text).into()))
            }
            "Fn::ImportValue" => (self.import)(&self.text(name, Some(argument))?).map(Some),
            other => Err(format!("Template error: localcloud does not implement {other}")),
        }
    }

    fn reference(&self, name: &str) -> Result<Option<Value>, String> {
        let text = match name {
            "AWS::NoValue" => return Ok(None),
            "AWS::NotificationARNs" => return Ok(Some(Value::Array(Vec::new()))),
            "AWS::AccountId" => ACCOUNT,
            "AWS::Partition" => PARTITION,
            "AWS::Region" => self.region,
            "AWS::StackId" => self.stack_id,
            "AWS::StackName" => self.stack_name,
            "AWS::URLSuffix" => "amazonaws.com",
            _ => match (self.template.parameters.get(name), self.parameters.get(name)) {
                (Some(declaration), Some(value)) => return Ok(Some(declaration.value(value))),
                _ => return (self.resource)(name, None).map(Some),
            },
        };
        Ok(Some(text.into()))
    }

    fn sub(&self, argument: &Value) -> Result<String, String> {
        let (text, variables) = sub_arguments(argument)?;
        let mut result = String::new();
        for part in sub_parts(text)? {
            match part {
                SubPart::Text(text) => result.push_str(text),
                SubPart::Name(name) => {
                    let value =
                        match (variables.and_then(|variables| variables.get(name)), name.split_once('.')) {
                            (Some(variable), _) => self.value(variable)?,
                            (None, Some((resource, attribute))) => {
                                Some((self.resource)(resource, Some(attribute))?)
                            }
                            (None, None) => self.reference(name)?,
                        };
                    result.push_str(&text_of("Fn::Sub", value.unwrap_or_default())?);
                }
            }
        }
        Ok(result)
    }

    fn text(&self, function: &str, value: Option<&Value>) -> Result<String, String> {
        let value = value.map(|value| self.value(value)).transpose()?.flatten();
        text_of(function, value.unwrap_or_default())
    }

    fn items(&self, function: &str, value: Option<&Value>) -> Result<Vec<Value>, String> {
        match value.map(|value| self.value(value)).transpose()?.flatten() {
            Some(Value::Array(items)) => Ok(items),
            Some(Value::String(text)) if text.contains(UNKNOWN) => Ok(vec![Value::String(text)]),
            _ => Err(format!("Template error: {function} requires a list")),
        }
    }
}

fn text_of(function: &str, value: Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(truth) => Ok(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => {
            Err(format!("Template error: {function} requires strings"))
        }
    }
}

/// Conditions compare text: `5` equals `"5"`.
fn comparable(value: Option<Value>) -> Option<Value> {
    value.map(|value| match value {
        Value::Number(_) | Value::Bool(_) => Value::String(value.to_string()),
        other => other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const TEMPLATE: &str = r#"
Parameters: {Env: {Type: String}, Ports: {Type: CommaDelimitedList}}
Mappings: {Sizes: {dev: {memory: 128}, prod: {memory: 512}}}
Conditions:
  Prod: !Equals [!Ref Env, prod]
  Dev: !Not [!Condition Prod]
  Both: !And [!Condition Prod, !Condition Dev]
  Any: !Or [!Condition Prod, !Condition Dev]
Resources: {R: {Type: "AWS::Logs::LogGroup"}}
"#;

    fn evaluate(value: Value) -> Result<Option<Value>, String> {
        let template = Template::parse(TEMPLATE).unwrap();
        let parameters =
            BTreeMap::from([("Env".to_owned(), "prod".to_owned()), ("Ports".to_owned(), "1, 2".to_owned())]);
        let scope = Scope {
            template: &template,
            parameters: &parameters,
            stack_id: "arn:stack",
            stack_name: "s",
            region: "eu-west-1",
            resource: &|name, attribute| match attribute {
                None => Ok(json!(format!("{name}-id"))),
                Some("Later") => Ok(UNKNOWN.into()),
                Some(attribute) => Ok(json!(format!("{name}/{attribute}"))),
            },
            import: &|name| Err(format!("No export named {name} found.")),
        };
        scope.value(&value)
    }

    #[test]
    fn functions_come_to_their_values() {
        for (value, expected) in [
            (json!({"Ref": "Env"}), json!("prod")),
            (json!({"Ref": "Ports"}), json!(["1", "2"])),
            (json!({"Ref": "AWS::Region"}), json!("eu-west-1")),
            (json!({"Ref": "R"}), json!("R-id")),
            (json!({"Fn::GetAtt": ["R", "A.B"]}), json!("R/A.B")),
            (json!({"Fn::GetAtt": "R.A.B"}), json!("R/A.B")),
            (json!({"Fn::Sub": "${R}:${R.Arn}:${!Lit}:${AWS::StackName}"}), json!("R-id:R/Arn:${Lit}:s")),
            (json!({"Fn::Sub": ["${v}-${Env}", {"v": {"Ref": "R"}}]}), json!("R-id-prod")),
            (json!({"Fn::Join": ["-", ["a", {"Ref": "Env"}, 5]]}), json!("a-prod-5")),
            (json!({"Fn::Select": ["1", {"Fn::Split": ["|", "a|b"]}]}), json!("b")),
            (
                json!({"Fn::If": ["Dev", 1, {"Fn::FindInMap": ["Sizes", {"Ref": "Env"}, "memory"]}]}),
                json!(512),
            ),
            (json!({"Fn::If": ["Both", 1, {"Fn::If": ["Any", 2, 3]}]}), json!(2)),
            (json!({"Fn::Base64": "hi"}), json!("aGk=")),
            (json!({"a": {"Ref": "AWS::NoValue"}, "b": [{"Ref": "AWS::NoValue"}, 1]}), json!({"b": [1]})),
            (
                json!({"Fn::Select": [3, {"Fn::Split": [".", {"Fn::GetAtt": ["R", "Later"]}]}]}),
                json!(UNKNOWN),
            ),
        ] {
            assert_eq!(evaluate(value.clone()), Ok(Some(expected)), "{value}");
        }
    }

    #[test]
    fn what_has_no_value_is_an_error_that_names_it() {
        for (value, part) in [
            (json!({"Fn::Select": [4, ["a"]]}), "nonexistent value at index 4"),
            (
                json!({"Fn::FindInMap": ["Sizes", "x", "memory"]}),
                "Unable to get mapping for Sizes::x::memory",
            ),
            (json!({"Fn::ImportValue": "e"}), "No export named e found."),
            (json!({"Fn::ForEach": []}), "does not implement Fn::ForEach"),
            (json!({"Fn::Sub": "${open"}), "does not end"),
        ] {
            let refused = evaluate(value.clone()).unwrap_err();
            assert!(refused.contains(part), "{value} gave {refused}");
        }
    }
}
