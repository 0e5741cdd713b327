//! The linter: known mistakes of templates and of functions' code, less what is waived.
//!
//! What a template does wrong is found by [`crate::template`], what code does wrong by [`deployer_source::rules`];
//! [`table`] lists the rules of both. [`waivers`] takes out what may stay, and finds fault with the waivers themselves.

mod table;
mod waivers;

use std::path::Path;

use deployer_source::Workspace;
use deployer_source::rules::{self, Event};
use jiff::civil::Date;

use crate::project::{ABOUT, Error, Function, Manifest, Method, Problem, Project, Route, Table};
use crate::template::Template;

pub use table::rules;
pub use waivers::{Report, Waived};

/// What is wrong with a stage's template, and with the waivers of its file. `today` says which of them have ended.
pub fn template(project: &Project, template: &Template, today: Date) -> Report {
    waivers::judge(template.findings.clone(), &project.waivers, Path::new(""), today)
}

/// What is wrong with the code of a function that was loaded, with what it says of itself, and with its waivers.
/// `tables` are those of all stages that are looked at.
///
/// # Errors
/// When its `Cargo.toml` cannot be read.
pub fn code(
    root: &Path,
    workspace: &Workspace,
    function: &Function,
    tables: &[Table],
    today: Date,
) -> Result<Report, Error> {
    let manifest = Manifest::open(root, &function.manifest)?;
    let found = rules::check(workspace, &described(function, tables));
    let mut findings: Vec<Problem> = found.into_iter().map(Problem::from).collect();
    findings.extend(public_write(function, &manifest));
    let folder = function.manifest.parent().unwrap_or(root);
    let folder = folder.strip_prefix(root).unwrap_or(folder);
    Ok(waivers::judge(findings, &function.waivers, folder, today))
}

/// A function as the rules on code know it.
fn described<'a>(function: &'a Function, tables: &[Table]) -> rules::Function<'a> {
    let indexes = || tables.iter().flat_map(|table| &table.indexes);
    let partition_keys = tables
        .iter()
        .map(|table| table.partition_key.clone())
        .chain(indexes().map(|index| index.partition_key.clone()));
    let sort_keys = tables
        .iter()
        .filter_map(|table| table.sort_key.clone())
        .chain(indexes().filter_map(|index| index.sort_key.clone()));
    rules::Function {
        package: &function.name,
        event: match function.trigger {
            Some(trigger) => Event::Trigger(trigger.as_str()),
            None => Event::Route { public: function.public },
        },
        grants: function.grants.iter().map(|grant| (grant.target.key(), grant.actions.clone())).collect(),
        partition_keys: partition_keys.collect(),
        sort_keys: sort_keys.collect(),
    }
}

/// A route that changes something, and that anybody may call.
fn public_write(function: &Function, manifest: &Manifest) -> Option<Problem> {
    let writes = |route: &&Route| match route.method {
        Method::Get | Method::Head | Method::Options => false,
        Method::Any | Method::Delete | Method::Patch | Method::Post | Method::Put => true,
    };
    let route = function.routes.iter().find(writes).filter(|_| function.public)?;
    let problem = Problem::new("public-write-route", format!("{route} changes something and needs no token"));
    let help = table::rules().find(|rule| rule.id == "public-write-route").map_or("", |rule| rule.mend);
    Some(problem.at(manifest.place(ABOUT, "public")).help(help))
}
