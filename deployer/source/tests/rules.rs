//! Each rule on code: a failing example that it finds at the marked lines, and a passing one that no rule finds fault
//! with. The first lines of an example say what calls the function and what it is granted.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use deployer_source::rules::{self, Event, Function, RULES};
use deployer_source::{Package, Workspace};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rules")
}

/// What the first lines of an example say: `//@ trigger PostConfirmation`, `//@ grant profiles dynamodb:Query`.
fn described(text: &str) -> Function<'_> {
    let keys = |name: &str| vec![name.to_owned()];
    let mut function = Function {
        package: "example",
        partition_keys: keys("pk"),
        sort_keys: keys("sk"),
        ..Function::default()
    };
    for line in text.lines().filter_map(|line| line.strip_prefix("//@ ")) {
        match line.split(' ').collect::<Vec<_>>().as_slice() {
            ["route"] => function.event = Event::Route { public: false },
            ["trigger", name] => function.event = Event::Trigger(name),
            ["partition", name] => function.partition_keys.push((*name).to_owned()),
            ["grant", target, action] => {
                function.grants.push(((*target).to_owned(), vec![(*action).to_owned()]))
            }
            other => panic!("{other:?}"),
        }
    }
    function
}

/// Line and rule of everything that is found in an example.
fn found(path: &Path) -> Vec<(usize, String)> {
    let text = std::fs::read_to_string(path).unwrap();
    let package = Package { name: "example".to_owned(), binary: Some(path.to_owned()), ..Package::default() };
    let workspace = Workspace::load(&folder(), &[package], &["example"]).unwrap();
    let faults = rules::check(&workspace, &described(&text));
    faults.iter().map(|fault| (fault.place.as_ref().unwrap().line, fault.rule.to_owned())).collect()
}

/// What is said of an example, and what to do.
fn told(text: &str) -> Vec<(String, String)> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("main.rs");
    std::fs::write(&path, text).unwrap();
    let package = Package { name: "example".to_owned(), binary: Some(path), ..Package::default() };
    let workspace = Workspace::load(folder.path(), &[package], &["example"]).unwrap();
    let faults = rules::check(&workspace, &described(text));
    faults.into_iter().map(|fault| (fault.rule.to_owned(), fault.help.unwrap())).collect()
}

/// The lines that are marked with `//~ rule`.
fn marked(path: &Path) -> Vec<(usize, String)> {
    let text = std::fs::read_to_string(path).unwrap();
    let marks = text.lines().enumerate().filter_map(|(index, line)| {
        line.split_once("//~ ").map(|(_, rule)| (index + 1, rule.trim().to_owned()))
    });
    marks.collect()
}

#[test]
fn each_rule_has_examples_and_each_example_a_rule() {
    let rules: BTreeSet<String> = RULES.iter().map(|rule| rule.id.to_owned()).collect();
    let folders = std::fs::read_dir(folder()).unwrap();
    let examples: BTreeSet<String> =
        folders.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(rules, examples);
}

#[test]
fn each_failing_example_is_found_at_its_lines_and_no_other() {
    let mut wrong = Vec::new();
    for rule in RULES {
        let path = folder().join(rule.id).join("fails.rs");
        let (expected, found) = (marked(&path), found(&path));
        assert!(expected.iter().any(|(_, id)| id == rule.id), "{} marks no line", rule.id);
        if expected != found {
            wrong.push(format!("{}\n  expected {expected:?}\n  found    {found:?}", rule.id));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_rule_finds_fault_with_a_passing_example() {
    let mut wrong = Vec::new();
    for rule in RULES {
        let found = found(&folder().join(rule.id).join("passes.rs"));
        if !found.is_empty() {
            wrong.push(format!("{}: {found:?}", rule.id));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_help_of_an_ungranted_index_names_its_table_where_that_is_known() {
    let query = |grants: &str, table: &str| {
        let text = format!(
            "//@ route\n{grants}async fn main() {{ client.query(){table}.index_name(\"by-day\").send().await; }}"
        );
        told(&text)
    };
    let granted = |table: &str| {
        let help = format!("grant it in Cargo.toml: \"{table}/index/by-day\" = [\"dynamodb:Query\"]");
        vec![("index-without-arn".to_owned(), help)]
    };
    assert_eq!(query("", ".table_name(std::env::var(\"TABLE_USER_ORDERS\")?)"), granted("user-orders"));
    assert_eq!(query("", ".table_name(\"orders\")"), granted("orders"));
    assert_eq!(query("//@ grant notes dynamodb:Query\n", ".table_name(self.table)"), granted("notes"));
    let two = "//@ grant notes dynamodb:Query\n//@ grant users dynamodb:GetItem\n";
    assert_eq!(query(two, ".table_name(self.table)"), granted("<table>"));
}
