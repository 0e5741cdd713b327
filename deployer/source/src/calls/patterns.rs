//! Patterns and places: what names are bound to, and what is put where.

use syn::{Expr, Member, Pat};

use super::analysis::{Analysis, Frame};
use super::expressions::lookup;
use super::fields::declared;
use super::index::{Def, Space, Target, name_of};
use super::value::{Atom, Value};

impl<'w> Analysis<'w> {
    pub fn assign(&mut self, frame: &mut Frame<'w>, to: &'w Expr, value: Value, whole: bool) {
        match to {
            Expr::Path(found) => {
                let Some(name) = found.path.get_ident().map(name_of) else { return };
                let Some(id) = lookup(frame, &name) else {
                    let target = self.index.resolve(frame.scope, &[name], Space::Values);
                    if let Some((Target::Def(id), 1)) = target
                        && matches!(self.index.defs[id].def, Def::Static(_))
                    {
                        self.put(id, "", value);
                    }
                    return;
                };
                let variable = &mut self.variables[id];
                // In a branch the old value may stay.
                if whole && variable.depth == frame.depth {
                    variable.value = value;
                } else {
                    variable.value.add(value);
                }
            }
            Expr::Field(found) => {
                let base = self.expression(frame, &found.base);
                let name = match &found.member {
                    Member::Named(name) => name_of(name),
                    Member::Unnamed(position) => position.index.to_string(),
                };
                for atom in base.iter() {
                    if let Atom::Instance(of, _) = atom {
                        self.put(*of, &name, value.clone());
                    }
                }
            }
            Expr::Unary(found) => {
                self.spread(&value);
                self.assign(frame, &found.expr, value, false);
            }
            Expr::Paren(found) => self.assign(frame, &found.expr, value, whole),
            Expr::Index(found) => self.assign(frame, &found.expr, value, false),
            Expr::Tuple(found) => {
                for (position, part) in found.elems.iter().enumerate() {
                    let parts = value.iter().map(|atom| match atom {
                        Atom::Tuple(parts) => parts.get(position).cloned().unwrap_or_default(),
                        other => Value::of(other.clone()),
                    });
                    let parts = parts.collect();
                    self.assign(frame, part, parts, whole);
                }
            }
            _ => {}
        }
    }

    /// What is pushed, inserted or set into something that has a name.
    pub fn absorb(&mut self, frame: &mut Frame<'w>, into: &'w Expr, value: Value) {
        let value = value.telling();
        if !value.is_none() {
            self.spread(&value);
            self.assign(frame, into, value, false);
        }
    }

    /// A value that is put behind a reference takes the place of one that is known by another name: whatever it was made
    /// with, any of its type may have.
    pub fn spread(&mut self, value: &Value) {
        for atom in value.iter() {
            let (Atom::Instance(_, parts) | Atom::Tuple(parts)) = atom else { continue };
            for part in parts {
                match (atom, part.iter().next()) {
                    (Atom::Instance(of, _), Some(Atom::Given(field, held))) => {
                        self.put(*of, field, held.clone());
                    }
                    _ => self.spread(part),
                }
            }
        }
    }

    /// Binds the names of a pattern.
    pub fn pattern(&mut self, frame: &mut Frame<'w>, pattern: &'w Pat, value: Value) {
        match pattern {
            Pat::Ident(found) => {
                if let Some((_, below)) = &found.subpat {
                    self.pattern(frame, below, value.clone());
                }
                self.bind(frame, &name_of(&found.ident), value);
            }
            Pat::Type(found) => {
                let value = self.coerce(frame, value, &found.ty);
                self.pattern(frame, &found.pat, value);
            }
            Pat::Reference(found) => self.pattern(frame, &found.pat, value),
            Pat::Paren(found) => self.pattern(frame, &found.pat, value),
            Pat::Or(found) => found.cases.iter().for_each(|case| self.pattern(frame, case, value.clone())),
            Pat::Guard(found) => {
                self.pattern(frame, &found.pat, value);
                self.expression(frame, &found.guard);
            }
            Pat::Slice(found) => found.elems.iter().for_each(|part| self.pattern(frame, part, value.clone())),
            Pat::Tuple(found) => {
                for (position, part) in found.elems.iter().enumerate() {
                    let parts = value.iter().map(|atom| match atom {
                        Atom::Tuple(parts) => parts.get(position).cloned().unwrap_or_default(),
                        other => Value::of(other.clone()),
                    });
                    let parts = parts.collect();
                    self.pattern(frame, part, parts);
                }
            }
            Pat::TupleStruct(found) => {
                let names: Vec<String> =
                    found.path.segments.iter().map(|part| name_of(&part.ident)).collect();
                for (position, part) in found.elems.iter().enumerate() {
                    let inner = self.payload(frame, &names, &position.to_string(), &value);
                    self.pattern(frame, part, inner);
                }
            }
            Pat::Struct(found) => {
                let names: Vec<String> =
                    found.path.segments.iter().map(|part| name_of(&part.ident)).collect();
                for field in &found.fields {
                    let name = match &field.member {
                        Member::Named(name) => name_of(name),
                        Member::Unnamed(position) => position.index.to_string(),
                    };
                    let inner = self.payload(frame, &names, &name, &value);
                    self.pattern(frame, &field.pat, inner);
                }
            }
            _ => {}
        }
    }

    /// A field of what a pattern takes apart.
    fn payload(&mut self, frame: &Frame<'w>, path: &[String], field: &str, value: &Value) -> Value {
        let resolved = match path.first().map(String::as_str) {
            Some("Self") => {
                frame.owner.iter().flat_map(Value::iter).find_map(|atom| match (atom, path.get(1)) {
                    (Atom::Instance(of, _), Some(name)) => self.index.variant(*of, name),
                    (Atom::Instance(of, _), None) => Some(*of),
                    _ => None,
                })
            }
            _ => match self.index.resolve(frame.scope, path, Space::Values) {
                Some((Target::Def(id), _)) => Some(id),
                Some((Target::External(_), _)) | None => {
                    match self.index.resolve(frame.scope, path, Space::Types) {
                        Some((Target::Def(id), _)) => Some(id),
                        Some((Target::External(_), _)) | None => None,
                    }
                }
            },
        };
        let index = self.index;
        match resolved.map(|id| (id, &index.defs[id].def)) {
            Some((id, Def::Variant(of, variant))) => {
                let Some(declared) = declared(&variant.fields, field) else { return Value::unknown() };
                let parts = value.iter().find_map(|atom| match atom {
                    Atom::Instance(is, parts) if is == of => Some(parts.clone()),
                    _ => None,
                });
                let mut inner = self.bare(index.defs[*of].scope);
                if let (Def::Enum(found), Some(parts)) = (&index.defs[*of].def, parts) {
                    let names = found.generics.type_params().map(|parameter| name_of(&parameter.ident));
                    inner.parameters = names.zip(parts).collect();
                }
                let key = (*of, format!("{}.{field}", index.defs[id].name));
                let given = self.fields.get(&key).cloned().unwrap_or_else(Value::unknown);
                self.coerce(&inner, given, declared)
            }
            Some((id, Def::Struct(_))) => {
                let same = value.iter().filter_map(|atom| match atom {
                    Atom::Instance(is, parts) if *is == id => Some(parts),
                    _ => None,
                });
                let mut all: Vec<&Vec<Value>> = same.collect();
                let nothing = Vec::new();
                if all.is_empty() {
                    all.push(&nothing);
                }
                all.into_iter().map(|parts| self.field_of(id, parts, field)).collect()
            }
            // `Err(error)`: errors are left out of what a result may be.
            _ if path.last().is_some_and(|last| last == "Err") => Value::opaque(),
            // `Some(x)`, `Ok(x)` and the like.
            _ => value.clone(),
        }
    }
}
