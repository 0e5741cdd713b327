//! Which calls of AWS a function's binary can make, and on what: read off its sources and those of the members
//! it uses.
//!
//! [`analysis`] runs `main` on sets of possibilities ([`value`]): every function that is reached is run with
//! what it is called with, every closure and trait object with what it may be. [`index`] knows every definition,
//! [`resolve`] and [`lookup`] what paths and methods mean, [`types`] what declared types add, [`expressions`],
//! [`patterns`], [`fields`] and [`invoke`] what code does, [`macros`] and [`expansion`] what macros stand for, [`sdk`] the
//! SDK; [`requests`] follows what is built, and [`found`] turns what is sent into rights.
//!
//! What cannot be told is a fault with its place: never a call less. Two values of one struct that were made with the
//! names of two tables are told apart ([`value::Atom::Given`]) until only their type is known of them, as behind an
//! extractor: then each may be the other, and has the rights of both. Handles with types of their own (`Table<N>`) are
//! always told apart.

mod analysis;
mod expansion;
mod expressions;
mod fields;
mod found;
mod index;
mod invoke;
mod lookup;
mod macros;
mod patterns;
mod requests;
mod resolve;
mod sdk;
mod types;
mod value;

use std::collections::BTreeSet;
use std::fmt;

use crate::place::{Fault, Place};
use crate::workspace::{Kind, Workspace};
use analysis::Analysis;
use index::{Def, Index};
use macros::Macros;

pub use sdk::{operation_names, service_ids};

/// What a call works on, by the names that the environments give.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resource {
    Table(String),
    Index {
        table: String,
        index: String,
    },
    UserPool,
    /// The secret of the stage's database.
    Database,
}

/// As grants write it: `profiles`, `profiles/index/by-email`, `user_pool`, `database`.
impl fmt::Display for Resource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Table(name) => formatter.write_str(name),
            Self::Index { table, index } => write!(formatter, "{table}/index/{index}"),
            Self::UserPool => formatter.write_str("user_pool"),
            Self::Database => formatter.write_str("database"),
        }
    }
}

/// A call that can run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The SDK crate without `aws_sdk_`.
    pub service: String,
    /// The API's operation; none for a member of a transaction.
    pub operation: Option<String>,
    /// IAM actions, each with what it is on.
    pub needs: Vec<(String, Resource)>,
    pub place: Place,
    /// From `main` to the function that makes the call.
    pub chain: Vec<String>,
}

/// What was read off one function's code.
#[derive(Debug, Default)]
pub struct Derived {
    /// In the order of files and lines.
    pub calls: Vec<Call>,
    pub faults: Vec<Fault>,
}

impl Derived {
    /// Adds what is wrong with the debug build of the same function.
    fn beside(&mut self, debug: Derived) {
        let granted: BTreeSet<_> = self.calls.iter().flat_map(|call| call.needs.clone()).collect();
        for call in debug.calls {
            for (action, on) in call.needs.into_iter().filter(|need| !granted.contains(need)) {
                let message = format!(
                    "{action} is called on {on} in debug builds alone, and a role is for what is shipped"
                );
                let help = "call it in every build, or in none";
                self.faults.push(Fault::new("unresolved-call", message).help(help).at(call.place.clone()));
            }
        }
        let new = debug.faults.into_iter().filter(|fault| !self.faults.contains(fault)).collect::<Vec<_>>();
        self.faults.extend(new);
    }

    /// The operations that the binary sends: service and operation.
    pub fn operations(&self) -> BTreeSet<(String, String)> {
        let sent = self.calls.iter().filter_map(|call| Some((call.service.clone(), call.operation.clone()?)));
        sent.collect()
    }
}

/// A workspace that calls can be read off: each function's by [`Reader::derive`].
pub struct Reader<'w> {
    workspace: &'w Workspace,
    macros: Macros,
    debug: Option<Box<Reader<'w>>>,
}

impl<'w> Reader<'w> {
    pub fn new(workspace: &'w Workspace) -> Self {
        let debug = workspace.debug.as_deref().map(|debug| Box::new(Self::new(debug)));
        Self { workspace, macros: Macros::new(workspace), debug }
    }

    /// The calls of the binaries of `functions`, in their order.
    pub fn derive(&self, functions: &[&str]) -> Vec<Derived> {
        let index = Index::new(self.workspace, &self.macros);
        let mut derived: Vec<Derived> =
            functions.iter().map(|function| self.function(&index, function)).collect();
        if let Some(debug) = &self.debug {
            for (shipped, debug) in derived.iter_mut().zip(debug.derive(functions)) {
                shipped.beside(debug);
            }
        }
        derived
    }

    /// Calls within macros of items that cannot be read, of the crates that a binary is made of.
    fn lost(&self, analysis: &mut Analysis<'_>, index: &Index<'_>, binary: usize) {
        let mut crates = vec![binary];
        let mut at = 0;
        while let Some(found) = crates.get(at).map(|found| &self.workspace.crates[*found]) {
            for (other, library) in self.workspace.crates.iter().enumerate() {
                let is_used = found.dependencies.values().any(|package| *package == library.package);
                if library.kind == Kind::Library && is_used && !crates.contains(&other) {
                    crates.push(other);
                }
            }
            at += 1;
        }
        for (scope, item) in crates.into_iter().flat_map(|found| index.macros_of(found)) {
            let frame = analysis.bare(scope);
            for (name, span) in self.macros.lost_in(item) {
                analysis.lost(&frame, name, *span);
            }
        }
    }

    fn function(&self, index: &Index<'_>, package: &str) -> Derived {
        let crates = self.workspace.crates.iter();
        let binary = crates.clone().position(|found| found.package == package && found.kind == Kind::Binary);
        let Some(binary) = binary else { return Derived::default() };
        let root = index.root_of(binary);
        let main = index.resolve(root, &["crate".to_owned(), "main".to_owned()], index::Space::Values);
        let main = main.and_then(|(target, _)| match target {
            index::Target::Def(id) => match &index.defs[id].def {
                Def::Function(main) => Some(*main),
                _ => None,
            },
            index::Target::External(_) => None,
        });
        let Some(main) = main else {
            let place = self.workspace.crates[binary].modules.first().map(|module| module.file.whole());
            let fault = Fault::new("unresolved-call", "this binary has no `main`");
            let faults = vec![Fault { place, ..fault }];
            return Derived { calls: Vec::new(), faults };
        };
        let mut analysis = Analysis::new(index, &self.macros);
        analysis.run(main);
        let mut calls = analysis.calls();
        self.lost(&mut analysis, index, binary);
        calls.sort_by(|one, other| {
            let key = |call: &Call| {
                (call.place.path().to_owned(), call.place.line, call.place.column, call.needs.clone())
            };
            key(one).cmp(&key(other))
        });
        Derived { calls, faults: analysis.faults.into_values().collect() }
    }
}

#[cfg(test)]
mod tests;
