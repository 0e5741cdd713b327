//! The values of calls: of functions, of closures, and of the workspace's own methods.

use std::collections::BTreeSet;

use syn::spanned::Spanned;
use syn::{Expr, ExprCall, ExprMethodCall};

use super::facts::Call;
use super::flow::{Flow, Frame};
use super::library::{self, JUDGES, MEMBER, READS, WRITES};
use super::value::{Effect, Kind, Says, Value};

/// The names in a path, without generics.
pub fn segments(path: &syn::Path) -> Vec<String> {
    path.segments.iter().map(|segment| segment.ident.to_string()).collect()
}

impl Flow<'_> {
    /// A call of a function, a variant, or a closure in a variable.
    pub fn call(&mut self, frame: &mut Frame, found: &ExprCall) -> Value {
        let Expr::Path(path) = &*found.func else {
            let called = self.expr(frame, &found.func);
            return found.args.iter().fold(called.derived(), |all, arg| all.mixed(&self.expr(frame, arg)));
        };
        let names = segments(&path.path);
        let name = names.last().cloned().unwrap_or_default();
        if name == "service_fn" {
            return self.handler(frame, found);
        }
        let routines = self.program.by_path(&names, Some(frame.routine));
        let args = self.arguments(frame, &found.args, (&Value::default(), &name), &routines);
        if let [single] = names.as_slice()
            && let Some(closure) = frame.find(single).cloned()
        {
            self.called_back(frame, single, &args);
            return self.held_closure(frame, found, closure, &args);
        }
        self.mention(frame, &path.path);
        let owner = names.len().checked_sub(2).map(|at| names[at].clone());
        let root = found.span().start();
        self.facts.calls.push(Call {
            routine: frame.routine,
            context: frame.context,
            place: self.program.place(frame.routine, path.path.span()),
            name: name.clone(),
            owner: owner.clone(),
            chain: Vec::new(),
            root: (root.line, root.column),
            args: args.clone(),
        });
        if !routines.is_empty() {
            let span = path.path.span();
            return self.run(frame, span, &name, &routines, None, &args);
        }
        if let ("Ok", [answer], 0) = (name.as_str(), args.as_slice(), frame.closures) {
            self.answer(frame, path.path.span(), answer, false);
        }
        if names.ends_with(&["Put".to_owned(), "builder".to_owned()]) {
            let effect = Effect { operation: MEMBER.to_owned(), ..Effect::default() };
            return Value { effect: Some(effect), ..Value::default() };
        }
        let asked = path.path.segments.last().and_then(|last| super::program::argument(&last.arguments));
        library::answer(owner.as_deref(), &name, &args).kept_by(&asked.unwrap_or_default())
    }

    /// A closure that was given or kept: what it answers was found where it stands.
    fn held_closure(&mut self, frame: &Frame, found: &ExprCall, closure: Value, args: &[Value]) -> Value {
        let value = args.iter().fold(closure.clone(), Value::mixed);
        // A parameter of this function: whoever gave it may have given a write.
        if value.effect.is_none()
            && closure.ty.as_deref().is_some_and(|ty| ty.starts_with(char::is_uppercase))
        {
            let effect = Effect { operation: "a write".to_owned(), ..Effect::default() };
            let value = Value { effect: Some(effect), ..value }.fallible();
            self.write(frame, found.span(), &value, true);
            return value;
        }
        value
    }

    /// `service_fn`: what it is given runs with each event.
    fn handler(&mut self, frame: &mut Frame, found: &ExprCall) -> Value {
        let event = Value::marked(Kind::Event, "the event");
        for arg in &found.args {
            match arg {
                Expr::Closure(closure) => {
                    let before = self.facts.targets.len();
                    let value = self.closure(frame, closure, &event);
                    self.answer(frame, closure.body.span(), &value, true);
                    let called = self.facts.targets[before..].iter().map(|(_, routine)| *routine);
                    let event_is_theirs = |id: &usize| self.takes_event(*id);
                    let handlers: Vec<usize> = called.filter(event_is_theirs).collect();
                    self.facts.handlers.extend(handlers);
                }
                Expr::Path(path) => {
                    for routine in self.program.by_path(&segments(&path.path), Some(frame.routine)) {
                        self.enter(frame, routine, None, std::slice::from_ref(&event));
                        self.facts.handlers.push(routine);
                    }
                }
                other => {
                    self.expr(frame, other);
                }
            }
        }
        Value::default()
    }

    fn takes_event(&self, routine: usize) -> bool {
        let mut parameters = self.program.routines[routine].parameters();
        parameters.any(|parameter| {
            super::program::named(&parameter.ty).is_some_and(|found| found.name == "LambdaEvent")
        })
    }

    fn arguments(
        &mut self,
        frame: &mut Frame,
        args: &syn::punctuated::Punctuated<Expr, syn::Token![,]>,
        (receiver, method): (&Value, &str),
        routines: &[usize],
    ) -> Vec<Value> {
        // Closures last: other crates' functions call them with what stands beside them.
        let mut given = receiver.clone();
        let mut values = vec![Value::default(); args.len()];
        for (index, arg) in args.iter().enumerate().filter(|(_, arg)| !matches!(arg, Expr::Closure(_))) {
            let handler = if routines.is_empty() { self.routed(frame, method, arg) } else { None };
            values[index] = handler.unwrap_or_else(|| self.expr(frame, arg));
            given = given.join(&values[index]);
        }
        given.effect = None;
        for (index, arg) in args.iter().enumerate() {
            if let Expr::Closure(closure) = arg {
                let theirs = self.given_to_callback(frame, routines, index);
                let handed = theirs.unwrap_or_else(|| library::handed(&given, method, index));
                values[index] = self.closure(frame, closure, &handed);
            }
        }
        values
    }

    /// Runs functions of the workspace, one of which is meant.
    pub fn run(
        &mut self,
        frame: &Frame,
        span: proc_macro2::Span,
        name: &str,
        routines: &[usize],
        receiver: Option<&Value>,
        args: &[Value],
    ) -> Value {
        let mut result: Option<Value> = None;
        let place = self.program.place(frame.routine, span);
        let mut tables: Option<BTreeSet<String>> = None;
        for routine in routines {
            self.facts.targets.push((place.clone(), *routine));
            let (answer, written) = self.enter(frame, *routine, receiver, args);
            if let Some(written) = written {
                tables.get_or_insert_default().extend(written);
            }
            result = Some(match result {
                Some(known) => known.join(&answer),
                None => answer,
            });
        }
        let mut result = result.unwrap_or_default();
        let marker = receiver.and_then(|receiver| receiver.argument.clone());
        if let Some(mut tables) = tables {
            if tables.is_empty() {
                tables.extend(marker);
            }
            let says = result.effect.as_ref().map_or(Says::All, |effect| effect.says);
            let effect = Effect { operation: name.to_owned(), tables, conditional: true, says };
            let written = Value { effect: Some(effect.clone()), ..Value::default() };
            self.write(frame, span, &written, true);
            let fails = says != Says::All
                || routines.iter().any(|routine| self.program.routines[*routine].may_fail());
            result.effect = fails.then_some(effect);
        } else if let (Some(effect), Some(marker)) = (&mut result.effect, marker)
            && effect.tables.is_empty()
        {
            effect.tables.insert(marker);
        }
        result
    }

    /// A call of a method.
    pub fn method(&mut self, frame: &mut Frame, found: &ExprMethodCall) -> Value {
        let receiver = self.expr(frame, &found.receiver);
        let name = found.method.to_string();
        let mut routines = self.program.by_method(&name, receiver.ty.as_deref(), found.args.len());
        // A method `get` of ours is not that of a map of claims, whose type is nowhere written.
        if READS.contains(&name.as_str()) && receiver.is_foreign() {
            routines.retain(|routine| self.program.routines[*routine].owner == receiver.ty);
        }
        self.facts.judged |= receiver.has(Kind::Origin) && JUDGES.contains(&name.as_str());
        let args = self.arguments(frame, &found.args, (&receiver, &name), &routines);
        let (chain, root) = chain(&found.receiver);
        self.facts.calls.push(Call {
            routine: frame.routine,
            context: frame.context,
            place: self.program.place(frame.routine, found.method.span()),
            name: name.clone(),
            owner: None,
            chain,
            root,
            args: args.clone(),
        });
        if let [key, value] = args.as_slice()
            && ["insert", "item", "entry", "push_param"].contains(&name.as_str())
            && let Some(key) = &key.literal
        {
            self.entry(frame, key, found.method.span(), value, false);
        }
        let builds = WRITES.contains(&name.as_str()) && args.is_empty();
        if !routines.is_empty() && !builds {
            return self.run(frame, found.method.span(), &name, &routines, Some(&receiver), &args);
        }
        if builds {
            let tables = receiver.argument.clone().into_iter().collect();
            let effect = Effect { operation: name, tables, ..Effect::default() };
            return Value { effect: Some(effect), ..Value::default() };
        }
        if let Some(value) = self.sent(frame, found, &name, &receiver, &args) {
            return value;
        }
        self.plain_method(frame, found, &name, receiver, &args)
    }
}

/// The chain's calls, the first one first, and where it begins.
fn chain(receiver: &Expr) -> (Vec<String>, (usize, usize)) {
    let mut names = Vec::new();
    let mut current = receiver;
    loop {
        match current {
            Expr::MethodCall(found) => {
                names.push(found.method.to_string());
                current = &found.receiver;
            }
            Expr::Await(found) => current = &found.base,
            Expr::Try(found) => current = &found.expr,
            Expr::Paren(found) => current = &found.expr,
            Expr::Reference(found) => current = &found.expr,
            Expr::Field(found) => current = &found.base,
            Expr::Call(found) => {
                if let Expr::Path(path) = &*found.func {
                    names.push(segments(&path.path).join("::"));
                }
                break;
            }
            _ => break,
        }
    }
    names.reverse();
    let start = current.span().start();
    (names, (start.line, start.column))
}
