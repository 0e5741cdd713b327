//! Calls: of the workspace's functions, which are run; of the SDK, which are noted; of all other crates, through
//! which possibilities pass.

use syn::spanned::Spanned;
use syn::{Expr, ExprCall, ExprMethodCall, PathArguments};

use super::analysis::{Analysis, Frame};
use super::index::{FnId, Owner, name_of};
use super::sdk;
use super::value::{Atom, Site, Value};

/// Methods of other crates whose closure is given an error, and whose result is one.
const ON_ERRORS: [&str; 6] =
    ["map_err", "inspect_err", "ok_or_else", "or_else", "with_context", "wrap_err_with"];

/// Methods of other crates that keep what they are given.
const KEEPERS: [&str; 9] =
    ["push", "push_back", "push_front", "insert", "extend", "append", "set", "replace", "get_or_insert"];

/// Whether a method's result has nothing of its arguments: words of an error, what is looked for in a text.
fn stays_inside(method: &str, receiver: &Value) -> bool {
    let is_text = |atom: &Atom| matches!(atom, Atom::Text(_) | Atom::Variable(_) | Atom::Held(..));
    match method {
        "expect" | "ok_or" | "context" | "wrap_err" => true,
        "replace" | "replacen" | "split" | "split_once" | "strip_prefix" | "strip_suffix"
        | "trim_matches" | "trim_start_matches" | "trim_end_matches" => {
            let told = receiver.telling();
            !told.is_none() && told.iter().all(is_text)
        }
        _ => false,
    }
}

/// Whether a value can be called.
fn is_callable(value: &Value) -> bool {
    value.iter().any(|atom| {
        matches!(atom, Atom::Closure(_) | Atom::Function(..) | Atom::Constructor(_) | Atom::Promised(..))
    })
}

impl<'w> Analysis<'w> {
    pub fn method_call(&mut self, frame: &mut Frame<'w>, call: &'w ExprMethodCall) -> Value {
        let receiver = self.expression(frame, &call.receiver);
        let arguments = self.expressions(frame, call.args.iter());
        let name = name_of(&call.method);
        let site = self.site(frame, call.method.span());
        let turbofish: Vec<Value> = match &call.turbofish {
            Some(found) => self.arguments(frame, &PathArguments::AngleBracketed(found.clone())),
            None => Vec::new(),
        };
        let value = self.method(&receiver, &name, &turbofish, &arguments, site);
        // `list.push(x)`: what is put in can be taken out.
        if KEEPERS.contains(&name.as_str()) || (receiver.telling().is_none() && !sdk::is_operation(&name)) {
            let keeps = KEEPERS.contains(&name.as_str());
            let put = arguments.into_iter().filter(|argument| keeps || !is_callable(argument)).collect();
            self.absorb(frame, &call.receiver, put);
        }
        value
    }

    /// A method of everything that a value may be.
    fn method(
        &mut self,
        receiver: &Value,
        name: &str,
        turbofish: &[Value],
        arguments: &[Value],
        site: Site,
    ) -> Value {
        let mut value = Value::none();
        if receiver.is_unknown() {
            self.unresolved(name, site);
        }
        let mut passed = Value::none();
        for atom in receiver.iter() {
            match atom {
                Atom::Instance(of, parts) => match self.methods_of(*of, parts, name) {
                    found if found.is_empty() => match self.dereferenced(*of, parts) {
                        Some(inner) if inner != *receiver => {
                            value.add(self.method(&inner, name, turbofish, arguments, site))
                        }
                        _ => passed.add(Value::of(atom.clone())),
                    },
                    found => {
                        for function in found {
                            value.add(self.invoke_method(function, atom, turbofish, arguments, site));
                        }
                    }
                },
                Atom::Object(of) => {
                    for (function, itself) in self.implementations(*of, name) {
                        value.add(self.invoke_method(function, &itself, turbofish, arguments, site));
                    }
                }
                Atom::Client(service) => match sdk::begins(service, name) {
                    true => value.add(self.begin(service, name, false, site)),
                    false => passed.add(Value::of(atom.clone())),
                },
                // A list of requests: what is done with each.
                Atom::Request(_) if arguments.iter().any(is_callable) && !sdk::names_resource(name) => {
                    passed.add(Value::of(atom.clone()));
                }
                Atom::Request(request) => value.add(self.build(request, name, arguments)),
                Atom::Foreign => {
                    // Other crates' own words are seldom two.
                    if name.contains('_') {
                        self.unresolved(name, site);
                    }
                    passed.add(Value::of(atom.clone()));
                }
                Atom::Unknown => {
                    if !sdk::is_operation(name) {
                        for function in self.index.methods.get(name).into_iter().flatten().copied() {
                            value.add(self.invoke_unknown(function, arguments, site));
                        }
                    }
                    passed.add(Value::unknown());
                }
                Atom::External(path, _) => {
                    self.unread(path, arguments, site);
                    if name.contains('_') {
                        self.unresolved(name, site);
                    }
                    passed.add(Value::of(atom.clone()));
                }
                Atom::Closure(_) | Atom::Function(..)
                    if matches!(name, "call" | "call_mut" | "call_once") =>
                {
                    value.add(self.call_value(&Value::of(atom.clone()), arguments, site));
                }
                _ => passed.add(Value::of(atom.clone())),
            }
        }
        if !passed.is_none() {
            // The workspace's own traits on others' types.
            for function in self.foreign_methods(name) {
                for atom in passed.clone().iter() {
                    value.add(self.invoke_method(function, atom, turbofish, arguments, site));
                }
            }
            value.add(self.through(&passed, name, turbofish, arguments, site));
        }
        value
    }

    /// A method of another crate: what it gives is made of what it gets.
    fn through(
        &mut self,
        receiver: &Value,
        name: &str,
        turbofish: &[Value],
        arguments: &[Value],
        site: Site,
    ) -> Value {
        let on_error = ON_ERRORS.contains(&name);
        let mut value = receiver.clone();
        for argument in arguments {
            if !is_callable(argument) {
                if !stays_inside(name, receiver) {
                    value.add(argument.telling());
                }
                continue;
            }
            if KEEPERS.contains(&name) {
                continue;
            }
            let given = if on_error { Value::opaque() } else { receiver.clone() };
            let others: Vec<Value> = arguments.iter().filter(|other| *other != argument).cloned().collect();
            let mut passed = vec![given.clone().with(others.iter().cloned().collect::<Value>().telling()); 2];
            passed[1] = given;
            let result = self.call_value(argument, &passed, site);
            match name {
                "map_err" | "inspect_err" | "ok_or_else" | "with_context" | "wrap_err_with" | "filter"
                | "inspect" | "any" | "all" | "find" | "retain" | "is_some_and" | "is_none_or"
                | "is_ok_and" | "for_each" | "sort_by" | "sort_by_key" | "take_while" | "skip_while"
                | "position" | "partition" => {}
                "map" | "and_then" | "filter_map" | "flat_map" | "then" | "then_some" | "map_or"
                | "map_or_else" | "find_map" => {
                    // What comes out is what the closure makes of it.
                    let kept: Value = if result.telling().is_none() { Value::none() } else { result };
                    value = Value(
                        value.0.into_iter().filter(|atom| !receiver.has(atom) || kept.has(atom)).collect(),
                    );
                    value.add(kept);
                    value = value.or_opaque();
                }
                _ => value.add(result.telling()),
            }
        }
        let typed: Value = turbofish.iter().cloned().collect();
        let value = value.settled();
        if typed.telling().is_none() { value.or_opaque() } else { typed }
    }

    /// A call of something that is no method.
    pub fn call(&mut self, frame: &mut Frame<'w>, call: &'w ExprCall) -> Value {
        let callee = match &*call.func {
            Expr::Path(path) => match path.path.get_ident().filter(|_| path.qself.is_none()).map(name_of) {
                Some(name) => match super::expressions::lookup(frame, &name) {
                    Some(id) => self.variables[id].value.clone(),
                    None => self.path_value(frame, path),
                },
                None => self.path_value(frame, path),
            },
            other => self.expression(frame, other),
        };
        let arguments = self.expressions(frame, call.args.iter());
        let site = self.site(frame, call.func.span());
        self.call_value(&callee, &arguments, site)
    }

    /// Calls everything that a value may be.
    pub fn call_value(&mut self, callee: &Value, arguments: &[Value], site: Site) -> Value {
        let mut value = Value::none();
        for atom in callee.iter() {
            match atom {
                Atom::Function(function, owner, parameters) => {
                    self.called_functions.insert(*function);
                    let receivers = self.receivers(*function, owner, arguments);
                    if receivers.is_empty() {
                        value.add(self.invoke(*function, owner, parameters.clone(), arguments, Some(site)));
                    }
                    for receiver in receivers {
                        value.add(self.invoke_method(*function, &receiver, &[], &arguments[1..], site));
                    }
                }
                Atom::Closure(id) => value.add(self.call_closure(*id, arguments)),
                Atom::Constructor(of) => {
                    let given: Vec<(String, Value)> = arguments
                        .iter()
                        .enumerate()
                        .map(|(at, value)| (at.to_string(), value.clone()))
                        .collect();
                    let frame = self.bare(self.index.defs[*of].scope);
                    value.add(self.construct(*of, &given, &frame));
                }
                Atom::Promised(of, name) => {
                    let Some((first, rest)) = arguments.split_first() else {
                        for (function, itself) in self.implementations(*of, name) {
                            value.add(self.invoke(
                                function,
                                &Value::of(itself),
                                Vec::new(),
                                arguments,
                                Some(site),
                            ));
                        }
                        continue;
                    };
                    value.add(self.method(first, name, &[], rest, site));
                }
                Atom::External(path, typed) => value.add(self.outside(path, typed, arguments, site)),
                // A type that another crate makes callable, or a callback that is not known: all closures are
                // run at least once.
                _ => value.add(arguments.iter().cloned().collect::<Value>().telling().or_opaque()),
            }
        }
        value
    }

    /// What `Type::method` is called on, where the argument says more of it than the path.
    fn receivers(&self, function: FnId, owner: &Value, arguments: &[Value]) -> Vec<Atom> {
        let takes_one = self.index.functions[function].signature.receiver().is_some();
        let Some(first) = arguments.first().filter(|_| takes_one) else { return Vec::new() };
        let same = |atom: &&Atom| match atom {
            Atom::Instance(is, _) => {
                owner.iter().any(|owner| matches!(owner, Atom::Instance(of, _) if of == is))
            }
            _ => false,
        };
        first.iter().filter(same).cloned().collect()
    }

    /// A function of another crate.
    fn outside(&mut self, path: &[String], typed: &Value, arguments: &[Value], site: Site) -> Value {
        let last = path.last().map(String::as_str).unwrap_or_default();
        self.unread(path, arguments, site);
        if let [.., "mem", "swap" | "replace"] =
            path.iter().map(String::as_str).collect::<Vec<_>>().as_slice()
        {
            arguments.iter().for_each(|argument| self.spread(argument));
        }
        if let Some(service) = sdk::client(&path[..path.len().saturating_sub(1)]) {
            return match last {
                "new" | "from_conf" => Value::of(Atom::Client(service)),
                // `Client::put_item(&client)`.
                name if sdk::begins(&service, name) => self.begin(&service, name, false, site),
                _ => Value::of(Atom::Client(service)),
            };
        }
        if let Some((service, operation, member)) = sdk::builder(path) {
            return self.begin(&service, &operation, member, site);
        }
        if let [.., module, "var" | "var_os"] = path.iter().map(String::as_str).collect::<Vec<_>>().as_slice()
            && *module == "env"
        {
            let names = arguments.iter().flat_map(Value::iter).filter_map(|atom| match atom {
                Atom::Text(name) => Some(Value::of(Atom::Variable(name.clone()))),
                _ => None,
            });
            return names.collect::<Value>().or_opaque();
        }
        if last == "Err" {
            return Value::none();
        }
        let mut value = Value::none();
        for argument in arguments {
            if is_callable(argument) {
                let others: Value = arguments.iter().filter(|other| *other != argument).cloned().collect();
                let others = others.telling();
                let given = if others.is_none() { Value::unknown() } else { others };
                value.add(self.call_value(argument, &[given.clone(), given], site).telling());
            }
            value.add(argument.telling());
        }
        value.add(self.of_unread(path, site.scope));
        match (typed.is_none(), value.is_none()) {
            (true, true) => Value::of(Atom::Foreign),
            (true, false) => value,
            (false, _) => typed.clone().with(value),
        }
    }

    pub fn invoke_method(
        &mut self,
        function: FnId,
        itself: &Atom,
        turbofish: &[Value],
        arguments: &[Value],
        site: Site,
    ) -> Value {
        let generics = &self.index.functions[function].signature.generics;
        let names = generics.type_params().map(|parameter| name_of(&parameter.ident));
        let parameters = names.zip(turbofish.iter().cloned()).collect();
        let owner = Value::of(itself.clone());
        let mut passed = vec![owner.clone()];
        passed.extend_from_slice(arguments);
        let value = self.invoke(function, &owner, parameters, &passed, Some(site));
        // A handle begins a request for whoever calls it.
        if self.is_handle(&owner) { self.moved(value, site) } else { value }
    }

    /// A method of a name, for whatever type has it.
    fn invoke_unknown(&mut self, function: FnId, arguments: &[Value], site: Site) -> Value {
        let index = self.index;
        let owner = match index.functions[function].owner {
            Owner::Impl(of) => {
                let found = &index.impls[of];
                let mut frame = self.bare(found.scope);
                frame.parameters = found
                    .item
                    .generics
                    .type_params()
                    .map(|of| (name_of(&of.ident), Value::unknown()))
                    .collect();
                self.of_type(&frame, &found.item.self_ty)
            }
            Owner::Trait(_) | Owner::Nobody => Value::unknown(),
        };
        let mut passed = vec![owner.clone()];
        passed.extend_from_slice(arguments);
        self.invoke(function, &owner, Vec::new(), &passed, Some(site))
    }
}
