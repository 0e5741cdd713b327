//! Resources beside the schemas that CloudFormation's registry has for their types: what it would refuse is found
//! before anything is deployed. Only the types of the embedded cloud are known; others pass.

use localcloud::registry::{self, UNKNOWN, Violation};
use serde_json::Value as Json;

use crate::project::yaml::{Node, Value};
use crate::project::{Place, Problem, nearest};

use super::merge::{Item, Sections};
use super::references::intrinsic;

/// Finds what does not fit.
pub fn check(sections: &Sections, findings: &mut Vec<Problem>) {
    for (id, item) in sections.section("Resources") {
        let kind = kind_of(item);
        let written = item.node().get("Properties");
        let properties = written
            .filter(|node| !node.is_null())
            .map_or_else(|| Json::Object(serde_json::Map::new()), |node| json(node, &mut 0));
        match registry::violations(kind, &properties) {
            Some(violations) => {
                findings.extend(violations.iter().map(|violation| refused(id, kind, item, violation)));
            }
            None => findings.extend(misspelt(kind, item)),
        }
    }
    for section in ["Resources", "Outputs"] {
        for (_, item) in sections.section(section) {
            attributes(sections, item, item.node(), findings);
        }
    }
}

fn kind_of(item: &Item) -> &str {
    item.node().get("Type").and_then(Node::text).unwrap_or_default()
}

/// The value as CloudFormation reads it. What an intrinsic function gives is known later, and no two of them are the
/// same.
fn json(node: &Node, unknown: &mut usize) -> Json {
    if intrinsic(node).is_some() {
        *unknown += 1;
        return format!("{UNKNOWN}{unknown}").into();
    }
    match &node.value {
        Value::Scalar { .. } if node.is_null() => Json::Null,
        Value::Scalar { text, .. } => text.clone().into(),
        Value::Sequence(items) => items.iter().map(|item| json(item, unknown)).collect(),
        Value::Mapping(entries) => {
            entries.iter().map(|(name, entry)| (name.clone(), json(&entry.node, unknown))).collect()
        }
    }
}

/// A violation at its place: the property, or the nearest one around it that is written.
fn refused(id: &str, kind: &str, item: &Item, violation: &Violation) -> Problem {
    let extra = violation.message.strip_prefix("extraneous key [").and_then(|rest| rest.split(']').next());
    let path: Vec<&str> = violation
        .path
        .trim_start_matches('#')
        .split('/')
        .filter(|part| !part.is_empty())
        .chain(extra)
        .collect();
    let shown = if path.is_empty() { "Properties".to_owned() } else { path.join(".") };
    let problem =
        Problem::new("schema", format!("{id}: {shown}: {}", violation.message)).at(place(item, &path));
    let meant = extra.filter(|_| path.len() == 1).and_then(|name| nearest(name, registry::properties(kind)));
    problem.help(match meant {
        Some(meant) => format!("did you mean {meant}?"),
        None => format!("see the reference of {kind}"),
    })
}

fn place(item: &Item, path: &[&str]) -> Place {
    let mut place = item.place_at(&["Properties"]);
    let mut node = item.node().get("Properties");
    for part in path {
        node = match node.map(|node| &node.value) {
            Some(Value::Mapping(entries)) => entries.get(*part).map(|entry| {
                place = item.from.place(&entry.key);
                &entry.node
            }),
            Some(Value::Sequence(items)) => {
                let found = part.parse::<usize>().ok().and_then(|at| items.get(at));
                found.inspect(|found| place = item.place_of(found))
            }
            Some(Value::Scalar { .. }) | None => None,
        };
    }
    place
}

/// A type of the same service whose last word differs by a letter or two. (Real types differ by more.)
fn misspelt(kind: &str, item: &Item) -> Option<Problem> {
    let (service, word) = kind.rsplit_once("::")?;
    let known = registry::types().filter_map(|known| known.rsplit_once("::"));
    let near = known.filter(|(of, other)| *of == service && strsim::osa_distance(word, other) <= 2);
    let (_, meant) = near.min_by_key(|(_, other)| strsim::osa_distance(word, other))?;
    let problem =
        Problem::new("unknown-type", format!("there is no type {kind}")).at(item.place_at(&["Type"]));
    Some(problem.help(format!("did you mean {service}::{meant}?")))
}

/// The attributes that `GetAtt` and `Sub` name.
fn attributes(sections: &Sections, item: &Item, node: &Node, findings: &mut Vec<Problem>) {
    match intrinsic(node) {
        Some(("GetAtt", argument)) => {
            let pair = match &argument.value {
                Value::Scalar { text, .. } => text.split_once('.'),
                Value::Sequence(items) => match items.as_slice() {
                    [id, name] => id.text().zip(name.text()),
                    _ => None,
                },
                Value::Mapping(_) => None,
            };
            findings.extend(pair.and_then(|(id, name)| absent(sections, id, name, item, node)));
        }
        Some(("Sub", argument)) => {
            let text = argument.sequence().and_then(<[Node]>::first).unwrap_or(argument).text();
            let named =
                text.unwrap_or_default().split("${").skip(1).filter_map(|rest| rest.split('}').next());
            let pairs = named.filter(|name| !name.starts_with('!')).filter_map(|name| name.split_once('.'));
            findings.extend(pairs.filter_map(|(id, name)| absent(sections, id, name, item, node)));
        }
        Some(_) | None => {}
    }
    match &node.value {
        Value::Scalar { .. } => {}
        Value::Sequence(items) => items.iter().for_each(|inner| attributes(sections, item, inner, findings)),
        Value::Mapping(entries) => {
            entries.values().for_each(|entry| attributes(sections, item, &entry.node, findings));
        }
    }
}

fn absent(sections: &Sections, id: &str, name: &str, item: &Item, at: &Node) -> Option<Problem> {
    let kind = kind_of(sections.item("Resources", id)?);
    let known = registry::attributes(kind).filter(|known| known.iter().all(|known| known != name))?;
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    let problem = Problem::new("unknown-attribute", format!("{kind} ({id}) has no attribute {name}"))
        .at(item.place_of(at));
    Some(problem.help(match nearest(name, known.iter().copied()) {
        Some(meant) => format!("did you mean {meant}?"),
        None => format!("it has {}", known.join(", ")),
    }))
}
