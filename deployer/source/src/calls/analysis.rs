//! The state of one analysis: functions are run on sets of possibilities, again and again until nothing new
//! comes up.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use syn::{Expr, ExprClosure, FnArg, ReturnType};

use super::index::{DefId, FnId, Index, Owner, ScopeId, Target, name_of};
use super::macros::Macros;
use super::value::{Atom, Handed, Parameters, Request, Site, Value};
use crate::place::Fault;

/// Everything that was found out so far.
pub struct Analysis<'w> {
    pub index: &'w Index<'w>,
    pub macros: &'w Macros,
    contexts: Vec<Context>,
    by_key: HashMap<Key, usize>,
    /// Contexts that were run in this round.
    run: HashSet<usize>,
    /// What was put into fields, by type and name.
    pub fields: HashMap<(DefId, String), Value>,
    /// What was put into fields after their values were made.
    pub assigned: HashMap<(DefId, String), Value>,
    /// What constants and statics hold.
    pub constants: HashMap<usize, Value>,
    pub closures: Vec<Closure<'w>>,
    closure_ids: HashMap<(usize, usize), usize>,
    /// Closures that somebody called.
    pub called: BTreeSet<usize>,
    /// Functions that are handed to somebody, and those that were called.
    pub handed: BTreeSet<Handed>,
    /// Requests that were sent, with where that is done.
    pub sent: BTreeSet<Request>,
    /// Requests that are begun, and whether they are sent.
    pub begun: BTreeMap<Site, (Request, bool)>,
    /// Types of which values are made.
    pub made: BTreeSet<Atom>,
    pub called_functions: BTreeSet<FnId>,
    pub faults: BTreeMap<(usize, usize, usize), Fault>,
    /// The local variables of this round.
    pub variables: Vec<Variable>,
    pub changed: bool,
    /// Closures that run right now, and how many functions do.
    active: Vec<usize>,
    nested: usize,
}

/// A local variable.
#[derive(Debug, Clone)]
pub struct Variable {
    pub value: Value,
    /// How many branches surround its `let`.
    pub depth: usize,
}

/// A closure, as it was made last.
pub struct Closure<'w> {
    pub code: &'w ExprClosure,
    pub frame: Frame<'w>,
}

type Key = (FnId, Value, Parameters, Vec<Value>);

/// A function with what it is called with.
struct Context {
    function: FnId,
    owner: Value,
    result: Value,
    /// Where it is called first.
    caller: Option<Site>,
}

/// What surrounds the code that is run.
#[derive(Clone)]
pub struct Frame<'w> {
    pub context: usize,
    pub scope: ScopeId,
    /// `Self`.
    pub owner: Option<Value>,
    /// What stands for type parameters.
    pub parameters: HashMap<String, Value>,
    /// Names of local variables; the last one counts.
    pub names: Vec<(String, usize)>,
    /// How many branches and loops surround this.
    pub depth: usize,
    /// What `return` gave.
    pub returned: Value,
    /// The use of a macro that this code stands for.
    pub at: Option<(usize, usize)>,
    /// What functions declare to return, where that is known.
    pub output: Option<&'w syn::Type>,
}

/// Functions that may run within each other: real code calls less deeply, and this fits a thread's stack.
const DEEPEST: usize = 100;

/// Rounds after which the result stands: chains of fields and results are not longer in real code.
const ROUNDS: usize = 24;

impl<'w> Analysis<'w> {
    pub fn new(index: &'w Index<'w>, macros: &'w Macros) -> Self {
        Self {
            index,
            macros,
            contexts: Vec::new(),
            by_key: HashMap::new(),
            run: HashSet::new(),
            fields: HashMap::new(),
            assigned: HashMap::new(),
            constants: HashMap::new(),
            closures: Vec::new(),
            closure_ids: HashMap::new(),
            called: BTreeSet::new(),
            handed: BTreeSet::new(),
            sent: BTreeSet::new(),
            begun: BTreeMap::new(),
            made: BTreeSet::new(),
            called_functions: BTreeSet::new(),
            faults: BTreeMap::new(),
            variables: Vec::new(),
            changed: false,
            active: Vec::new(),
            nested: 0,
        }
    }

    /// Runs `main` and everything that it hands to others, until nothing changes.
    pub fn run(&mut self, main: FnId) {
        for _ in 0..ROUNDS {
            self.changed = false;
            self.run.clear();
            self.constants.clear();
            self.variables.clear();
            self.sent.clear();
            self.begun.clear();
            self.faults.clear();
            self.called.clear();
            self.called_functions.clear();
            self.handed.clear();
            self.invoke(main, &Value::none(), Vec::new(), &[], None);
            self.run_what_nobody_calls();
            if !self.changed {
                return;
            }
        }
    }

    /// Closures and functions that only code that is not read may call: with anything.
    fn run_what_nobody_calls(&mut self) {
        let mut done = BTreeSet::new();
        loop {
            let wanted =
                |found: &&Handed| !done.contains(*found) && !self.called_functions.contains(&found.0);
            let functions: Vec<_> =
                self.handed.iter().chain(&self.promised()).filter(wanted).cloned().collect();
            let closures: Vec<usize> = (0..self.closures.len())
                .filter(|id| self.is_made(*id) && !self.called.contains(id))
                .collect();
            if functions.is_empty() && closures.is_empty() {
                return;
            }
            for found in functions {
                let (function, owner, parameters) = &found;
                let count = self.index.functions[*function].signature.inputs.len();
                let arguments = vec![Value::unknown(); count];
                self.invoke(*function, owner, parameters.clone(), &arguments, None);
                done.insert(found);
            }
            for id in closures {
                self.call_closure(id, &[]);
            }
        }
    }

    /// Methods that other crates call by their own traits: a service that is polled, a value that is shown.
    fn promised(&self) -> BTreeSet<Handed> {
        let index = self.index;
        let mut found = BTreeSet::new();
        for atom in &self.made {
            let Atom::Instance(of, _) = atom else { continue };
            for id in index.of_type.get(of).into_iter().flatten() {
                if let Some(Target::External(_)) = index.impls[*id].trait_ {
                    let functions = index.impls[*id].functions.values();
                    found.extend(functions.map(|function| (*function, Value::of(atom.clone()), Vec::new())));
                }
            }
        }
        found
    }

    /// Whether a closure was made in this round: one of an earlier round may be in a context that is gone.
    fn is_made(&self, id: usize) -> bool {
        self.run.contains(&self.closures[id].frame.context)
    }

    /// The closure that this code makes in this frame.
    pub fn closure(&mut self, frame: &Frame<'w>, code: &'w ExprClosure) -> usize {
        let key = (std::ptr::from_ref(code) as usize, frame.context);
        let made = Closure { code, frame: frame.clone() };
        match self.closure_ids.get(&key) {
            Some(id) => {
                self.closures[*id] = made;
                *id
            }
            None => {
                self.closures.push(made);
                self.closure_ids.insert(key, self.closures.len() - 1);
                self.changed = true;
                self.closures.len() - 1
            }
        }
    }

    /// Calls a function: with its receiver first, where it has one.
    pub fn invoke(
        &mut self,
        function: FnId,
        owner: &Value,
        turbofish: Parameters,
        arguments: &[Value],
        caller: Option<Site>,
    ) -> Value {
        let index = self.index;
        let found = &index.functions[function];
        let mut frame = self.frame(function, owner, turbofish, arguments);
        let mut passed = Vec::new();
        for (position, input) in found.signature.inputs.iter().enumerate() {
            let argument = arguments.get(position).cloned().unwrap_or_else(Value::unknown);
            passed.push(match input {
                FnArg::Receiver(_) => self.receiver(argument, owner),
                FnArg::Typed(input) => self.coerce(&frame, argument, &input.ty),
            });
        }
        let mut parameters: Parameters = frame.parameters.clone().into_iter().collect();
        parameters.sort();
        let key = (function, owner.clone(), parameters, passed.clone());
        let context = match self.by_key.get(&key) {
            Some(context) => *context,
            None => {
                self.contexts.push(Context { function, owner: owner.clone(), result: Value::none(), caller });
                self.by_key.insert(key, self.contexts.len() - 1);
                self.changed = true;
                self.contexts.len() - 1
            }
        };
        if !self.run.insert(context) {
            return self.contexts[context].result.clone();
        }
        if self.nested == DEEPEST {
            if let Some(site) = caller {
                let fault =
                    Fault::new("unresolved-call", "the calls that lead here are too deep to be followed");
                self.fault(site, fault.help("call it from fewer functions within each other"));
            }
            return Value::unknown();
        }
        self.nested += 1;
        frame.context = context;
        for (input, value) in found.signature.inputs.iter().zip(passed) {
            match input {
                FnArg::Receiver(_) => self.bind(&mut frame, "self", value),
                FnArg::Typed(input) => self.pattern(&mut frame, &input.pat, value),
            }
        }
        if let ReturnType::Type(_, output) = &found.signature.output {
            frame.output = Some(output);
        }
        let result = self.block(&mut frame, found.block).with(std::mem::take(&mut frame.returned));
        self.nested -= 1;
        let result = match &found.signature.output {
            ReturnType::Default => Value::opaque(),
            ReturnType::Type(_, output) => self.coerce(&frame, result, output),
        };
        if self.contexts[context].result != result {
            let known = std::mem::take(&mut self.contexts[context].result);
            let grown = known.clone().with(result);
            self.changed |= grown != known;
            self.contexts[context].result = grown;
        }
        self.contexts[context].result.clone()
    }

    /// What `self` is in a method of `owner`.
    fn receiver(&self, argument: Value, owner: &Value) -> Value {
        if owner.is_none() || owner.is_unknown() { argument } else { owner.clone() }
    }

    /// The frame of a function's body, with its type parameters found out.
    fn frame(
        &mut self,
        function: FnId,
        owner: &Value,
        turbofish: Parameters,
        arguments: &[Value],
    ) -> Frame<'w> {
        let index = self.index;
        let found = &index.functions[function];
        let mut frame = Frame {
            context: 0,
            scope: found.scope,
            owner: (found.owner != Owner::Nobody).then(|| owner.clone()),
            parameters: HashMap::new(),
            names: Vec::new(),
            depth: 0,
            returned: Value::none(),
            at: None,
            output: None,
        };
        if let Owner::Impl(of) = found.owner {
            let item = index.impls[of].item;
            self.infer(&mut frame, &item.generics, &[(&*item.self_ty, owner)]);
        }
        let given: HashMap<String, Value> = turbofish.into_iter().collect();
        let typed = found.signature.inputs.iter().enumerate().filter_map(|(position, input)| match input {
            FnArg::Receiver(_) => None,
            FnArg::Typed(input) => Some((&*input.ty, arguments.get(position)?)),
        });
        let typed: Vec<_> = typed.collect();
        self.infer(&mut frame, &found.signature.generics, &typed);
        frame.parameters.extend(given);
        frame
    }

    /// Calls a closure; `arguments` that are missing are unknown.
    pub fn call_closure(&mut self, id: usize, arguments: &[Value]) -> Value {
        let code = self.closures[id].code;
        let mut frame = self.closures[id].frame.clone();
        self.called.insert(id);
        // A closure that calls itself adds nothing to what its first call gives.
        if self.active.contains(&id) {
            return Value::none();
        }
        self.active.push(id);
        frame.depth += 1;
        frame.returned = Value::none();
        for (position, input) in code.inputs.iter().enumerate() {
            let argument = arguments.get(position).cloned().unwrap_or_else(Value::unknown);
            self.pattern(&mut frame, input, argument);
        }
        let result = self.expression(&mut frame, &code.body).with(std::mem::take(&mut frame.returned));
        self.active.pop();
        match &code.output {
            ReturnType::Default => result,
            ReturnType::Type(_, output) => self.coerce(&frame, result, output),
        }
    }

    /// A new local variable.
    pub fn bind(&mut self, frame: &mut Frame<'w>, name: &str, value: Value) {
        self.variables.push(Variable { value, depth: frame.depth });
        frame.names.push((name.to_owned(), self.variables.len() - 1));
    }

    /// Notes that there are values of a type.
    pub fn note_made(&mut self, atom: Atom) {
        if matches!(atom, Atom::Instance(..)) {
            self.changed |= self.made.insert(atom);
        }
    }

    /// What may stand behind an object: nothing of which there are no values.
    pub fn can_be(&self, atom: &Atom) -> bool {
        match atom {
            Atom::Instance(of, _) => {
                let mut same = self.made.range(Atom::Instance(*of, Vec::new())..);
                same.next().is_some_and(|atom| matches!(atom, Atom::Instance(is, _) if is == of))
            }
            _ => true,
        }
    }

    /// Notes what a field of a type is given.
    pub fn fill(&mut self, of: DefId, field: &str, value: Value) {
        let value = Value(value.0.into_iter().filter(|atom| *atom != Atom::Opaque).collect());
        let known = self.fields.entry((of, field.to_owned())).or_default();
        if !value.0.is_subset(&known.0) {
            known.add(value);
            self.changed = true;
        }
    }

    /// Notes what a field of any value of a type is given later; of a static, what it is set to.
    pub fn put(&mut self, of: DefId, field: &str, value: Value) {
        let known = self.assigned.entry((of, field.to_owned())).or_default();
        if !value.0.is_subset(&known.0) {
            known.add(value.clone());
            self.changed = true;
        }
        self.fill(of, field, value);
    }

    pub fn site(&self, frame: &Frame<'w>, span: proc_macro2::Span) -> Site {
        let start = span.start();
        let (line, column) = frame.at.unwrap_or((start.line, start.column + 1));
        Site { context: frame.context, scope: frame.scope, line, column }
    }

    pub fn fault(&mut self, site: Site, fault: Fault) {
        let place = self.index.place(site.scope, site.line, site.column);
        self.faults.entry((site.scope, site.line, site.column)).or_insert_with(|| fault.at(place));
    }

    /// Who calls whom until a context runs, from `main` on.
    pub fn chain(&self, context: usize) -> Vec<usize> {
        let mut chain = vec![context];
        let mut at = self.contexts[context].caller;
        while let Some(site) = at {
            if chain.contains(&site.context) {
                break;
            }
            chain.push(site.context);
            at = self.contexts[site.context].caller;
        }
        chain.reverse();
        chain
    }

    /// `ProfilesTable::get_item`.
    pub fn title(&self, context: usize) -> String {
        let found = &self.index.functions[self.contexts[context].function];
        let name = name_of(&found.signature.ident);
        let owner = self.contexts[context].owner.iter().find_map(|atom| match atom {
            Atom::Instance(of, _) => Some(self.index.defs[*of].name.clone()),
            _ => None,
        });
        owner.map_or_else(|| name.clone(), |owner| format!("{owner}::{name}"))
    }

    /// What an associated or free constant's expression is.
    pub fn constant(&mut self, frame: &Frame<'w>, expression: &'w Expr) -> Value {
        let key = std::ptr::from_ref(expression) as usize;
        if let Some(known) = self.constants.get(&key) {
            return known.clone();
        }
        self.constants.insert(key, Value::none());
        let mut frame = Frame { names: Vec::new(), returned: Value::none(), ..frame.clone() };
        let value = self.expression(&mut frame, expression);
        self.constants.insert(key, value.clone());
        value
    }
}
