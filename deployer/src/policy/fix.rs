//! Writes what the code needs into `[package.metadata.deployer.grants]`, and leaves everything else of the file as
//! it is.

use std::collections::BTreeSet;

use deployer_source::calls::{Derived, Resource};
use toml_edit::{Array, DocumentMut, Item, Table, Value};

use super::code;
use crate::project::Function;

/// A `Cargo.toml` whose grants are what the code needs, and what was changed of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fixed {
    pub text: String,
    /// `+ dynamodb:PutItem on profiles`.
    pub changes: Vec<String>,
}

/// Mends the grants in the text of a function's `Cargo.toml`; none where nothing is to be done. What the code may need
/// without that being told is not taken away.
///
/// # Errors
/// When the text is no TOML, or its tables are not where Cargo has them.
pub fn grants(text: &str, function: &Function, derived: &Derived) -> Result<Option<Fixed>, String> {
    let (needed, granted) = (code::needed(derived), code::granted(function));
    let missing: Vec<_> = needed.keys().filter(|right| !granted.contains(*right)).collect();
    let may_narrow = derived.faults.is_empty();
    let excess: BTreeSet<_> =
        granted.iter().filter(|right| may_narrow && !needed.contains_key(*right)).collect();
    if missing.is_empty() && excess.is_empty() {
        return Ok(None);
    }
    let mut document: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| error.to_string())?;
    let table = grants_of(&mut document).ok_or("its [package.metadata.deployer] is no table")?;
    let mut changes = Vec::new();
    for grant in &function.grants {
        let (key, shared) = (grant.target.key(), code::target_key(&grant.target));
        let Some(actions) = table.get_mut(&key).and_then(Item::as_array_mut) else { continue };
        for action in &grant.actions {
            if excess.contains(&(shared.clone(), action.clone())) {
                remove(actions, action);
                changes.push(format!("- {action} on {key}"));
            }
        }
    }
    for right in missing {
        let (shared, action) = right;
        let known = function.grants.iter().find(|grant| code::target_key(&grant.target) == *shared);
        let resource = || {
            let needs = needed.get(right).into_iter().flatten().flat_map(|call| &call.needs);
            let mut same =
                needs.map(|(_, resource)| resource).filter(|resource| code::key(resource) == *shared);
            same.next().map(Resource::to_string)
        };
        let Some(key) = known.map(|grant| grant.target.key()).or_else(resource) else { continue };
        let actions = table.entry(&key).or_insert_with(|| Item::Value(Value::Array(Array::new())));
        if let Some(actions) = actions.as_array_mut() {
            add(actions, action);
            changes.push(format!("+ {action} on {key}"));
        }
    }
    // Last: what took the place of something else keeps its line and its comment.
    table.retain(|_, actions| !actions.as_array().is_some_and(Array::is_empty));
    Ok(Some(Fixed { text: document.to_string(), changes }))
}

fn grants_of(document: &mut DocumentMut) -> Option<&mut Table> {
    let about = document.get_mut("package")?.get_mut("metadata")?.get_mut("deployer")?.as_table_mut()?;
    about.entry("grants").or_insert_with(|| Item::Table(Table::new())).as_table_mut()
}

/// Whether each action has a line of its own.
fn is_tall(actions: &Array) -> bool {
    actions.to_string().contains('\n')
}

fn remove(actions: &mut Array, action: &str) {
    let tall = is_tall(actions);
    actions.retain(|found| found.as_str() != Some(action));
    if !tall {
        actions.fmt();
    }
}

fn add(actions: &mut Array, action: &str) {
    let tall = is_tall(actions);
    let decor = actions.iter().last().map(|last| last.decor().clone());
    match (tall, decor) {
        (true, Some(decor)) => {
            let mut value = Value::from(action);
            *value.decor_mut() = decor;
            // A comment behind the last one stays with that.
            value.decor_mut().set_suffix("");
            actions.push_formatted(value);
        }
        _ => {
            actions.push(action);
            actions.fmt();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::policy::code::{derive, sources};
    use crate::project::tests::Fixture;

    /// A function that makes one call.
    const MAIN: &str = include_str!("../../../tests/privilege/one-call.rs");

    /// What becomes of these grants when the code makes this one call.
    fn fixed(grants: &str, operation: &str) -> Option<(String, Vec<String>)> {
        let about = format!(
            "# First.\n[package.metadata.deployer]\nroute = [\"GET /thing\"] # Behind.\n\n{grants}\n[features]\nfast = []\n"
        );
        let fixture = Fixture::new().function("get-thing", &about);
        fixture.write("functions/get-thing/src/main.rs", &MAIN.replace("OPERATION", operation));
        let project = fixture.load("dev").unwrap();
        let functions: Vec<&Function> = project.functions.iter().collect();
        let workspace = sources(&project.root, &project.packages, &functions).unwrap();
        let derived = derive(&workspace, &functions);
        let path = Path::new(fixture.root()).join("functions/get-thing/Cargo.toml");
        let text = std::fs::read_to_string(path).unwrap();
        let fixed = super::grants(&text, functions[0], &derived[0]).unwrap()?;
        let (_, after) = fixed.text.split_once("# Behind.\n\n").unwrap();
        let after = after.split("[features]").next().unwrap().trim_end().to_owned();
        Some((after, fixed.changes))
    }

    #[test]
    fn what_is_missing_is_added_and_what_is_in_excess_is_removed() {
        let head = "[package.metadata.deployer.grants]\n";
        let (text, changes) =
            fixed(&format!("{head}things = [\"dynamodb:Scan\"] # Why.\n"), "get_item").unwrap();
        assert_eq!(text, format!("{head}things = [\"dynamodb:GetItem\"] # Why."));
        assert_eq!(changes, ["- dynamodb:Scan on things", "+ dynamodb:GetItem on things"]);
    }

    #[test]
    fn comments_and_the_order_of_actions_stay() {
        let head = "[package.metadata.deployer.grants]\n# Whose.\n";
        let old = "things = [\n    # One.\n    \"dynamodb:Query\",\n    \"dynamodb:Scan\",\n]\n";
        let (text, _) = fixed(&format!("{head}{old}"), "scan").unwrap();
        assert_eq!(text, format!("{head}things = [\n    \"dynamodb:Scan\",\n]"));
    }

    #[test]
    fn grants_that_are_not_there_are_made() {
        let (text, _) = fixed("", "put_item").unwrap();
        assert_eq!(text, "[package.metadata.deployer.grants]\nthings = [\"dynamodb:PutItem\"]");
    }

    #[test]
    fn what_is_right_is_left_alone() {
        assert_eq!(fixed("[package.metadata.deployer.grants]\nthings = [\"dynamodb:Scan\"]\n", "scan"), None);
    }
}
