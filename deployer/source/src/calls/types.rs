//! Types: what a value of one may be, what a declared type adds to what is known, and what type parameters
//! stand for.

use std::collections::HashMap;

use syn::{GenericArgument, Generics, Path, PathArguments, Type, TypeParamBound};

use super::analysis::{Analysis, Frame};
use super::index::{Def, DefId, Head, Space, Target, name_of};
use super::sdk;
use super::value::{Atom, Value};

impl<'w> Analysis<'w> {
    /// What a value of a type may be, when nothing else is known of it.
    pub fn of_type(&mut self, frame: &Frame<'w>, of: &Type) -> Value {
        match of {
            Type::Reference(found) => self.of_type(frame, &found.elem),
            Type::Ptr(found) => self.of_type(frame, &found.elem),
            Type::Paren(found) => self.of_type(frame, &found.elem),
            Type::Group(found) => self.of_type(frame, &found.elem),
            Type::Slice(found) => self.of_type(frame, &found.elem),
            Type::Array(found) => self.of_type(frame, &found.elem),
            Type::Tuple(found) if found.elems.is_empty() => Value::opaque(),
            Type::Tuple(found) => {
                Value::of(Atom::Tuple(found.elems.iter().map(|part| self.of_type(frame, part)).collect()))
            }
            Type::ImplTrait(found) => self.of_bounds(frame, found.bounds.iter()),
            Type::TraitObject(found) => self.of_bounds(frame, found.bounds.iter()),
            Type::Path(found) => match &found.qself {
                Some(of) => {
                    let of = self.of_type(frame, &of.ty);
                    let name =
                        found.path.segments.last().map(|part| name_of(&part.ident)).unwrap_or_default();
                    self.associated_type(&of, &name)
                }
                None => match (self.of_path(frame, &found.path), found.path.get_ident()) {
                    // It may be a client by another name.
                    (value, Some(name)) if value == Value::opaque() && self.is_unexplained(frame, name) => {
                        Value::of(Atom::Foreign)
                    }
                    (value, _) => value,
                },
            },
            _ => Value::unknown(),
        }
    }

    /// Whether the name of a type may come from a `*` of a crate that is not read.
    fn is_unexplained(&self, frame: &Frame<'w>, name: &proc_macro2::Ident) -> bool {
        let name = name_of(name);
        let is_alone = matches!(
            self.index.resolve(frame.scope, std::slice::from_ref(&name), Space::Types),
            Some((Target::External(path), _)) if path.len() == 1
        );
        is_alone
            && name.starts_with(char::is_uppercase)
            && !matches!(name.as_str(), "Self" | "String")
            && !self.index.unknown_names(frame.scope).is_empty()
    }

    fn of_path(&mut self, frame: &Frame<'w>, path: &Path) -> Value {
        let names: Vec<String> = path.segments.iter().map(|part| name_of(&part.ident)).collect();
        if let Some(first) = names.first() {
            let known = if first == "Self" {
                frame.owner.as_ref().map(Value::plain)
            } else {
                frame.parameters.get(first).cloned()
            };
            match (known, names.get(1)) {
                (Some(known), None) => return known,
                (Some(known), Some(name)) => return self.associated_type(&known, name),
                (None, _) => {}
            }
        }
        let arguments =
            path.segments.last().map(|part| self.arguments(frame, &part.arguments)).unwrap_or_default();
        match self.index.resolve(frame.scope, &names, Space::Types) {
            Some((Target::Def(id), _)) => self.of_def(id, &arguments),
            Some((Target::External(path), _)) => {
                let of_unread = self.of_unread(&path, frame.scope);
                external(&path, arguments).with(of_unread)
            }
            None => Value::unknown(),
        }
    }

    /// Values of a definition with type arguments.
    pub fn of_def(&mut self, id: DefId, arguments: &[Value]) -> Value {
        let index = self.index;
        let defined = &index.defs[id];
        match &defined.def {
            Def::Struct(found) => Value::of(Atom::Instance(id, self.filled(id, &found.generics, arguments))),
            Def::Enum(found) => Value::of(Atom::Instance(id, self.filled(id, &found.generics, arguments))),
            Def::Variant(of, _) => self.of_def(*of, arguments),
            Def::Trait(_) => Value::of(Atom::Object(id)),
            Def::Alias(found) => {
                let mut frame = self.bare(defined.scope);
                let filled = self.filled(id, &found.generics, arguments);
                let names = found.generics.type_params().map(|parameter| name_of(&parameter.ident));
                frame.parameters = names.zip(filled).collect();
                self.of_type(&frame, &found.ty)
            }
            Def::Module(_) | Def::Const(_) | Def::Static(_) | Def::Function(_) | Def::Import(_) => {
                Value::unknown()
            }
        }
    }

    /// One value a type parameter: the argument, else the default, else unknown.
    fn filled(&mut self, id: DefId, generics: &'w Generics, arguments: &[Value]) -> Vec<Value> {
        let mut arguments = arguments.iter().cloned();
        let mut filled = Vec::new();
        for parameter in generics.type_params() {
            let default = parameter.default.as_ref().map(|(_, default)| default);
            filled.push(match (arguments.next(), default) {
                (Some(argument), _) => argument,
                (None, Some(default)) => {
                    let frame = self.bare(self.index.defs[id].scope);
                    self.of_type(&frame, default)
                }
                (None, None) => Value::unknown(),
            });
        }
        filled
    }

    /// A frame in which nothing but names of a scope are known.
    pub fn bare(&self, scope: usize) -> Frame<'w> {
        Frame {
            context: 0,
            scope,
            owner: None,
            parameters: HashMap::new(),
            names: Vec::new(),
            depth: 0,
            returned: Value::none(),
            at: None,
            output: None,
        }
    }

    pub fn arguments(&mut self, frame: &Frame<'w>, arguments: &PathArguments) -> Vec<Value> {
        match arguments {
            PathArguments::None | PathArguments::Parenthesized(_) => Vec::new(),
            PathArguments::AngleBracketed(found) => {
                let types = found.args.iter().filter_map(|argument| match argument {
                    GenericArgument::Type(of) => Some(of),
                    // `Item = T` of an iterator, `Output = T` of a future.
                    GenericArgument::AssocType(of) => Some(&of.ty),
                    _ => None,
                });
                types.map(|of| self.of_type(frame, of)).collect()
            }
        }
    }

    fn of_bounds<'a>(
        &mut self,
        frame: &Frame<'w>,
        bounds: impl Iterator<Item = &'a TypeParamBound>,
    ) -> Value {
        let mut value = Value::none();
        for bound in bounds {
            let TypeParamBound::Trait(bound) = bound else { continue };
            let called = bound.path.segments.last();
            let is_function = called.is_some_and(|part| {
                matches!(
                    part.ident.to_string().as_str(),
                    "Fn" | "FnMut" | "FnOnce" | "AsyncFn" | "AsyncFnMut" | "AsyncFnOnce"
                )
            });
            value.add(if is_function { Value::unknown() } else { self.of_path(frame, &bound.path) });
        }
        if value.iter().any(|atom| matches!(atom, Atom::Object(_))) { value.telling() } else { value }
    }

    /// What stands for each of `generics`, where values of types that name them are known.
    pub fn infer(&mut self, frame: &mut Frame<'w>, generics: &'w Generics, known: &[(&Type, &Value)]) {
        let names: Vec<String> = generics.type_params().map(|parameter| name_of(&parameter.ident)).collect();
        let mut found: HashMap<String, Value> = HashMap::new();
        for (of, value) in known {
            self.unify(frame, of, value, &names, &mut found);
        }
        for parameter in generics.type_params() {
            let name = name_of(&parameter.ident);
            let value = match found.remove(&name).filter(|value| !value.is_none() && !value.is_unknown()) {
                Some(value) => value,
                None => {
                    let mut bounds: Vec<&TypeParamBound> = parameter.bounds.iter().collect();
                    let clauses = generics.where_clause.iter().flat_map(|clause| &clause.predicates);
                    for clause in clauses {
                        if let syn::WherePredicate::Type(clause) = clause
                            && matches!(&clause.bounded_ty, Type::Path(of) if of.path.is_ident(&name))
                        {
                            bounds.extend(&clause.bounds);
                        }
                    }
                    let bound = self.of_bounds(frame, bounds.into_iter());
                    if bound.iter().any(|atom| matches!(atom, Atom::Object(_))) {
                        bound
                    } else {
                        Value::unknown()
                    }
                }
            };
            frame.parameters.insert(name, value);
        }
    }

    fn unify(
        &mut self,
        frame: &Frame<'w>,
        of: &Type,
        value: &Value,
        names: &[String],
        found: &mut HashMap<String, Value>,
    ) {
        match of {
            Type::Reference(of) => self.unify(frame, &of.elem, value, names, found),
            Type::Paren(of) => self.unify(frame, &of.elem, value, names, found),
            Type::Group(of) => self.unify(frame, &of.elem, value, names, found),
            Type::Slice(of) => self.unify(frame, &of.elem, value, names, found),
            Type::Array(of) => self.unify(frame, &of.elem, value, names, found),
            Type::Tuple(of) => {
                for atom in value.iter() {
                    if let Atom::Tuple(parts) = atom {
                        for (of, part) in of.elems.iter().zip(parts) {
                            self.unify(frame, of, part, names, found);
                        }
                    }
                }
            }
            Type::Path(of) if of.qself.is_none() => {
                if let Some(name) = of.path.get_ident().map(name_of)
                    && names.contains(&name)
                {
                    found.entry(name).or_default().add(value.plain());
                    return;
                }
                let path: Vec<String> = of.path.segments.iter().map(|part| name_of(&part.ident)).collect();
                let Some(PathArguments::AngleBracketed(arguments)) =
                    of.path.segments.last().map(|part| &part.arguments)
                else {
                    return;
                };
                let arguments: Vec<&Type> = arguments
                    .args
                    .iter()
                    .filter_map(|argument| match argument {
                        GenericArgument::Type(of) => Some(of),
                        _ => None,
                    })
                    .collect();
                match self.index.resolve(frame.scope, &path, Space::Types) {
                    Some((Target::Def(id), _)) => {
                        for atom in value.iter() {
                            if let Atom::Instance(is, parts) = atom
                                && *is == id
                            {
                                for (of, part) in arguments.iter().zip(parts) {
                                    self.unify(frame, of, part, names, found);
                                }
                            }
                        }
                    }
                    // A wrapper: what is in it is all that is known of it. Of a result, the good end.
                    Some((Target::External(path), _)) => {
                        let most = if path.last().is_some_and(|last| last == "Result") {
                            1
                        } else {
                            arguments.len()
                        };
                        for of in &arguments[..most.min(arguments.len())] {
                            self.unify(frame, of, value, names, found);
                        }
                    }
                    None => {}
                }
            }
            _ => {}
        }
    }

    /// What is known of a value, now that its type is written down.
    pub fn coerce(&mut self, frame: &Frame<'w>, value: Value, of: &Type) -> Value {
        let typed = self.of_type(frame, of);
        let fitted = fitted(value.clone(), &typed);
        // What another crate makes by a type that is written down: a default, a value that is read.
        for atom in fitted.0.difference(&value.0) {
            self.note_made(atom.clone());
        }
        fitted
    }

    /// `T::Item` of what stands for `T`.
    fn associated_type(&mut self, of: &Value, name: &str) -> Value {
        let index = self.index;
        let mut value = Value::none();
        for atom in of.iter() {
            let Atom::Instance(id, _) = atom else { continue };
            for of_impl in index.of_type.get(id).into_iter().flatten() {
                let found = &index.impls[*of_impl];
                if let Some(written) = found.types.get(name) {
                    let mut frame = self.bare(found.scope);
                    let itself = Value::of(atom.clone());
                    frame.owner = Some(itself.clone());
                    self.infer(&mut frame, &found.item.generics, &[(&*found.item.self_ty, &itself)]);
                    value.add(self.of_type(&frame, written));
                }
            }
        }
        if value.is_none() { Value::unknown() } else { value }
    }

    /// The text that a marker type names: its associated constant `NAME`.
    pub fn marked(&mut self, of: &Value) -> Option<String> {
        of.iter().find_map(|atom| match atom {
            Atom::Instance(id, _) => self.associated_text(*id, atom, "NAME"),
            _ => None,
        })
    }

    fn associated_text(&mut self, id: DefId, atom: &Atom, name: &str) -> Option<String> {
        let index = self.index;
        let impls = index.of_type.get(&id)?;
        impls.iter().find_map(|of_impl| {
            let found = &index.impls[*of_impl];
            let Head::Workspace(_) = found.head else { return None };
            let expression = found.consts.get(name)?;
            let mut frame = self.bare(found.scope);
            frame.owner = Some(Value::of(atom.clone()));
            self.constant(&frame, expression).iter().find_map(|atom| match atom {
                Atom::Text(text) => Some(text.clone()),
                _ => None,
            })
        })
    }

    /// Whether a type is a handle: one of its arguments says, by a constant `NAME`, which resource it is of.
    pub fn is_handle(&self, owner: &Value) -> bool {
        let index = self.index;
        let named = |bound: &TypeParamBound, scope| match bound {
            TypeParamBound::Trait(bound) => {
                let path: Vec<String> = bound.path.segments.iter().map(|part| name_of(&part.ident)).collect();
                match index.resolve(scope, &path, Space::Types) {
                    Some((Target::Def(id), _)) => match &index.defs[id].def {
                        Def::Trait(found) => found.items.iter().any(
                            |item| matches!(item, syn::TraitItem::Const(found) if found.ident == "NAME"),
                        ),
                        _ => false,
                    },
                    Some((Target::External(_), _)) | None => false,
                }
            }
            _ => false,
        };
        owner.iter().any(|atom| {
            let Atom::Instance(of, parts) = atom else { return false };
            let mut impls = index.of_type.get(of).into_iter().flatten().map(|id| &index.impls[*id]);
            !parts.is_empty()
                && impls.any(|found| {
                    let mut bounds =
                        found.item.generics.type_params().flat_map(|parameter| &parameter.bounds);
                    found.trait_.is_none() && bounds.any(|bound| named(bound, found.scope))
                })
        })
    }
}

/// A type of another crate: a client of the SDK, or a wrapper that is seen through.
fn external(path: &[String], arguments: Vec<Value>) -> Value {
    if let Some(service) = sdk::client(path) {
        return Value::of(Atom::Client(service));
    }
    match path.last().map(String::as_str) {
        Some("PhantomData") => Value::opaque(),
        // Errors hold no clients.
        Some("Result") => arguments.into_iter().next().unwrap_or_else(Value::opaque),
        _ => arguments.into_iter().collect::<Value>().or_opaque(),
    }
}

/// A value of a type. The type decides where it is exact; else what is known of the value does.
fn fitted(value: Value, typed: &Value) -> Value {
    let exact = typed.iter().all(|atom| match atom {
        Atom::Instance(..) | Atom::Client(_) | Atom::Tuple(_) => true,
        Atom::Opaque
        | Atom::Unknown
        | Atom::Foreign
        | Atom::Object(_)
        | Atom::Request(_)
        | Atom::Text(_)
        | Atom::Variable(_)
        | Atom::Held(..)
        | Atom::Function(..)
        | Atom::Constructor(_)
        | Atom::Promised(..)
        | Atom::External(..)
        | Atom::Given(..)
        | Atom::Closure(_) => false,
    });
    if value.is_none() {
        return value;
    }
    if exact && !typed.is_none() {
        let fits: Value = value.iter().filter_map(|atom| narrowed(atom, typed)).collect();
        return if fits.is_none() || value.has(&Atom::Unknown) { fits.with(typed.clone()) } else { fits };
    }
    let telling = value.telling();
    let is_object = typed.iter().any(|atom| matches!(atom, Atom::Object(_)));
    if value.has(&Atom::Unknown) || value.has(&Atom::Foreign) || (is_object && telling.is_none()) {
        let vague = value.has(&Atom::Foreign) && typed.is_unknown();
        return telling.with(if vague { Value::of(Atom::Foreign) } else { typed.clone() });
    }
    value
}

/// A possibility that a type allows, with the type's own arguments where it had none.
fn narrowed(atom: &Atom, typed: &Value) -> Option<Value> {
    typed.iter().find_map(|wanted| match (atom, wanted) {
        (Atom::Instance(is, parts), Atom::Instance(of, wanted)) if is == of => {
            let given = parts.iter().filter(|part| part.is_given()).cloned();
            let types = |parts: &Vec<Value>| -> Vec<Value> {
                parts.iter().filter(|part| !part.is_given()).cloned().collect()
            };
            let (parts, wanted) = (types(parts), types(wanted));
            let parts = parts
                .into_iter()
                .zip(wanted)
                .map(|(part, wanted)| if part.is_unknown() { wanted } else { fitted(part, &wanted) });
            let parts = parts.chain(given);
            Some(Value::of(Atom::Instance(*is, parts.collect())))
        }
        (Atom::Client(is), Atom::Client(of)) if is == of => Some(Value::of(atom.clone())),
        (Atom::Tuple(parts), Atom::Tuple(wanted)) if parts.len() == wanted.len() => {
            let parts = parts.iter().zip(wanted).map(|(part, wanted)| fitted(part.clone(), wanted));
            Some(Value::of(Atom::Tuple(parts.collect())))
        }
        _ => None,
    })
}
