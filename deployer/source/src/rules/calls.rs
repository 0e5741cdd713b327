//! The values of calls: the workspace's own functions, the SDK's builders, and what is known of other libraries.

use std::collections::BTreeSet;

use syn::spanned::Spanned;
use syn::{Expr, ExprCall, ExprMethodCall};

use super::access;
use super::facts::Call;
use super::flow::{Flow, Frame};
use super::library::{self, FORGETS, MAPPED, MEMBER, RUNS, SAME, WRITES, statement, table};
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
        library::answer(owner.as_deref(), &name, &args)
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
    fn run(
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
        let routines = self.program.by_method(&name, receiver.ty.as_deref(), found.args.len());
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

    /// What makes a call of the SDK or a SQL client complete, and what ends its error.
    fn sent(
        &mut self,
        frame: &Frame,
        found: &ExprMethodCall,
        name: &str,
        receiver: &Value,
        args: &[Value],
    ) -> Option<Value> {
        let span = found.method.span();
        if let Some(effect) = &receiver.effect {
            if FORGETS.contains(&name) {
                self.swallow(frame, span, "the error is turned into nothing");
                return Some(Value { effect: None, ..receiver.clone().without(Kind::Fallible) });
            }
            let mut effect = effect.clone();
            match name {
                "is_ok" => return Some(receiver.asked(Says::Success)),
                "is_err" => return Some(receiver.asked(Says::Failure)),
                // It ends the function, and the next turn of Lambda finds it failed.
                "unwrap" | "expect" => {
                    return Some(Value { effect: None, ..receiver.clone().without(Kind::Fallible) });
                }
                "table_name" => {
                    effect.tables.extend(args.first().and_then(|arg| table(arg, found)));
                    return Some(Value { effect: Some(effect), ..receiver.clone() });
                }
                "condition_expression" | "set_condition_expression" => {
                    effect.conditional = true;
                    return Some(Value { effect: Some(effect), ..receiver.clone() });
                }
                "build" if effect.operation == MEMBER => {
                    let place = self.program.place(frame.routine, span);
                    self.facts.members.push((place, effect.conditional));
                    return Some(Value::default());
                }
                "send" => {
                    let value = Value { effect: Some(effect), ..Value::default() }.fallible();
                    self.write(frame, span, &value, false);
                    return Some(value);
                }
                _ => {}
            }
        }
        if name == "send" {
            let value = Value::default();
            return Some(if args.is_empty() { value.fallible() } else { value });
        }
        if RUNS.contains(&name) {
            let run = args.iter().find_map(|arg| arg.effect.clone().or_else(|| statement(arg)?.effect));
            let Some(effect) = run.or_else(|| receiver.effect.clone()) else {
                // `query()` without a statement only begins a call of the SDK.
                let value = Value::default();
                return Some(if args.is_empty() { value } else { value.fallible() });
            };
            let value = Value { effect: Some(effect), ..Value::default() }.fallible();
            self.write(frame, span, &value, false);
            return Some(value);
        }
        None
    }

    fn plain_method(
        &mut self,
        frame: &Frame,
        found: &ExprMethodCall,
        name: &str,
        receiver: Value,
        args: &[Value],
    ) -> Value {
        if let Some(value) = library::of_error(&receiver, name) {
            return value;
        }
        let accessor = match name {
            "get" | "first" | "pointer" | "remove" | "get_mut" => match found.args.first() {
                Some(Expr::Path(path)) => args
                    .first()
                    .and_then(|arg| arg.literal.clone())
                    .or_else(|| path.path.segments.last().map(|last| last.ident.to_string())),
                Some(_) => args.first().and_then(|arg| arg.literal.clone()),
                None => None,
            },
            _ if args.is_empty() && !SAME.contains(&name) && !FORGETS.contains(&name) => {
                Some(name.to_owned())
            }
            _ => None,
        };
        if let Some(path) = accessor {
            let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
            let whole = self.payload(name, &receiver).unwrap_or(receiver);
            return parts.into_iter().fold(whole, |value, part| {
                let effect = value.effect.clone();
                Value { effect, ..self.access(frame, &value, part, found.method.span()) }
            });
        }
        if MAPPED.contains(&name) {
            let stays = receiver.has(Kind::Fallible) && ["map", "and_then"].contains(&name);
            let mut mapped = Value::default();
            for (index, (arg, value)) in found.args.iter().zip(args).enumerate() {
                mapped = match arg {
                    Expr::Path(path) => {
                        let handed = library::handed(&receiver, name, index);
                        mapped.join(&self.mapped(frame, &path.path, &handed))
                    }
                    _ => mapped.join(value),
                };
            }
            let effect = mapped.effect.clone().or(receiver.effect);
            let mapped = if stays { mapped.fallible() } else { mapped };
            return Value { effect, ..mapped };
        }
        if SAME.contains(&name) || FORGETS.contains(&name) {
            let made = self.made_of_error(frame, found, (name, &receiver), args);
            let own = made.ty.as_deref().is_some_and(|ty| self.program.owns(ty));
            let left = library::after(receiver, name, &made, own);
            return match name {
                "or" | "or_else" | "unwrap_or" | "unwrap_or_else" => access::instead(left, &made),
                _ => left,
            };
        }
        if let Some(value) = args.first().and_then(statement) {
            return value;
        }
        let ty = receiver.ty.clone();
        Value { ty, ..args.iter().fold(receiver.derived(), Value::mixed) }
    }

    /// What the closure or function makes that `map_err` and the like are given.
    fn made_of_error(
        &mut self,
        frame: &Frame,
        found: &ExprMethodCall,
        (name, receiver): (&str, &Value),
        args: &[Value],
    ) -> Value {
        match (found.args.first(), args.first()) {
            (Some(Expr::Path(path)), Some(value)) if receiver.has(Kind::Fallible) => {
                let handed = library::handed(receiver, name, 0);
                if value.marks.is_empty() { self.mapped(frame, &path.path, &handed) } else { value.clone() }
            }
            (_, Some(value)) => value.clone(),
            (_, None) => Value::default(),
        }
    }

    /// What a function answers that is given to `map` and the like by its name.
    fn mapped(&mut self, frame: &Frame, path: &syn::Path, given: &Value) -> Value {
        let names = segments(path);
        let routines = self.program.by_path(&names, Some(frame.routine));
        let name = names.last().cloned().unwrap_or_default();
        if !routines.is_empty() {
            return self.run(frame, path.span(), &name, &routines, None, std::slice::from_ref(given));
        }
        if SAME.contains(&name.as_str()) {
            return given.clone();
        }
        let owner = names.len().checked_sub(2).map(|at| names[at].clone());
        library::answer(owner.as_deref(), &name, std::slice::from_ref(given))
    }

    /// `lambda_http` reads a body as JSON with `payload()` and `json()`.
    fn payload(&self, name: &str, receiver: &Value) -> Option<Value> {
        (["payload", "json", "form"].contains(&name) && receiver.is_event())
            .then(|| Value::marked(Kind::Sent, "the body"))
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
