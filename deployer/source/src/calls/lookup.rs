//! What paths and methods mean: constants, constructors, and the functions that a type has.

use syn::ExprPath;

use super::analysis::{Analysis, Frame};
use super::index::{Def, DefId, FnId, Owner, Space, Target, name_of};
use super::value::{Atom, Value};

impl<'w> Analysis<'w> {
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
        let known = if first == "Self" {
            frame.owner.as_ref().map(Value::plain)
        } else {
            frame.parameters.get(&first).cloned()
        };
        if let Some(known) = known {
            return match names.get(1..) {
                Some([]) | None => self.unit(&known),
                Some([one]) => self.associated(&known, one, &turbofish),
                Some(_) => Value::unknown(),
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
                let put = self.fields.get(&(id, String::new())).cloned().unwrap_or_default();
                let value = self.constant(&bare, &found.expr).with(put).with(Value::unknown());
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

    pub fn methods_of(&mut self, of: DefId, parts: &[Value], name: &str) -> Vec<FnId> {
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
    pub fn implementations(&mut self, of: DefId, name: &str) -> Vec<(FnId, Atom)> {
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
    pub fn foreign_methods(&self, name: &str) -> Vec<FnId> {
        let index = self.index;
        let impls = index.foreign.iter().chain(&index.blanket).map(|id| &index.impls[*id]);
        impls.filter_map(|found| found.functions.get(name)).copied().collect()
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
}
