//! Checks resolved properties against a type's registry schema and gives each value its schema's
//! type, as CloudFormation does before it calls a handler.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use regex::Regex;
use serde_json::{Map, Number, Value};

use super::eval::UNKNOWN;
use super::schema::Schema;

/// One violation: where (`#/Code/S3Key`) and what, worded as CloudFormation's validator words it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    pub path: String,
    pub message: String,
}

impl std::fmt::Display for Violation {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}: {}", self.path, self.message)
    }
}

/// The properties with `"5"` made `5` and `"true"` made `true` where the schema says so, and
/// everything that the schema does not allow. Values known only after the apply pass.
pub fn properties(schema: &Schema, properties: &Value) -> (Value, Vec<Violation>) {
    let mut validator = Validator { root: schema.root(), violations: Vec::new() };
    let mut value = properties.clone();
    if let Some(map) = value.as_object() {
        for name in map.keys().filter(|name| schema.read_only(name)) {
            validator.violations.push(Violation {
                path: "#".to_owned(),
                message: format!("extraneous key [{name}] is not permitted: it is read-only"),
            });
        }
    }
    validator.check(schema.root(), &mut value, "#");
    (value, validator.violations)
}

/// `Properties validation failed for resource X with message:` and one line a violation.
pub fn message(logical_id: &str, violations: &[Violation]) -> String {
    let lines: Vec<String> = violations.iter().map(Violation::to_string).collect();
    format!("Properties validation failed for resource {logical_id} with message:\n{}", lines.join("\n"))
}

struct Validator<'a> {
    root: &'a Value,
    violations: Vec<Violation>,
}

impl<'a> Validator<'a> {
    fn fail(&mut self, path: &str, message: impl Into<String>) {
        self.violations.push(Violation { path: path.to_owned(), message: message.into() });
    }

    fn check(&mut self, schema: &'a Value, value: &mut Value, path: &str) {
        if value.as_str().is_some_and(|text| text.contains(UNKNOWN)) {
            return;
        }
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            if let Some(target) = self.root.pointer(reference.trim_start_matches('#')) {
                self.check(target, value, path);
            }
            return;
        }
        if let Some(types) = schema.get("type") {
            let names: Vec<&str> = match types {
                Value::String(name) => vec![name],
                Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
                _ => Vec::new(),
            };
            // Where text is one of the types it is what the service takes: cfn-lint widened them.
            let text = names.len() > 1 && names.contains(&"string");
            if let Some(converted) = text.then(|| coerced(value, "string")).flatten() {
                *value = converted;
            }
            if !names.iter().any(|name| is_a(value, name)) {
                match names.iter().find_map(|name| coerced(value, name)) {
                    Some(converted) => *value = converted,
                    None => {
                        let expected = names.first().map(|name| title(name)).unwrap_or_default();
                        return self
                            .fail(path, format!("expected type: {expected}, found: {}", found(value)));
                    }
                }
            }
        }
        self.enumerated(schema, value, path);
        match value {
            Value::Object(map) => self.object(schema, map, path),
            Value::Array(items) => self.array(schema, items, path),
            Value::String(text) => self.string(schema, text, path),
            Value::Number(number) => self.number(schema, number, path),
            Value::Bool(_) | Value::Null => {}
        }
        self.combined(schema, value, path);
    }

    fn enumerated(&mut self, schema: &Value, value: &Value, path: &str) {
        let shown = || value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        if schema.get("enum").and_then(Value::as_array).is_some_and(|allowed| !allowed.contains(value)) {
            self.fail(path, format!("{} is not a valid enum value", shown()));
        }
        if schema.get("const").is_some_and(|only| only != value) {
            self.fail(path, format!("{} is not the only allowed value", shown()));
        }
    }

    fn object(&mut self, schema: &'a Value, map: &mut Map<String, Value>, path: &str) {
        for name in strings(schema.get("required")).filter(|name| !map.contains_key(*name)) {
            self.fail(path, format!("required key [{name}] not found"));
        }
        for (name, needed) in ["dependentRequired", "dependencies"]
            .iter()
            .filter_map(|key| schema.get(key)?.as_object())
            .flatten()
        {
            if map.contains_key(name) {
                for other in strings(Some(needed)).filter(|other| !map.contains_key(*other)) {
                    self.fail(path, format!("property [{other}] is required by [{name}]"));
                }
            }
        }
        if let Some(excluded) = schema.get("dependentExcluded").and_then(Value::as_object) {
            for (name, others) in excluded.iter().filter(|(name, _)| map.contains_key(*name)) {
                for other in strings(Some(others)).filter(|other| map.contains_key(*other)) {
                    self.fail(path, format!("property [{other}] is not allowed beside [{name}]"));
                }
            }
        }
        let known = schema.get("properties").and_then(Value::as_object);
        let patterns = schema.get("patternProperties").and_then(Value::as_object);
        for (name, item) in map.iter_mut() {
            let inner = format!("{path}/{name}");
            if let Some(property) = known.and_then(|known| known.get(name)) {
                self.check(property, item, &inner);
            } else if let Some((_, property)) =
                patterns.into_iter().flatten().find(|(pattern, _)| matches(pattern, name))
            {
                self.check(property, item, &inner);
            } else {
                match schema.get("additionalProperties") {
                    Some(Value::Bool(false)) => {
                        self.fail(path, format!("extraneous key [{name}] is not permitted"));
                    }
                    Some(property @ Value::Object(_)) => self.check(property, item, &inner),
                    _ => {}
                }
            }
        }
    }

    fn array(&mut self, schema: &'a Value, items: &mut [Value], path: &str) {
        if let Some(limit) = limit(schema, "minItems").filter(|limit| items.len() < *limit) {
            self.fail(path, format!("expected minimum item count: {limit}, found: {}", items.len()));
        }
        if let Some(limit) = limit(schema, "maxItems").filter(|limit| items.len() > *limit) {
            self.fail(path, format!("expected maximum item count: {limit}, found: {}", items.len()));
        }
        if let Some(item_schema) = schema.get("items") {
            for (index, item) in items.iter_mut().enumerate() {
                self.check(item_schema, item, &format!("{path}/{index}"));
            }
        }
        let unique = schema.get("uniqueItems") == Some(&Value::Bool(true));
        let repeated =
            items.iter().enumerate().any(|(index, item)| items.iter().take(index).any(|other| other == item));
        if unique && repeated {
            self.fail(path, "array items are not unique");
        }
    }

    fn string(&mut self, schema: &Value, text: &str, path: &str) {
        let length = text.chars().count();
        if let Some(limit) = limit(schema, "minLength").filter(|limit| length < *limit) {
            self.fail(path, format!("expected minLength: {limit}, actual: {length}"));
        }
        if let Some(limit) = limit(schema, "maxLength").filter(|limit| length > *limit) {
            self.fail(path, format!("expected maxLength: {limit}, actual: {length}"));
        }
        if let Some(pattern) = schema.get("pattern").and_then(Value::as_str).filter(|it| !matches(it, text)) {
            self.fail(path, format!("string [{text}] does not match pattern {pattern}"));
        }
    }

    fn number(&mut self, schema: &Value, number: &Number, path: &str) {
        let Some(value) = number.as_f64() else { return };
        let bound = |name: &str| schema.get(name).and_then(Value::as_f64);
        if let Some(limit) = bound("minimum").filter(|limit| value < *limit) {
            self.fail(path, format!("{number} is not greater or equal to {limit}"));
        }
        if let Some(limit) = bound("maximum").filter(|limit| value > *limit) {
            self.fail(path, format!("{number} is not less or equal to {limit}"));
        }
    }

    /// `allOf`, `anyOf`, `oneOf`, `not` and `if`: each alternative is tried on a copy.
    fn combined(&mut self, schema: &'a Value, value: &mut Value, path: &str) {
        for part in schema.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            self.check(part, value, path);
        }
        for (name, exact) in [("anyOf", false), ("oneOf", true)] {
            let Some(parts) = schema.get(name).and_then(Value::as_array) else { continue };
            let fitting: Vec<Value> = parts.iter().filter_map(|part| self.trial(part, value)).collect();
            match (fitting.len(), exact) {
                (0, _) => self.fail(
                    path,
                    format!("#: no subschema matched out of the total {} subschemas", parts.len()),
                ),
                (1, _) | (_, false) => {
                    if let Some(first) = fitting.into_iter().next() {
                        *value = first;
                    }
                }
                (count, true) => self.fail(path, format!("#: {count} subschemas matched instead of one")),
            }
        }
        if schema.get("not").is_some_and(|part| self.trial(part, value).is_some()) {
            self.fail(path, "subject must not be valid against schema");
        }
        if let Some(condition) = schema.get("if") {
            let branch = if self.trial(condition, value).is_some() { "then" } else { "else" };
            if let Some(part) = schema.get(branch) {
                self.check(part, value, path);
            }
        }
    }

    fn trial(&self, schema: &'a Value, value: &Value) -> Option<Value> {
        let mut attempt = Validator { root: self.root, violations: Vec::new() };
        let mut copy = value.clone();
        attempt.check(schema, &mut copy, "#");
        attempt.violations.is_empty().then_some(copy)
    }
}

fn is_a(value: &Value, name: &str) -> bool {
    match name {
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "object" => value.is_object(),
        "array" => value.is_array(),
        _ => false,
    }
}

/// CloudFormation passes numbers and booleans as text and back, as the schema wants them.
fn coerced(value: &Value, name: &str) -> Option<Value> {
    match (name, value) {
        ("string", Value::Number(number)) => Some(Value::String(number.to_string())),
        ("string", Value::Bool(flag)) => Some(Value::String(flag.to_string())),
        ("integer", Value::String(text)) => text.trim().parse::<i64>().ok().map(Value::from),
        ("integer", Value::Number(number)) => {
            let whole = number.as_f64().filter(|value| value.fract() == 0.0)?;
            format!("{whole:.0}").parse::<i64>().ok().map(Value::from)
        }
        ("number", Value::String(text)) => {
            let number = text.trim();
            number
                .parse::<i64>()
                .map(Value::from)
                .ok()
                .or_else(|| number.parse::<f64>().ok().map(Value::from))
        }
        ("boolean", Value::String(text)) => match text.to_ascii_lowercase().as_str() {
            "true" => Some(Value::Bool(true)),
            "false" => Some(Value::Bool(false)),
            _ => None,
        },
        _ => None,
    }
}

fn title(name: &str) -> String {
    match name {
        "array" => "JSONArray".to_owned(),
        "object" => "JSONObject".to_owned(),
        other => other.chars().take(1).flat_map(char::to_uppercase).chain(other.chars().skip(1)).collect(),
    }
}

fn found(value: &Value) -> &'static str {
    match value {
        Value::Null => "Null",
        Value::Bool(_) => "Boolean",
        Value::Number(number) if number.is_f64() => "Double",
        Value::Number(_) => "Integer",
        Value::String(_) => "String",
        Value::Array(_) => "JSONArray",
        Value::Object(_) => "JSONObject",
    }
}

fn strings(list: Option<&Value>) -> impl Iterator<Item = &str> {
    list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

fn limit(schema: &Value, name: &str) -> Option<usize> {
    schema.get(name)?.as_u64().and_then(|limit| usize::try_from(limit).ok())
}

/// The schemas write `\Z` for the end of the text; the one pattern with a look-behind has no
/// counterpart in linear-time expressions and passes.
fn matches(pattern: &str, text: &str) -> bool {
    // A schema's few patterns are compiled once: they take far longer to compile than to match.
    static COMPILED: LazyLock<Mutex<HashMap<String, Option<Regex>>>> = LazyLock::new(Mutex::default);
    let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = compiled.get(pattern) {
        return known.as_ref().is_none_or(|known| known.is_match(text));
    }
    let fresh = Regex::new(&pattern.replace("\\Z", "\\z")).ok();
    let matched = fresh.as_ref().is_none_or(|fresh| fresh.is_match(text));
    compiled.insert(pattern.to_owned(), fresh);
    matched
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(kind: &str, value: Value) -> (Value, Vec<String>) {
        let (value, violations) = properties(Schema::of(kind).unwrap(), &value);
        (value, violations.iter().map(Violation::to_string).collect())
    }

    #[test]
    fn text_takes_the_type_that_the_schema_names() {
        let (value, violations) = check(
            "AWS::Lambda::Function",
            json!({"Role": "arn:aws:iam::000000000000:role/r", "Code": {"S3Bucket": "bbb", "S3Key": "k"},
                   "MemorySize": "256", "Timeout": 10, "Environment": {"Variables": {"NN": 5, "FF": true}}}),
        );
        assert_eq!(violations, Vec::<String>::new());
        assert_eq!(value["MemorySize"], 256);
        assert_eq!(value["Environment"]["Variables"], json!({"NN": "5", "FF": "true"}));
    }

    #[test]
    fn what_the_schema_does_not_allow_is_named_with_its_place() {
        let (_, violations) = check(
            "AWS::Logs::LogGroup",
            json!({"LogGroupNam": "x", "RetentionInDays": "many", "LogGroupName": "a b"}),
        );
        assert_eq!(
            violations,
            [
                "#: extraneous key [LogGroupNam] is not permitted",
                "#/LogGroupName: string [a b] does not match pattern ^[.\\-_/#A-Za-z0-9]{1,512}\\Z",
                "#/RetentionInDays: expected type: Integer, found: String",
            ]
        );
    }

    #[test]
    fn missing_keys_limits_and_choices_are_checked() {
        let (_, violations) = check("AWS::DynamoDB::Table", json!({"BillingMode": "SOMETIMES"}));
        assert!(violations.contains(&"#: required key [KeySchema] not found".to_owned()), "{violations:?}");
        assert!(violations.iter().any(|line| line == "#/BillingMode: SOMETIMES is not a valid enum value"));
        let (_, violations) = check(
            "AWS::Cognito::UserPoolClient",
            json!({"UserPoolId": "us-east-1_p", "RefreshTokenValidity": 0}),
        );
        assert_eq!(violations.len(), 1, "{violations:?}");
        assert!(violations[0].contains("is not greater or equal to 1"));
    }

    #[test]
    fn a_value_known_only_after_the_apply_passes() {
        let (_, violations) = check("AWS::Logs::LogGroup", json!({"RetentionInDays": UNKNOWN}));
        assert_eq!(violations, Vec::<String>::new());
    }

    #[test]
    fn a_read_only_property_cannot_be_set() {
        let (_, violations) =
            check("AWS::Logs::LogGroup", json!({"Arn": "arn:aws:logs:us-east-1:000000000000:log-group:x"}));
        assert_eq!(violations.len(), 1, "{violations:?}");
    }
}
