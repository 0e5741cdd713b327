//! Whether a piece of code that has an error in its hands passes it on.

use syn::visit::Visit;
use syn::{Expr, ExprCall, ExprMacro, ExprMethodCall, ExprPath, Stmt};

use super::program::Program;

/// Whether the code makes or returns an error, ends the function, tries again, or keeps the error for later.
/// So does a call of a function of ours that can fail itself.
pub fn raises(program: &Program<'_>, statement: &Stmt) -> bool {
    let mut found = Raising { program, raises: false };
    found.visit_stmt(statement);
    found.raises
}

struct Raising<'a> {
    program: &'a Program<'a>,
    raises: bool,
}

impl<'ast> Visit<'ast> for Raising<'_> {
    fn visit_expr(&mut self, expr: &'ast Expr) {
        match expr {
            Expr::Try(_) | Expr::Continue(_) | Expr::Break(_) | Expr::Assign(_) => self.raises = true,
            _ => syn::visit::visit_expr(self, expr),
        }
    }

    fn visit_expr_call(&mut self, call: &'ast ExprCall) {
        if let Expr::Path(path) = &*call.func
            && let Some(last) = path.path.segments.last()
        {
            let name = last.ident.to_string();
            self.raises |= ["Err", "exit", "abort"].contains(&name.as_str()) || self.program.may_fail(&name);
        }
        syn::visit::visit_expr_call(self, call);
    }

    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        // `error.into()` makes another error of it; `push` collects it.
        let name = call.method.to_string();
        self.raises |= ["into", "push", "push_back", "unwrap", "expect"].contains(&name.as_str())
            || self.program.may_fail(&name);
        syn::visit::visit_expr_method_call(self, call);
    }

    fn visit_expr_path(&mut self, path: &'ast ExprPath) {
        if path.path.is_ident("Err") {
            self.raises = true;
        }
    }

    fn visit_expr_macro(&mut self, found: &'ast ExprMacro) {
        self.check(&found.mac);
    }

    fn visit_stmt_macro(&mut self, found: &'ast syn::StmtMacro) {
        self.check(&found.mac);
    }
}

impl Raising<'_> {
    fn check(&mut self, found: &syn::Macro) {
        let name = found.path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default();
        if ["bail", "panic", "unreachable", "todo", "unimplemented", "ensure"].contains(&name.as_str()) {
            self.raises = true;
        }
    }
}
