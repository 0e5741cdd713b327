//! Template parameters: declarations, the values given for them, and their constraints.

use std::collections::BTreeMap;

use serde_json::Value;

/// One entry of the Parameters section.
#[derive(Debug, Clone)]
pub struct Declaration {
    pub kind: Kind,
    pub default: Option<String>,
    pub no_echo: bool,
    pub description: Option<String>,
    pub allowed_values: Option<Vec<String>>,
    allowed_pattern: Option<String>,
    lengths: (Option<usize>, Option<usize>),
    values: (Option<f64>, Option<f64>),
    constraint: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text,
    Number,
    TextList,
    NumberList,
}

impl Kind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "String",
            Self::Number => "Number",
            Self::TextList => "CommaDelimitedList",
            Self::NumberList => "List<Number>",
        }
    }
}

impl Declaration {
    pub fn parse(name: &str, value: Value) -> Result<Self, String> {
        let Value::Object(mut map) = value else {
            return Err("Template format error: Any Parameters member must be an object.".to_owned());
        };
        let kind = match map.remove("Type").as_ref().and_then(Value::as_str) {
            Some("String") => Kind::Text,
            Some("Number") => Kind::Number,
            Some("CommaDelimitedList") => Kind::TextList,
            Some("List<Number>") => Kind::NumberList,
            Some(other) if other.starts_with("AWS::") || other.starts_with("List<AWS::") => {
                return Err(format!(
                    "Template error: localcloud does not implement the parameter type {other} ({name})"
                ));
            }
            Some(other) => {
                return Err(format!("Template format error: Unrecognized parameter type: {other}"));
            }
            None => {
                return Err(
                    "Template format error: Every Parameters object must contain a Type member.".to_owned()
                );
            }
        };
        let mut text = |key: &str| map.remove(key).map(|value| plain_text(&value));
        let mut declaration = Self {
            kind,
            default: text("Default"),
            no_echo: text("NoEcho").is_some_and(|flag| flag == "true"),
            description: text("Description"),
            allowed_values: None,
            allowed_pattern: text("AllowedPattern"),
            lengths: (None, None),
            values: (None, None),
            constraint: text("ConstraintDescription"),
        };
        let mut number = |key: &str| -> Result<Option<f64>, String> {
            text(key)
                .map(|value| {
                    value
                        .parse()
                        .map_err(|_| format!("Template format error: {key} of {name} must be a number."))
                })
                .transpose()
        };
        declaration.values = (number("MinValue")?, number("MaxValue")?);
        let length = |value: Option<f64>| value.map(|value| value.max(0.0) as usize);
        declaration.lengths = (length(number("MinLength")?), length(number("MaxLength")?));
        match map.remove("AllowedValues") {
            None => {}
            Some(Value::Array(values)) => {
                declaration.allowed_values = Some(values.iter().map(plain_text).collect());
            }
            Some(_) => return Err(format!("Template format error: AllowedValues of {name} must be a list.")),
        }
        if let Some(other) = map.keys().next() {
            return Err(format!("Invalid template parameter property '{other}'"));
        }
        if let Some(default) = &declaration.default {
            declaration
                .check(name, default)
                .map_err(|message| format!("Template format error: {message} (its default)"))?;
        }
        Ok(declaration)
    }

    /// Checks one value against type and constraints.
    fn check(&self, name: &str, value: &str) -> Result<(), String> {
        let refuse = |message: String| {
            Err(match &self.constraint {
                Some(constraint) => format!("Parameter '{name}' failed to satisfy constraint: {constraint}"),
                None => message,
            })
        };
        let parts: Vec<&str> = match self.kind {
            Kind::TextList | Kind::NumberList => value.split(',').map(str::trim).collect(),
            Kind::Text | Kind::Number => vec![value],
        };
        for part in parts {
            if let Some(allowed) = &self.allowed_values
                && !allowed.iter().any(|allowed| allowed == part)
            {
                return refuse(format!(
                    "Parameter '{name}' must be one of AllowedValues [{}]",
                    allowed.join(", ")
                ));
            }
            if matches!(self.kind, Kind::Number | Kind::NumberList) {
                let Ok(number) = part.parse::<f64>() else {
                    return refuse(format!("Parameter '{name}' must be a number."));
                };
                if self.values.0.is_some_and(|limit| number < limit) {
                    return refuse(format!(
                        "Parameter '{name}' must be a number not less than {}",
                        self.values.0.unwrap_or_default()
                    ));
                }
                if self.values.1.is_some_and(|limit| number > limit) {
                    return refuse(format!(
                        "Parameter '{name}' must be a number not greater than {}",
                        self.values.1.unwrap_or_default()
                    ));
                }
                continue;
            }
            let length = part.chars().count();
            if let Some(limit) = self.lengths.0.filter(|limit| length < *limit) {
                return refuse(format!("Parameter '{name}' must contain at least {limit} characters"));
            }
            if let Some(limit) = self.lengths.1.filter(|limit| length > *limit) {
                return refuse(format!("Parameter '{name}' must contain at most {limit} characters"));
            }
            if let Some(pattern) = &self.allowed_pattern {
                let whole = regex::Regex::new(&format!("^(?:{pattern})$")).map_err(|error| {
                    format!("Template format error: AllowedPattern of {name} is not a pattern: {error}")
                })?;
                if !whole.is_match(part) {
                    return refuse(format!("Parameter '{name}' must match pattern {pattern}"));
                }
            }
        }
        Ok(())
    }

    /// What `Ref` answers.
    pub fn value(&self, text: &str) -> Value {
        match self.kind {
            Kind::Text | Kind::Number => Value::String(text.to_owned()),
            Kind::TextList | Kind::NumberList => {
                text.split(',').map(|part| Value::String(part.trim().to_owned())).collect()
            }
        }
    }
}

/// A value given in a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given {
    Value(String),
    /// `UsePreviousValue`.
    Previous,
}

/// The values of all declared parameters: given, kept from before, or the default.
pub fn values(
    declared: &BTreeMap<String, Declaration>,
    given: &BTreeMap<String, Given>,
    previous: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, String> {
    let unknown: Vec<&str> =
        given.keys().filter(|name| !declared.contains_key(*name)).map(String::as_str).collect();
    if !unknown.is_empty() {
        return Err(format!("Parameters: [{}] do not exist in the template", unknown.join(", ")));
    }
    let mut values = BTreeMap::new();
    let mut missing = Vec::new();
    for (name, declaration) in declared {
        let value = match given.get(name) {
            Some(Given::Value(value)) => Some(value.clone()),
            Some(Given::Previous) => Some(previous.get(name).cloned().ok_or_else(|| {
                format!("Invalid input for parameter key {name}. Cannot specify usePreviousValue as true for a parameter key not in the previous template")
            })?),
            None => declaration.default.clone(),
        };
        match value {
            Some(value) => {
                declaration.check(name, &value)?;
                values.insert(name.clone(), value);
            }
            None => missing.push(name.as_str()),
        }
    }
    if !missing.is_empty() {
        return Err(format!("Parameters: [{}] must have values", missing.join(", ")));
    }
    Ok(values)
}

fn plain_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn with(declaration: Value, value: &str) -> Result<BTreeMap<String, String>, String> {
        let declared = BTreeMap::from([("P".to_owned(), Declaration::parse("P", declaration)?)]);
        values(
            &declared,
            &BTreeMap::from([("P".to_owned(), Given::Value(value.to_owned()))]),
            &BTreeMap::new(),
        )
    }

    #[test]
    fn constraints_refuse_in_cloudformations_words() {
        for (declaration, value, message) in [
            (
                json!({"Type": "String", "AllowedValues": ["a", "b"]}),
                "c",
                "Parameter 'P' must be one of AllowedValues",
            ),
            (
                json!({"Type": "String", "AllowedPattern": "[a-z]+"}),
                "A1",
                "Parameter 'P' must match pattern [a-z]+",
            ),
            (
                json!({"Type": "String", "MinLength": 3}),
                "ab",
                "Parameter 'P' must contain at least 3 characters",
            ),
            (
                json!({"Type": "String", "MaxLength": "1"}),
                "ab",
                "Parameter 'P' must contain at most 1 characters",
            ),
            (
                json!({"Type": "Number", "MaxValue": 5}),
                "6",
                "Parameter 'P' must be a number not greater than 5",
            ),
            (json!({"Type": "Number"}), "x", "Parameter 'P' must be a number."),
            (
                json!({"Type": "Number", "ConstraintDescription": "be kind"}),
                "x",
                "Parameter 'P' failed to satisfy constraint: be kind",
            ),
        ] {
            let refused = with(declaration, value).unwrap_err();
            assert!(refused.starts_with(message), "{refused}");
        }
        assert!(with(json!({"Type": "List<Number>"}), "1, 2").is_ok());
    }

    #[test]
    fn every_parameter_has_a_value_and_no_other_is_given() {
        let declared =
            BTreeMap::from([("P".to_owned(), Declaration::parse("P", json!({"Type": "String"})).unwrap())]);
        let none = BTreeMap::new();
        assert_eq!(
            values(&declared, &BTreeMap::new(), &none).unwrap_err(),
            "Parameters: [P] must have values"
        );
        let other = BTreeMap::from([("Q".to_owned(), Given::Value(String::new()))]);
        assert_eq!(
            values(&declared, &other, &none).unwrap_err(),
            "Parameters: [Q] do not exist in the template"
        );
        let previous = BTreeMap::from([("P".to_owned(), Given::Previous)]);
        assert!(values(&declared, &previous, &none).unwrap_err().contains("usePreviousValue"));
        let before = BTreeMap::from([("P".to_owned(), "x".to_owned())]);
        assert_eq!(values(&declared, &previous, &before).unwrap()["P"], "x");
    }
}
