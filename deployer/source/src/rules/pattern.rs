//! What patterns bind, and the names that code mentions.

use syn::Pat;

use super::access;
use super::flow::{Flow, Frame};
use super::value::{Kind, Value};

impl Flow<'_> {
    /// Notes the names in a routine's signature.
    pub fn mention_types(&mut self, id: usize) {
        let routine = &self.program.routines[id];
        let mut mentions = Mentions(Vec::new());
        syn::visit::visit_signature(&mut mentions, routine.signature);
        for (name, span) in mentions.0 {
            self.facts.mentions.push((name, self.program.place(id, span)));
        }
    }

    /// Binds the names of a pattern to a value or its parts.
    pub fn pattern(&mut self, frame: &mut Frame, pattern: &Pat, value: Value) {
        match pattern {
            Pat::Ident(found) => {
                if let Some((_, inner)) = &found.subpat {
                    self.pattern(frame, inner, value.clone());
                }
                frame.bind(found.ident.to_string(), value);
            }
            Pat::Type(found) => {
                let declared = access::declared(&found.ty);
                let ty = declared.ty.clone().or_else(|| value.ty.clone());
                let argument = declared.argument.clone().or_else(|| value.argument.clone());
                let value = value.join(&declared).kept_by(ty.as_deref().unwrap_or_default());
                self.pattern(frame, &found.pat, Value { ty, argument, ..value });
            }
            Pat::Reference(found) => self.pattern(frame, &found.pat, value),
            Pat::Paren(found) => self.pattern(frame, &found.pat, value),
            Pat::Guard(found) => {
                self.pattern(frame, &found.pat, value);
                self.expr(frame, &found.guard);
            }
            Pat::Or(found) => {
                found.cases.iter().for_each(|case| self.pattern(frame, case, value.clone()));
            }
            Pat::Tuple(found) => {
                found.elems.iter().for_each(|part| self.pattern(frame, part, value.clone()));
            }
            Pat::Slice(found) => {
                found.elems.iter().for_each(|part| self.pattern(frame, part, value.clone()));
            }
            Pat::TupleStruct(found) => {
                self.mention(frame, &found.path);
                let name = found.path.segments.last().map(|last| last.ident.to_string());
                let value = match name.as_deref() {
                    Some("Err") if value.has(Kind::Fallible) => Value::failure(),
                    Some("Err") => Value::default(),
                    Some("Ok") => Value { effect: None, ..value.without(Kind::Fallible) },
                    _ => Value { effect: None, ..value },
                };
                if name.as_deref() == Some("Path") {
                    self.path_parts(frame, found, &value);
                } else {
                    found.elems.iter().for_each(|part| self.pattern(frame, part, value.clone()));
                }
            }
            Pat::Struct(found) => {
                self.mention(frame, &found.path);
                for field in &found.fields {
                    let name = access::member(&field.member);
                    let span = syn::spanned::Spanned::span(&field.member);
                    let part = self.access(frame, &value, &name, span);
                    self.pattern(frame, &field.pat, part);
                }
            }
            Pat::Path(found) => self.mention(frame, &found.path),
            _ => {}
        }
    }

    /// Notes the last two names of a path.
    pub fn mention(&mut self, frame: &Frame, path: &syn::Path) {
        for segment in path.segments.iter().rev().take(2) {
            let place = self.program.place(frame.routine, segment.ident.span());
            self.facts.mentions.push((segment.ident.to_string(), place));
        }
    }
}

/// The names in a type.
struct Mentions(Vec<(String, proc_macro2::Span)>);

impl<'ast> syn::visit::Visit<'ast> for Mentions {
    fn visit_path_segment(&mut self, segment: &'ast syn::PathSegment) {
        self.0.push((segment.ident.to_string(), segment.ident.span()));
        syn::visit::visit_path_segment(self, segment);
    }
}
