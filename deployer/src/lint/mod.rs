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

use crate::project::{ABOUT, Error, Function, Manifest, Method, Migration, Problem, Project, Route, Table};
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
    findings.extend(unlisted(workspace, function, &manifest));
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

/// A route that changes something, and that anybody may call: by its method, or by what the code is granted, which
/// is what it calls.
fn public_write(function: &Function, manifest: &Manifest) -> Option<Problem> {
    let writes = |route: &&Route| match route.method {
        Method::Get | Method::Head | Method::Options => false,
        Method::Any | Method::Delete | Method::Patch | Method::Post | Method::Put => true,
    };
    let first = function.routes.first().filter(|_| function.public)?;
    let by_method = function.routes.iter().find(writes);
    let mut actions = function.grants.iter().flat_map(|grant| &grant.actions);
    let message = match (by_method, actions.find(|action| changes(action))) {
        (Some(route), _) => format!("{route} changes something and needs no token"),
        (None, Some(action)) => format!("{first} needs no token, and its code calls {action}"),
        (None, None) => return None,
    };
    let help = table::rules().find(|rule| rule.id == "public-write-route").map_or("", |rule| rule.mend);
    Some(Problem::new("public-write-route", message).at(manifest.place(ABOUT, "public")).help(help))
}

/// A migration whose text is not in the binary: nothing ever applies it.
fn unlisted(workspace: &Workspace, function: &Function, manifest: &Manifest) -> Vec<Problem> {
    const RULE: &str = "unlisted-migration";
    let Some(code) = workspace.binary(&function.name) else { return Vec::new() };
    let migrations = function.migrations.iter().flatten().map(Migration::file_name);
    let missing =
        migrations.filter(|file| !code.modules.iter().any(|module| module.file.text.contains(file)));
    missing
        .map(|file| {
            let message = format!("{}: the code does not include migrations/{file}", function.name);
            let help = format!("list it beside the others: include_str!(\"../migrations/{file}\")");
            Problem::new(RULE, message).at(manifest.place(ABOUT, "migrations")).help(help)
        })
        .collect()
}

/// Whether an action changes anything: all whose names do not say that they only look.
fn changes(action: &str) -> bool {
    const LOOKS: [&str; 9] = [
        "AdminGet",
        "AdminList",
        "BatchGet",
        "ConditionCheck",
        "Describe",
        "Get",
        "List",
        "PartiQLSelect",
        "Query",
    ];
    let name = action.split_once(':').map_or(action, |(_, name)| name);
    name != "Scan" && !LOOKS.iter().any(|look| name.starts_with(look))
}
