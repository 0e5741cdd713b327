//! Every definition of the workspace, and what a path means where it is written.

use std::collections::HashMap;
use std::sync::Arc;

use syn::visit::{self, Visit};
use syn::{
    Block, Expr, Generics, ImplItem, Item, ItemConst, ItemEnum, ItemImpl, ItemStatic, ItemStruct, ItemTrait,
    ItemType, Signature, Stmt, TraitItem, Type, UseTree, Variant,
};

use super::macros::Macros;
use crate::place::{Place, SourceFile};
use crate::workspace::{Kind, SourceCrate, Workspace};

pub type DefId = usize;
pub type FnId = usize;
pub type ScopeId = usize;

/// What a name stands for.
#[derive(Debug)]
pub enum Def<'w> {
    Module(ScopeId),
    Struct(&'w ItemStruct),
    Enum(&'w ItemEnum),
    Variant(DefId, &'w Variant),
    Trait(&'w ItemTrait),
    Alias(&'w ItemType),
    Const(&'w ItemConst),
    Static(&'w ItemStatic),
    Function(FnId),
    /// `use path as name`.
    Import(Vec<String>),
}

/// A definition and where its own names are looked up.
#[derive(Debug)]
pub struct Defined<'w> {
    pub def: Def<'w>,
    pub name: String,
    pub scope: ScopeId,
}

/// A function or method with a body.
#[derive(Debug)]
pub struct Function<'w> {
    pub signature: &'w Signature,
    pub block: &'w Block,
    pub scope: ScopeId,
    pub owner: Owner,
}

/// Whose a function is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    Nobody,
    Impl(usize),
    Trait(DefId),
}

/// An `impl` block.
#[derive(Debug)]
pub struct Impl<'w> {
    pub item: &'w ItemImpl,
    pub scope: ScopeId,
    pub trait_: Option<Target>,
    pub head: Head,
    pub functions: HashMap<String, FnId>,
    pub consts: HashMap<String, &'w Expr>,
    pub types: HashMap<String, &'w Type>,
}

/// What an `impl` is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Head {
    Workspace(DefId),
    /// A type parameter: anything.
    Blanket,
    /// A type of another crate.
    Foreign,
}

/// What a path leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    Def(DefId),
    /// Another crate's, in full.
    External(Vec<String>),
}

/// Where names are looked up: a module, or a block with items of its own.
#[derive(Debug)]
pub struct Scope<'w> {
    pub source: &'w SourceCrate,
    pub file: Arc<SourceFile>,
    /// The module's parent; of a block, what surrounds it.
    pub(super) parent: Option<ScopeId>,
    pub(super) block: bool,
    pub(super) root: ScopeId,
    pub(super) names: HashMap<String, Vec<DefId>>,
    pub(super) globs: Vec<Vec<String>>,
}

/// Which kind of thing a name is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Space {
    Types,
    Values,
}

/// Everything that the workspace defines.
#[derive(Debug, Default)]
pub struct Index<'w> {
    pub scopes: Vec<Scope<'w>>,
    pub defs: Vec<Defined<'w>>,
    pub functions: Vec<Function<'w>>,
    pub impls: Vec<Impl<'w>>,
    /// The roots of the crates, in the workspace's order.
    roots: Vec<ScopeId>,
    /// Packages that are libraries, with their roots.
    pub(super) libraries: HashMap<String, ScopeId>,
    /// Macros that stand among items, and where.
    item_macros: Vec<(ScopeId, &'w Item)>,
    /// Scopes of blocks, by the block's address.
    blocks: HashMap<usize, ScopeId>,
    /// Functions of a name that take a receiver.
    pub methods: HashMap<String, Vec<FnId>>,
    pub of_type: HashMap<DefId, Vec<usize>>,
    pub of_trait: HashMap<DefId, Vec<usize>>,
    pub blanket: Vec<usize>,
    pub foreign: Vec<usize>,
}

impl<'w> Index<'w> {
    pub fn new(workspace: &'w Workspace, macros: &'w Macros) -> Self {
        let mut index = Self::default();
        for source in &workspace.crates {
            index.take(source, macros);
        }
        index.place_impls();
        index
    }

    fn take(&mut self, source: &'w SourceCrate, macros: &'w Macros) {
        let root = self.scopes.len();
        self.roots.push(root);
        if source.kind == Kind::Library {
            self.libraries.insert(source.package.clone(), root);
        }
        let mut of_path: HashMap<&[String], ScopeId> = HashMap::new();
        for module in &source.modules {
            let parent =
                module.path.split_last().map(|(_, above)| of_path.get(above).copied().unwrap_or(root));
            let scope = self.scope(source, &module.file, parent, false, root);
            of_path.insert(&module.path, scope);
            if let (Some(parent), Some(name)) = (parent, module.path.last()) {
                self.define(parent, name.clone(), Def::Module(scope));
            }
            self.items(scope, &module.items, macros);
        }
    }

    fn scope(
        &mut self,
        source: &'w SourceCrate,
        file: &Arc<SourceFile>,
        parent: Option<ScopeId>,
        block: bool,
        root: ScopeId,
    ) -> ScopeId {
        let file = Arc::clone(file);
        let (names, globs) = (HashMap::new(), Vec::new());
        self.scopes.push(Scope { source, file, parent, block, root, names, globs });
        self.scopes.len() - 1
    }

    fn define(&mut self, scope: ScopeId, name: String, def: Def<'w>) -> DefId {
        let id = self.defs.len();
        self.scopes[scope].names.entry(name.clone()).or_default().push(id);
        self.defs.push(Defined { def, name, scope });
        id
    }

    fn function(&mut self, scope: ScopeId, owner: Owner, signature: &'w Signature, block: &'w Block) -> FnId {
        let id = self.functions.len();
        self.functions.push(Function { signature, block, scope, owner });
        if signature.receiver().is_some() {
            self.methods.entry(name_of(&signature.ident)).or_default().push(id);
        }
        id
    }

    fn items(&mut self, scope: ScopeId, items: &'w [Item], macros: &'w Macros) {
        for item in items {
            self.item(scope, item, macros);
        }
    }

    fn item(&mut self, scope: ScopeId, item: &'w Item, macros: &'w Macros) {
        self.blocks_in(scope, item, macros);
        match item {
            Item::Struct(found) => {
                self.define(scope, name_of(&found.ident), Def::Struct(found));
            }
            Item::Enum(found) => {
                let id = self.define(scope, name_of(&found.ident), Def::Enum(found));
                for variant in &found.variants {
                    let name = name_of(&variant.ident);
                    self.defs.push(Defined { def: Def::Variant(id, variant), name, scope });
                }
            }
            Item::Trait(found) => {
                let id = self.define(scope, name_of(&found.ident), Def::Trait(found));
                for member in &found.items {
                    if let TraitItem::Fn(member) = member
                        && let Some(block) = &member.default
                    {
                        self.function(scope, Owner::Trait(id), &member.sig, block);
                    }
                }
            }
            Item::Type(found) => {
                self.define(scope, name_of(&found.ident), Def::Alias(found));
            }
            Item::Const(found) => {
                self.define(scope, name_of(&found.ident), Def::Const(found));
            }
            Item::Static(found) => {
                self.define(scope, name_of(&found.ident), Def::Static(found));
            }
            Item::Fn(found) => {
                let id = self.function(scope, Owner::Nobody, &found.sig, &found.block);
                self.define(scope, name_of(&found.sig.ident), Def::Function(id));
            }
            Item::Impl(found) => self.implementation(scope, found),
            Item::Use(found) => {
                let start = found.leading_colon.map(|_| vec![String::new()]).unwrap_or_default();
                self.import(scope, &found.tree, start);
            }
            Item::ExternCrate(found) => {
                let name = found.rename.as_ref().map_or(&found.ident, |(_, name)| name);
                self.define(scope, name_of(name), Def::Import(vec![String::new(), name_of(&found.ident)]));
            }
            Item::Macro(found) => {
                self.item_macros.push((scope, item));
                self.items(scope, macros.items(&found.mac), macros);
            }
            _ => {}
        }
    }

    fn import(&mut self, scope: ScopeId, tree: &UseTree, mut path: Vec<String>) {
        match tree {
            UseTree::Path(found) => {
                path.push(name_of(&found.ident));
                self.import(scope, &found.tree, path);
            }
            UseTree::Name(found) => {
                let name = name_of(&found.ident);
                if name != "self" {
                    path.push(name);
                }
                if let Some(name) = path.last().cloned() {
                    self.define(scope, name, Def::Import(path));
                }
            }
            UseTree::Rename(found) => {
                let name = name_of(&found.ident);
                if name != "self" {
                    path.push(name);
                }
                self.define(scope, name_of(&found.rename), Def::Import(path));
            }
            UseTree::Glob(_) => self.scopes[scope].globs.push(path),
            UseTree::Group(found) => {
                for tree in &found.items {
                    self.import(scope, tree, path.clone());
                }
            }
        }
    }

    fn implementation(&mut self, scope: ScopeId, item: &'w ItemImpl) {
        let id = self.impls.len();
        let (mut functions, mut consts, mut types) = (HashMap::new(), HashMap::new(), HashMap::new());
        for member in &item.items {
            match member {
                ImplItem::Fn(found) => {
                    let function = self.function(scope, Owner::Impl(id), &found.sig, &found.block);
                    functions.insert(name_of(&found.sig.ident), function);
                }
                ImplItem::Const(found) => {
                    consts.insert(name_of(&found.ident), &found.expr);
                }
                ImplItem::Type(found) => {
                    types.insert(name_of(&found.ident), &found.ty);
                }
                _ => {}
            }
        }
        let head = Head::Foreign;
        self.impls.push(Impl { item, scope, trait_: None, head, functions, consts, types });
    }

    /// Once every name is known: whose each `impl` is.
    fn place_impls(&mut self) {
        for id in 0..self.impls.len() {
            let found = &self.impls[id];
            let trait_ = found.item.trait_.as_ref().and_then(|(path, _)| {
                let path: Vec<String> = path.segments.iter().map(|part| name_of(&part.ident)).collect();
                self.resolve(found.scope, &path, Space::Types).map(|(target, _)| target)
            });
            let head = self.head(found.scope, &found.item.self_ty, &found.item.generics);
            if let Some(Target::Def(of)) = &trait_ {
                self.of_trait.entry(*of).or_default().push(id);
            }
            match head {
                Head::Workspace(of) => self.of_type.entry(of).or_default().push(id),
                Head::Blanket => self.blanket.push(id),
                Head::Foreign => self.foreign.push(id),
            }
            self.impls[id].trait_ = trait_;
            self.impls[id].head = head;
        }
    }

    fn head(&self, scope: ScopeId, of: &Type, generics: &Generics) -> Head {
        match of {
            Type::Reference(found) => self.head(scope, &found.elem, generics),
            Type::Paren(found) => self.head(scope, &found.elem, generics),
            Type::Group(found) => self.head(scope, &found.elem, generics),
            Type::Path(found) if found.qself.is_none() => {
                let path: Vec<String> = found.path.segments.iter().map(|part| name_of(&part.ident)).collect();
                if let [only] = path.as_slice()
                    && generics.type_params().any(|parameter| name_of(&parameter.ident) == *only)
                {
                    return Head::Blanket;
                }
                match self.resolve(scope, &path, Space::Types) {
                    Some((Target::Def(id), _)) => match &self.defs[id].def {
                        Def::Alias(alias) => self.head(self.defs[id].scope, &alias.ty, generics),
                        _ => Head::Workspace(id),
                    },
                    Some((Target::External(_), _)) | None => Head::Foreign,
                }
            }
            _ => Head::Foreign,
        }
    }

    /// Scopes for the blocks of an item that have items of their own.
    fn blocks_in(&mut self, scope: ScopeId, item: &'w Item, macros: &'w Macros) {
        let mut seeker = Seeker { found: Vec::new(), macros };
        match item {
            Item::Fn(found) => seeker.visit_block(&found.block),
            Item::Impl(found) => {
                for member in &found.items {
                    if let ImplItem::Fn(member) = member {
                        seeker.visit_block(&member.block);
                    }
                }
            }
            Item::Trait(found) => {
                for member in &found.items {
                    if let TraitItem::Fn(member) = member {
                        member.default.iter().for_each(|block| seeker.visit_block(block));
                    }
                }
            }
            _ => return,
        }
        for (depth, block) in seeker.found {
            let surrounding = depth.and_then(|outer| self.blocks.get(&outer).copied()).unwrap_or(scope);
            let (source, root) = (self.scopes[scope].source, self.scopes[scope].root);
            let file = Arc::clone(&self.scopes[scope].file);
            let inner = self.scope(source, &file, Some(surrounding), true, root);
            self.blocks.insert(std::ptr::from_ref(block) as usize, inner);
            for statement in &block.stmts {
                match statement {
                    Stmt::Item(item) => self.item(inner, item, macros),
                    Stmt::Macro(found) => self.items(inner, macros.items(&found.mac), macros),
                    Stmt::Local(_) | Stmt::Expr(..) => {}
                }
            }
        }
    }

    /// The scope of a block that has one of its own.
    pub fn block_scope(&self, block: &Block) -> Option<ScopeId> {
        self.blocks.get(&(std::ptr::from_ref(block) as usize)).copied()
    }

    pub fn place(&self, scope: ScopeId, line: usize, column: usize) -> Place {
        Place { file: Arc::clone(&self.scopes[scope].file), line, column }
    }

    /// The macros among the items of a crate.
    pub fn macros_of(&self, crate_: usize) -> impl Iterator<Item = (ScopeId, &'w Item)> {
        let root = self.roots[crate_];
        self.item_macros.iter().filter(move |(scope, _)| self.scopes[*scope].root == root).copied()
    }

    pub fn root_of(&self, crate_: usize) -> ScopeId {
        self.roots[crate_]
    }
}

/// A name without `r#`.
pub fn name_of(ident: &proc_macro2::Ident) -> String {
    let name = ident.to_string();
    name.strip_prefix("r#").map(str::to_owned).unwrap_or(name)
}

/// Finds blocks with items, the outer ones first, each with the address of the nearest such block around it.
struct Seeker<'w> {
    found: Vec<(Option<usize>, &'w Block)>,
    macros: &'w Macros,
}

impl<'w> Visit<'w> for Seeker<'w> {
    fn visit_block(&mut self, block: &'w Block) {
        let has_items = block.stmts.iter().any(|statement| match statement {
            Stmt::Item(_) => true,
            Stmt::Macro(found) => !self.macros.items(&found.mac).is_empty(),
            Stmt::Local(_) | Stmt::Expr(..) => false,
        });
        if !has_items {
            return visit::visit_block(self, block);
        }
        let outer = self.found.len();
        self.found.push((None, block));
        visit::visit_block(self, block);
        let address = std::ptr::from_ref(block) as usize;
        for (around, _) in self.found.iter_mut().skip(outer + 1).filter(|(around, _)| around.is_none()) {
            *around = Some(address);
        }
    }

    /// Items bring their own blocks when they are taken in themselves.
    fn visit_item(&mut self, _item: &'w Item) {}
}
