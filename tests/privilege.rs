//! Least privilege, derived from the code: the project's own functions, the corpus, and the policy that the profile
//! service began with. Run with `-- --nocapture` for the score.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use deployer::policy::code;
use deployer::project::{Error, Function, Problem, Project, stages};

#[path = "privilege/variants.rs"]
mod variants;

use variants::Variant;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// The corpus' two functions in a folder of their own, with the repository's handles.
fn base() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    copy_tree(&repository().join("tests/privilege/base"), folder.path());
    for name in ["aws.rs", "config.rs", "table.rs"] {
        let shared = Path::new("functions/shared/src").join(name);
        fs::copy(repository().join(&shared), folder.path().join(shared)).unwrap();
    }
    folder
}

fn edit(folder: &Path, variant: &Variant) {
    for (file, old, new) in variant.edits {
        let path = folder.join("functions").join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let text = fs::read_to_string(&path).unwrap_or_default();
        assert!(old.is_empty() || text.contains(old), "{}: {file} has no {old:?}", variant.name);
        let text = if old.is_empty() { format!("{text}{new}") } else { text.replacen(old, new, 1) };
        fs::write(path, text).unwrap();
    }
}

/// What a project is told of its functions' code.
fn problems(project: &Project) -> Result<Vec<Problem>, Error> {
    let functions: Vec<&Function> = project.functions.iter().collect();
    let workspace = code::sources(&project.root, &project.packages, &functions)?;
    let derived = code::derive(&workspace, &functions);
    let mut all = Vec::new();
    for (function, derived) in functions.iter().zip(&derived) {
        all.extend(code::problems(&project.root, function, derived, &project.tables, Vec::new())?);
    }
    Ok(all)
}

/// `+get-order dynamodb:PutItem orders` and the like, as the corpus writes them.
fn short(problem: &Problem) -> String {
    let words: Vec<&str> = problem.message.split_whitespace().collect();
    let on = || {
        let at = words.iter().position(|word| *word == "on").unwrap();
        format!("{} {} {}", words[0], words[at - 1], words[at + 1].trim_end_matches(','))
    };
    match problem.rule {
        "missing-grant" => format!("+{}", on()),
        "unknown-table" => format!("!{}", on()),
        "excess-grant" => format!("-{}", on()),
        _ => {
            let file = problem.place.as_ref().unwrap().file();
            format!("?{}", file.strip_prefix("functions").unwrap().display())
        }
    }
}

fn told(folder: &Path) -> BTreeSet<String> {
    match Project::load(folder, "local").and_then(|project| problems(&project)) {
        Ok(found) => found.iter().map(short).collect(),
        Err(error) => error.problems.iter().map(|problem| format!("! {problem}")).collect(),
    }
}

/// Runs variants; answers how many there are, and those that were not told exactly what they should be.
fn score(name: &str, variants: &[Variant]) -> Vec<String> {
    let wrong: Vec<String> = variants
        .iter()
        .filter_map(|variant| {
            let folder = base();
            edit(folder.path(), variant);
            let expected: BTreeSet<String> = variant.expected.iter().map(|text| (*text).to_owned()).collect();
            let found = told(folder.path());
            (found != expected)
                .then(|| format!("{}: expected {expected:?}, and it was told {found:?}", variant.name))
        })
        .collect();
    println!("{name}: {} of {} variants told exactly", variants.len() - wrong.len(), variants.len());
    wrong
}

#[test]
fn the_corpus_unmodified_raises_no_alarm() {
    assert_eq!(told(base().path()), BTreeSet::new());
}

#[test]
fn every_call_that_comes_in_is_flagged() {
    assert_eq!(score("calls added", variants::ADDED), Vec::<String>::new());
}

#[test]
fn every_call_that_goes_is_flagged() {
    assert_eq!(score("calls removed or changed", variants::REMOVED), Vec::<String>::new());
}

#[test]
fn what_cannot_be_told_is_an_error_with_its_place() {
    assert_eq!(score("calls that cannot be told", variants::UNRESOLVED), Vec::<String>::new());
}

#[test]
fn changes_that_change_no_right_raise_no_alarm() {
    assert_eq!(score("harmless changes", variants::HARMLESS), Vec::<String>::new());
}

#[test]
fn every_function_of_every_stage_is_granted_what_it_calls_and_no_more() {
    let root = repository();
    let (mut functions, mut rights) = (BTreeSet::new(), 0);
    for stage in stages(&root).unwrap() {
        let project = Project::load(&root, &stage.name.replace('*', "0")).unwrap();
        let found: Vec<String> = problems(&project).unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(found, Vec::<String>::new(), "{}", stage.name);
        for function in &project.functions {
            let granted = code::granted(function);
            assert!(granted.iter().all(|(on, action)| !on.contains('*') && !action.contains('*')));
            if functions.insert(function.name.clone()) {
                rights += granted.len();
            }
        }
    }
    println!("own functions: {} with {rights} rights: 0 missing, 0 in excess, 0 wildcards", functions.len());
}

#[test]
fn a_missing_right_names_the_call_and_the_way_to_it_and_one_in_excess_its_line() {
    let folder = base();
    let manifest = folder.path().join("functions/get-order/Cargo.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, text.replace("dynamodb:GetItem", "dynamodb:Scan")).unwrap();
    let found = problems(&Project::load(folder.path(), "local").unwrap()).unwrap();
    let shown = |problem: &Problem| {
        let place = problem.place.as_ref().unwrap();
        let line = place.source.text.lines().nth(place.line() - 1).unwrap().trim();
        format!("{} {}: {line}", problem.rule, place.file().display())
    };
    assert_eq!(
        found.iter().map(shown).collect::<Vec<_>>(),
        [
            "missing-grant functions/shared/src/orders.rs: let call = self.table.get_item().key(\"id\", AttributeValue::S(id.to_owned()));",
            "excess-grant functions/get-order/Cargo.toml: orders = [\"dynamodb:Scan\"]",
        ]
    );
    let help = found[0].help.as_deref().unwrap();
    assert!(help.contains("main -> GetOrder::answer -> OrdersTable::get_item"), "{help}");
}

/// The profile service as it was published: both routes in one role that both functions share.
mod original {
    use super::*;

    fn project() -> tempfile::TempDir {
        let folder = base();
        let functions = folder.path().join("functions");
        for name in ["get-order", "list-orders"] {
            fs::remove_dir_all(functions.join(name)).unwrap();
        }
        copy_tree(&repository().join("tests/privilege/original"), folder.path());
        folder
    }

    #[test]
    fn the_shared_policy_grants_update_item_and_query_in_excess() {
        let expected = ["-profile dynamodb:Query profiles", "-profile dynamodb:UpdateItem profiles"];
        assert_eq!(told(project().path()), expected.map(str::to_owned).into());
    }

    #[test]
    fn a_query_of_the_inverted_index_misses_its_arn() {
        let folder = project();
        let main = folder.path().join("functions/profile/src/main.rs");
        let text = fs::read_to_string(&main).unwrap();
        let query = "self.client.query().table_name(&self.table).index_name(\"sk-pk-index\").send().await?;";
        fs::write(&main, text.replace("// query", query)).unwrap();
        let expected = [
            "+profile dynamodb:Query profiles/index/sk-pk-index",
            "-profile dynamodb:Query profiles",
            "-profile dynamodb:UpdateItem profiles",
        ];
        assert_eq!(told(folder.path()), expected.map(str::to_owned).into());
    }

    #[test]
    fn its_wildcard_account_is_reported() {
        let folder = project();
        copy_tree(&repository().join("templates"), &folder.path().join("templates"));
        let policy = repository().join("tests/privilege/original/shared-policy.yaml.j2");
        fs::copy(policy, folder.path().join("templates/shared-policy.yaml.j2")).unwrap();
        let project = Project::load(folder.path(), "local").unwrap();
        let template = deployer::template::render(&project).unwrap();
        let found = template.findings.iter();
        let found: Vec<String> = found.map(|problem| format!("{}: {problem}", problem.rule)).collect();
        let account =
            "wildcard-resource: SharedPolicy: Resource is arn:aws:dynamodb:us-east-1:*:table/profiles";
        assert_eq!(found, [account]);
    }
}
