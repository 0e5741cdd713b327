//! What was seen in the code that can run, for the rules to judge.

use std::collections::BTreeSet;

use super::value::Value;
use crate::place::Place;

/// Everything seen in one function.
#[derive(Debug, Default)]
pub struct Facts {
    pub calls: Vec<Call>,
    pub entries: Vec<Entry>,
    pub logs: Vec<Log>,
    pub writes: Vec<Write>,
    /// Rows that are put in a transaction, and whether that has a condition.
    pub members: Vec<(Place, bool)>,
    /// Where an error of a write is lost, and how.
    pub swallowed: Vec<(Place, &'static str)>,
    /// Where claims are looked for beside `jwt`.
    pub old_claims: Vec<Place>,
    /// Where claims are read.
    pub claims: Vec<Place>,
    /// Whether the request's origin is compared with anything.
    pub judged: bool,
    /// What answers of a route are made of, beside calls that make one.
    pub bodies: Vec<(Place, Value)>,
    /// Names of types and variants that are mentioned, with the place of the first.
    pub mentions: Vec<(String, Place)>,
    /// Texts that are written down.
    pub texts: Vec<(String, Place)>,
    /// Names of parts that are read, without `_`, `-` and case.
    pub names: BTreeSet<String>,
    /// What is put into an `Ok`, and what a handler's closure answers.
    pub answers: Vec<Answer>,
    /// The routines that are given to `service_fn`, or called in the closure that is.
    pub handlers: Vec<usize>,
    /// Which routine a call may run.
    pub targets: Vec<(Place, usize)>,
}

impl Facts {
    /// What was seen somewhere else too.
    pub fn add(&mut self, more: Self) {
        self.calls.extend(more.calls);
        self.entries.extend(more.entries);
        self.logs.extend(more.logs);
        self.writes.extend(more.writes);
        self.members.extend(more.members);
        self.swallowed.extend(more.swallowed);
        self.old_claims.extend(more.old_claims);
        self.claims.extend(more.claims);
        self.judged |= more.judged;
        self.bodies.extend(more.bodies);
        self.mentions.extend(more.mentions);
        self.texts.extend(more.texts);
        self.names.extend(more.names);
        self.answers.extend(more.answers);
        self.handlers.extend(more.handlers);
        self.targets.extend(more.targets);
    }

    /// The tables that are written to; `None` where nothing is written.
    pub fn tables(&self) -> Option<BTreeSet<String>> {
        let effects = self.writes.iter().filter_map(|write| write.value.effect.as_ref());
        let all: BTreeSet<String> = effects.flat_map(|effect| effect.tables.iter().cloned()).collect();
        (!self.writes.is_empty()).then_some(all)
    }
}

/// A call of a function or method.
#[derive(Debug, Clone)]
pub struct Call {
    pub routine: usize,
    /// The routine, called with some values, that it happens in.
    pub context: usize,
    pub place: Place,
    /// The method, or the last part of the path.
    pub name: String,
    /// The part of the path before it.
    pub owner: Option<String>,
    /// The calls before it in the same chain, the first one first.
    pub chain: Vec<String>,
    /// Line and column where the chain begins.
    pub root: (usize, usize),
    pub args: Vec<Value>,
}

/// A named part of something that is put together: a field, or a pair of key and value.
#[derive(Debug, Clone)]
pub struct Entry {
    pub place: Place,
    pub name: String,
    pub value: Value,
    /// It is part of a JSON text, so of no row.
    pub json: bool,
}

/// A line of the log.
#[derive(Debug, Clone)]
pub struct Log {
    pub place: Place,
    pub values: Vec<Value>,
}

/// A write that happens.
#[derive(Debug, Clone)]
pub struct Write {
    /// The routine, called with some values, that it happens in.
    pub context: usize,
    pub place: Place,
    pub value: Value,
    /// The arms it is in, as (branching, arm): two writes in different arms of one branching never both happen.
    pub arms: Vec<(usize, usize)>,
    /// It happens in a workspace function that is called here.
    pub called: bool,
}

/// A value that a routine answers.
#[derive(Debug, Clone)]
pub struct Answer {
    pub routine: usize,
    /// It is the closure's that is given to `service_fn`.
    pub handler: bool,
    pub place: Place,
    pub value: Value,
}
