//! Expressions, statements and patterns, run on possibilities.

use syn::{Block, Expr, ExprMacro, ExprPath, ExprStruct, Fields, Lit, Member, Pat, Stmt};

use super::analysis::{Analysis, Frame};
use super::index::{Def, DefId, Space, Target, name_of};
use super::value::{Atom, Value};
use crate::cfg::Cfg;

impl<'w> Analysis<'w> {
    fn cfg(&self, frame: &Frame<'w>) -> &'w Cfg {
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
                let value = value.with(std::mem::replace(&mut frame.returned, returned));
                // A block that only ever returns has no value of its own.
                Value(value.0)
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
    fn field_of(&mut self, of: DefId, parts: &[Value], name: &str) -> Value {
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
        let given = self.fields.get(&(of, name.to_owned())).cloned().unwrap_or_else(Value::unknown);
        let value = self.coerce(&frame, given, declared);
        let itself = Value::of(Atom::Instance(of, parts.to_vec()));
        if typed == Value::opaque() && self.is_handle(&itself) {
            return Value::of(Atom::Held(of, parts.to_vec(), name.to_owned()));
        }
        value.or_opaque()
    }

    fn structure(&mut self, frame: &mut Frame<'w>, found: &'w ExprStruct) -> Value {
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
        for (name, value) in given {
            let value = match declared(fields, name) {
                Some(of) => self.coerce(&inner, value.clone(), of),
                None => value.clone(),
            };
            self.fill(id, &format!("{prefix}{name}"), value);
        }
        let parts =
            generics.type_params().map(|parameter| inner.parameters.get(&name_of(&parameter.ident)).cloned());
        let parts = parts.map(Option::unwrap_or_default).collect();
        let atom = Atom::Instance(id, parts);
        self.note_made(atom.clone());
        Value::of(atom)
    }

    fn assign(&mut self, frame: &mut Frame<'w>, to: &'w Expr, value: Value, whole: bool) {
        match to {
            Expr::Path(found) => {
                let Some(name) = found.path.get_ident().map(name_of) else { return };
                let Some(id) = lookup(frame, &name) else { return };
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
                        self.fill(*of, &name, value.clone());
                    }
                }
            }
            Expr::Unary(found) => self.assign(frame, &found.expr, value, false),
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
            self.assign(frame, into, value, false);
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
                let parts = value.iter().find_map(|atom| match atom {
                    Atom::Instance(is, parts) if *is == id => Some(parts.clone()),
                    _ => None,
                });
                self.field_of(id, &parts.unwrap_or_default(), field)
            }
            // `Err(error)`: errors are left out of what a result may be.
            _ if path.last().is_some_and(|last| last == "Err") => Value::opaque(),
            // `Some(x)`, `Ok(x)` and the like.
            _ => value.clone(),
        }
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

/// The local variable of a name.
pub fn lookup(frame: &Frame<'_>, name: &str) -> Option<usize> {
    frame.names.iter().rev().find(|(known, _)| known == name).map(|(_, id)| *id)
}

fn declared<'w>(fields: &'w Fields, name: &str) -> Option<&'w syn::Type> {
    fields
        .iter()
        .enumerate()
        .find(|(position, field)| match &field.ident {
            Some(ident) => name_of(ident) == name,
            None => position.to_string() == name,
        })
        .map(|(_, field)| &field.ty)
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
