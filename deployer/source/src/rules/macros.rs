//! What is inside a macro's brackets: the values that a log line, a format or a JSON text is made of.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::{Expr, Macro};

use super::access;
use super::facts::Log;
use super::flow::{Flow, Frame};
use super::value::{Kind, Value};

/// Macros that write a line somewhere, and those of spans, which each line within them repeats.
const LOGS: [&str; 18] = [
    "trace",
    "debug",
    "info",
    "warn",
    "error",
    "event",
    "span",
    "trace_span",
    "debug_span",
    "info_span",
    "warn_span",
    "error_span",
    "log",
    "println",
    "eprintln",
    "print",
    "eprint",
    "dbg",
];

impl Flow<'_> {
    /// The value of a macro: what it is made of.
    pub fn macro_call(&mut self, frame: &mut Frame, found: &Macro) -> Value {
        let name = found.path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default();
        if name == "json" {
            let value = self.json(frame, found.tokens.clone());
            return Value { built: true, ty: Some("json".to_owned()), literal: None, ..value };
        }
        let values = self.pieces(frame, &found.tokens);
        if is_log(&found.path) {
            let place = self.program.place(frame.routine, found.path.span());
            self.facts.logs.push(Log { place, values });
            return Value::of_type("()");
        }
        self.facts.judged |= name == "matches" && values.iter().any(|value| value.has(Kind::Origin));
        let all = values.iter().fold(Value::default(), |all, value| all.mixed(value));
        match name.as_str() {
            "format" => {
                let all = if is_guard(&values) { all.without(Kind::Email) } else { all };
                let constant = match values.as_slice() {
                    [only] if values.len() == 1 => only.literal.clone().filter(|text| !text.contains('{')),
                    _ => None,
                };
                let text = values.first().and_then(|text| text.literal.clone()).unwrap_or_default();
                let copied = values.iter().map(Value::copied).flat_map(|value| value.marks);
                let mut all = access::keyed(all.derived(), &text);
                all.marks.extend(copied.filter(|mark| mark.kind == Kind::Copied));
                Value { ty: Some("String".to_owned()), built: true, literal: constant, ..all }
            }
            "vec" | "try_join" | "join" | "select" | "ready" => all,
            _ => all.derived(),
        }
    }

    /// The comma-separated values of `info!(user = %id, "text {event:?}", more)` and the like.
    pub fn pieces(&mut self, frame: &mut Frame, tokens: &TokenStream) -> Vec<Value> {
        let mut values = Vec::new();
        for piece in split(tokens.clone(), ',') {
            let piece = without_label(piece);
            let Some(value) = self.parsed(frame, piece.into_iter().collect()) else { continue };
            let names = value.literal.as_deref().map(captured).unwrap_or_default();
            values.push(value);
            values.extend(names.into_iter().filter_map(|name| frame.find(&name).cloned()));
        }
        values
    }

    fn parsed(&mut self, frame: &mut Frame, tokens: TokenStream) -> Option<Value> {
        let expr: Expr = syn::parse2(tokens).ok()?;
        Some(self.expr(frame, &expr))
    }

    /// `json!`: each pair of its objects is an entry.
    fn json(&mut self, frame: &mut Frame, tokens: TokenStream) -> Value {
        let trees: Vec<TokenTree> = tokens.clone().into_iter().collect();
        if let [TokenTree::Group(group)] = trees.as_slice() {
            match group.delimiter() {
                Delimiter::Brace => return self.object(frame, group.stream()),
                Delimiter::Bracket => {
                    return split(group.stream(), ',').into_iter().fold(Value::default(), |all, piece| {
                        all.mixed(&self.json(frame, piece.into_iter().collect()))
                    });
                }
                Delimiter::Parenthesis | Delimiter::None => {}
            }
        }
        self.parsed(frame, tokens).unwrap_or_default()
    }

    fn object(&mut self, frame: &mut Frame, tokens: TokenStream) -> Value {
        let mut whole = Value::default();
        for piece in split(tokens, ',') {
            let colon =
                piece.iter().position(|tree| matches!(tree, TokenTree::Punct(dot) if dot.as_char() == ':'));
            let Some(colon) = colon else { continue };
            let (key, value) = piece.split_at(colon);
            let key: TokenStream = key.iter().cloned().collect();
            let value = self.json(frame, value.iter().skip(1).cloned().collect());
            if let Ok(name) = syn::parse2::<syn::LitStr>(key.clone()) {
                self.entry(frame, &name.value(), name.span(), &value, true);
            }
            whole = whole.mixed(&value);
        }
        whole
    }
}

/// Whether a macro writes a line of the log.
pub fn is_log(path: &syn::Path) -> bool {
    path.segments.last().is_some_and(|last| LOGS.contains(&last.ident.to_string().as_str()))
}

/// Whether a text such as `EMAIL#{email}` keys a row that only keeps an address from being taken twice ("Implementing
/// unique constraints", DynamoDB).
fn is_guard(values: &[Value]) -> bool {
    let text =
        values.first().and_then(|text| text.literal.as_deref()).unwrap_or_default().to_ascii_lowercase();
    text.starts_with("email#") || text.starts_with("unique#") || text.starts_with("useremail#")
}

/// Tokens between commas of the outermost level.
pub fn split(tokens: TokenStream, at: char) -> Vec<Vec<TokenTree>> {
    let mut pieces = vec![Vec::new()];
    for tree in tokens {
        match &tree {
            TokenTree::Punct(punct) if punct.as_char() == at => pieces.push(Vec::new()),
            _ => {
                if let Some(last) = pieces.last_mut() {
                    last.push(tree);
                }
            }
        }
    }
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

/// A piece without `name =`, `target:`, `%` and `?`.
fn without_label(piece: Vec<TokenTree>) -> Vec<TokenTree> {
    let is = |tree: Option<&TokenTree>, wanted: char| matches!(tree, Some(TokenTree::Punct(punct)) if punct.as_char() == wanted);
    let labelled = piece.iter().position(|tree| is(Some(tree), '=') || is(Some(tree), ':')).filter(|at| {
        *at > 0
            && !is(piece.get(at + 1), '=')
            && !is(piece.get(at + 1), ':')
            && !is(piece.get(at + 1), '>')
            && piece[..*at].iter().all(|tree| {
                matches!(tree, TokenTree::Ident(_))
                    || matches!(tree, TokenTree::Punct(dot) if dot.as_char() == '.')
            })
    });
    let mut rest: Vec<TokenTree> = piece.into_iter().skip(labelled.map_or(0, |at| at + 1)).collect();
    while is(rest.first(), '%') || is(rest.first(), '?') {
        rest.remove(0);
    }
    rest
}

/// The names in a format's braces.
fn captured(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find('{') {
        rest = &rest[start + 1..];
        let Some(end) = rest.find('}') else { break };
        let name = rest[..end].split(':').next().unwrap_or_default();
        if !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_') {
            names.push(name.to_owned());
        }
        rest = &rest[end + 1..];
    }
    names
}
