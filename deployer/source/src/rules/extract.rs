//! The extractors of axum: parameters of a route's handler that hold what the caller sent (module `axum::extract`).

use syn::{Expr, GenericArgument, Pat, PatTupleStruct, PathArguments, Type};

use super::access;
use super::calls::segments;
use super::flow::{Flow, Frame};
use super::program::named;
use super::value::{Kind, Value};

/// What makes a handler of a function: `get(show).delete(remove)` and `Router::fallback`.
const ROUTES: [&str; 12] =
    ["get", "post", "put", "patch", "delete", "head", "options", "any", "trace", "connect", "on", "fallback"];

/// What an extractor holds, seen through it.
pub fn declared(ty: &Type) -> Option<Value> {
    let found = named(ty)?;
    // A tuple has no name. The `Path` of files has no argument.
    if found.argument.is_none() && !holds_tuple(ty) {
        return None;
    }
    let held = Value { ty: found.argument, ..Value::default() };
    match found.name.as_str() {
        "Json" | "Form" => Some(body(held)),
        "Path" => Some(held.and(Kind::Sent, "the path")),
        "Query" => Some(held.and(Kind::Sent, "the query")),
        "State" => Some(held),
        _ => None,
    }
}

fn holds_tuple(ty: &Type) -> bool {
    let Type::Path(path) = ty else { return false };
    let arguments = path.path.segments.last().map(|last| &last.arguments);
    matches!(arguments, Some(PathArguments::AngleBracketed(arguments))
        if matches!(arguments.args.first(), Some(GenericArgument::Type(Type::Tuple(_)))))
}

fn body(value: Value) -> Value {
    value.and(Kind::Sent, "the body").and(Kind::Body, "the body")
}

/// What a handler is given: `String` and `Bytes` are the body there, and nowhere else.
fn given(ty: &Type) -> Value {
    let name = named(ty).map(|found| found.name).unwrap_or_default();
    if ["String", "Bytes"].contains(&name.as_str()) { body(Value::default()) } else { Value::default() }
}

impl Flow<'_> {
    /// Runs a function that is given to a route by its name; `None` where it is something else.
    pub fn routed(&mut self, frame: &mut Frame, method: &str, arg: &Expr) -> Option<Value> {
        let Expr::Path(path) = arg else { return None };
        let names = segments(&path.path);
        let local =
            names.as_slice().first().is_some_and(|name| names.len() == 1 && frame.find(name).is_some());
        if local || !ROUTES.contains(&method) {
            return None;
        }
        let handlers = self.program.by_path(&names, Some(frame.routine));
        for handler in &handlers {
            let routine = &self.program.routines[*handler];
            let values: Vec<Value> = routine.parameters().map(|parameter| given(&parameter.ty)).collect();
            self.enter(frame, *handler, None, &values);
        }
        (!handlers.is_empty()).then(Value::default)
    }

    /// `Path(user_id)` and `Path((user_id, order))`: parts of a path have the names that they are bound to.
    pub fn path_parts(&mut self, frame: &mut Frame, found: &PatTupleStruct, value: &Value) {
        for pattern in &found.elems {
            self.path_part(frame, pattern, value);
        }
    }

    fn path_part(&mut self, frame: &mut Frame, pattern: &Pat, value: &Value) {
        match pattern {
            Pat::Ident(part) => {
                let name = part.ident.to_string();
                let value = access::sent_as(value.clone(), &name);
                frame.bind(name, value);
            }
            Pat::Tuple(parts) => parts.elems.iter().for_each(|part| self.path_part(frame, part, value)),
            other => self.pattern(frame, other, value.clone()),
        }
    }
}
