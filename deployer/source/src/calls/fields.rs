//! Fields: what they were given and what they are declared to be, and values that are made of them.

use syn::{ExprStruct, Fields, Member};

use super::analysis::{Analysis, Frame};
use super::index::{Def, DefId, Space, Target, name_of};
use super::value::{Atom, Value};

impl<'w> Analysis<'w> {
    /// A field of everything that a value may be.
    pub fn field(&mut self, base: &Value, member: &Member) -> Value {
        let name = match member {
            Member::Named(name) => name_of(name),
            Member::Unnamed(position) => position.index.to_string(),
        };
        let mut value = Value::none();
        for atom in base.iter() {
            match atom {
                Atom::Instance(of, parts) => value.add(self.field_of(*of, parts, &name)),
                Atom::Tuple(parts) => match name.parse::<usize>().ok().and_then(|at| parts.get(at)) {
                    Some(part) => value.add(part.clone()),
                    // A field of something in it: of a list of pairs, say.
                    None => value.add(Value::opaque()),
                },
                Atom::Unknown => value.add(Value::unknown()),
                // A public field of another crate's wrapper: what is in it.
                _ => value.add(Value::of(atom.clone())),
            }
        }
        value
    }

    /// A field by its declared type and what it was given.
    pub fn field_of(&mut self, of: DefId, parts: &[Value], name: &str) -> Value {
        let index = self.index;
        let (fields, generics) = match &index.defs[of].def {
            Def::Struct(found) => (&found.fields, &found.generics),
            _ => return Value::unknown(),
        };
        let Some(declared) = declared(fields, name) else {
            return self.dereferenced(of, parts).map_or_else(Value::opaque, |inner| {
                let member = Member::Named(proc_macro2::Ident::new(name, proc_macro2::Span::call_site()));
                self.field(&inner, &member)
            });
        };
        let mut frame = self.bare(index.defs[of].scope);
        let names = generics.type_params().map(|parameter| name_of(&parameter.ident));
        frame.parameters = names.zip(parts.iter().cloned()).collect();
        frame.owner = Some(Value::of(Atom::Instance(of, parts.to_vec())));
        let typed = self.of_type(&frame, declared);
        let key = (of, name.to_owned());
        let own = parts.iter().flat_map(Value::iter).find_map(|part| match part {
            Atom::Given(field, value) if field == name => Some(value.clone()),
            _ => None,
        });
        let given = match own {
            Some(own) => own.with(self.assigned.get(&key).cloned().unwrap_or_default()),
            None => self.fields.get(&key).cloned().unwrap_or_else(Value::unknown),
        };
        let value = self.coerce(&frame, given, declared);
        let itself = Value::of(Atom::Instance(of, parts.to_vec()));
        if typed == Value::opaque() && self.is_handle(&itself) {
            return Value::of(Atom::Held(of, parts.to_vec(), name.to_owned()));
        }
        value.or_opaque()
    }

    pub fn structure(&mut self, frame: &mut Frame<'w>, found: &'w ExprStruct) -> Value {
        let names: Vec<String> = found.path.segments.iter().map(|part| name_of(&part.ident)).collect();
        let mut made = Vec::new();
        if names.first().is_some_and(|first| first == "Self") {
            for atom in frame.owner.clone().unwrap_or_default().iter() {
                if let Atom::Instance(of, _) = atom {
                    let of = names.get(1).and_then(|name| self.index.variant(*of, name)).unwrap_or(*of);
                    made.push(of);
                }
            }
        } else if let Some((Target::Def(id), _)) = self.index.resolve(frame.scope, &names, Space::Types) {
            made.push(id);
        } else if let Some((Target::Def(id), _)) = self.index.resolve(frame.scope, &names, Space::Values) {
            made.push(id);
        }
        let mut given = Vec::new();
        let cfg = self.cfg(frame);
        for field in found.fields.iter().filter(|field| cfg.has(&field.attrs)) {
            let name = match &field.member {
                Member::Named(name) => name_of(name),
                Member::Unnamed(position) => position.index.to_string(),
            };
            given.push((name, self.expression(frame, &field.expr)));
        }
        if let Some(rest) = &found.rest {
            self.expression(frame, rest);
        }
        let mut value = Value::none();
        for of in made {
            value.add(self.construct(of, &given, frame));
        }
        let anything = given.into_iter().map(|(_, value)| value).collect::<Value>();
        if value.is_none() { anything.telling().or_opaque() } else { value }
    }

    /// A value of a type or variant whose fields are given.
    pub fn construct(&mut self, of: DefId, given: &[(String, Value)], frame: &Frame<'w>) -> Value {
        let index = self.index;
        let scope = index.defs[of].scope;
        let mut inner = self.bare(scope);
        let (id, fields, generics, prefix) = match &index.defs[of].def {
            Def::Struct(found) => (of, &found.fields, &found.generics, String::new()),
            Def::Variant(owner, variant) => match &index.defs[*owner].def {
                Def::Enum(found) => {
                    (*owner, &variant.fields, &found.generics, format!("{}.", index.defs[of].name))
                }
                _ => return Value::opaque(),
            },
            Def::Alias(_) => {
                let aliased = self.of_def(of, &[]);
                let structs: Vec<DefId> = aliased
                    .iter()
                    .filter_map(|atom| match atom {
                        Atom::Instance(id, _) => Some(*id),
                        _ => None,
                    })
                    .collect();
                return structs
                    .into_iter()
                    .map(|id| self.construct(id, given, frame))
                    .collect::<Value>()
                    .or_opaque();
            }
            _ => return Value::opaque(),
        };
        let known: Vec<(&syn::Type, &Value)> =
            given.iter().filter_map(|(name, value)| Some((declared(fields, name)?, value))).collect();
        self.infer(&mut inner, generics, &known);
        // Within its own `impl`, `Self { … }` has the arguments of `Self`.
        if let Some(owner) = &frame.owner {
            for atom in owner.iter() {
                if let Atom::Instance(is, parts) = atom
                    && *is == id
                {
                    for (parameter, part) in generics.type_params().zip(parts) {
                        let name = name_of(&parameter.ident);
                        let unknown = inner.parameters.get(&name).is_none_or(Value::is_unknown);
                        if unknown {
                            inner.parameters.insert(name, part.clone());
                        }
                    }
                }
            }
        }
        let mut own = Vec::new();
        for (name, value) in given {
            let value = match declared(fields, name) {
                Some(of) => self.coerce(&inner, value.clone(), of),
                None => value.clone(),
            };
            if prefix.is_empty() && value.is_of_variable() {
                own.push(Value::of(Atom::Given(name.clone(), value.telling())));
            }
            self.fill(id, &format!("{prefix}{name}"), value);
        }
        let parts =
            generics.type_params().map(|parameter| inner.parameters.get(&name_of(&parameter.ident)).cloned());
        let mut parts: Vec<Value> = parts.map(Option::unwrap_or_default).collect();
        if !self.is_handle(&Value::of(Atom::Instance(id, parts.clone()))) {
            own.sort();
            parts.extend(own);
        }
        let atom = Atom::Instance(id, parts);
        self.note_made(atom.clone());
        Value::of(atom)
    }
}

/// The type of a field.
pub fn declared<'w>(fields: &'w Fields, name: &str) -> Option<&'w syn::Type> {
    fields
        .iter()
        .enumerate()
        .find(|(position, field)| match &field.ident {
            Some(ident) => name_of(ident) == name,
            None => position.to_string() == name,
        })
        .map(|(_, field)| &field.ty)
}
