//! Template text, YAML with short tags or JSON, to one JSON tree with long function names.

use granit_parser::{Event, Parser, ScalarStyle, Tag};
use serde_json::{Map, Number, Value};

/// The short tags and the functions they stand for.
const TAGS: [(&str, &str); 16] = [
    ("Ref", "Ref"),
    ("Condition", "Condition"),
    ("And", "Fn::And"),
    ("Base64", "Fn::Base64"),
    ("Cidr", "Fn::Cidr"),
    ("Equals", "Fn::Equals"),
    ("FindInMap", "Fn::FindInMap"),
    ("GetAtt", "Fn::GetAtt"),
    ("If", "Fn::If"),
    ("ImportValue", "Fn::ImportValue"),
    ("Join", "Fn::Join"),
    ("Not", "Fn::Not"),
    ("Or", "Fn::Or"),
    ("Select", "Fn::Select"),
    ("Split", "Fn::Split"),
    ("Sub", "Fn::Sub"),
];

/// Parses a template. The error is CloudFormation's message: `Template format error: …`.
pub fn parse(text: &str) -> Result<Map<String, Value>, String> {
    let value = if text.trim_start().starts_with('{') {
        serde_json::from_str(text).map_err(|error| {
            format!(
                "Template format error: JSON not well-formed. (line {}, column {})",
                error.line(),
                error.column()
            )
        })?
    } else {
        yaml(text)?
    };
    no_nulls(&value, "")?;
    match value {
        Value::Object(map) => Ok(map),
        _ => Err("Template format error: unsupported structure.".to_owned()),
    }
}

/// One open collection of the document.
enum Open {
    List { tag: Option<String>, items: Vec<Value> },
    Map { tag: Option<String>, entries: Map<String, Value>, key: Option<String> },
}

fn yaml(text: &str) -> Result<Value, String> {
    let mut open: Vec<Open> = Vec::new();
    let mut root = None;
    for next in Parser::new_from_str(text) {
        let (event, span) = next.map_err(|error| {
            let mark = error.marker();
            format!(
                "Template format error: YAML not well-formed. (line {}, column {})",
                mark.line(),
                mark.col() + 1
            )
        })?;
        let at = |message: String| {
            format!(
                "Template format error: {message} (line {}, column {})",
                span.start.line(),
                span.start.col() + 1
            )
        };
        let value = match event {
            Event::Scalar(text, style, _, tag) => {
                // A key stays text whatever it looks like.
                if let Some(Open::Map { key: key @ None, .. }) = open.last_mut() {
                    *key = Some(text.into_owned());
                    continue;
                }
                scalar(&text, style, tag.as_deref()).map_err(at)?
            }
            Event::SequenceStart(_, _, tag) => {
                open.push(Open::List { tag: function(tag.as_deref()).map_err(at)?, items: Vec::new() });
                continue;
            }
            Event::MappingStart(_, _, tag) => {
                let tag = function(tag.as_deref()).map_err(at)?;
                open.push(Open::Map { tag, entries: Map::new(), key: None });
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(Open::List { tag, items }) => call(tag, Value::Array(items)),
                Some(Open::Map { tag, entries, .. }) => call(tag, Value::Object(entries)),
                None => continue,
            },
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                return Err(at("YAML aliases are not allowed in CloudFormation templates".to_owned()));
            }
            _ => continue,
        };
        match open.last_mut() {
            None if root.is_some() => return Err(at("more than one document".to_owned())),
            None => root = Some(value),
            Some(Open::List { items, .. }) => items.push(value),
            Some(Open::Map { entries, key, .. }) => match key.take() {
                Some(name) if name == "<<" => {
                    return Err(at("YAML merge keys are not allowed in CloudFormation templates".to_owned()));
                }
                Some(name) => {
                    if entries.contains_key(&name) {
                        return Err(at(format!("duplicate key '{name}'")));
                    }
                    entries.insert(name, value);
                }
                None => return Err(at("a key that is not text".to_owned())),
            },
        }
    }
    root.ok_or_else(|| "Template format error: the template is empty.".to_owned())
}

fn call(function: Option<String>, argument: Value) -> Value {
    match function {
        Some(name) => Value::Object(Map::from_iter([(name, argument)])),
        None => argument,
    }
}

/// The function of a short tag; `None` for the tags of YAML itself.
fn function(tag: Option<&Tag>) -> Result<Option<String>, String> {
    let Some(tag) = tag else { return Ok(None) };
    if tag.core_suffix().is_some() || (tag.handle() == "!" && tag.suffix().is_empty()) {
        return Ok(None);
    }
    TAGS.iter()
        .find(|(short, _)| tag.handle() == "!" && *short == tag.suffix())
        .map(|(_, long)| Some((*long).to_owned()))
        .ok_or_else(|| format!("localcloud does not implement the tag {tag}"))
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Value, String> {
    if let Some(name) = function(tag)? {
        // `!GetAtt A.B` stands for ["A", "B"]; the attribute's own name may have dots.
        let argument = match text.split_once('.') {
            Some((resource, attribute)) if name == "Fn::GetAtt" => {
                Value::Array(vec![resource.into(), attribute.into()])
            }
            _ => Value::String(text.to_owned()),
        };
        return Ok(call(Some(name), argument));
    }
    let text_only = tag.is_some_and(|tag| tag.core_suffix() == Some("str") || tag.core_suffix().is_none());
    Ok(if style == ScalarStyle::Plain && !text_only { plain(text) } else { Value::String(text.to_owned()) })
}

/// A number is taken as one only where it is written back the same: `0123456789` and `1.10` are
/// text, or account numbers and versions would be corrupted.
fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    let number = text.parse::<i64>().map(Number::from).ok().or_else(|| {
        let decimal = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.' || byte == b'-');
        text.parse::<f64>().ok().filter(|_| decimal).and_then(Number::from_f64)
    });
    match number {
        Some(number) if number.to_string() == text => Value::Number(number),
        _ => Value::String(text.to_owned()),
    }
}

fn no_nulls(value: &Value, path: &str) -> Result<(), String> {
    match value {
        Value::Null => Err(format!("[{path}] 'null' values are not allowed in templates")),
        Value::Array(items) => {
            items.iter().enumerate().try_for_each(|(index, item)| no_nulls(item, &format!("{path}/{index}")))
        }
        Value::Object(map) => {
            map.iter().try_for_each(|(name, item)| no_nulls(item, &format!("{path}/{name}")))
        }
        Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn tree(text: &str) -> Value {
        Value::Object(parse(text).unwrap())
    }

    #[test]
    fn short_tags_become_long_functions() {
        assert_eq!(
            tree(
                "A: !Sub '${X}-y'\nB: !GetAtt R.Endpoint.Address\nC: !Join [':', [a, !Ref B]]\nD: !If [c, !Ref 'AWS::NoValue', 1]"
            ),
            json!({
                "A": {"Fn::Sub": "${X}-y"},
                "B": {"Fn::GetAtt": ["R", "Endpoint.Address"]},
                "C": {"Fn::Join": [":", ["a", {"Ref": "B"}]]},
                "D": {"Fn::If": ["c", {"Ref": "AWS::NoValue"}, 1]},
            })
        );
    }

    #[test]
    fn scalars_that_would_not_survive_as_numbers_stay_text() {
        assert_eq!(
            tree("a: 0123456789\nb: 1.10\nc: 2012-10-17\nd: 5\ne: true\nf: '5'\ng: 1e3\nh: 1.5"),
            json!({"a": "0123456789", "b": "1.10", "c": "2012-10-17", "d": 5, "e": true, "f": "5", "g": "1e3", "h": 1.5})
        );
    }

    #[test]
    fn json_and_yaml_are_told_apart() {
        assert_eq!(tree("  {\"A\": [1, \"2\"]}"), json!({"A": [1, "2"]}));
        assert!(
            parse("{\"A\": }")
                .unwrap_err()
                .starts_with("Template format error: JSON not well-formed. (line 1, column")
        );
    }

    #[test]
    fn what_cloudformation_refuses_is_refused_with_its_place() {
        for (text, part) in [
            ("A: [", "YAML not well-formed. (line"),
            ("A: &x 1\nB: *x", "YAML aliases are not allowed"),
            ("A: !Transform {}", "does not implement the tag !Transform (line 1"),
            ("A: 1\nA: 2", "duplicate key 'A' (line 2"),
            ("A:\n  B:", "[/A/B] 'null' values are not allowed in templates"),
            ("", "the template is empty"),
            ("- a", "unsupported structure"),
        ] {
            let message = parse(text).unwrap_err();
            assert!(message.contains(part), "{text:?} gave {message}");
        }
    }
}
