//! Which calls of AWS a function's binary can make, and on what: read off its sources and those of the members
//! it uses.
//!
//! [`analysis`] runs `main` on sets of possibilities ([`value`]): every function that is reached is run with
//! what it is called with, every closure and trait object with what it may be. [`index`] knows every definition,
//! [`resolve`] and [`lookup`] what paths and methods mean, [`types`] what declared types add, [`expressions`],
//! [`patterns`], [`fields`] and [`invoke`] what code does, [`macros`] and [`expansion`] what macros stand for, [`sdk`] the
//! SDK; [`requests`] follows what is built, and [`found`] turns what is sent into rights.
//!
//! What cannot be told is a fault with its place: never a call less.

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
}

impl<'w> Reader<'w> {
    pub fn new(workspace: &'w Workspace) -> Self {
        Self { workspace, macros: Macros::new(workspace) }
    }

    /// The calls of the binaries of `functions`, in their order.
    pub fn derive(&self, functions: &[&str]) -> Vec<Derived> {
        let index = Index::new(self.workspace, &self.macros);
        functions.iter().map(|function| self.function(&index, function)).collect()
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
mod tests {
    use super::*;
    use crate::Package;

    /// What is wrong with a binary of this one file.
    fn faults(code: &str) -> (Vec<String>, usize) {
        let folder = tempfile::tempdir().unwrap();
        let binary = folder.path().join("main.rs");
        std::fs::write(&binary, code).unwrap();
        let package = Package { name: "f".to_owned(), binary: Some(binary), ..Package::default() };
        let workspace = Workspace::load(folder.path(), &[package], &["f"]).unwrap();
        let derived = Reader::new(&workspace).derive(&["f"]).remove(0);
        (derived.faults.iter().map(ToString::to_string).collect(), derived.calls.len())
    }

    /// `main` calls `depth` functions within each other, of which the last makes a call.
    fn deep(depth: usize) -> String {
        let call = "aws_sdk_dynamodb::Client::new(c()).get_item().table_name(std::env::var(\"TABLE_A\").unwrap()).send();";
        let steps =
            (0..depth).map(|at| format!("fn f{at}() {{ if true {{ match 1 {{ _ => f{}() }} }} }}\n", at + 1));
        format!("fn main() {{ f0() }}\n{}fn f{depth}() {{ {call} }}\n", steps.collect::<String>())
    }

    #[test]
    fn calls_within_calls_are_followed_as_deep_as_real_code_goes_and_never_silently_given_up() {
        assert_eq!(faults(&deep(40)), (vec![], 1));
        let (faults, calls) = faults(&deep(400));
        assert_eq!(
            (faults, calls),
            (vec!["the calls that lead here are too deep to be followed".to_owned()], 0)
        );
    }

    #[test]
    fn circles_of_functions_closures_and_uses_come_to_an_end() {
        let code = "use a::*;\nmod a { pub use super::b::*; }\nmod b { pub use super::a::*; }\n\
            fn main() { let again = || odd(3); odd(again()); unknown(); }\n\
            fn odd(n: u8) -> u8 { even(n) }\nfn even(n: u8) -> u8 { odd(n) }\n";
        assert_eq!(faults(code), (vec![], 0));
    }

    #[test]
    fn a_binary_without_main_is_a_fault() {
        assert_eq!(faults("fn other() {}").0, ["this binary has no `main`"]);
    }
}
