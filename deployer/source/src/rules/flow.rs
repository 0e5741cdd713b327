//! Follows values through everything that can run from a crate's `main`: which of it came from the caller, from
//! Cognito, from chance. A routine is followed once for each set of values that it is called with, and again when
//! something that it read has changed; branches are taken one after the other.

use std::collections::{BTreeSet, HashMap};

use syn::{Block, Pat, Stmt};

use super::access;
use super::facts::{Answer, Entry, Facts, Write};
use super::lost::Turn;
use super::program::Program;
use super::value::{Kind, Value};

/// Far more than any function needs; only code that makes ever new values could reach it.
const MOST_STEPS: usize = 20_000;

/// What is followed, and what was learned of it.
pub struct Flow<'a> {
    pub program: &'a Program<'a>,
    contexts: Vec<Context>,
    known: HashMap<(usize, Vec<Value>), usize>,
    /// Contexts that have to be followed, again or for the first time. The youngest goes first: what is called is
    /// mostly younger than who calls it, who then needs no other turn.
    work: BTreeSet<usize>,
    /// What routines call their own parameters with, by the parameter's name.
    callbacks: HashMap<(usize, String), Shared>,
    /// What was put into fields of structs of the workspace.
    fields: HashMap<(String, String), Shared>,
    /// What is seen in the context that is followed now; in the end, in all of them.
    pub facts: Facts,
}

/// A routine with the values that it is called with, `self` first.
struct Context {
    routine: usize,
    inputs: Vec<Value>,
    output: Value,
    /// The tables that it writes to; `None` where it writes nothing.
    written: Option<BTreeSet<String>>,
    facts: Facts,
    calls: BTreeSet<usize>,
    callers: BTreeSet<usize>,
}

/// A value that many contexts add to and read.
#[derive(Default)]
struct Shared {
    value: Option<Value>,
    readers: BTreeSet<usize>,
}

/// One context while it is followed.
pub struct Frame {
    pub context: usize,
    pub routine: usize,
    scopes: Vec<Vec<(String, Value)>>,
    /// What the innermost function or closure returns early.
    pub returns: Vec<Option<Value>>,
    /// Whether it returns early with the error of a call, by `?`.
    pub fails: Vec<bool>,
    /// The arms around the current expression.
    pub arms: Vec<(usize, usize)>,
    pub branchings: usize,
    /// The loops around it, within the innermost function or closure.
    pub loops: Vec<Turn>,
    /// How many closures are around the current expression.
    pub closures: usize,
}

impl<'a> Flow<'a> {
    /// Follows `main` and all that it reaches.
    pub fn of(program: &'a Program<'a>) -> Self {
        let mut flow = Self {
            program,
            contexts: Vec::new(),
            known: HashMap::new(),
            work: BTreeSet::new(),
            callbacks: HashMap::new(),
            fields: HashMap::new(),
            facts: Facts::default(),
        };
        let main = program.by_path(&["main".to_owned()], None).first().copied();
        let Some(main) = main.map(|routine| flow.context(routine, Vec::new())) else { return flow };
        for _ in 0..MOST_STEPS {
            let Some(next) = flow.work.pop_last() else { break };
            // Nobody calls it any more with these values.
            if next == main || !flow.contexts[next].callers.is_empty() {
                flow.follow(next);
            }
        }
        flow.facts = flow.seen_from(main);
        flow
    }

    /// What was seen in a context and in all that it calls.
    fn seen_from(&mut self, main: usize) -> Facts {
        let mut all = Facts::default();
        let mut order = vec![main];
        let mut next = 0;
        while let Some(id) = order.get(next).copied() {
            next += 1;
            all.add(std::mem::take(&mut self.contexts[id].facts));
            for called in self.contexts[id].calls.clone() {
                if !order.contains(&called) {
                    order.push(called);
                }
            }
        }
        all
    }

    fn context(&mut self, routine: usize, inputs: Vec<Value>) -> usize {
        let key = (routine, inputs);
        if let Some(known) = self.known.get(&key) {
            return *known;
        }
        let id = self.contexts.len();
        self.contexts.push(Context {
            routine,
            inputs: key.1.clone(),
            output: Value::default(),
            written: None,
            facts: Facts::default(),
            calls: BTreeSet::new(),
            callers: BTreeSet::new(),
        });
        self.known.insert(key, id);
        self.work.insert(id);
        id
    }

    fn again(&mut self, contexts: &BTreeSet<usize>) {
        self.work.extend(contexts);
    }

    fn follow(&mut self, context: usize) {
        let id = self.contexts[context].routine;
        let inputs = self.contexts[context].inputs.clone();
        let routine = &self.program.routines[id];
        let mut frame = Frame {
            context,
            routine: id,
            scopes: vec![Vec::new()],
            returns: Vec::new(),
            fails: Vec::new(),
            arms: Vec::new(),
            branchings: 0,
            loops: Vec::new(),
            closures: 0,
        };
        self.facts = Facts::default();
        let called_before = std::mem::take(&mut self.contexts[context].calls);
        let before = self.contexts[context].output.clone();
        let has_self = usize::from(routine.signature.receiver().is_some());
        let input = |index: usize| inputs.get(index).cloned().unwrap_or_default();
        if has_self == 1 {
            let own = routine.owner.clone().map_or_else(Value::default, Value::of_type);
            let given = input(0);
            frame.bind("self".to_owned(), Value { argument: given.argument.clone(), ..given.join(&own) });
        }
        for (index, parameter) in routine.parameters().enumerate() {
            let declared = access::declared(&parameter.ty);
            let given = input(index + has_self);
            let ty = declared.ty.clone().or_else(|| given.ty.clone());
            let value = Value { ty, ..given.join(&declared) };
            self.pattern(&mut frame, &parameter.pat, value);
        }
        self.span(&mut frame);
        self.mention_types(id);
        let mut result = self.inner(&mut frame, |flow, frame| flow.block(frame, routine.body));
        if !self.program.passes_words_on(routine) {
            result = result.without(Kind::Fallible);
        }
        if let Some(output) = routine.output() {
            result = result.kept_by(&output.name);
            result.ty = Some(output.name);
            result.argument = output.argument;
        }
        for gone in called_before.difference(&self.contexts[context].calls.clone()) {
            self.contexts[*gone].callers.remove(&context);
        }
        let found = &mut self.contexts[context];
        found.facts = std::mem::take(&mut self.facts);
        let changed = before != result || found.written != found.facts.tables();
        found.written = found.facts.tables();
        found.output = result;
        if changed {
            let callers = found.callers.clone();
            self.again(&callers);
        }
    }

    /// Says that `routine` is called with these values, `self` first, and answers what it returns and which tables it
    /// writes to; none of them where it writes nothing.
    pub fn enter(
        &mut self,
        frame: &Frame,
        routine: usize,
        receiver: Option<&Value>,
        args: &[Value],
    ) -> (Value, Option<BTreeSet<String>>) {
        let given: Vec<Value> = receiver.into_iter().chain(args).cloned().collect();
        let context = self.context(routine, given);
        self.contexts[frame.context].calls.insert(context);
        let called = &mut self.contexts[context];
        if called.callers.insert(frame.context) && called.callers.len() == 1 {
            self.work.insert(context);
        }
        let called = &self.contexts[context];
        (called.output.clone(), called.written.clone())
    }

    /// Says that the routine calls what it holds under `name`.
    pub fn called_back(&mut self, frame: &Frame, name: &str, args: &[Value]) {
        let mut values = args.iter().cloned();
        let Some(first) = values.next() else { return };
        let given = values.fold(first, |all, arg| all.join(&arg));
        let shared = self.callbacks.entry((frame.routine, name.to_owned())).or_default();
        if shared.add(&given) {
            let readers = shared.readers.clone();
            self.again(&readers);
        }
    }

    /// What these routines call their parameter at `index` with; `None` where none of them calls it.
    pub fn given_to_callback(&mut self, frame: &Frame, routines: &[usize], index: usize) -> Option<Value> {
        let mut given: Option<Value> = None;
        for routine in routines {
            let parameter = self.program.routines[*routine].parameters().nth(index);
            let Some(Pat::Ident(name)) = parameter.map(|parameter| &*parameter.pat) else { continue };
            let shared = self.callbacks.entry((*routine, name.ident.to_string())).or_default();
            shared.readers.insert(frame.context);
            let Some(value) = &shared.value else { continue };
            given = Some(match given {
                Some(known) => known.join(value),
                None => value.clone(),
            });
        }
        given
    }

    /// Says that a write happens here.
    pub fn write(&mut self, frame: &Frame, span: proc_macro2::Span, value: &Value, called: bool) {
        let place = self.program.place(frame.routine, span);
        let (context, arms) = (frame.context, frame.arms.clone());
        self.facts.writes.push(Write { context, place, value: value.clone(), arms, called });
    }

    /// Puts a value into a field of a struct of the workspace.
    pub fn store(&mut self, ty: &str, field: &str, value: &Value) {
        let shared = self.fields.entry((ty.to_owned(), field.to_owned())).or_default();
        if shared.add(value) {
            let readers = shared.readers.clone();
            self.again(&readers);
        }
    }

    /// What was put into a field of a struct of the workspace.
    pub fn stored(&mut self, frame: &Frame, ty: &str, field: &str) -> Option<Value> {
        let shared = self.fields.entry((ty.to_owned(), field.to_owned())).or_default();
        shared.readers.insert(frame.context);
        shared.value.clone()
    }

    /// Notes a named part of what is put together here.
    pub fn entry(&mut self, frame: &Frame, name: &str, span: proc_macro2::Span, value: &Value, json: bool) {
        let place = self.program.place(frame.routine, span);
        self.facts.entries.push(Entry { place, name: name.to_owned(), value: value.clone(), json });
    }

    /// Notes an answer; `handler` where it is that of the closure given to `service_fn`.
    pub fn answer(&mut self, frame: &Frame, span: proc_macro2::Span, value: &Value, handler: bool) {
        let place = self.program.place(frame.routine, span);
        self.facts.answers.push(Answer { routine: frame.routine, handler, place, value: value.clone() });
    }

    /// The value of a block, whose names end with it.
    pub fn block(&mut self, frame: &mut Frame, block: &Block) -> Value {
        frame.scopes.push(Vec::new());
        let mut last = Value::of_type("()");
        for statement in &block.stmts {
            last = self.statement(frame, statement);
        }
        frame.scopes.pop();
        last
    }

    fn statement(&mut self, frame: &mut Frame, statement: &Stmt) -> Value {
        match statement {
            Stmt::Local(local) => {
                let mut value = Value::default();
                if let Some(init) = &local.init {
                    value = self.expr(frame, &init.expr);
                    self.lost_in_let(frame, local, init, &value);
                    if let Some((_, otherwise)) = &init.diverge {
                        self.expr(frame, otherwise);
                    }
                }
                let value = match &local.pat {
                    Pat::Ident(name) => access::called(value, &name.ident.to_string()),
                    _ => value,
                };
                self.pattern(frame, &local.pat, value);
            }
            Stmt::Expr(expr, None) => return self.expr(frame, expr),
            Stmt::Expr(expr, Some(_)) => {
                let value = self.expr(frame, expr);
                self.dropped(frame, expr, &value);
            }
            Stmt::Macro(found) => {
                let value = self.macro_call(frame, &found.mac);
                if found.semi_token.is_none() {
                    return value;
                }
            }
            Stmt::Item(_) => {}
        }
        Value::of_type("()")
    }

    pub fn swallow(&mut self, frame: &Frame, span: proc_macro2::Span, how: &'static str) {
        self.facts.swallowed.push((self.program.place(frame.routine, span), how));
    }
}

impl Shared {
    /// Whether it holds more than before.
    fn add(&mut self, value: &Value) -> bool {
        let joined = match &self.value {
            Some(known) => known.clone().join(value),
            None => value.clone(),
        };
        let more = self.value.as_ref() != Some(&joined);
        self.value = Some(joined);
        more
    }
}

impl Frame {
    pub fn bind(&mut self, name: String, value: Value) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.push((name, value));
        }
    }

    pub fn find(&self, name: &str) -> Option<&Value> {
        self.scopes
            .iter()
            .rev()
            .flat_map(|scope| scope.iter().rev())
            .find(|(known, _)| known == name)
            .map(|(_, value)| value)
    }

    /// Adds to what a name may hold.
    pub fn assign(&mut self, name: &str, value: &Value) {
        let known = self
            .scopes
            .iter_mut()
            .rev()
            .flat_map(|scope| scope.iter_mut().rev())
            .find(|(known, _)| known == name);
        if let Some((_, held)) = known {
            *held = held.clone().join(value);
        }
    }

    pub fn open(&mut self) {
        self.scopes.push(Vec::new());
    }

    pub fn close(&mut self) {
        self.scopes.pop();
    }
}
