//! The values of other crates' methods: the SDK's builders, SQL clients, and what only wraps or reads a value.

use syn::spanned::Spanned;
use syn::{Expr, ExprMethodCall};

use super::access;
use super::calls::segments;
use super::flow::{Flow, Frame};
use super::library::{self, FORGETS, MAPPED, MEMBER, RUNS, SAME, statement, table};
use super::value::{Kind, Says, Value};

impl Flow<'_> {
    /// What makes a call of the SDK or a SQL client complete, and what ends its error.
    pub fn sent(
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

    pub fn plain_method(
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
            if let Some(body) = self.payload(found, &receiver) {
                return body;
            }
            let whole = receiver;
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
    fn payload(&self, found: &ExprMethodCall, receiver: &Value) -> Option<Value> {
        let reads = ["payload", "json", "form"].iter().any(|name| found.method == name);
        let asked = found.turbofish.as_ref().and_then(super::program::first_argument);
        let body = Value::marked(Kind::Sent, "the body").and(Kind::Parsed, "the body");
        (reads && receiver.is_event()).then(|| body.kept_by(&asked.unwrap_or_default()))
    }
}
