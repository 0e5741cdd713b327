//! The values of expressions, calls apart.

use syn::spanned::Spanned;
use syn::{Expr, ExprIf, ExprMatch, ExprStruct, Lit};

use super::access;
use super::flow::{Flow, Frame};
use super::lost::Turn;
use super::value::{Kind, Value};

impl Flow<'_> {
    /// What an expression is, seen through what only borrows, waits or converts.
    pub fn expr(&mut self, frame: &mut Frame, expr: &Expr) -> Value {
        match expr {
            Expr::Paren(found) => self.expr(frame, &found.expr),
            Expr::Group(found) => self.expr(frame, &found.expr),
            Expr::Reference(found) => self.expr(frame, &found.expr),
            Expr::Unary(found) => {
                let value = self.expr(frame, &found.expr);
                if matches!(found.op, syn::UnOp::Not(_)) { value.negated() } else { value }
            }
            Expr::Cast(found) => self.expr(frame, &found.expr),
            Expr::Await(found) => self.expr(frame, &found.base),
            Expr::Try(found) => {
                let value = self.expr(frame, &found.expr);
                if let Some(fails) = frame.fails.last_mut() {
                    *fails |= value.has(Kind::Fallible);
                }
                Value { effect: None, ..value.without(Kind::Fallible) }
            }
            Expr::Lit(found) => match &found.lit {
                Lit::Str(text) => {
                    let place = self.program.place(frame.routine, text.span());
                    self.facts.texts.push((text.value(), place));
                    let value = Value { literal: Some(text.value()), ..Value::default() };
                    if is_constant(&text.value()) { value.and(Kind::Variable, text.value()) } else { value }
                }
                Lit::Bool(flag) => Value { literal: Some(flag.value.to_string()), ..Value::default() },
                _ => Value::default(),
            },
            Expr::Path(found) => self.path(frame, &found.path),
            Expr::Field(found) => {
                let base = self.expr(frame, &found.base);
                self.access(frame, &base, &access::member(&found.member), found.member.span())
            }
            Expr::Index(found) => {
                let base = self.expr(frame, &found.expr);
                let index = self.expr(frame, &found.index);
                match index.literal {
                    Some(name) => self.access(frame, &base, &name, found.index.span()),
                    None => base.derived(),
                }
            }
            Expr::Call(found) => self.call(frame, found),
            Expr::MethodCall(found) => self.method(frame, found),
            Expr::Macro(found) => self.macro_call(frame, &found.mac),
            Expr::Struct(found) => self.structure(frame, found),
            Expr::Block(found) => self.block(frame, &found.block),
            Expr::Unsafe(found) => self.block(frame, &found.block),
            Expr::Async(found) => self.inner(frame, |flow, frame| flow.block(frame, &found.block)),
            Expr::Closure(found) => self.closure(frame, found, &Value::default()),
            Expr::If(found) => self.branch(frame, found),
            Expr::Match(found) => self.matching(frame, found),
            Expr::Tuple(found) => self.tuple(frame, found),
            Expr::Array(found) => {
                found.elems.iter().fold(Value::default(), |all, part| all.mixed(&self.expr(frame, part)))
            }
            Expr::Binary(found) => {
                let left = self.expr(frame, &found.left);
                let right = self.expr(frame, &found.right);
                // Two conditions together say nothing certain of either.
                self.facts.judged |= left.has(Kind::Origin) || right.has(Kind::Origin);
                let text = left.literal.clone().unwrap_or_default();
                access::keyed(left.unless_asked().mixed(&right.unless_asked()), &text)
            }
            Expr::Let(found) => {
                let value = self.expr(frame, &found.expr);
                self.pattern(frame, &found.pat, value.clone());
                value
            }
            Expr::Assign(found) => {
                let value = self.expr(frame, &found.right);
                self.assign(frame, &found.left, &value);
                Value::of_type("()")
            }
            Expr::Return(found) => {
                if let Some(expr) = &found.expr {
                    let value = self.expr(frame, expr);
                    if let Some(last) = frame.returns.last_mut() {
                        *last = Some(match last.take() {
                            Some(known) => known.join(&value),
                            None => value,
                        });
                    }
                }
                Value::default()
            }
            Expr::ForLoop(found) => {
                let each = self.expr(frame, &found.expr);
                frame.open();
                self.pattern(frame, &found.pat, each);
                self.twice(frame, &found.body, false);
                frame.close();
                Value::of_type("()")
            }
            Expr::While(found) => {
                frame.open();
                self.expr(frame, &found.cond);
                self.twice(frame, &found.body, false);
                frame.close();
                Value::of_type("()")
            }
            Expr::Loop(found) => self.twice(frame, &found.body, true),
            Expr::Break(found) => {
                found.expr.as_ref().map_or_else(Value::default, |expr| self.expr(frame, expr))
            }
            Expr::Repeat(found) => self.expr(frame, &found.expr).derived(),
            Expr::Range(found) => {
                for end in [&found.start, &found.end].into_iter().flatten() {
                    self.expr(frame, end);
                }
                Value::default()
            }
            _ => Value::default(),
        }
    }

    /// A loop's body sees what an earlier turn assigned.
    fn twice(&mut self, frame: &mut Frame, body: &syn::Block, endless: bool) -> Value {
        frame.loops.push(Turn::of(body, endless));
        self.block(frame, body);
        let value = self.block(frame, body);
        frame.loops.pop();
        value
    }

    /// A body with the values that it returns early, which do not leave the function around it.
    pub fn inner(&mut self, frame: &mut Frame, body: impl FnOnce(&mut Self, &mut Frame) -> Value) -> Value {
        frame.returns.push(None);
        frame.fails.push(false);
        let around = std::mem::take(&mut frame.loops);
        let value = body(self, frame);
        frame.loops = around;
        let value = if frame.fails.pop() == Some(true) { value.fallible() } else { value };
        match frame.returns.pop().flatten() {
            Some(returned) => value.join(&returned),
            None => value,
        }
    }

    /// What a closure answers when each of its parameters is `given`.
    pub fn closure(&mut self, frame: &mut Frame, closure: &syn::ExprClosure, given: &Value) -> Value {
        frame.open();
        frame.closures += 1;
        for input in &closure.inputs {
            self.pattern(frame, input, given.clone());
        }
        let value = self.inner(frame, |flow, frame| flow.expr(frame, &closure.body));
        frame.closures -= 1;
        frame.close();
        value
    }

    fn path(&mut self, frame: &mut Frame, path: &syn::Path) -> Value {
        if let Some(name) = path.get_ident() {
            let name = name.to_string();
            if let Some(value) = frame.find(&name) {
                return value.clone();
            }
        }
        self.mention(frame, path);
        let names = super::calls::segments(path);
        let owner = self.program.routines[frame.routine].owner.clone();
        if let Some(constant) = self.program.constant(&names, owner.as_deref()) {
            return self.expr(frame, constant);
        }
        if names.ends_with(&["Value".to_owned(), "Null".to_owned()]) {
            return Value { built: true, ..Value::of_type("json") };
        }
        if let Some(name) = names.last().filter(|name| is_constant(name)) {
            return Value::of_type(name);
        }
        // A function that is passed on can run with anything.
        for routine in self.program.by_path(&names, Some(frame.routine)) {
            self.enter(frame, routine, None, &[]);
        }
        Value::default()
    }

    fn structure(&mut self, frame: &mut Frame, found: &ExprStruct) -> Value {
        self.mention(frame, &found.path);
        let last = found.path.segments.last().map(|last| last.ident.to_string());
        let owner = self.program.routines[frame.routine].owner.clone();
        let ty = last.map(|last| if last == "Self" { owner.unwrap_or(last) } else { last });
        let mut whole = Value { ty: ty.clone(), built: true, ..Value::default() };
        if let Some(rest) = &found.rest {
            let rest = self.expr(frame, rest);
            whole = whole.join(&rest);
        }
        for field in &found.fields {
            let value = self.expr(frame, &field.expr);
            let name = access::member(&field.member);
            self.entry(frame, &name, field.member.span(), &value, false);
            if let Some(ty) = &ty {
                self.store(ty, &name, &value);
            }
            whole.marks.extend(value.derived().marks);
        }
        whole
    }

    /// A tuple; one of a name and a value is an entry of a map.
    fn tuple(&mut self, frame: &mut Frame, found: &syn::ExprTuple) -> Value {
        let parts: Vec<Value> = found.elems.iter().map(|part| self.expr(frame, part)).collect();
        if let [name, value] = parts.as_slice()
            && let Some(name) = name.literal.as_ref().or(name.ty.as_ref().filter(|ty| is_constant(ty)))
        {
            self.entry(frame, name, found.span(), value, false);
        }
        // `(StatusCode::NOT_FOUND, "…")` is an answer of axum.
        if let Some(Expr::Path(first)) = found.elems.first()
            && super::calls::segments(&first.path).iter().any(|name| name == "StatusCode")
        {
            let place = self.program.place(frame.routine, found.span());
            self.facts.bodies.extend(parts.iter().map(|part| (place.clone(), part.clone())));
        }
        let unit = if parts.is_empty() { Value::of_type("()") } else { Value::default() };
        parts.iter().fold(unit, Value::mixed)
    }

    fn assign(&mut self, frame: &mut Frame, left: &Expr, value: &Value) {
        match left {
            Expr::Path(found) => {
                if let Some(name) = found.path.get_ident() {
                    frame.assign(&name.to_string(), value);
                }
            }
            Expr::Field(found) => {
                let base = self.expr(frame, &found.base);
                let name = access::member(&found.member);
                self.entry(frame, &name, found.member.span(), value, false);
                if let Some(ty) = &base.ty {
                    self.store(ty, &name, value);
                }
            }
            Expr::Index(found) => {
                self.expr(frame, &found.expr);
                let index = self.expr(frame, &found.index);
                if let Some(name) = index.literal {
                    self.entry(frame, &name, found.index.span(), value, true);
                }
            }
            Expr::Infer(_) if value.effect.is_some() => {
                self.swallow(frame, left.span(), "its result is thrown away");
            }
            _ => {
                self.expr(frame, left);
            }
        }
    }

    fn branch(&mut self, frame: &mut Frame, found: &ExprIf) -> Value {
        frame.open();
        let value = self.expr(frame, &found.cond);
        self.lost_in_if(frame, found, &value);
        frame.branchings += 1;
        let branching = frame.branchings;
        frame.arms.push((branching, 0));
        let then = self.block(frame, &found.then_branch);
        frame.arms.pop();
        frame.close();
        let Some((_, otherwise)) = &found.else_branch else { return Value { effect: None, ..then } };
        frame.arms.push((branching, 1));
        let otherwise = self.expr(frame, otherwise);
        frame.arms.pop();
        then.join(&otherwise)
    }

    fn matching(&mut self, frame: &mut Frame, found: &ExprMatch) -> Value {
        let value = self.expr(frame, &found.expr);
        self.lost_in_match(frame, found, &value);
        self.facts.judged |= value.has(Kind::Origin) && found.arms.iter().any(|arm| is_certain(&arm.pat));
        frame.branchings += 1;
        let branching = frame.branchings;
        let mut result: Option<Value> = None;
        for (index, arm) in found.arms.iter().enumerate() {
            frame.open();
            frame.arms.push((branching, index));
            self.pattern(frame, &arm.pat, value.clone());
            let answer = self.expr(frame, &arm.body);
            frame.arms.pop();
            frame.close();
            result = Some(match result {
                Some(known) => known.join(&answer),
                None => answer,
            });
        }
        result.unwrap_or_default()
    }
}

/// Whether a pattern takes only what is written down.
fn is_certain(pattern: &syn::Pat) -> bool {
    match pattern {
        syn::Pat::Lit(_) | syn::Pat::Guard(_) => true,
        syn::Pat::TupleStruct(found) => found.elems.iter().any(is_certain),
        syn::Pat::Or(found) => found.cases.iter().any(is_certain),
        _ => false,
    }
}

/// Whether a name is written as constants and environment variables are.
fn is_constant(name: &str) -> bool {
    name.len() > 2
        && name.starts_with(|first: char| first.is_ascii_uppercase())
        && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}
