//! Rules on what is written and read: writes that belong together, placeholders, queries of an index.

use std::collections::BTreeSet;

use super::facts::{Call, Facts, Write};
use super::value::{Kind, Value};
use super::{Findings, Function};

pub fn check(function: &Function, facts: &Facts, findings: &mut Findings) {
    split(facts, findings);
    const DEFAULTS: [&str; 4] = ["unwrap_or", "unwrap_or_else", "map_or", "map_or_else"];
    for call in facts.calls.iter().filter(|call| DEFAULTS.contains(&call.name.as_str())) {
        if call.args.first().and_then(|arg| arg.literal.as_deref()) == Some("undefined") {
            let message = "the word \"undefined\" is written where nothing is known".to_owned();
            findings.add("undefined-text", &call.place, message);
        }
    }
    for call in facts.calls.iter().filter(|call| call.name == "index_name") {
        let Some(index) = call.args.first().and_then(|arg| arg.literal.as_deref()) else { continue };
        if !function.may_query(index) {
            let table = queried(function, facts, call).unwrap_or_else(|| "<table>".to_owned());
            let help = format!("grant it in Cargo.toml: \"{table}/index/{index}\" = [\"dynamodb:Query\"]");
            findings.add_with("index-without-arn", &call.place, super::may_not_query(index), &help);
        }
    }
}

/// The table whose index is queried, as the environments name it: the one that the call names or else the routine,
/// or the only one that the function is granted.
fn queried(function: &Function, facts: &Facts, call: &Call) -> Option<String> {
    let named =
        facts.calls.iter().filter(|other| other.name == "table_name" && other.context == call.context);
    let (own, others): (Vec<&Call>, Vec<&Call>) = named.partition(|other| other.root == call.root);
    let names = |calls: Vec<&Call>| calls.into_iter().filter_map(|call| table(call.args.first()?)).collect();
    let granted = function
        .grants
        .iter()
        .filter(|(_, actions)| actions.iter().any(|name| name.starts_with("dynamodb:")));
    let granted = granted.filter_map(|(target, _)| target.split('/').next().map(str::to_owned));
    [names(own), names(others), granted.collect()].into_iter().find_map(|known: BTreeSet<String>| {
        let mut names = known.into_iter();
        names.next().filter(|_| names.next().is_none())
    })
}

/// `TABLE_USER_ORDERS` is the variable of the table `user-orders`.
fn table(name: &Value) -> Option<String> {
    let variable = name.mark(Kind::Variable).and_then(|mark| mark.what.strip_prefix("TABLE_"));
    variable.map(|rest| rest.to_ascii_lowercase().replace('_', "-")).or_else(|| name.literal.clone())
}

/// Two writes to different tables, one after the other: a failure in between leaves one of them.
fn split(facts: &Facts, findings: &mut Findings) {
    let transaction = facts.calls.iter().any(|call| ["transaction", "begin"].contains(&call.name.as_str()));
    for (index, later) in facts.writes.iter().enumerate() {
        let mut seen = facts.writes[..index].iter();
        let split = seen.find(|earlier| {
            earlier.context == later.context
                && earlier.place != later.place
                && !are_alternatives(earlier, later)
                && are_apart(&tables(earlier, transaction), &tables(later, transaction))
        });
        if let Some(earlier) = split {
            let message = format!(
                "this write and the one in line {} both happen or only the first: they are two requests",
                earlier.place.line
            );
            findings.add("split-write", &later.place, message);
        }
    }
}

/// Whether two sets of tables have nothing in common, and could be written in one transaction.
fn are_apart(one: &BTreeSet<&str>, other: &BTreeSet<&str>) -> bool {
    let sql = |tables: &BTreeSet<&str>| tables.iter().any(|table| table.starts_with("sql:"));
    !one.is_empty() && !other.is_empty() && one.is_disjoint(other) && sql(one) == sql(other)
}

fn tables(write: &Write, transaction: bool) -> BTreeSet<&str> {
    let tables = write.value.effect.iter().flat_map(|effect| &effect.tables).map(String::as_str);
    tables.filter(|table| !(transaction && table.starts_with("sql:"))).collect()
}

fn are_alternatives(one: &Write, other: &Write) -> bool {
    one.arms.iter().any(|(branching, arm)| {
        other.arms.iter().any(|(known, different)| branching == known && arm != different)
    })
}
