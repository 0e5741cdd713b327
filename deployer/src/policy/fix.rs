//! Writes what the code needs into `[package.metadata.deployer.grants]`, and leaves everything else of the file as
//! it is.

use std::collections::BTreeSet;

use deployer_source::calls::{Derived, Resource};
use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, TableLike, Value};

use super::code;
use crate::project::{Function, Project};

/// A `Cargo.toml` whose grants are what the code needs, and what was changed of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fixed {
    pub text: String,
    /// `+ dynamodb:PutItem on profiles`.
    pub changes: Vec<String>,
}

/// Mends the grants in the text of a function's `Cargo.toml`; none where nothing is to be done. What the code may need
/// without that being told is not taken away, and what one of the function's `stages` does not have is not granted.
///
/// # Errors
/// When the text is no TOML, or its tables are not where Cargo has them.
pub fn grants(
    text: &str,
    function: &Function,
    derived: &Derived,
    stages: &[&Project],
) -> Result<Option<Fixed>, String> {
    let (needed, granted) = (code::needed(derived), code::granted(function));
    let missing = needed.iter().filter(|(right, _)| !granted.contains(*right));
    let missing: Vec<_> = missing
        .filter_map(|(right, calls)| {
            let (shared, action) = right;
            let mut needs = calls.iter().flat_map(|call| &call.needs).map(|(_, resource)| resource);
            Some((named(needs.find(|resource| code::key(resource) == *shared)?, stages)?, action))
        })
        .collect();
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
    for (key, action) in missing {
        let actions = table.entry(&key).or_insert_with(|| Item::Value(Value::Array(Array::new())));
        if let Some(actions) = actions.as_array_mut() {
            add(actions, action);
            changes.push(format!("+ {action} on {key}"));
        }
    }
    // Last: what took the place of something else keeps its line and its comment.
    let empty = table.iter().filter(|(_, actions)| actions.as_array().is_some_and(Array::is_empty));
    for key in empty.map(|(key, _)| key.to_owned()).collect::<Vec<_>>() {
        table.remove(&key);
    }
    // In braces there are no comments to lose.
    about_of(&mut document)
        .and_then(|about| about.get_mut("grants")?.as_inline_table_mut())
        .into_iter()
        .for_each(InlineTable::fmt);
    Ok(Some(Fixed { text: document.to_string(), changes }))
}

/// What a grant on a resource is called in every stage that has the function.
fn named(resource: &Resource, stages: &[&Project]) -> Option<String> {
    let mut name = None;
    for stage in stages {
        if *resource == Resource::Database && stage.database.is_none() {
            return None;
        }
        name = Some(code::grant_on(resource, &stage.tables)?);
    }
    name
}

fn about_of(document: &mut DocumentMut) -> Option<&mut dyn TableLike> {
    document.get_mut("package")?.get_mut("metadata")?.get_mut("deployer")?.as_table_like_mut()
}

/// The table of grants, which may be written as `grants = { … }`.
fn grants_of(document: &mut DocumentMut) -> Option<&mut dyn TableLike> {
    about_of(document)?.entry("grants").or_insert_with(|| Item::Table(Table::new())).as_table_like_mut()
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
        let fixed = super::grants(&text, functions[0], &derived[0], &[&project]).unwrap()?;
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

    #[test]
    fn grants_in_braces_stay_in_braces() {
        let (text, changes) = fixed(
            "grants = { things = [\"dynamodb:Scan\"], user_pool = [\"cognito-idp:AdminGetUser\"] }\n",
            "get_item",
        )
        .unwrap();
        assert_eq!(text, "grants = { things = [\"dynamodb:GetItem\"] }");
        assert_eq!(changes.len(), 3);
        let (text, _) =
            fixed("grants = { user_pool = [\"cognito-idp:AdminGetUser\"] }\n", "put_item").unwrap();
        assert_eq!(text, "grants = { things = [\"dynamodb:PutItem\"] }");
        let (text, _) = fixed("grants = {}\n", "put_item").unwrap();
        assert_eq!(text, "grants = { things = [\"dynamodb:PutItem\"] }");
    }

    #[test]
    fn a_table_that_no_stage_has_is_not_granted() {
        let project =
            Fixture::new().function("get-thing", "[package.metadata.deployer]\nroute = [\"GET /thing\"]\n");
        project.write(
            "functions/get-thing/src/main.rs",
            &MAIN.replace("OPERATION", "scan").replace("TABLE_THINGS", "TABLE_LEGACY_THINGS"),
        );
        let project = project.load("dev").unwrap();
        let functions: Vec<&Function> = project.functions.iter().collect();
        let workspace = sources(&project.root, &project.packages, &functions).unwrap();
        let derived = derive(&workspace, &functions);
        assert_eq!(derived[0].calls.len(), 1);
        let text = std::fs::read_to_string(&functions[0].manifest).unwrap();
        assert_eq!(super::grants(&text, functions[0], &derived[0], &[&project]), Ok(None));
        let problems = crate::policy::code::problems(
            &project.root,
            functions[0],
            &derived[0],
            &project.tables,
            Vec::new(),
        )
        .unwrap();
        assert_eq!(problems[0].rule, "unknown-table");
        assert_eq!(
            problems[0].message,
            "get-thing calls dynamodb:Scan on legacy-things, and no stage has that"
        );
    }
}
