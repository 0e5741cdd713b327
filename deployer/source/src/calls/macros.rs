//! What macros stand for: those of the workspace are expanded, the tokens of all others are read as what such
//! tokens mostly are.

use std::collections::HashMap;

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::{Block, Expr, Item, Lit, Macro, Pat, Stmt, Token};

use super::expansion::Rules;
use crate::workspace::Workspace;

/// What a macro stands for.
#[derive(Debug, Default)]
pub struct Code {
    pub expressions: Vec<Expr>,
    /// Patterns with what they take apart, and what is done then: arms of `select!`, `matches!`.
    pub arms: Vec<(Pat, Expr, Vec<Expr>)>,
    pub blocks: Vec<Block>,
    items: Vec<Item>,
    /// Names that are called in tokens that could not be read.
    pub lost: Vec<(String, Span)>,
    /// Of the workspace, with its own code; otherwise its arguments alone are known.
    pub expanded: bool,
}

/// All macros that are used, by their address.
#[derive(Debug, Default)]
pub struct Macros {
    rules: HashMap<String, Rules>,
    uses: HashMap<usize, Code>,
}

/// An expansion that contains itself deeper than this is cut off, as the compiler does at 128.
const DEEPEST: usize = 32;

impl Macros {
    pub fn new(workspace: &Workspace) -> Self {
        let mut macros = Self::default();
        let modules = || workspace.crates.iter().flat_map(|found| &found.modules);
        for item in modules().flat_map(|module| &module.items) {
            if let Item::Macro(found) = item
                && let Some(name) = &found.ident
            {
                macros.rules.insert(name.to_string(), Rules::parse(found.mac.tokens.clone()));
            }
        }
        let mut seeker = Seeker { found: Vec::new() };
        for item in modules().flat_map(|module| &module.items) {
            seeker.visit_item(item);
        }
        macros.read(seeker.found, 0);
        macros
    }

    /// Reads macros, and those in what they stand for.
    fn read(&mut self, found: Vec<(&Macro, Position)>, depth: usize) {
        if depth > DEEPEST {
            return;
        }
        for (found, position) in found {
            let code = self.code(found, position);
            let mut seeker = Seeker { found: Vec::new() };
            code.expressions.iter().for_each(|part| seeker.visit_expr(part));
            code.items.iter().for_each(|part| seeker.visit_item(part));
            code.blocks.iter().for_each(|part| seeker.visit_block(part));
            for (_, from, then) in &code.arms {
                seeker.visit_expr(from);
                then.iter().for_each(|part| seeker.visit_expr(part));
            }
            self.read(seeker.found, depth + 1);
            self.uses.insert(std::ptr::from_ref(found) as usize, code);
        }
    }

    fn code(&self, found: &Macro, position: Position) -> Code {
        let name = found.path.segments.last().map(|part| part.ident.to_string()).unwrap_or_default();
        if name == "macro_rules" {
            return Code::default();
        }
        if let Some(rules) = self.rules.get(&name)
            && let Some(tokens) = rules.expand(&found.tokens)
        {
            return Code { expanded: true, ..expansion(tokens, position) };
        }
        match (name.as_str(), position) {
            ("thread_local" | "lazy_static", _) => statics(&found.tokens),
            (_, Position::Item) => Code { lost: calls_in(&found.tokens), ..Code::default() },
            ("matches" | "assert_matches", _) => {
                matches.parse2(found.tokens.clone()).unwrap_or_else(|_| pieces(&found.tokens))
            }
            ("select" | "select_biased", _) => {
                select.parse2(found.tokens.clone()).unwrap_or_else(|_| pieces(&found.tokens))
            }
            _ => arguments(&found.tokens),
        }
    }

    /// What a macro stands for among expressions.
    pub fn of(&self, found: &Macro) -> Option<&Code> {
        self.uses.get(&(std::ptr::from_ref(found) as usize))
    }

    /// The calls that are lost in a macro among items.
    pub fn lost_in(&self, item: &Item) -> &[(String, Span)] {
        match item {
            Item::Macro(found) => self.of(&found.mac).map(|code| code.lost.as_slice()).unwrap_or_default(),
            _ => &[],
        }
    }

    /// What a macro stands for among items.
    pub fn items(&self, found: &Macro) -> &[Item] {
        self.of(found).map(|code| code.items.as_slice()).unwrap_or_default()
    }
}

/// Where a macro stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position {
    Item,
    Code,
}

struct Seeker<'a> {
    found: Vec<(&'a Macro, Position)>,
}

impl<'a> Visit<'a> for Seeker<'a> {
    fn visit_item_macro(&mut self, found: &'a syn::ItemMacro) {
        if found.ident.is_none() {
            self.found.push((&found.mac, Position::Item));
        }
    }

    fn visit_macro(&mut self, found: &'a Macro) {
        self.found.push((found, Position::Code));
        visit::visit_macro(self, found);
    }
}

/// The code of one of the workspace's own macros.
fn expansion(tokens: TokenStream, position: Position) -> Code {
    if position == Position::Item {
        return match syn::parse2::<syn::File>(tokens.clone()) {
            Ok(file) => Code { items: file.items, ..Code::default() },
            Err(_) => Code { lost: calls_in(&tokens), ..Code::default() },
        };
    }
    match Block::parse_within.parse2(tokens.clone()) {
        Ok(stmts) => {
            let items = stmts.iter().filter_map(|statement| match statement {
                Stmt::Item(item) => Some(item.clone()),
                Stmt::Local(_) | Stmt::Expr(..) | Stmt::Macro(_) => None,
            });
            let items = items.collect();
            let brace_token = syn::token::Brace::default();
            Code { items, blocks: vec![Block { brace_token, stmts }], ..Code::default() }
        }
        Err(_) => pieces(&tokens),
    }
}

/// `thread_local! { static A: … = …; static B: … = … }`, `lazy_static! { static ref A: … = …; }`.
fn statics(tokens: &TokenStream) -> Code {
    let is_ref = |tree: &TokenTree| matches!(tree, TokenTree::Ident(name) if name == "ref");
    let mut tokens: TokenStream = tokens.clone().into_iter().filter(|tree| !is_ref(tree)).collect();
    let ended = || tokens.clone().into_iter().last().is_none_or(|last| last.to_string() == ";");
    if !ended() {
        tokens.extend([TokenTree::Punct(proc_macro2::Punct::new(';', proc_macro2::Spacing::Alone))]);
    }
    expansion(tokens, Position::Item)
}

/// Arguments as of a function, such as `join!`, `vec!`, `format!` have.
fn arguments(tokens: &TokenStream) -> Code {
    let list = Punctuated::<Expr, Token![,]>::parse_terminated.parse2(tokens.clone());
    let Ok(list) = list else { return repeated.parse2(tokens.clone()).unwrap_or_else(|_| pieces(tokens)) };
    let mut expressions: Vec<Expr> = list.into_iter().collect();
    // `format!("{table}")` names a variable in its text.
    let texts: Vec<String> = expressions.iter().filter_map(text).collect();
    expressions.extend(texts.iter().flat_map(|text| captured(text)));
    Code { expressions, ..Code::default() }
}

fn text(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Str(text) => Some(text.value()),
            _ => None,
        },
        _ => None,
    }
}

/// Names in the braces of a format.
fn captured(text: &str) -> Vec<Expr> {
    let inside = text.split('{').skip(1).filter_map(|part| part.split(['}', ':']).next());
    inside
        .filter_map(|name| syn::parse_str::<syn::Ident>(name).ok())
        .filter_map(|name| syn::parse_str(&name.to_string()).ok())
        .collect()
}

/// `vec![value; count]`.
fn repeated(input: ParseStream<'_>) -> syn::Result<Code> {
    let value: Expr = input.parse()?;
    input.parse::<Token![;]>()?;
    let count: Expr = input.parse()?;
    Ok(Code { expressions: vec![value, count], ..Code::default() })
}

/// `matches!(value, pattern if guard)`.
fn matches(input: ParseStream<'_>) -> syn::Result<Code> {
    let from: Expr = input.parse()?;
    input.parse::<Token![,]>()?;
    let pattern = Pat::parse_multi_with_leading_vert(input)?;
    let mut then = Vec::new();
    if input.parse::<Option<Token![if]>>()?.is_some() {
        then.push(input.parse()?);
    }
    input.parse::<Option<Token![,]>>()?;
    Ok(Code { arms: vec![(pattern, from, then)], ..Code::default() })
}

/// `select! { pattern = future, if condition => body, else => body }`.
fn select(input: ParseStream<'_>) -> syn::Result<Code> {
    let mut code = Code::default();
    if input.peek(syn::Ident) && input.peek2(Token![;]) {
        input.parse::<syn::Ident>()?;
        input.parse::<Token![;]>()?;
    }
    while !input.is_empty() {
        if input.parse::<Option<Token![else]>>()?.is_some() {
            input.parse::<Token![=>]>()?;
            code.expressions.push(body(input)?);
            continue;
        }
        let pattern = Pat::parse_multi_with_leading_vert(input)?;
        input.parse::<Token![=]>()?;
        let future = Expr::parse(input)?;
        let mut then = Vec::new();
        if input.parse::<Option<Token![,]>>()?.is_some() {
            input.parse::<Token![if]>()?;
            then.push(input.parse()?);
        }
        input.parse::<Token![=>]>()?;
        then.push(body(input)?);
        code.arms.push((pattern, future, then));
    }
    Ok(code)
}

fn body(input: ParseStream<'_>) -> syn::Result<Expr> {
    let body = if input.peek(syn::token::Brace) {
        Expr::Block(syn::ExprBlock { attrs: Vec::new(), label: None, block: input.parse()? })
    } else {
        input.parse()?
    };
    input.parse::<Option<Token![,]>>()?;
    Ok(body)
}

/// Tokens of another form, such as `json!`'s: whatever between commas, colons and semicolons is an expression.
fn pieces(tokens: &TokenStream) -> Code {
    let mut code = Code::default();
    let mut piece: Vec<TokenTree> = Vec::new();
    let mut trees: Vec<TokenTree> = tokens.clone().into_iter().collect();
    trees.push(TokenTree::Punct(proc_macro2::Punct::new(',', proc_macro2::Spacing::Alone)));
    for tree in trees {
        let ends = matches!(&tree, TokenTree::Punct(mark) if ",;".contains(mark.as_char()));
        if !ends {
            piece.push(tree);
            continue;
        }
        let piece = std::mem::take(&mut piece);
        if !piece.is_empty() {
            read_piece(&piece, &mut code);
        }
    }
    code
}

fn read_piece(piece: &[TokenTree], code: &mut Code) {
    let stream = |trees: &[TokenTree]| trees.iter().cloned().collect::<TokenStream>();
    // `name = %value`, `"key": value`, `key => value`: the value alone.
    for start in 0..piece.len().min(6) {
        let before = start.checked_sub(1).and_then(|before| piece.get(before));
        let begins = before.is_none_or(
            |before| matches!(before, TokenTree::Punct(mark) if "=:>%?".contains(mark.as_char())),
        );
        if begins && let Ok(expression) = syn::parse2::<Expr>(stream(&piece[start..])) {
            code.expressions.push(expression);
            return;
        }
    }
    let mut rest = Vec::new();
    for tree in piece {
        match tree {
            TokenTree::Group(group) => {
                let inner = if group.delimiter() == Delimiter::Brace {
                    Block::parse_within
                        .parse2(group.stream())
                        .map(|stmts| Code {
                            blocks: vec![Block { brace_token: syn::token::Brace::default(), stmts }],
                            ..Code::default()
                        })
                        .unwrap_or_else(|_| pieces(&group.stream()))
                } else {
                    arguments(&group.stream())
                };
                code.expressions.extend(inner.expressions);
                code.arms.extend(inner.arms);
                code.blocks.extend(inner.blocks);
                code.lost.extend(inner.lost);
                let mut empty = Group::new(group.delimiter(), TokenStream::new());
                empty.set_span(group.span());
                rest.push(TokenTree::Group(empty));
            }
            TokenTree::Ident(_) | TokenTree::Punct(_) | TokenTree::Literal(_) => rest.push(tree.clone()),
        }
    }
    code.lost.extend(calls_in(&stream(&rest)));
}

/// Names that are called as methods: `.name(`.
pub fn calls_in(tokens: &TokenStream) -> Vec<(String, Span)> {
    let trees: Vec<TokenTree> = tokens.clone().into_iter().collect();
    let mut found = Vec::new();
    for (index, tree) in trees.iter().enumerate() {
        if let TokenTree::Group(group) = tree {
            found.extend(calls_in(&group.stream()));
        }
        if let (TokenTree::Ident(name), Some(TokenTree::Group(group))) = (tree, trees.get(index + 1))
            && group.delimiter() == Delimiter::Parenthesis
            && matches!(index.checked_sub(1).and_then(|before| trees.get(before)), Some(TokenTree::Punct(mark)) if ".:".contains(mark.as_char()))
        {
            found.push((name.to_string(), name.span()));
        }
    }
    found
}
