//! Rights gathered into as few statements as say them exactly: one for each set of resources and condition.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

/// Where an action is allowed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Where {
    /// ARNs, which may name pseudo parameters (`${AWS::Region}`); `*` for actions without a resource.
    pub resources: Vec<String>,
    /// Operator, key and value, which all must hold.
    pub conditions: Vec<(&'static str, String, String)>,
}

impl Where {
    pub fn on(resources: impl IntoIterator<Item = String>) -> Self {
        Self { resources: resources.into_iter().collect(), conditions: Vec::new() }
    }

    /// For actions that have no resource.
    pub fn anywhere() -> Self {
        Self::on(["*".to_owned()])
    }

    pub fn when(mut self, operator: &'static str, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.conditions.push((operator, key.into(), value.into()));
        self
    }
}

/// What is allowed where.
#[derive(Debug, Default)]
pub(super) struct Statements(BTreeMap<Where, BTreeSet<String>>);

impl Statements {
    pub fn allow(&mut self, action: impl Into<String>, place: Where) {
        self.0.entry(place).or_default().insert(action.into());
    }

    pub fn into_values(self) -> Vec<Value> {
        self.0.into_iter().map(|(place, actions)| statement(place, actions)).collect()
    }
}

fn statement(place: Where, actions: BTreeSet<String>) -> Value {
    let resources: Vec<Value> = place.resources.iter().map(|resource| text(resource)).collect();
    let mut statement = json!({"Effect": "Allow", "Action": actions, "Resource": resources});
    let mut conditions: BTreeMap<&str, BTreeMap<String, Value>> = BTreeMap::new();
    for (operator, key, value) in place.conditions {
        conditions.entry(operator).or_default().insert(key, text(&value));
    }
    if !conditions.is_empty() {
        statement["Condition"] = json!(conditions);
    }
    statement
}

/// A text that may name pseudo parameters.
pub(super) fn text(text: &str) -> Value {
    if text.contains("${") { json!({"Fn::Sub": text}) } else { json!(text) }
}
