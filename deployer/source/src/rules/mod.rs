//! The linter: known mistakes of functions behind Cognito and an HTTP API, found in their sources.
//!
//! [`check`] follows one function from its `main` ([`flow`]) and lets the rules judge what was seen. [`RULES`] lists
//! them; each has a failing and a passing example under `tests/rules/<id>/`. The rules would rather miss a mistake than
//! see one where there is none: a value whose way is not understood breaks no rule.

mod access;
mod calls;
mod exposure;
mod expr;
mod extract;
mod facts;
mod flow;
mod identity;
mod instrument;
mod library;
mod lost;
mod macros;
mod methods;
mod pattern;
mod program;
mod raising;
mod table;
mod trigger;
mod value;
mod writes;

use crate::place::{Fault, Place};
use crate::workspace::Workspace;

use flow::Flow;
use program::Program;

pub use table::{RULES, Rule};

/// What of a function the rules need to know, besides its code.
#[derive(Debug, Clone, Default)]
pub struct Function<'a> {
    pub package: &'a str,
    pub event: Event<'a>,
    /// What it is granted: resource, as in its `Cargo.toml`, and actions.
    pub grants: Vec<(String, Vec<String>)>,
    /// The attributes that are partition keys of the service's tables.
    pub partition_keys: Vec<String>,
    /// Those that are sort keys.
    pub sort_keys: Vec<String>,
}

/// What calls a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event<'a> {
    /// A route of the HTTP API, behind the JWT authorizer unless it is public.
    Route { public: bool },
    /// A trigger of the user pool, by its name in `LambdaConfig`.
    Trigger(&'a str),
}

impl Default for Event<'_> {
    fn default() -> Self {
        Self::Route { public: false }
    }
}

impl Function<'_> {
    fn is_partition(&self, name: &str) -> bool {
        self.partition_keys.iter().any(|key| key == name)
    }

    fn is_key(&self, name: &str) -> bool {
        self.is_partition(name) || self.sort_keys.iter().any(|key| key == name)
    }

    fn may_query(&self, index: &str) -> bool {
        let suffix = format!("/index/{index}");
        self.grants.iter().any(|(target, _)| target.ends_with(&suffix))
    }
}

/// How `index-without-arn` says it, so that whoever finds the same by other means need not say it again.
pub fn may_not_query(index: &str) -> String {
    format!("the function may not query the index {index:?}")
}

/// Collects what the rules find.
#[derive(Debug, Default)]
struct Findings(Vec<Fault>);

impl Findings {
    fn add(&mut self, rule: &'static str, place: &Place, message: String) {
        let help = RULES.iter().find(|known| known.id == rule).map_or("", |known| known.mend);
        self.add_with(rule, place, message, help);
    }

    /// With what to do in this very case.
    fn add_with(&mut self, rule: &'static str, place: &Place, message: String, help: &str) {
        let known = self.0.iter().any(|fault| fault.rule == rule && fault.place.as_ref() == Some(place));
        if !known {
            self.0.push(Fault::new(rule, message).at(place.clone()).help(help));
        }
    }
}

/// What is wrong with the code of a function that was loaded, in the order of files and lines.
pub fn check(workspace: &Workspace, function: &Function<'_>) -> Vec<Fault> {
    let Some(root) = workspace.binary(function.package) else { return Vec::new() };
    let program = Program::of(workspace, root);
    let flow = Flow::of(&program);
    let mut findings = Findings::default();
    identity::check(function, &flow.facts, &mut findings);
    trigger::check(function, &program, &flow.facts, &mut findings);
    writes::check(function, &flow.facts, &mut findings);
    exposure::check(function, &flow.facts, &mut findings);
    let mut found = findings.0;
    found.sort_by_key(|fault| {
        fault.place.as_ref().map(|place| (place.path().to_owned(), place.line, place.column))
    });
    found
}
