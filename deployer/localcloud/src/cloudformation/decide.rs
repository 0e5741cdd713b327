//! Whether a resource is left, made, changed or replaced: asked by the plan and by the engine.

use std::collections::BTreeSet;

use serde_json::Value;

use super::model::Resource;
use super::schema::{Recreation, Schema};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    None,
    Create,
    Update,
    Replace(Recreation),
}

/// One property that is not what it was.
pub struct Difference<'a> {
    pub name: &'a str,
    pub before: Option<&'a Value>,
    pub after: Option<&'a Value>,
    pub recreation: Recreation,
}

pub fn differences<'a>(schema: &Schema, before: &'a Value, after: &'a Value) -> Vec<Difference<'a>> {
    let names = |value: &'a Value| value.as_object().into_iter().flat_map(serde_json::Map::keys);
    let all: BTreeSet<&String> = names(before).chain(names(after)).collect();
    all.into_iter()
        .filter_map(|name| {
            let (old, new) = (before.get(name), after.get(name));
            (old != new).then(|| Difference {
                name,
                before: old,
                after: new,
                recreation: schema.recreation(name, old, new),
            })
        })
        .collect()
}

/// What it takes to bring `current` to `wanted`.
pub fn change(schema: &Schema, current: Option<&Resource>, wanted: &Resource) -> Change {
    let Some(current) = current else { return Change::Create };
    if current.kind != wanted.kind {
        return Change::Replace(Recreation::Always);
    }
    let differences = differences(schema, &current.properties, &wanted.properties);
    let tags = schema.tag_property().is_some() && current.tags != wanted.tags;
    match differences.iter().map(|difference| difference.recreation).max() {
        Some(recreation) if recreation > Recreation::Never => Change::Replace(recreation),
        Some(_) => Change::Update,
        None if tags || !current.complete() => Change::Update,
        None => Change::None,
    }
}
