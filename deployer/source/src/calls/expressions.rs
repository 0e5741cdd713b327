//! Expressions, statements and patterns, run on possibilities.

use syn::{Block, Expr, ExprMacro, ExprPath, Lit, Pat, Stmt};

use super::analysis::{Analysis, Frame};
use super::index::name_of;
use super::value::{Atom, Value};
use crate::cfg::Cfg;

/// Texts that one format may make; of more, nothing is said.
const MOST_TEXTS: usize = 32;

impl<'w> Analysis<'w> {
    pub fn cfg(&self, frame: &Frame<'w>) -> &'w Cfg {
        &self.index.scopes[frame.scope].source.cfg
    }

    pub fn block(&mut self, frame: &mut Frame<'w>, block: &'w Block) -> Value {
        let (names, scope) = (frame.names.len(), frame.scope);
        frame.scope = self.index.block_scope(block).unwrap_or(scope);
        let mut last = Value::opaque();
        for (position, statement) in block.stmts.iter().enumerate() {
            let ends = position + 1 == block.stmts.len();
            match statement {
                Stmt::Local(local) => {
                    if !self.cfg(frame).has(&local.attrs) {
                        continue;
                    }
                    let mut value = Value::none();
                    if let Some(init) = &local.init {
                        value = match &local.pat {
                            Pat::Type(typed) => self.expected(frame, &init.expr, &typed.ty),
                            _ => self.expression(frame, &init.expr),
                        };
                        if let Some((_, otherwise)) = &init.diverge {
                            self.branch(frame, |this, frame| this.expression(frame, otherwise));
                        }
                    }
                    self.pattern(frame, &local.pat, value);
                }
                Stmt::Expr(expression, semicolon) => {
                    if !self.cfg(frame).has(attributes(expression)) {
                        continue;
                    }
                    let value = self.expression(frame, expression);
                    let is_end = ends && semicolon.is_none();
                    last = if is_end { value } else { Value::opaque() };
                }
                Stmt::Macro(found) => {
                    if self.cfg(frame).has(&found.attrs) {
                        let value = self.macro_use(frame, &found.mac);
                        last = if ends && found.semi_token.is_none() { value } else { Value::opaque() };
                    }
                }
                Stmt::Item(_) => {}
            }
        }
        frame.names.truncate(names);
        frame.scope = scope;
        last
    }

    /// Code that may run or not.
    fn branch(
        &mut self,
        frame: &mut Frame<'w>,
        run: impl FnOnce(&mut Self, &mut Frame<'w>) -> Value,
    ) -> Value {
        frame.depth += 1;
        let names = frame.names.len();
        let value = run(self, frame);
        frame.names.truncate(names);
        frame.depth -= 1;
        value
    }

    /// An expression whose type is written down.
    pub fn expected(&mut self, frame: &mut Frame<'w>, expression: &'w Expr, of: &'w syn::Type) -> Value {
        let value = self.expression(frame, expression);
        self.coerce(frame, value, of)
    }

    pub fn expressions(&mut self, frame: &mut Frame<'w>, all: impl Iterator<Item = &'w Expr>) -> Vec<Value> {
        all.map(|expression| self.expression(frame, expression)).collect()
    }

    pub fn expression(&mut self, frame: &mut Frame<'w>, expression: &'w Expr) -> Value {
        match expression {
            Expr::Path(found) => self.path(frame, found),
            Expr::Lit(found) => match &found.lit {
                Lit::Str(text) => Value::of(Atom::Text(text.value())),
                _ => Value::opaque(),
            },
            Expr::MethodCall(found) => self.method_call(frame, found),
            Expr::Call(found) => self.call(frame, found),
            Expr::Field(found) => {
                let base = self.expression(frame, &found.base);
                self.field(&base, &found.member)
            }
            Expr::Await(found) => self.expression(frame, &found.base),
            Expr::Try(found) => self.expression(frame, &found.expr),
            Expr::Reference(found) => self.expression(frame, &found.expr),
            Expr::RawAddr(found) => self.expression(frame, &found.expr),
            Expr::Paren(found) => self.expression(frame, &found.expr),
            Expr::Group(found) => self.expression(frame, &found.expr),
            Expr::Unary(found) => match found.op {
                syn::UnOp::Deref(_) => self.expression(frame, &found.expr),
                _ => {
                    self.expression(frame, &found.expr);
                    Value::opaque()
                }
            },
            Expr::Cast(found) => self.expected(frame, &found.expr, &found.ty),
            Expr::Binary(found) => {
                let left = self.expression(frame, &found.left);
                let right = self.branch(frame, |this, frame| this.expression(frame, &found.right));
                match found.op {
                    // Texts that are put together.
                    syn::BinOp::Add(_) => left.with(right),
                    syn::BinOp::AddAssign(_) => {
                        self.assign(frame, &found.left, right, false);
                        Value::opaque()
                    }
                    _ => Value::opaque(),
                }
            }
            Expr::Assign(found) => {
                let value = self.expression(frame, &found.right);
                self.assign(frame, &found.left, value, true);
                Value::opaque()
            }
            Expr::Array(found) => {
                self.expressions(frame, found.elems.iter()).into_iter().collect::<Value>().or_opaque()
            }
            Expr::Repeat(found) => self.expression(frame, &found.expr),
            Expr::Tuple(found) if found.elems.is_empty() => Value::opaque(),
            Expr::Tuple(found) => Value::of(Atom::Tuple(self.expressions(frame, found.elems.iter()))),
            Expr::Index(found) => {
                self.expression(frame, &found.index);
                self.expression(frame, &found.expr)
            }
            Expr::Range(found) => {
                self.expressions(frame, found.start.iter().chain(&found.end).map(|end| &**end));
                Value::opaque()
            }
            Expr::Struct(found) => self.structure(frame, found),
            Expr::Closure(found) => Value::of(Atom::Closure(self.closure(frame, found))),
            Expr::Macro(ExprMacro { mac, .. }) => self.macro_use(frame, mac),
            Expr::Let(found) => {
                let value = self.expression(frame, &found.expr);
                self.pattern(frame, &found.pat, value);
                Value::opaque()
            }
            _ => self.control(frame, expression),
        }
    }

    /// Expressions that decide what runs.
    fn control(&mut self, frame: &mut Frame<'w>, expression: &'w Expr) -> Value {
        match expression {
            Expr::Block(found) => self.block(frame, &found.block),
            Expr::Unsafe(found) => self.block(frame, &found.block),
            Expr::Const(found) => self.block(frame, &found.block),
            Expr::TryBlock(found) => self.block(frame, &found.block),
            Expr::Async(found) => {
                let returned = std::mem::take(&mut frame.returned);
                let value = self.block(frame, &found.block);
                value.with(std::mem::replace(&mut frame.returned, returned))
            }
            Expr::If(found) => {
                let names = frame.names.len();
                self.expression(frame, &found.cond);
                let then = self.branch(frame, |this, frame| this.block(frame, &found.then_branch));
                frame.names.truncate(names);
                match &found.else_branch {
                    Some((_, otherwise)) => {
                        then.with(self.branch(frame, |this, frame| this.expression(frame, otherwise)))
                    }
                    None => Value::opaque(),
                }
            }
            Expr::Match(found) => {
                let subject = self.expression(frame, &found.expr);
                let mut value = Value::none();
                let cfg = self.cfg(frame);
                for arm in found.arms.iter().filter(|arm| cfg.has(&arm.attrs)) {
                    value.add(self.branch(frame, |this, frame| {
                        this.pattern(frame, &arm.pat, subject.clone());
                        this.expression(frame, &arm.body)
                    }));
                }
                value
            }
            Expr::ForLoop(found) => {
                let items = self.expression(frame, &found.expr);
                for _ in 0..2 {
                    self.branch(frame, |this, frame| {
                        this.pattern(frame, &found.pat, items.clone());
                        this.block(frame, &found.body)
                    });
                }
                Value::opaque()
            }
            Expr::While(found) => {
                for _ in 0..2 {
                    self.branch(frame, |this, frame| {
                        this.expression(frame, &found.cond);
                        this.block(frame, &found.body)
                    });
                }
                Value::opaque()
            }
            Expr::Loop(found) => {
                let returned = std::mem::take(&mut frame.returned);
                for _ in 0..2 {
                    self.branch(frame, |this, frame| this.block(frame, &found.body));
                }
                let left = std::mem::take(&mut frame.returned);
                frame.returned = returned.with(left.clone());
                left.or_opaque()
            }
            Expr::Return(found) => {
                if let Some(result) = &found.expr {
                    let value = self.expression(frame, result);
                    frame.returned.add(value);
                }
                Value::none()
            }
            Expr::Break(found) => {
                // Counted with what the function returns: a value too many does no harm there.
                if let Some(result) = &found.expr {
                    let value = self.expression(frame, result);
                    frame.returned.add(value);
                }
                Value::none()
            }
            Expr::Yield(found) => {
                found.expr.iter().for_each(|result| {
                    self.expression(frame, result);
                });
                Value::opaque()
            }
            Expr::Continue(_) => Value::none(),
            _ => Value::opaque(),
        }
    }

    /// What a macro's code gives.
    fn macro_use(&mut self, frame: &mut Frame<'w>, found: &'w syn::Macro) -> Value {
        let macros = self.macros;
        let Some(code) = macros.of(found) else { return Value::opaque() };
        let span = found.path.segments.last().map(|part| part.ident.span());
        let at = frame.at;
        if let Some(span) = span.filter(|_| code.expanded && at.is_none()) {
            let start = span.start();
            frame.at = Some((start.line, start.column + 1));
        }
        let name = found.path.segments.last().map(|part| part.ident.to_string()).unwrap_or_default();
        let mut value = Value::none();
        let parts = self.expressions(frame, code.expressions.iter());
        match name.as_str() {
            "format" if !code.expanded => {
                value.add(formatted(&parts).unwrap_or_else(|| parts.into_iter().collect()))
            }
            "join" | "try_join" if !code.expanded => value.add(Value::of(Atom::Tuple(parts))),
            // They end the function.
            "panic" | "todo" | "unreachable" | "unimplemented" | "bail" => {
                frame.at = at;
                return Value::none();
            }
            _ => value.add(parts.into_iter().collect()),
        }
        for (pattern, from, then) in &code.arms {
            let from = self.expression(frame, from);
            value.add(self.branch(frame, |this, frame| {
                this.pattern(frame, pattern, from);
                this.expressions(frame, then.iter()).into_iter().collect()
            }));
        }
        for block in &code.blocks {
            value.add(self.block(frame, block));
        }
        for (called, span) in &code.lost {
            self.lost(frame, called, *span);
        }
        frame.at = at;
        value.or_opaque()
    }

    /// A path that is no call.
    fn path(&mut self, frame: &mut Frame<'w>, found: &'w ExprPath) -> Value {
        if found.qself.is_none()
            && let Some(name) = found.path.get_ident().map(name_of)
            && let Some(id) = lookup(frame, &name)
        {
            return self.variables[id].value.clone();
        }
        let value = self.path_value(frame, found);
        // A function that is handed on is called by somebody, with anything.
        for atom in value.iter() {
            if let Atom::Function(function, owner, parameters) = atom {
                self.handed.insert((*function, owner.clone(), parameters.clone()));
            }
        }
        value
    }
}

/// Texts that a format makes, where everything that it puts in is known: its template, then what that names, in order.
fn formatted(parts: &[Value]) -> Option<Value> {
    let texts = |value: &Value| -> Option<Vec<String>> {
        let texts: Option<Vec<String>> = value
            .iter()
            .map(|atom| match atom {
                Atom::Text(text) if !text.contains(['{', '}']) => Some(text.clone()),
                _ => None,
            })
            .collect();
        texts.filter(|texts| !texts.is_empty())
    };
    let [template] = parts.first()?.iter().collect::<Vec<_>>()[..] else { return None };
    let Atom::Text(template) = template else { return None };
    let pieces: Vec<&str> = template.split(['{', '}']).collect();
    let (unnamed, named): (Vec<usize>, Vec<usize>) =
        (1..pieces.len()).step_by(2).partition(|at| pieces[*at].is_empty());
    // What is put in by its place comes first.
    let order: Vec<usize> = unnamed.into_iter().chain(named).collect();
    if pieces.len().is_multiple_of(2) || order.len() + 1 != parts.len() {
        return None;
    }
    let mut all = vec![pieces.iter().map(|piece| (*piece).to_owned()).collect::<Vec<String>>()];
    for (at, part) in order.into_iter().zip(&parts[1..]) {
        let texts = texts(part)?;
        all = all
            .iter()
            .flat_map(|pieces| {
                texts.iter().map(move |text| {
                    let mut pieces = pieces.clone();
                    pieces[at].clone_from(text);
                    pieces
                })
            })
            .take(MOST_TEXTS + 1)
            .collect();
    }
    (all.len() <= MOST_TEXTS)
        .then(|| all.into_iter().map(|pieces| Value::of(Atom::Text(pieces.concat()))).collect())
}

/// The local variable of a name.
pub fn lookup(frame: &Frame<'_>, name: &str) -> Option<usize> {
    frame.names.iter().rev().find(|(known, _)| known == name).map(|(_, id)| *id)
}

fn attributes(expression: &Expr) -> &[syn::Attribute] {
    match expression {
        Expr::Block(found) => &found.attrs,
        Expr::If(found) => &found.attrs,
        Expr::Match(found) => &found.attrs,
        Expr::MethodCall(found) => &found.attrs,
        Expr::Call(found) => &found.attrs,
        Expr::Macro(found) => &found.attrs,
        Expr::Await(found) => &found.attrs,
        Expr::Try(found) => &found.attrs,
        Expr::ForLoop(found) => &found.attrs,
        Expr::While(found) => &found.attrs,
        Expr::Loop(found) => &found.attrs,
        Expr::Return(found) => &found.attrs,
        Expr::Assign(found) => &found.attrs,
        Expr::Unsafe(found) => &found.attrs,
        _ => &[],
    }
}
