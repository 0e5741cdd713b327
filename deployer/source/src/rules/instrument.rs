//! What `#[tracing::instrument]` makes of a function: a span that each line of the log within it repeats, with every
//! argument that the attribute does not skip (attribute macro `instrument`, tracing's documentation).

use proc_macro2::{TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::{Attribute, Meta, Pat};

use super::facts::Log;
use super::flow::{Flow, Frame};
use super::macros::split;
use super::value::Value;

/// What an attribute says of the arguments.
#[derive(Default)]
struct Said {
    skips: Skips,
    /// More fields, as a log's macro takes them.
    fields: Vec<TokenStream>,
}

#[derive(Default)]
enum Skips {
    #[default]
    Nothing,
    Some(Vec<String>),
    All,
}

impl Flow<'_> {
    /// The span of the routine that begins, whose parameters are bound.
    pub fn span(&mut self, frame: &mut Frame) {
        let routine = &self.program.routines[frame.routine];
        let Some(attribute) = routine.attributes.iter().find(|attribute| is_instrument(attribute)) else {
            return;
        };
        let said = said(attribute);
        let names = routine.parameters().filter_map(|parameter| match &*parameter.pat {
            Pat::Ident(pattern) => Some(pattern.ident.to_string()),
            _ => None,
        });
        let told = names.filter(|name| said.skips.leave(name));
        let mut values: Vec<Value> = told.filter_map(|name| frame.find(&name).cloned()).collect();
        for fields in &said.fields {
            values.extend(self.pieces(frame, fields));
        }
        let place = self.program.place(frame.routine, attribute.span());
        self.facts.logs.push(Log { place, values });
    }
}

impl Skips {
    fn leave(&self, name: &str) -> bool {
        match self {
            Self::Nothing => true,
            Self::Some(names) => !names.iter().any(|skipped| skipped == name),
            Self::All => false,
        }
    }

    fn and(self, more: &TokenStream) -> Self {
        let names =
            split(more.clone(), ',').into_iter().filter_map(|piece| piece.first().map(ToString::to_string));
        match self {
            Self::Nothing => Self::Some(names.collect()),
            Self::Some(known) => Self::Some(known.into_iter().chain(names).collect()),
            Self::All => Self::All,
        }
    }
}

fn is_instrument(attribute: &Attribute) -> bool {
    attribute.path().segments.last().is_some_and(|last| last.ident == "instrument")
}

fn said(attribute: &Attribute) -> Said {
    let mut said = Said::default();
    let Meta::List(list) = &attribute.meta else { return said };
    for piece in split(list.tokens.clone(), ',') {
        match piece.as_slice() {
            [TokenTree::Ident(word)] if word == "skip_all" => said.skips = Skips::All,
            [TokenTree::Ident(word), TokenTree::Group(group)] if word == "skip" => {
                said.skips = said.skips.and(&group.stream());
            }
            [TokenTree::Ident(word), TokenTree::Group(group)] if word == "fields" => {
                said.fields.push(group.stream());
            }
            _ => {}
        }
    }
    said
}
