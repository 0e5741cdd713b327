//! A template with its parameters put in, as plain values, so that two of them can be compared.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::project::yaml::{self, Node};

/// What a stack's template says once parameters and conditions are settled. Values that only AWS
/// knows stay as their intrinsic function: `{"Fn::GetAtt": "Orders.Arn"}`.
#[derive(Debug, Default)]
pub(super) struct Reading(pub BTreeMap<String, Described>);

/// One resource of it.
#[derive(Debug, PartialEq)]
pub(super) struct Described {
    pub kind: String,
    pub properties: Value,
    pub deletion_policy: Option<String>,
    pub update_replace_policy: Option<String>,
}

/// Conditions may name conditions; a circle must end.
const DEEPEST: usize = 16;

impl Reading {
    /// `None`: this is no template that can be read.
    pub fn of(template: &str, parameters: &BTreeMap<String, String>) -> Option<Self> {
        let tree = yaml::parse(template).ok()?;
        let mut values: BTreeMap<String, String> = BTreeMap::new();
        for (name, entry) in tree.get("Parameters").and_then(Node::mapping).into_iter().flatten() {
            if let Some(default) = entry.node.get("Default").and_then(Node::text) {
                values.insert(name.clone(), default.to_owned());
            }
        }
        values.extend(parameters.iter().map(|(name, value)| (name.clone(), value.clone())));
        let resolver = Resolver { values, conditions: tree.get("Conditions") };
        let resources = tree.get("Resources")?.mapping()?;
        let described =
            resources.iter().filter_map(|(id, entry)| Some((id.clone(), resolver.described(&entry.node)?)));
        Some(Self(described.collect()))
    }

    pub fn get(&self, id: &str) -> Option<&Described> {
        self.0.get(id)
    }

    pub fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = (&'a String, &'a Described)> {
        self.0.iter().filter(move |(_, described)| described.kind == kind)
    }
}

struct Resolver<'a> {
    values: BTreeMap<String, String>,
    conditions: Option<&'a Node>,
}

impl Resolver<'_> {
    /// `None`: a condition leaves the resource out.
    fn described(&self, node: &Node) -> Option<Described> {
        let condition = node.get("Condition").and_then(Node::text);
        if condition.and_then(|name| self.holds(name, 0)) == Some(false) {
            return None;
        }
        let text = |key: &str| node.get(key).and_then(Node::text).map(str::to_owned);
        Some(Described {
            kind: text("Type").unwrap_or_default(),
            properties: node.get("Properties").and_then(|node| self.value(node)).unwrap_or_else(|| json!({})),
            deletion_policy: text("DeletionPolicy"),
            update_replace_policy: text("UpdateReplacePolicy"),
        })
    }

    /// `None`: `AWS::NoValue`.
    fn value(&self, node: &Node) -> Option<Value> {
        let Some((name, argument)) = call(node) else { return Some(self.plain(node)) };
        let kept = |name: &str| json!({ format!("Fn::{name}"): self.plain(argument) });
        Some(match name {
            "Ref" => match argument.text() {
                Some("AWS::NoValue") => return None,
                Some(name) => match self.values.get(name) {
                    Some(value) => Value::String(value.clone()),
                    None => json!({"Ref": name}),
                },
                None => kept("Ref"),
            },
            "If" => match argument.sequence() {
                Some([condition, yes, no]) => match condition.text().and_then(|name| self.holds(name, 0)) {
                    Some(true) => return self.value(yes),
                    Some(false) => return self.value(no),
                    None => kept(name),
                },
                _ => kept(name),
            },
            "Sub" => match argument.text() {
                Some(text) => self.substituted(text),
                None => kept(name),
            },
            "GetAtt" => match self.plain(argument) {
                Value::Array(parts) => {
                    let parts: Vec<&str> = parts.iter().filter_map(Value::as_str).collect();
                    json!({"Fn::GetAtt": parts.join(".")})
                }
                whole => json!({"Fn::GetAtt": whole}),
            },
            name => kept(name),
        })
    }

    /// The value without its own tag.
    fn plain(&self, node: &Node) -> Value {
        match &node.value {
            yaml::Value::Scalar { text, .. } => Value::String(text.clone()),
            yaml::Value::Sequence(items) => items.iter().filter_map(|item| self.value(item)).collect(),
            yaml::Value::Mapping(entries) => {
                let values = entries.iter();
                let values = values.filter_map(|(key, entry)| Some((key.clone(), self.value(&entry.node)?)));
                Value::Object(values.collect::<Map<_, _>>())
            }
        }
    }

    fn substituted(&self, text: &str) -> Value {
        let mut text = text.to_owned();
        for (name, value) in &self.values {
            text = text.replace(&format!("${{{name}}}"), value);
        }
        if text.contains("${") { json!({ "Fn::Sub": text }) } else { Value::String(text) }
    }

    /// `None`: nobody knows before AWS does.
    fn holds(&self, condition: &str, depth: usize) -> Option<bool> {
        self.truth(self.conditions?.get(condition)?, depth)
    }

    fn truth(&self, node: &Node, depth: usize) -> Option<bool> {
        let (name, argument) = call(node)?;
        if depth > DEEPEST {
            return None;
        }
        let each = || argument.sequence().unwrap_or_default().iter().map(|item| self.truth(item, depth + 1));
        match name {
            "Condition" => self.holds(argument.text()?, depth + 1),
            "Not" => each().next()?.map(|truth| !truth),
            "And" => each().try_fold(true, |all, one| Some(all && one?)),
            "Or" => each().try_fold(false, |any, one| Some(any || one?)),
            "Equals" => match argument.sequence()? {
                [one, other] => match (self.value(one)?, self.value(other)?) {
                    (Value::String(one), Value::String(other)) => Some(one == other),
                    _ => None,
                },
                _ => None,
            },
            _ => None,
        }
    }
}

/// A call of an intrinsic function: `!Sub x`, or `Fn::Sub: x`, `Ref: x` and `Condition: x`.
fn call(node: &Node) -> Option<(&str, &Node)> {
    if let Some(tag) = &node.tag {
        return Some((tag.trim_start_matches('!'), node));
    }
    let (key, entry) = node.mapping().filter(|entries| entries.len() == 1)?.first()?;
    let name = match key.as_str() {
        "Ref" | "Condition" => key,
        key => key.strip_prefix("Fn::")?,
    };
    Some((name, &entry.node))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_and_conditions_are_put_in_whatever_the_form() {
        let template = "Parameters:\n  P: {Type: String, Default: 'false'}\nConditions:\n  On: !Equals [!Ref P, 'true']\n  \
             Off: {'Fn::Not': [{Condition: On}]}\nResources:\n  A:\n    Type: T\n    Properties:\n      \
             X: !If [On, yes, !Ref AWS::NoValue]\n      Y: !Sub 'a-${P}'\n      Z: !GetAtt [B, Arn]\n  \
             B:\n    Type: T\n    Condition: Off\n";
        let off = Reading::of(template, &BTreeMap::new()).unwrap();
        let expected = json!({"Y": "a-false", "Z": {"Fn::GetAtt": "B.Arn"}});
        assert_eq!(off.get("A").unwrap().properties, expected);
        assert!(off.get("B").is_some());
        let on = Reading::of(template, &BTreeMap::from([("P".to_owned(), "true".to_owned())])).unwrap();
        assert_eq!(on.get("A").unwrap().properties["X"], json!("yes"));
        assert!(on.get("B").is_none());
    }

    #[test]
    fn a_template_in_json_reads_the_same() {
        let json = r#"{"Resources": {"A": {"Type": "T", "Properties": {"X": {"Ref": "B"}, "N": 3}}}}"#;
        let yaml = "Resources:\n  A:\n    Type: T\n    Properties: {X: !Ref B, N: '3'}\n";
        let read = |text| Reading::of(text, &BTreeMap::new()).unwrap().0.remove("A").unwrap().properties;
        assert_eq!(read(json), read(yaml));
    }
}
