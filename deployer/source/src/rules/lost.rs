//! Where the error of a write is lost: code that looks at a result, or at what `is_ok` and `is_err` say of it, and
//! goes on as if all were well. A loop that tries the write again has not lost the error yet.

use proc_macro2::{LineColumn, Span, TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Block, Expr, ExprIf, ExprMatch, Local, LocalInit, Pat, Stmt};

use super::flow::{Flow, Frame};
use super::library::SAME;
use super::macros;
use super::raising::raises;
use super::value::{Says, Value};

/// A loop around an expression.
pub struct Turn {
    /// It is a `loop`, which only ends where it says so.
    endless: bool,
    breaks: usize,
}

impl Turn {
    pub fn of(body: &Block, endless: bool) -> Self {
        Self { endless, breaks: Ways::of(|ways| ways.visit_block(body)).breaks }
    }
}

impl Flow<'_> {
    /// A value that nobody looks at: the result of a write among them is lost.
    pub fn dropped(&mut self, frame: &Frame, expr: &Expr, value: &Value) {
        let looked_at = matches!(expr, Expr::Try(_) | Expr::Assign(_) | Expr::Return(_) | Expr::Macro(_));
        if value.effect.is_some() && !looked_at && is_result(expr) {
            self.swallow(frame, expr.span(), "its result is thrown away");
        }
    }

    /// `let _ = write`, `let Ok(…) = write else { … }`, and a name that nobody asks for but the log.
    pub fn lost_in_let(&mut self, frame: &Frame, local: &Local, init: &LocalInit, value: &Value) {
        if value.effect.is_none() {
            return;
        }
        match (&local.pat, &init.diverge) {
            (Pat::Wild(_), _) => self.dropped(frame, &init.expr, value),
            (Pat::Ident(name), None)
                if is_result(&init.expr)
                    && !self.is_asked_later(frame, &name.ident.to_string(), local.span().end()) =>
            {
                self.swallow(frame, init.expr.span(), "nobody asks for its result");
            }
            (pattern, Some((_, otherwise))) => {
                let success = matches!(catches(pattern), Caught::Success);
                if success && !raises(self.program, &Stmt::Expr((**otherwise).clone(), None)) {
                    self.swallow(frame, local.pat.span(), "the error goes no further");
                }
            }
            _ => {}
        }
    }

    /// `if let Err(e) = write` and `if write.is_err()` whose block forgets the error, and `if let Ok(…)` and `is_ok()`
    /// with nothing for the other case.
    pub fn lost_in_if(&mut self, frame: &Frame, found: &ExprIf, value: &Value) {
        let Some(effect) = &value.effect else { return };
        let then = Stmt::Expr(Expr::Block(block(&found.then_branch)), None);
        let otherwise = found.else_branch.as_ref().map(|(_, other)| Stmt::Expr((**other).clone(), None));
        let failure_is_then = match (&*found.cond, effect.says) {
            (Expr::Let(condition), Says::All) => match catches(&condition.pat) {
                Caught::Every => true,
                Caught::Success => false,
                Caught::Some => return,
            },
            (_, Says::Failure) => true,
            (_, Says::Success) => false,
            (_, Says::All) => return,
        };
        let (failed, made) = if failure_is_then {
            (Some(&then), otherwise.as_ref())
        } else {
            (otherwise.as_ref(), Some(&then))
        };
        let (subject, span) = match &*found.cond {
            Expr::Let(condition) => (&*condition.expr, condition.let_token.span()),
            other => (other, other.span()),
        };
        let lost = !failed.is_some_and(|failed| raises(self.program, failed))
            && !tries_again(frame, made)
            && !self.is_kept(frame, subject, found.cond.span());
        if lost {
            self.swallow(frame, span, "the error goes no further");
        }
    }

    /// A `match` one of whose arms takes every error and goes on as if there were none.
    pub fn lost_in_match(&mut self, frame: &Frame, found: &ExprMatch, value: &Value) {
        if !value.effect.as_ref().is_some_and(|effect| effect.says == Says::All)
            || self.is_kept(frame, &found.expr, found.expr.span())
        {
            return;
        }
        let raises = |body: &Expr| raises(self.program, &Stmt::Expr(body.clone(), None));
        // `Err(e) if tries > 2 => return Err(e)`: the other errors have another turn.
        let ends = found.arms.iter().any(|arm| matches!(arm.pat, Pat::Guard(_)) && raises(&arm.body));
        let made = found.arms.iter().find(|arm| matches!(catches(&arm.pat), Caught::Success));
        let made = made.map(|arm| Stmt::Expr((*arm.body).clone(), None));
        let again = (ends && !frame.loops.is_empty()) || tries_again(frame, made.as_ref());
        let losing = |arm: &&syn::Arm| matches!(catches(&arm.pat), Caught::Every) && !raises(&arm.body);
        let lost: Vec<Span> = found.arms.iter().filter(losing).map(|arm| arm.pat.span()).collect();
        for span in lost.into_iter().filter(|_| !again) {
            self.swallow(frame, span, "the error goes no further");
        }
    }

    /// Whether what is looked at has a name and is asked for again: `if result.is_err() { … } result?`.
    fn is_kept(&self, frame: &Frame, subject: &Expr, looked: Span) -> bool {
        name(subject).is_some_and(|name| self.is_asked_later(frame, &name, looked.end()))
    }

    fn is_asked_later(&self, frame: &Frame, name: &str, after: LineColumn) -> bool {
        let mut asked = Asked { name, after, found: false };
        asked.visit_block(self.program.routines[frame.routine].body);
        asked.found
    }
}

/// Whether a failed write has another turn: it is in a loop that only success leaves.
fn tries_again(frame: &Frame, made: Option<&Stmt>) -> bool {
    let (Some(turn), Some(made)) = (frame.loops.last(), made) else { return false };
    let ways = Ways::of(|ways| ways.visit_stmt(made));
    ways.returns || (turn.endless && ways.breaks > 0 && ways.breaks == turn.breaks)
}

/// How a piece of code leaves the loop around it.
#[derive(Default)]
struct Ways {
    breaks: usize,
    returns: bool,
}

impl Ways {
    fn of(visit: impl FnOnce(&mut Self)) -> Self {
        let mut ways = Self::default();
        visit(&mut ways);
        ways
    }
}

impl<'ast> Visit<'ast> for Ways {
    fn visit_expr(&mut self, expr: &'ast Expr) {
        match expr {
            Expr::Break(_) => self.breaks += 1,
            Expr::Return(_) => self.returns = true,
            Expr::Closure(_) | Expr::Async(_) | Expr::Loop(_) | Expr::ForLoop(_) | Expr::While(_) => {}
            _ => visit::visit_expr(self, expr),
        }
    }
}

/// Whether code behind a place asks for a name, for more than a line of the log.
struct Asked<'a> {
    name: &'a str,
    after: LineColumn,
    found: bool,
}

impl Asked<'_> {
    fn tokens(&mut self, tokens: TokenStream) {
        for tree in tokens {
            match tree {
                TokenTree::Ident(ident) => {
                    self.found |= ident == self.name && ident.span().start() >= self.after
                }
                TokenTree::Group(group) => self.tokens(group.stream()),
                TokenTree::Literal(_) | TokenTree::Punct(_) => {}
            }
        }
    }
}

impl<'ast> Visit<'ast> for Asked<'_> {
    fn visit_expr_path(&mut self, path: &'ast syn::ExprPath) {
        self.found |= path.path.is_ident(self.name) && path.span().start() >= self.after;
    }

    fn visit_macro(&mut self, found: &'ast syn::Macro) {
        if !macros::is_log(&found.path) {
            self.tokens(found.tokens.clone());
        }
    }
}

/// The name of a variable that is looked at, through what only borrows or asks.
fn name(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Path(found) => found.path.get_ident().map(ToString::to_string),
        Expr::Reference(found) => name(&found.expr),
        Expr::Paren(found) => name(&found.expr),
        Expr::Unary(found) => name(&found.expr),
        Expr::MethodCall(found) => {
            let method = found.method.to_string();
            let same = ["is_ok", "is_err"].contains(&method.as_str()) || SAME.contains(&method.as_str());
            if same { name(&found.receiver) } else { None }
        }
        _ => None,
    }
}

fn block(block: &Block) -> syn::ExprBlock {
    syn::ExprBlock { attrs: Vec::new(), label: None, block: block.clone() }
}

/// Whether an expression is a call, or what one answered.
fn is_result(expr: &Expr) -> bool {
    match expr {
        Expr::Await(_) | Expr::Call(_) | Expr::MethodCall(_) | Expr::Path(_) => true,
        Expr::Paren(found) => is_result(&found.expr),
        _ => false,
    }
}

/// Which results a pattern lets through.
enum Caught {
    /// All errors.
    Every,
    /// No error.
    Success,
    /// Only errors of some kind.
    Some,
}

fn catches(pattern: &Pat) -> Caught {
    match pattern {
        Pat::TupleStruct(found) => {
            let name = found.path.segments.last().map(|last| last.ident.to_string());
            let all = found.elems.iter().all(|part| matches!(part, Pat::Ident(_) | Pat::Wild(_)));
            match name.as_deref() {
                Some("Err") if all => Caught::Every,
                Some("Ok") => Caught::Success,
                Some(_) | None => Caught::Some,
            }
        }
        Pat::Wild(_) | Pat::Ident(_) => Caught::Every,
        Pat::Paren(found) => catches(&found.pat),
        Pat::Reference(found) => catches(&found.pat),
        _ => Caught::Some,
    }
}
