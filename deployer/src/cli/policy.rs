//! `policy`: what each function's role grants, with the calls that need it.

use deployer_source::calls::{Call, Derived};
use serde::Serialize;

use super::failure::Failure;
use super::invoke::function;
use super::session::project;
use super::ui::Ui;
use super::{Format, Global};
use crate::policy::code;
use crate::project::Function;

/// Print what the functions' roles grant, with the calls in the code that need it
#[derive(Debug, clap::Args)]
pub struct PolicyArgs {
    /// This function alone
    function: Option<String>,
}

/// One function, for programs.
#[derive(Serialize)]
struct Role<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    function: &'a str,
    role: &'a str,
    grants: Vec<Right<'a>>,
}

#[derive(Serialize)]
struct Right<'a> {
    action: &'a str,
    resource: String,
    calls: Vec<Site>,
}

#[derive(Serialize)]
struct Site {
    file: String,
    line: usize,
    /// From `main` to the function that makes the call.
    chain: Vec<String>,
}

pub fn run(ui: &Ui, global: &Global, args: PolicyArgs) -> Result<u8, Failure> {
    let project = project(global)?;
    let functions = match &args.function {
        Some(name) => vec![function(&project, name)?],
        None => project.functions.iter().collect(),
    };
    let workspace = code::sources(&project.root, &project.packages, &functions)?;
    for (function, derived) in functions.iter().zip(code::derive(&workspace, &functions)) {
        let role = role(function, &derived);
        match ui.format {
            Format::Json => ui.json(&role),
            Format::Human | Format::Github | Format::Env => show(ui, &role),
        }
        if !derived.faults.is_empty() {
            ui.warn(&format!("calls of {} cannot be told; `check` shows where", function.name));
        }
    }
    Ok(0)
}

fn role<'a>(function: &'a Function, derived: &Derived) -> Role<'a> {
    let needed = code::needed(derived);
    let mut grants = Vec::new();
    for grant in &function.grants {
        for action in &grant.actions {
            let right = (code::target_key(&grant.target), action.clone());
            let calls = needed.get(&right).into_iter().flatten().map(|call| site(call));
            grants.push(Right { action, resource: grant.target.key(), calls: calls.collect() });
        }
    }
    let (function, role) = (function.name.as_str(), function.role_logical_id.as_str());
    Role { kind: "policy", function, role, grants }
}

fn site(call: &Call) -> Site {
    let file = call.place.path().display().to_string();
    Site { file, line: call.place.line, chain: call.chain.clone() }
}

fn show(ui: &Ui, role: &Role<'_>) {
    ui.result(&format!("{} ({})", role.function, role.role));
    for right in &role.grants {
        ui.result(&format!("  {} on {}", right.action, right.resource));
        if right.calls.is_empty() {
            ui.result("    no call needs it");
        }
        for site in &right.calls {
            ui.result(&format!("    {}:{}  {}", site.file, site.line, site.chain.join(" -> ")));
        }
    }
    ui.result("  logs:CreateLogStream, logs:PutLogEvents on its own log group");
}
