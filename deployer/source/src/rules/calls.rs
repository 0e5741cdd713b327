//! The values of calls: the workspace's own functions, the SDK's builders, and what is known of other libraries.

use std::collections::BTreeSet;

use syn::spanned::Spanned;
use syn::{Expr, ExprCall, ExprMethodCall};

use super::access::plain;
use super::facts::Call;
use super::flow::{Flow, Frame};
use super::value::{Effect, Kind, Value};

/// Methods of SDK clients that change something; those that touch no table are known by the others alone.
const WRITES: [&str; 22] = [
    "put_item",
    "update_item",
    "delete_item",
    "batch_write_item",
    "transact_write_items",
    "execute_statement",
    "execute_transaction",
    "batch_execute_statement",
    "admin_update_user_attributes",
    "admin_create_user",
    "admin_delete_user",
    "admin_disable_user",
    "admin_set_user_password",
    "admin_add_user_to_group",
    "update_user_attributes",
    "verify_user_attribute",
    "put_object",
    "delete_object",
    "send_message",
    "publish",
    "put_events",
    "send_email",
];

/// The row that a transaction puts.
const MEMBER: &str = "a member of a transaction";

/// Methods of SQL clients that run a statement.
const RUNS: [&str; 13] = [
    "execute",
    "query",
    "query_one",
    "query_opt",
    "query_raw",
    "batch_execute",
    "simple_query",
    "execute_raw",
    "fetch",
    "fetch_one",
    "fetch_all",
    "fetch_optional",
    "query_typed",
];

/// Methods whose answer is the receiver itself, or what it holds.
const SAME: [&str; 45] = [
    "clone",
    "as_ref",
    "as_mut",
    "as_deref",
    "as_str",
    "as_slice",
    "as_bytes",
    "borrow",
    "to_owned",
    "to_string",
    "into",
    "into_inner",
    "into_iter",
    "iter",
    "iter_mut",
    "cloned",
    "copied",
    "ok_or",
    "ok_or_else",
    "map_err",
    "or_else",
    "filter",
    "inspect",
    "inspect_err",
    "unwrap",
    "expect",
    "take",
    "get_or_insert_with",
    "try_into",
    "as_array",
    "as_object",
    "deref",
    "lock",
    "read",
    "next",
    "await",
    "boxed",
    "into_bytes",
    "to_vec",
    "context",
    "with_context",
    "as_deref_mut",
    "trim",
    "get_or_init",
    "to_str",
];

/// Methods that answer what their closure does.
const MAPPED: [&str; 9] =
    ["map", "and_then", "map_or", "map_or_else", "filter_map", "flat_map", "then", "find_map", "is_some_and"];

/// Methods that turn a lost error into something else.
const FORGETS: [&str; 5] = ["ok", "unwrap_or", "unwrap_or_default", "unwrap_or_else", "is_ok_and"];

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
        let args = self.arguments(frame, &found.args, &Value::default(), &routines);
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
        self.foreign(owner.as_deref(), &name, args)
    }

    /// What other crates' functions answer.
    fn foreign(&mut self, owner: Option<&str>, name: &str, args: Vec<Value>) -> Value {
        let first = args.first().cloned().unwrap_or_default();
        match (owner, name) {
            (_, "Err") => Value::default(),
            (Some("Uuid"), "new_v4" | "now_v7" | "now_v1") | (Some("Ulid"), "new") => {
                Value::marked(Kind::Random, format!("{}::{name}", owner.unwrap_or_default()))
            }
            (Some("rand"), "random") | (_, "thread_rng" | "random" | "nanoid") => {
                Value::marked(Kind::Random, "a random number")
            }
            (
                Some("SystemTime" | "Utc" | "Local" | "OffsetDateTime" | "Timestamp" | "Zoned"),
                "now" | "now_utc",
            ) => Value::marked(Kind::Time, "the time of day"),
            // Wrappers and conversions: `Some(x)`, `Arc::new(x)`, `String::from(x)`, `AttributeValue::S(x)`.
            _ if args.len() == 1 && is_wrapper(owner, name) => Value { ty: None, ..first },
            _ => {
                let made = args.iter().fold(Value::default(), Value::mixed);
                let ty = owner.filter(|owner| owner.starts_with(char::is_uppercase)).map(str::to_owned);
                statement(&first).unwrap_or(Value { ty, ..made })
            }
        }
    }

    /// A closure that was given or kept: what it answers was found where it stands.
    fn held_closure(&mut self, frame: &Frame, found: &ExprCall, closure: Value, args: &[Value]) -> Value {
        let value = args.iter().fold(closure.clone(), Value::mixed);
        // A parameter of this function: whoever gave it may have given a write.
        if value.effect.is_none()
            && closure.ty.as_deref().is_some_and(|ty| ty.starts_with(char::is_uppercase))
        {
            let effect = Effect { operation: "a write".to_owned(), ..Effect::default() };
            let value = Value { effect: Some(effect), ..value };
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
        receiver: &Value,
        routines: &[usize],
    ) -> Vec<Value> {
        // Closures last: other crates' functions call them with what stands beside them.
        let mut given = receiver.clone();
        let mut values = vec![Value::default(); args.len()];
        for (index, arg) in args.iter().enumerate().filter(|(_, arg)| !matches!(arg, Expr::Closure(_))) {
            values[index] = self.expr(frame, arg);
            given = given.join(&values[index]);
        }
        given.effect = None;
        for (index, arg) in args.iter().enumerate() {
            if let Expr::Closure(closure) = arg {
                let theirs = self.given_to_callback(frame, routines, index);
                values[index] = self.closure(frame, closure, theirs.as_ref().unwrap_or(&given));
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
            let effect = Effect { operation: name.to_owned(), tables, conditional: true };
            let written = Value { effect: Some(effect.clone()), ..Value::default() };
            self.write(frame, span, &written, true);
            let fails = routines.iter().any(|routine| self.program.routines[*routine].may_fail());
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
        let args = self.arguments(frame, &found.args, &receiver, &routines);
        let (chain, root) = chain(&found.receiver);
        self.facts.calls.push(Call {
            routine: frame.routine,
            context: frame.context,
            place: self.program.place(frame.routine, found.method.span()),
            name: name.clone(),
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
            let effect = Effect { operation: name, tables, conditional: false };
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
                return Some(Value { effect: None, ..receiver.clone() });
            }
            let mut effect = effect.clone();
            match name {
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
                    let value = Value { effect: Some(effect), ..Value::default() };
                    self.write(frame, span, &value, false);
                    return Some(value);
                }
                _ => {}
            }
        }
        if name == "send" {
            return Some(Value::default());
        }
        if RUNS.contains(&name) {
            let run = args.iter().find_map(|arg| arg.effect.clone().or_else(|| statement(arg)?.effect));
            let Some(effect) = run.or_else(|| receiver.effect.clone()) else { return Some(Value::default()) };
            let value = Value { effect: Some(effect), ..Value::default() };
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
            let mapped = found.args.iter().zip(args).fold(Value::default(), |all, (arg, value)| match arg {
                Expr::Path(path) => all.join(&self.mapped(frame, &path.path, &receiver)),
                _ => all.join(value),
            });
            let effect = mapped.effect.clone().or(receiver.effect);
            return Value { effect, ..mapped };
        }
        if SAME.contains(&name) || FORGETS.contains(&name) {
            let joined = args.iter().fold(receiver, |all, arg| match name {
                "unwrap_or" | "unwrap_or_else" => all.join(arg),
                _ => all,
            });
            return joined;
        }
        if let Some(value) = args.first().and_then(statement) {
            return value;
        }
        let ty = receiver.ty.clone();
        Value { ty, ..args.iter().fold(receiver.derived(), Value::mixed) }
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
        self.foreign(owner.as_deref(), &name, vec![given.clone()])
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

fn is_wrapper(owner: Option<&str>, name: &str) -> bool {
    match owner {
        Some("AttributeValue" | "Value" | "Body" | "Message" | "SdkBody") | None => {
            name.starts_with(char::is_uppercase) || name == "from" || name == "drop"
        }
        Some(owner) => {
            const MAKERS: [&str; 8] =
                ["new", "from", "pin", "clone", "from_utf8", "from_utf8_lossy", "Owned", "Borrowed"];
            const HOLDERS: [&str; 11] = [
                "Arc", "Rc", "Box", "String", "str", "Cow", "Option", "Result", "Mutex", "RwLock", "OnceLock",
            ];
            MAKERS.contains(&name) && HOLDERS.contains(&owner)
        }
    }
}

/// A table's name: the variable that names it, a constant, or the expression that stands for it.
fn table(arg: &Value, found: &ExprMethodCall) -> Option<String> {
    let variable = arg.mark(Kind::Variable).map(|mark| mark.what.clone());
    let written = found.args.first().and_then(last_name);
    variable.or_else(|| arg.literal.clone()).or(written)
}

fn last_name(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Reference(found) => last_name(&found.expr),
        Expr::MethodCall(found) => last_name(&found.receiver),
        Expr::Field(found) => Some(super::access::member(&found.member)).filter(|name| name != "name"),
        Expr::Path(found) => found.path.segments.last().map(|last| last.ident.to_string()),
        _ => None,
    }
}

/// A SQL statement that writes, with its table.
fn statement(text: &Value) -> Option<Value> {
    let literal = text.literal.as_deref()?;
    let upper = literal.to_ascii_uppercase();
    let words: Vec<&str> = upper.split_whitespace().collect();
    let table = match words.as_slice() {
        ["INSERT", "INTO", table, ..] | ["UPDATE", table, ..] | ["DELETE", "FROM", table, ..] => *table,
        _ => return None,
    };
    let table = plain(table.split('(').next().unwrap_or(table));
    let conditional = words[0] != "INSERT" || upper.contains("ON CONFLICT");
    let tables = BTreeSet::from([format!("sql:{table}")]);
    Some(Value {
        effect: Some(Effect { operation: "sql".to_owned(), tables, conditional }),
        ..Value::default()
    })
}
