//! Calls: of the workspace's functions, which are run; of the SDK, which are noted; of all other crates, through
//! which possibilities pass.

use syn::spanned::Spanned;
use syn::{Expr, ExprCall, ExprMethodCall, ExprPath, PathArguments};

use super::analysis::{Analysis, Frame};
use super::index::{Def, DefId, FnId, Owner, Space, Target, name_of};
use super::sdk;
use super::value::{Atom, Request, Site, Value};
use crate::place::Fault;

/// Methods of other crates whose closure is given an error, and whose result is one.
const ON_ERRORS: [&str; 4] = ["map_err", "inspect_err", "ok_or_else", "or_else"];

/// Methods of other crates that keep what they are given.
const KEEPERS: [&str; 9] =
    ["push", "push_back", "push_front", "insert", "extend", "append", "set", "replace", "get_or_insert"];

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
            let put = arguments.into_iter().filter(|argument| !is_callable(argument)).collect();
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
                Atom::Request(_) if arguments.iter().any(is_callable) => passed.add(Value::of(atom.clone())),
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
                if !matches!(name, "expect" | "ok_or" | "context") {
                    value.add(argument.telling());
                }
                continue;
            }
            let given = if on_error { Value::opaque() } else { receiver.clone() };
            let others: Vec<Value> = arguments.iter().filter(|other| *other != argument).cloned().collect();
            let mut passed = vec![given.clone().with(others.iter().cloned().collect::<Value>().telling()); 2];
            passed[1] = given;
            let result = self.call_value(argument, &passed, site);
            match name {
                "map_err" | "inspect_err" | "ok_or_else" | "filter" | "inspect" | "any" | "all" | "find"
                | "retain" | "is_some_and" | "is_none_or" | "is_ok_and" | "for_each" | "sort_by"
                | "sort_by_key" | "take_while" | "skip_while" | "position" | "partition" => {}
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
                    let _ = of;
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
        match (typed.is_none(), value.is_none()) {
            (true, true) => Value::of(Atom::Foreign),
            (true, false) => value,
            (false, _) => typed.clone().with(value),
        }
    }

    /// What a path that is no local variable leads to.
    pub fn path_value(&mut self, frame: &mut Frame<'w>, found: &'w ExprPath) -> Value {
        let index = self.index;
        let names: Vec<String> = found.path.segments.iter().map(|part| name_of(&part.ident)).collect();
        let Some(last) = found.path.segments.last() else { return Value::unknown() };
        let turbofish = self.arguments(frame, &last.arguments);
        let name = name_of(&last.ident);
        if let Some(of) = &found.qself {
            let of_type = self.of_type(frame, &of.ty);
            return self.associated(&of_type, &name, &turbofish);
        }
        let first = names.first().cloned().unwrap_or_default();
        let known = if first == "Self" { frame.owner.clone() } else { frame.parameters.get(&first).cloned() };
        if let Some(known) = known {
            return match names.get(1..) {
                Some([]) | None => self.unit(&known),
                Some([one]) => self.associated(&known, one, &turbofish),
                Some([assoc, rest @ ..]) => {
                    let _ = (assoc, rest);
                    Value::unknown()
                }
            };
        }
        match index.resolve(frame.scope, &names, Space::Values) {
            Some((Target::Def(id), used)) if used == names.len() => self.value_of(frame, id, &turbofish),
            Some((Target::Def(id), used)) => {
                let written = found.path.segments.iter().nth(used - 1);
                let arguments =
                    written.map(|part| self.arguments(frame, &part.arguments)).unwrap_or_default();
                if let Def::Trait(_) = index.defs[id].def {
                    return Value::of(Atom::Promised(id, name));
                }
                let of_type = self.of_def(id, &arguments);
                match (used + 1 == names.len(), names.get(used)) {
                    (true, Some(one)) => self.associated(&of_type, one, &turbofish),
                    _ => Value::unknown(),
                }
            }
            Some((Target::External(path), _)) => {
                let mut typed: Vec<Value> = Vec::new();
                for part in &found.path.segments {
                    typed.extend(self.arguments(frame, &part.arguments));
                }
                Value::of(Atom::External(path, typed.into_iter().collect()))
            }
            None => Value::unknown(),
        }
    }

    /// `Self` or a type parameter as a value: a unit struct, or the constructor of a tuple struct.
    fn unit(&mut self, of: &Value) -> Value {
        of.iter()
            .map(|atom| match atom {
                Atom::Instance(id, _) => match &self.index.defs[*id].def {
                    Def::Struct(found) if matches!(found.fields, syn::Fields::Unnamed(_)) => {
                        Value::of(Atom::Constructor(*id))
                    }
                    _ => Value::of(atom.clone()),
                },
                _ => Value::of(atom.clone()),
            })
            .collect()
    }

    fn value_of(&mut self, frame: &Frame<'w>, id: DefId, turbofish: &[Value]) -> Value {
        let index = self.index;
        let defined = &index.defs[id];
        match &defined.def {
            Def::Function(function) => {
                let generics = &index.functions[*function].signature.generics;
                let names = generics.type_params().map(|parameter| name_of(&parameter.ident));
                Value::of(Atom::Function(
                    *function,
                    Value::none(),
                    names.zip(turbofish.iter().cloned()).collect(),
                ))
            }
            Def::Const(found) => {
                let bare = self.bare(defined.scope);
                let value = self.constant(&bare, &found.expr);
                self.coerce(&bare, value, &found.ty)
            }
            Def::Static(found) => {
                let bare = Frame { context: frame.context, ..self.bare(defined.scope) };
                let value = self.constant(&bare, &found.expr).with(Value::unknown());
                self.coerce(&bare, value, &found.ty)
            }
            Def::Struct(found) => match found.fields {
                syn::Fields::Unnamed(_) => Value::of(Atom::Constructor(id)),
                syn::Fields::Named(_) | syn::Fields::Unit => self.construct(id, &[], frame),
            },
            Def::Variant(_, found) => match found.fields {
                syn::Fields::Unnamed(_) => Value::of(Atom::Constructor(id)),
                syn::Fields::Named(_) | syn::Fields::Unit => self.construct(id, &[], frame),
            },
            Def::Module(_) | Def::Enum(_) | Def::Trait(_) | Def::Alias(_) | Def::Import(_) => {
                Value::unknown()
            }
        }
    }

    /// `Type::name`.
    fn associated(&mut self, of: &Value, name: &str, turbofish: &[Value]) -> Value {
        let index = self.index;
        let mut value = Value::none();
        for atom in of.iter() {
            match atom {
                Atom::Instance(id, parts) => {
                    if let Some(variant) = index.variant(*id, name) {
                        let frame = self.bare(index.defs[*id].scope);
                        value.add(self.value_of(&frame, variant, &[]));
                        continue;
                    }
                    let functions = self.functions_of(*id, parts, name);
                    for function in &functions {
                        let generics = &index.functions[*function].signature.generics;
                        let names = generics.type_params().map(|parameter| name_of(&parameter.ident));
                        let parameters = names.zip(turbofish.iter().cloned()).collect();
                        value.add(Value::of(Atom::Function(*function, Value::of(atom.clone()), parameters)));
                    }
                    if functions.is_empty() {
                        value.add(self.associated_constant(*id, atom, name));
                    }
                }
                Atom::Object(id) => value.add(Value::of(Atom::Promised(*id, name.to_owned()))),
                Atom::Client(service) => {
                    let path = vec![format!("aws_sdk_{service}"), "Client".to_owned(), name.to_owned()];
                    value.add(Value::of(Atom::External(path, Value::none())));
                }
                _ => value.add(Value::of(Atom::External(vec![name.to_owned()], Value::none()))),
            }
        }
        value
    }

    fn associated_constant(&mut self, id: DefId, atom: &Atom, name: &str) -> Value {
        let index = self.index;
        for of_impl in index.of_type.get(&id).into_iter().flatten() {
            let found = &index.impls[*of_impl];
            if let Some(expression) = found.consts.get(name) {
                let mut frame = self.bare(found.scope);
                frame.owner = Some(Value::of(atom.clone()));
                return self.constant(&frame, expression);
            }
        }
        // Derived: `Default::default`, a builder's start.
        Value::of(atom.clone())
    }

    /// The functions of a name that a type has: its own, those of traits, and those that traits give it.
    fn functions_of(&mut self, of: DefId, parts: &[Value], name: &str) -> Vec<FnId> {
        let index = self.index;
        let mut found = Vec::new();
        let mut traits = Vec::new();
        for of_impl in index.of_type.get(&of).into_iter().flatten().chain(&index.blanket) {
            let implementation = &index.impls[*of_impl];
            if !self.applies(*of_impl, of, parts) {
                continue;
            }
            match (implementation.functions.get(name), &implementation.trait_) {
                (Some(function), _) => found.push(*function),
                (None, Some(Target::Def(of))) => traits.push(*of),
                (None, Some(Target::External(_)) | None) => {}
            }
        }
        if found.is_empty() {
            found.extend(traits.into_iter().flat_map(|of| self.defaults(of, name)));
        }
        found
    }

    fn methods_of(&mut self, of: DefId, parts: &[Value], name: &str) -> Vec<FnId> {
        let functions = self.functions_of(of, parts, name);
        functions.into_iter().filter(|id| self.index.functions[*id].signature.receiver().is_some()).collect()
    }

    /// Whether an `impl` is for these type arguments: `impl Store for Table<Profiles>` is not for another table.
    fn applies(&mut self, of_impl: usize, of: DefId, parts: &[Value]) -> bool {
        let index = self.index;
        let found = &index.impls[of_impl];
        if !index.of_type.get(&of).is_some_and(|impls| impls.contains(&of_impl)) {
            return true;
        }
        let mut frame = self.bare(found.scope);
        frame.parameters =
            found.item.generics.type_params().map(|of| (name_of(&of.ident), Value::unknown())).collect();
        let written = self.of_type(&frame, &found.item.self_ty);
        written.iter().any(|atom| match atom {
            Atom::Instance(is, wanted) if *is == of => parts.iter().zip(wanted).all(|(part, wanted)| {
                part.is_unknown() || wanted.is_unknown() || part.iter().any(|atom| wanted.has(atom))
            }),
            _ => false,
        })
    }

    /// A trait's own bodies of a method.
    fn defaults(&self, of: DefId, name: &str) -> Vec<FnId> {
        let all = self.index.functions.iter().enumerate();
        all.filter(|(_, function)| {
            function.owner == Owner::Trait(of) && name_of(&function.signature.ident) == name
        })
        .map(|(id, _)| id)
        .collect()
    }

    /// A trait's method for every type that has it.
    fn implementations(&mut self, of: DefId, name: &str) -> Vec<(FnId, Atom)> {
        let index = self.index;
        let mut found = Vec::new();
        for of_impl in index.of_trait.get(&of).into_iter().flatten() {
            let implementation = &index.impls[*of_impl];
            let mut frame = self.bare(implementation.scope);
            frame.parameters = implementation
                .item
                .generics
                .type_params()
                .map(|of| (name_of(&of.ident), Value::unknown()))
                .collect();
            let itself = self.of_type(&frame, &implementation.item.self_ty);
            let functions = match implementation.functions.get(name) {
                Some(function) => vec![*function],
                None => self.defaults(of, name),
            };
            for atom in itself.iter().filter(|atom| self.can_be(atom)) {
                found.extend(functions.iter().map(|function| (*function, atom.clone())));
            }
        }
        // A trait that another one builds on.
        if let Def::Trait(item) = &index.defs[of].def
            && found.is_empty()
        {
            for bound in &item.supertraits {
                if let syn::TypeParamBound::Trait(bound) = bound {
                    let path: Vec<String> =
                        bound.path.segments.iter().map(|part| name_of(&part.ident)).collect();
                    if let Some((Target::Def(above), _)) =
                        index.resolve(index.defs[of].scope, &path, Space::Types)
                        && above != of
                    {
                        found.extend(self.implementations(above, name));
                    }
                }
            }
        }
        found
    }

    /// Methods of a name that the workspace adds to types of other crates.
    fn foreign_methods(&self, name: &str) -> Vec<FnId> {
        let index = self.index;
        let impls = index.foreign.iter().chain(&index.blanket).map(|id| &index.impls[*id]);
        impls.filter_map(|found| found.functions.get(name)).copied().collect()
    }

    fn invoke_method(
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

    /// What `Deref` gives.
    pub fn dereferenced(&mut self, of: DefId, parts: &[Value]) -> Option<Value> {
        let index = self.index;
        let itself = Value::of(Atom::Instance(of, parts.to_vec()));
        let found = index.of_type.get(&of)?.iter().find_map(|id| {
            let found = &index.impls[*id];
            let is_deref = matches!(&found.trait_, Some(Target::External(path)) if path.last().is_some_and(|last| last == "Deref"));
            is_deref.then_some(found)
        })?;
        let target = found.types.get("Target")?;
        let mut frame = self.bare(found.scope);
        frame.owner = Some(itself.clone());
        self.infer(&mut frame, &found.item.generics, &[(&*found.item.self_ty, &itself)]);
        if let Some(function) = found.functions.get("deref") {
            return Some(self.invoke(*function, &itself, Vec::new(), std::slice::from_ref(&itself), None));
        }
        Some(self.of_type(&frame, target))
    }

    /// Requests that a handle began are begun by whoever calls the handle.
    fn moved(&mut self, value: Value, site: Site) -> Value {
        let mut moved = Value::none();
        for atom in value.0 {
            moved.add(Value::of(match atom {
                Atom::Request(request) => {
                    let here = Request { at: site, ..request.clone() };
                    if let Some((_, sent)) = self.begun.get_mut(&request.at) {
                        *sent = true;
                    }
                    self.begun.entry(site).or_insert_with(|| (here.clone(), false));
                    Atom::Request(here)
                }
                other => other,
            }));
        }
        moved
    }

    fn begin(&mut self, service: &str, operation: &str, member: bool, site: Site) -> Value {
        let request = Request {
            service: service.to_owned(),
            operation: operation.to_owned(),
            member,
            at: site,
            set: Vec::new(),
        };
        self.begun.entry(site).or_insert_with(|| (request.clone(), false));
        Value::of(Atom::Request(request))
    }

    /// A method of a request that is being built.
    fn build(&mut self, request: &Request, name: &str, arguments: &[Value]) -> Value {
        let ends = if request.member {
            name == "build"
        } else {
            matches!(name, "send" | "send_with" | "presigned" | "orchestrate" | "build" | "into_future")
        };
        if ends {
            self.sent.insert(request.clone());
            if let Some((_, sent)) = self.begun.get_mut(&request.at) {
                *sent = true;
            }
            return if request.member { Value::of(Atom::Request(request.clone())) } else { Value::opaque() };
        }
        let key = name.strip_prefix("set_").unwrap_or(name);
        if !sdk::names_resource(key) {
            return Value::of(Atom::Request(request.clone()));
        }
        let given = arguments.iter().cloned().collect::<Value>();
        let mut request = request.clone();
        match request.set.iter_mut().find(|(known, _)| known == key) {
            Some((_, known)) => known.add(given),
            None => request.set.push((key.to_owned(), given)),
        }
        request.set.sort();
        Value::of(Atom::Request(request))
    }

    /// A call of something of which nothing is known, by the name of an operation.
    fn unresolved(&mut self, name: &str, site: Site) {
        if sdk::is_operation(name) {
            let fault = Fault::new(
                "unresolved-call",
                format!("it cannot be told on what `{name}` is called here"),
            )
            .help(
                "write the type of what it is called on, or call it through a handle such as Table<Profiles>",
            );
            self.fault(site, fault);
        }
    }

    /// A call in tokens of a macro that cannot be read.
    pub fn lost(&mut self, frame: &Frame<'w>, name: &str, span: proc_macro2::Span) {
        if sdk::is_operation(name) {
            let site = self.site(frame, span);
            let fault = Fault::new(
                "unresolved-call",
                format!("`{name}` is called within a macro that cannot be read"),
            )
            .help("call it before the macro, and give the macro what it answered");
            self.fault(site, fault);
        }
    }
}
