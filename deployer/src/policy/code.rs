//! A function's code beside its grants: a role must grant exactly what the code can call.
//!
//! A customer's key adds nothing: DynamoDB uses the key of a table for its caller, whom the key's own policy lets
//! through by `kms:ViaService` ("DynamoDB encryption at rest", developer guide; `templates/protection.yaml.j2`),
//! and the key of the database's secret is in the role by the stage's setting.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use deployer_source::calls::{Call, Derived, Reader, Resource};
use deployer_source::rules::may_not_query;
use deployer_source::{Package, Workspace};

use crate::project::{
    Error, Function, GRANTS, GrantTarget, Manifest, Place, Problem, Table, nearest, upper_snake_case,
};

/// The sources of `functions` and of the members that they use.
///
/// # Errors
/// Every file that cannot be read as Rust.
pub fn sources(root: &Path, packages: &[Package], functions: &[&Function]) -> Result<Workspace, Error> {
    let names: Vec<&str> = functions.iter().map(|function| function.name.as_str()).collect();
    Workspace::load(root, packages, &names)
        .map_err(|faults| Error { problems: faults.into_iter().map(Problem::from).collect() })
}

/// What the code of each function can call.
pub fn derive(workspace: &Workspace, functions: &[&Function]) -> Vec<Derived> {
    let names: Vec<&str> = functions.iter().map(|function| function.name.as_str()).collect();
    Reader::new(workspace).derive(&names)
}

/// What a function may and must do, by resource and action: as grants write them.
pub type Rights<'a> = BTreeMap<(String, String), Vec<&'a Call>>;

/// What a function's code needs, with the calls that need it.
pub fn needed(derived: &Derived) -> Rights<'_> {
    let mut needed = Rights::new();
    for call in &derived.calls {
        for (action, resource) in &call.needs {
            needed.entry((key(resource), action.clone())).or_default().push(call);
        }
    }
    needed
}

/// What a function is granted.
pub fn granted(function: &Function) -> BTreeSet<(String, String)> {
    let grants = function.grants.iter();
    grants
        .flat_map(|grant| grant.actions.iter().map(|action| (target_key(&grant.target), action.clone())))
        .collect()
}

/// Tables are told apart by the variable that names them.
pub(super) fn key(resource: &Resource) -> String {
    match resource {
        Resource::Table(table) => upper_snake_case(table),
        Resource::Index { table, index } => format!("{}/index/{index}", upper_snake_case(table)),
        Resource::UserPool | Resource::Database => resource.to_string(),
    }
}

/// What a grant is on, as [`needed`] and [`granted`] name it.
pub fn target_key(target: &GrantTarget) -> String {
    match target {
        GrantTarget::Table(table) => upper_snake_case(table.as_str()),
        GrantTarget::Index { table, index } => format!("{}/index/{index}", upper_snake_case(table.as_str())),
        GrantTarget::UserPool | GrantTarget::Database => target.key(),
    }
}

/// What a grant on a resource is called where these tables are; none where there is no such table or index.
pub fn grant_on(resource: &Resource, tables: &[Table]) -> Option<String> {
    let table = |name: &str| {
        let shared = upper_snake_case(name);
        tables.iter().find(|table| upper_snake_case(table.name.as_str()) == shared)
    };
    match resource {
        Resource::Table(name) => Some(table(name)?.name.to_string()),
        Resource::Index { table: name, index } => {
            let found = table(name)?;
            let has = found.indexes.iter().any(|known| known.name == *index);
            has.then(|| format!("{}/index/{index}", found.name))
        }
        Resource::UserPool | Resource::Database => Some(resource.to_string()),
    }
}

/// What the linter found in a function's code, and where its grants are not what the code calls; what both say, once.
/// `root` is the project's folder, `tables` are those of the stages that are asked for.
///
/// # Errors
/// When the function's `Cargo.toml` cannot be read.
pub fn problems(
    root: &Path,
    function: &Function,
    derived: &Derived,
    tables: &[Table],
    linted: Vec<Problem>,
) -> Result<Vec<Problem>, Error> {
    let manifest = Manifest::open(root, &function.manifest)?;
    let mut problems = linted;
    for fault in &derived.faults {
        let mut problem = Problem::from(fault.clone());
        problem.message = format!("{}: {}", function.name, problem.message);
        problems.push(problem);
    }
    let (needed, granted) = (needed(derived), granted(function));
    for (right, calls) in &needed {
        if !granted.contains(right)
            && let Some(call) = calls.first()
        {
            let resource = call.needs.iter().find(|need| (key(&need.1), need.0.clone()) == *right);
            let resource = resource.map(|(_, resource)| resource);
            let missing = missing(function, &right.1, resource, call, tables);
            match resource.and_then(|resource| told(&mut problems, resource, call)) {
                // It knows the whole grant, and the way to the call.
                Some(told) => told.help = missing.help,
                None => problems.push(missing),
            }
        }
    }
    // What could not be told may be what a grant is for.
    if derived.faults.is_empty() {
        for grant in &function.grants {
            let key = grant.target.key();
            for action in &grant.actions {
                if !needed.contains_key(&(target_key(&grant.target), action.clone())) {
                    problems.push(excess(function, &key, action, manifest.place(GRANTS, &key)));
                }
            }
        }
    }
    Ok(problems)
}

/// What the linter said of the index that the call is on.
fn told<'a>(problems: &'a mut [Problem], resource: &Resource, call: &Call) -> Option<&'a mut Problem> {
    let Resource::Index { index, .. } = resource else { return None };
    let message = may_not_query(index);
    let here = |place: &Place| place.file() == call.place.path();
    problems.iter_mut().find(|problem| problem.message == message && problem.place.as_ref().is_some_and(here))
}

fn missing(
    function: &Function,
    action: &str,
    resource: Option<&Resource>,
    call: &Call,
    tables: &[Table],
) -> Problem {
    let name = &function.name;
    let granted = resource.and_then(|resource| grant_on(resource, tables));
    let Some(resource) = granted else {
        let resource = resource.map_or_else(String::new, Resource::to_string);
        return nowhere(name, action, &resource, tables).at(Place::from(&call.place));
    };
    Problem::new("missing-grant", format!("{name} calls {action} on {resource}, and is not granted it"))
        .at(Place::from(&call.place))
        .help(format!(
            "reached by {}; run `deployer check --fix`, or add {resource:?} = [{action:?}] to [{GRANTS}] of its Cargo.toml",
            call.chain.join(" -> ")
        ))
}

/// A call on what no stage has: no grant could be written for it.
fn nowhere(function: &str, action: &str, resource: &str, tables: &[Table]) -> Problem {
    let known = tables.iter().flat_map(|table| {
        let indexes = table.indexes.iter().map(move |index| format!("{}/index/{}", table.name, index.name));
        std::iter::once(table.name.to_string()).chain(indexes)
    });
    let known: BTreeSet<String> = known.collect();
    let meant = match nearest(resource, known.iter().map(String::as_str)) {
        Some(meant) => format!("did you mean {meant:?}?"),
        None => format!("known are {}", known.into_iter().collect::<Vec<_>>().join(", ")),
    };
    let message = format!("{function} calls {action} on {resource}, and no stage has that");
    Problem::new("unknown-table", message)
        .help(format!("{meant} A stage's tables are in its environments/<stage>.yaml"))
}

fn excess(function: &Function, resource: &str, action: &str, place: Place) -> Problem {
    let name = &function.name;
    Problem::new("excess-grant", format!("{name} is granted {action} on {resource}, and never calls it"))
        .at(place)
        .help("run `deployer check --fix`, or remove it: a role may do exactly what its code calls")
}
