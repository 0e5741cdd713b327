//! Rules on what is written and read: writes that belong together, placeholders, queries of an index.

use std::collections::BTreeSet;

use super::facts::{Facts, Write};
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
            findings.add("index-without-arn", &call.place, super::may_not_query(index));
        }
    }
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
