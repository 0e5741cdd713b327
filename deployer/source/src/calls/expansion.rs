//! `macro_rules!`, expanded as far as the workspace's own macros need it.

use std::collections::HashMap;

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use syn::parse::{ParseStream, Parser};

/// The rules of one macro.
#[derive(Debug, Default)]
pub struct Rules(Vec<(Vec<Piece>, TokenStream)>);

/// A piece of a rule's pattern.
#[derive(Debug)]
enum Piece {
    Token(TokenTree),
    Group(Delimiter, Vec<Piece>),
    Fragment { name: String, kind: String },
    Repeated { pieces: Vec<Piece>, separator: Option<TokenTree>, optional: bool },
}

/// What a pattern found.
#[derive(Debug, Clone)]
enum Found {
    Tokens(TokenStream),
    Many(Vec<Bindings>),
}

type Bindings = HashMap<String, Found>;

impl Rules {
    pub fn parse(tokens: TokenStream) -> Self {
        let trees: Vec<TokenTree> = tokens.into_iter().collect();
        let mut rules = Vec::new();
        let mut groups = trees.iter().filter_map(|tree| match tree {
            TokenTree::Group(group) => Some(group),
            TokenTree::Ident(_) | TokenTree::Punct(_) | TokenTree::Literal(_) => None,
        });
        while let (Some(pattern), Some(body)) = (groups.next(), groups.next()) {
            rules.push((pieces(pattern.stream()), body.stream()));
        }
        Self(rules)
    }

    /// What a use stands for; none where no rule fits, or fits in a way that is not followed.
    pub fn expand(&self, tokens: &TokenStream) -> Option<TokenStream> {
        self.0.iter().find_map(|(pattern, body)| {
            let mut bindings = Bindings::new();
            let parser = |input: ParseStream<'_>| matched(pattern, input, &mut bindings);
            parser.parse2(tokens.clone()).ok()?;
            written(body.clone(), &bindings)
        })
    }
}

fn is_mark(tree: Option<&TokenTree>, mark: char) -> bool {
    matches!(tree, Some(TokenTree::Punct(found)) if found.as_char() == mark)
}

fn pieces(tokens: TokenStream) -> Vec<Piece> {
    let trees: Vec<TokenTree> = tokens.into_iter().collect();
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(tree) = trees.get(at) {
        match (tree, trees.get(at + 1)) {
            (mark, Some(TokenTree::Ident(name)))
                if is_mark(Some(mark), '$') && is_mark(trees.get(at + 2), ':') =>
            {
                let kind = trees.get(at + 3).map(ToString::to_string).unwrap_or_default();
                found.push(Piece::Fragment { name: name.to_string(), kind });
                at += 4;
            }
            (mark, Some(TokenTree::Group(group))) if is_mark(Some(mark), '$') => {
                let (separator, operator, used) = repetition(&trees[at + 2..]);
                found.push(Piece::Repeated {
                    pieces: pieces(group.stream()),
                    separator,
                    optional: operator == '?',
                });
                at += 2 + used;
            }
            (TokenTree::Group(group), _) => {
                found.push(Piece::Group(group.delimiter(), pieces(group.stream())));
                at += 1;
            }
            _ => {
                found.push(Piece::Token(tree.clone()));
                at += 1;
            }
        }
    }
    found
}

/// The separator and operator behind `$(…)`, and how many tokens they are.
fn repetition(rest: &[TokenTree]) -> (Option<TokenTree>, char, usize) {
    let operator = |tree: Option<&TokenTree>| match tree {
        Some(TokenTree::Punct(mark)) if "*+?".contains(mark.as_char()) => Some(mark.as_char()),
        _ => None,
    };
    match (operator(rest.first()), operator(rest.get(1))) {
        (Some(found), _) => (None, found, 1),
        (None, Some(found)) => (rest.first().cloned(), found, 2),
        (None, None) => (None, '*', 0),
    }
}

fn matched(pattern: &[Piece], input: ParseStream<'_>, bindings: &mut Bindings) -> syn::Result<()> {
    for (index, piece) in pattern.iter().enumerate() {
        match piece {
            Piece::Token(expected) => {
                let tree: TokenTree = input.parse()?;
                if tree.to_string() != expected.to_string() {
                    return Err(input.error("another token"));
                }
            }
            Piece::Group(delimiter, inner) => {
                let group: Group = input.parse()?;
                if group.delimiter() != *delimiter {
                    return Err(input.error("another group"));
                }
                let parser = |input: ParseStream<'_>| matched(inner, input, bindings);
                parser.parse2(group.stream())?;
            }
            Piece::Fragment { name, kind } => {
                bindings.insert(name.clone(), Found::Tokens(fragment(kind, input)?));
            }
            Piece::Repeated { pieces, separator, optional } => {
                let mut many = Vec::new();
                // Stops where nothing more fits: whether it does is tried on a copy.
                let follows = pattern.get(index + 1);
                while !input.is_empty() && !begins(follows, input) {
                    let mut one = Bindings::new();
                    let ahead = input.fork();
                    if matched(pieces, &ahead, &mut one).is_err() {
                        break;
                    }
                    one.clear();
                    matched(pieces, input, &mut one)?;
                    many.push(one);
                    let more = separator.as_ref().is_none_or(|mark| {
                        let ahead = input.fork();
                        ahead.parse::<TokenTree>().is_ok_and(|tree| tree.to_string() == mark.to_string())
                    });
                    if *optional || !more {
                        break;
                    }
                    if separator.is_some() {
                        input.parse::<TokenTree>()?;
                    }
                }
                for name in names(pieces) {
                    bindings.insert(name, Found::Many(many.clone()));
                }
            }
        }
    }
    Ok(())
}

/// Whether the input goes on with a plain token of the pattern.
fn begins(piece: Option<&Piece>, input: ParseStream<'_>) -> bool {
    match piece {
        Some(Piece::Token(expected)) => {
            let ahead = input.fork();
            ahead.parse::<TokenTree>().is_ok_and(|tree| tree.to_string() == expected.to_string())
        }
        Some(Piece::Group(..) | Piece::Fragment { .. } | Piece::Repeated { .. }) | None => false,
    }
}

fn names(pieces: &[Piece]) -> Vec<String> {
    pieces
        .iter()
        .flat_map(|piece| match piece {
            Piece::Token(_) => Vec::new(),
            Piece::Group(_, inner) | Piece::Repeated { pieces: inner, .. } => names(inner),
            Piece::Fragment { name, .. } => vec![name.clone()],
        })
        .collect()
}

/// The tokens of a fragment, as one group where it binds as one.
fn fragment(kind: &str, input: ParseStream<'_>) -> syn::Result<TokenStream> {
    let ahead = input.fork();
    let whole: bool = match kind {
        "expr" | "expr_2021" => ahead.parse::<syn::Expr>().is_ok(),
        "ty" => ahead.parse::<syn::Type>().is_ok(),
        "path" => ahead.call(syn::Path::parse_mod_style).is_ok() || ahead.parse::<syn::Path>().is_ok(),
        "pat" | "pat_param" => syn::Pat::parse_multi_with_leading_vert(&ahead).is_ok(),
        "stmt" => ahead.parse::<syn::Stmt>().is_ok(),
        "block" => ahead.parse::<syn::Block>().is_ok(),
        "item" => ahead.parse::<syn::Item>().is_ok(),
        "literal" => ahead.parse::<syn::Lit>().is_ok(),
        "lifetime" => ahead.parse::<syn::Lifetime>().is_ok(),
        "vis" => ahead.parse::<syn::Visibility>().is_ok(),
        "meta" => ahead.parse::<syn::Meta>().is_ok(),
        _ => ahead.parse::<TokenTree>().is_ok(),
    };
    if !whole {
        return Err(input.error("another fragment"));
    }
    let end = ahead.cursor();
    let mut tokens = TokenStream::new();
    while input.cursor() != end {
        tokens.extend([input.parse::<TokenTree>()?]);
    }
    Ok(match kind {
        "expr" | "expr_2021" => TokenTree::Group(Group::new(Delimiter::None, tokens)).into(),
        _ => tokens,
    })
}

/// A rule's body with what its pattern found.
fn written(body: TokenStream, bindings: &Bindings) -> Option<TokenStream> {
    let trees: Vec<TokenTree> = body.into_iter().collect();
    let mut out = TokenStream::new();
    let mut at = 0;
    while let Some(tree) = trees.get(at) {
        match (tree, trees.get(at + 1)) {
            (mark, Some(TokenTree::Ident(name))) if is_mark(Some(mark), '$') => {
                match bindings.get(&name.to_string()) {
                    Some(Found::Tokens(tokens)) => out.extend(tokens.clone()),
                    Some(Found::Many(_)) => return None,
                    // `$crate`: paths are found without.
                    None => out.extend([TokenTree::Ident(name.clone())]),
                }
                at += 2;
            }
            (mark, Some(TokenTree::Group(group))) if is_mark(Some(mark), '$') => {
                let (separator, _, used) = repetition(&trees[at + 2..]);
                let inside = group.stream().to_string();
                let many = bindings.iter().find_map(|(name, found)| match found {
                    Found::Many(many)
                        if inside.contains(&format!("${name}")) || inside.contains(&format!("$ {name}")) =>
                    {
                        Some(many)
                    }
                    Found::Many(_) | Found::Tokens(_) => None,
                })?;
                for (index, one) in many.iter().enumerate() {
                    if index > 0 {
                        out.extend(separator.clone());
                    }
                    let mut all = bindings.clone();
                    all.extend(one.clone());
                    out.extend(written(group.stream(), &all)?);
                }
                at += 2 + used;
            }
            (TokenTree::Group(group), _) => {
                let mut inner = Group::new(group.delimiter(), written(group.stream(), bindings)?);
                inner.set_span(group.span());
                out.extend([TokenTree::Group(inner)]);
                at += 1;
            }
            _ => {
                out.extend([tree.clone()]);
                at += 1;
            }
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(rules: &str, input: &str) -> String {
        let rules = Rules::parse(rules.parse().unwrap());
        rules.expand(&input.parse().unwrap()).unwrap().to_string().replace(' ', "")
    }

    #[test]
    fn fragments_and_repetitions_are_put_in() {
        let rules = "($a:expr, $m:ident) => { $a.$m() }; ($($x:expr),* ; $t:ty) => { $( f::<$t>($x); )* };";
        assert_eq!(expanded(rules, "self.table, put_item"), "self.table.put_item()");
        assert_eq!(expanded(rules, "1 + 2, 3 ; Vec<u8>"), "f::<Vec<u8>>(1+2);f::<Vec<u8>>(3);");
    }

    #[test]
    fn a_use_that_no_rule_fits_gives_nothing() {
        let rules = Rules::parse("(one) => {};".parse().unwrap());
        assert!(rules.expand(&"two".parse().unwrap()).is_none());
    }
}
