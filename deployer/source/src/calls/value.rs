//! What an expression may be, as far as it matters for calls of AWS: a set of possibilities.
//!
//! Containers and wrappers are seen through: `Arc<Option<Table>>` is `Table`, a list is any of its elements.

use std::collections::BTreeSet;

use super::index::{DefId, FnId};

/// One possibility.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Atom {
    /// Anything at all.
    Unknown,
    /// Something of another crate that is none of the SDK's clients.
    Opaque,
    /// What a function of another crate gave, while no type says what that is.
    Foreign,
    /// A type of the workspace with its type arguments, and behind them what [`Given`](Atom::Given) fields hold.
    Instance(DefId, Vec<Value>),
    /// What this value of a struct was made with in a field, where that is the name of a variable or its value: two
    /// values of one struct may be on two tables.
    Given(String, Value),
    /// Whatever implements a trait of the workspace.
    Object(DefId),
    /// A client of the SDK: its crate without `aws_sdk_`.
    Client(String),
    /// A request that is being built.
    Request(Request),
    /// A text of the code; `{}` where something was put in.
    Text(String),
    /// The value of an environment variable.
    Variable(String),
    /// A text that a handle holds: whose, and in which field.
    Held(DefId, Vec<Value>, String),
    Tuple(Vec<Value>),
    /// A function, the type it belongs to, and what stands for its type parameters.
    Function(FnId, Value, Parameters),
    /// A struct or variant, called like a function.
    Constructor(DefId),
    /// A function of a trait, before it is known whose.
    Promised(DefId, String),
    /// A path of another crate, with the types written in it.
    External(Vec<String>, Value),
    Closure(usize),
}

/// What stands for each of a function's type parameters.
pub type Parameters = Vec<(String, Value)>;

/// A function with its type and type parameters.
pub type Handed = (FnId, Value, Parameters);

/// A request to AWS, or a member of a transaction.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Request {
    /// The SDK crate without `aws_sdk_`.
    pub service: String,
    /// As the client's method, such as `put_item`.
    pub operation: String,
    /// A member of a transaction, and no request by itself.
    pub member: bool,
    /// Where its operation is named, outside the handles: the call's place and context.
    pub at: Site,
    /// What was set of it, as far as it may name resources.
    pub set: Vec<(String, Value)>,
}

/// A place in the code that runs in a context.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Site {
    pub context: usize,
    pub scope: usize,
    pub line: usize,
    pub column: usize,
}

/// A set of possibilities; empty for what never comes to be.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Value(pub BTreeSet<Atom>);

impl Value {
    pub fn none() -> Self {
        Self::default()
    }

    pub fn of(atom: Atom) -> Self {
        Self(BTreeSet::from([atom]))
    }

    pub fn unknown() -> Self {
        Self::of(Atom::Unknown)
    }

    pub fn opaque() -> Self {
        Self::of(Atom::Opaque)
    }

    pub fn is_none(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether nothing is known of it.
    pub fn is_unknown(&self) -> bool {
        self.0.iter().all(|atom| *atom == Atom::Unknown)
    }

    pub fn has(&self, atom: &Atom) -> bool {
        self.0.contains(atom)
    }

    pub fn add(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    pub fn with(mut self, other: Self) -> Self {
        self.add(other);
        self
    }

    pub fn iter(&self) -> impl Iterator<Item = &Atom> {
        self.0.iter()
    }

    /// What passes through code that is not read: everything but that nothing is known.
    pub fn telling(&self) -> Self {
        Self(
            self.0
                .iter()
                .filter(|atom| !matches!(atom, Atom::Opaque | Atom::Foreign | Atom::Unknown))
                .cloned()
                .collect(),
        )
    }

    /// Without types whose arguments are unknown, where the same type is there with known ones: what goes into a
    /// container is what comes out of it.
    pub fn settled(self) -> Self {
        let is_vague = |parts: &[Value]| !parts.is_empty() && parts.iter().all(Value::is_unknown);
        let known: Vec<DefId> = self
            .iter()
            .filter_map(|atom| match atom {
                Atom::Instance(of, parts) if !is_vague(parts) => Some(*of),
                _ => None,
            })
            .collect();
        let stays = |atom: &Atom| match atom {
            Atom::Instance(of, parts) => !is_vague(parts) || !known.contains(of),
            _ => true,
        };
        Self(self.0.into_iter().filter(stays).collect())
    }

    /// As a type: without what single values were made with.
    pub fn plain(&self) -> Self {
        let plain = |atom: &Atom| match atom {
            Atom::Instance(of, parts) => {
                Atom::Instance(*of, parts.iter().filter(|part| !part.is_given()).cloned().collect())
            }
            other => other.clone(),
        };
        Self(self.iter().map(plain).collect())
    }

    /// Whether it says what a field was given, and stands behind type arguments.
    pub fn is_given(&self) -> bool {
        self.iter().any(|atom| matches!(atom, Atom::Given(..)))
    }

    /// Whether it may be a variable's value or name, and nothing else.
    pub fn is_of_variable(&self) -> bool {
        let told = self.telling();
        let names = |atom: &Atom| match atom {
            Atom::Variable(_) => true,
            Atom::Text(text) => text.starts_with("TABLE_"),
            _ => false,
        };
        !told.is_none() && told.iter().all(names) && !self.has(&Atom::Unknown) && !self.has(&Atom::Foreign)
    }

    /// Something rather than nothing.
    pub fn or_opaque(self) -> Self {
        if self.is_none() { Self::opaque() } else { self }
    }
}

impl FromIterator<Value> for Value {
    fn from_iter<T: IntoIterator<Item = Value>>(values: T) -> Self {
        values.into_iter().fold(Self::none(), Self::with)
    }
}
