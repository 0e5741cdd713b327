//! The module trees of function crates and of the members they use, as the shipped build has them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use proc_macro2::{Spacing, Span, TokenStream, TokenTree};
use syn::visit::Visit;
use syn::{Attribute, Block, Expr, Fields, ImplItem, Item, ItemMod, Lit, Macro, Meta, Stmt, TraitItem};

use crate::cfg::Cfg;
use crate::packages::{self, Package};
use crate::place::{Fault, Place, SourceFile};

/// Everything that was loaded.
#[derive(Debug)]
pub struct Workspace {
    pub crates: Vec<SourceCrate>,
    /// The same as a debug build has it, where that may be another code.
    pub debug: Option<Box<Workspace>>,
}

/// One crate: a function's binary, or a library.
#[derive(Debug)]
pub struct SourceCrate {
    /// The package's name.
    pub package: String,
    pub kind: Kind,
    /// What its build turns on; statements, arms and fields still have their `#[cfg]`.
    pub cfg: Cfg,
    /// The members that its code names, by the name it has for them, such as `functions_shared`: packages.
    pub dependencies: BTreeMap<String, String>,
    /// Other crates that have another name in its code.
    pub renames: BTreeMap<String, String>,
    /// Crates of the project's own that are not read.
    pub unread: BTreeSet<String>,
    /// The root first, parents before children.
    pub modules: Vec<Module>,
}

/// What a crate becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Library,
    Binary,
}

/// A module without its submodules, which are modules of their own.
#[derive(Debug)]
pub struct Module {
    /// Empty for the crate's root.
    pub path: Vec<String>,
    pub file: Arc<SourceFile>,
    pub items: Vec<Item>,
}

impl Module {
    /// The place of a piece of this module's code.
    pub fn place(&self, span: proc_macro2::Span) -> Place {
        self.file.place(span)
    }
}

impl Workspace {
    /// Loads the binaries of `functions` (names of packages) and every member's library that they use. Paths
    /// are shown relative to `root`.
    ///
    /// # Errors
    /// Every file that cannot be read or parsed, and every module that cannot be found.
    pub fn load(root: &Path, packages: &[Package], functions: &[&str]) -> Result<Self, Vec<Fault>> {
        let mut shipped = Self::build(root, packages, functions, false)?;
        let mut files = shipped.crates.iter().flat_map(|found| &found.modules).map(|module| &module.file);
        if files.any(|file| file.text.contains("debug_assertions")) {
            shipped.debug = Some(Box::new(Self::build(root, packages, functions, true)?));
        }
        Ok(shipped)
    }

    fn build(root: &Path, packages: &[Package], functions: &[&str], debug: bool) -> Result<Self, Vec<Fault>> {
        let features = packages::features(packages, functions);
        let mut crates = Vec::new();
        let mut faults = Vec::new();
        for package in packages {
            let Some(features) = features.get(&package.name) else { continue };
            let cfg = Cfg { features: features.clone(), debug };
            let binary = package.binary.as_deref().filter(|_| functions.contains(&package.name.as_str()));
            let roots = [(Kind::Library, package.library.as_deref()), (Kind::Binary, binary)];
            for (kind, file) in roots.into_iter().filter_map(|(kind, file)| Some((kind, file?))) {
                let mut loader = Loader { root, cfg: &cfg, modules: Vec::new(), faults: &mut faults };
                loader.root(file);
                let modules = loader.modules;
                crates.push(SourceCrate {
                    package: package.name.clone(),
                    kind,
                    cfg: cfg.clone(),
                    dependencies: named(package, kind),
                    renames: package.renames.clone(),
                    unread: package.unread.clone(),
                    modules,
                });
            }
        }
        if faults.is_empty() { Ok(Self { crates, debug: None }) } else { Err(faults) }
    }

    /// The binary of a function.
    pub fn binary(&self, package: &str) -> Option<&SourceCrate> {
        self.find(package, Kind::Binary)
    }

    /// The library of a member.
    pub fn library(&self, package: &str) -> Option<&SourceCrate> {
        self.find(package, Kind::Library)
    }

    fn find(&self, package: &str, kind: Kind) -> Option<&SourceCrate> {
        self.crates.iter().find(|found| found.package == package && found.kind == kind)
    }
}

/// A binary names its own package's library as a dependency.
fn named(package: &Package, kind: Kind) -> BTreeMap<String, String> {
    let ident = |name: &str| name.replace('-', "_");
    let own = (kind == Kind::Binary && package.library.is_some())
        .then(|| (ident(&package.name), package.name.clone()));
    let others = package.dependencies.iter().map(|found| (ident(found.name()), found.package.clone()));
    others.chain(own).collect()
}

/// Where a file's or an inline module's children are looked for.
struct Folder {
    /// Of the children's files.
    children: PathBuf,
    /// Of paths in `#[path]`.
    paths: PathBuf,
}

struct Loader<'a> {
    root: &'a Path,
    cfg: &'a Cfg,
    modules: Vec<Module>,
    faults: &'a mut Vec<Fault>,
}

impl Loader<'_> {
    fn root(&mut self, file: &Path) {
        let folder = file.parent().unwrap_or(Path::new("")).to_owned();
        self.file(file, Vec::new(), &Folder { children: folder.clone(), paths: folder });
    }

    fn file(&mut self, file: &Path, path: Vec<String>, folder: &Folder) {
        let shown = file.strip_prefix(self.root).unwrap_or(file).to_owned();
        let text = match std::fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) => {
                self.faults.push(Fault::new("unreadable-source", format!("{}: {error}", shown.display())));
                return;
            }
        };
        let source = Arc::new(SourceFile { path: shown, text: text.into() });
        match syn::parse_file(&source.text) {
            Ok(parsed) => self.module(&source, path, parsed.items, folder),
            Err(error) => self.faults.push(
                Fault::new("source-syntax", format!("this is no Rust ({error})"))
                    .at(source.place(error.span()))
                    .help("make it compile first"),
            ),
        }
    }

    /// A module's own items, then its children.
    fn module(&mut self, source: &Arc<SourceFile>, path: Vec<String>, items: Vec<Item>, folder: &Folder) {
        let mut own = Vec::new();
        let mut children = Vec::new();
        for mut item in items {
            if !self.keep(&mut item) {
                continue;
            }
            match item {
                Item::Mod(child) => children.push(child),
                other => {
                    let mut includes = Includes { found: Vec::new() };
                    includes.visit_item(&other);
                    self.faults.extend(includes.found.into_iter().map(|span| {
                        Fault::new("included-source", "code that is included from another file is not read")
                            .at(source.place(span))
                            .help("make it a module, and what it gives a function of that")
                    }));
                    own.push(other);
                }
            }
        }
        self.modules.push(Module { path: path.clone(), file: Arc::clone(source), items: own });
        for child in children {
            let mut path = path.clone();
            path.push(plain(&child.ident));
            self.child(source, child, path, folder);
        }
    }

    fn child(&mut self, source: &Arc<SourceFile>, child: ItemMod, path: Vec<String>, folder: &Folder) {
        let name = plain(&child.ident);
        let explicit = explicit_path(&child.attrs);
        if let Some((_, items)) = child.content {
            let below = explicit.as_deref().unwrap_or(&name);
            let folder = Folder { children: folder.children.join(below), paths: folder.children.join(below) };
            return self.module(source, path, items, &folder);
        }
        if let Some(explicit) = explicit {
            let file = folder.paths.join(explicit);
            let parent = file.parent().unwrap_or(Path::new("")).to_owned();
            return self.file(&file, path, &Folder { children: parent.clone(), paths: parent });
        }
        let children = folder.children.join(&name);
        let beside = folder.children.join(format!("{name}.rs"));
        if beside.is_file() {
            let folder = Folder { children, paths: folder.children.clone() };
            return self.file(&beside, path, &folder);
        }
        let within = children.join("mod.rs");
        if within.is_file() {
            return self.file(&within, path, &Folder { children: children.clone(), paths: children });
        }
        self.faults.push(
            Fault::new("missing-module", format!("the module {name} has no file"))
                .at(source.place(child.ident.span()))
                .help(format!("it would be {} or {}", self.shown(&beside), self.shown(&within))),
        );
    }

    fn shown(&self, path: &Path) -> String {
        path.strip_prefix(self.root).unwrap_or(path).display().to_string()
    }

    /// Whether the shipped build has an item; what it does not have inside one is taken out.
    fn keep(&self, item: &mut Item) -> bool {
        if !attributes(item).is_none_or(|attributes| self.cfg.has(attributes)) {
            return false;
        }
        match item {
            Item::Impl(found) => found.items.retain_mut(|item| match item {
                ImplItem::Fn(found) => {
                    self.block(&mut found.block);
                    self.cfg.has(&found.attrs)
                }
                ImplItem::Const(found) => self.cfg.has(&found.attrs),
                ImplItem::Type(found) => self.cfg.has(&found.attrs),
                ImplItem::Macro(found) => self.cfg.has(&found.attrs),
                _ => true,
            }),
            Item::Trait(found) => found.items.retain_mut(|item| match item {
                TraitItem::Fn(found) => {
                    found.default.iter_mut().for_each(|block| self.block(block));
                    self.cfg.has(&found.attrs)
                }
                TraitItem::Const(found) => self.cfg.has(&found.attrs),
                TraitItem::Type(found) => self.cfg.has(&found.attrs),
                TraitItem::Macro(found) => self.cfg.has(&found.attrs),
                _ => true,
            }),
            Item::Fn(found) => self.block(&mut found.block),
            Item::Struct(found) => self.fields(&mut found.fields),
            Item::Enum(found) => {
                let variants = std::mem::take(&mut found.variants);
                found.variants = variants.into_iter().filter(|found| self.cfg.has(&found.attrs)).collect();
            }
            _ => {}
        }
        true
    }

    fn fields(&self, fields: &mut Fields) {
        match fields {
            Fields::Named(found) => {
                let all = std::mem::take(&mut found.named);
                found.named = all.into_iter().filter(|field| self.cfg.has(&field.attrs)).collect();
            }
            Fields::Unnamed(found) => {
                let all = std::mem::take(&mut found.unnamed);
                found.unnamed = all.into_iter().filter(|field| self.cfg.has(&field.attrs)).collect();
            }
            Fields::Unit => {}
        }
    }

    /// The statements and items directly in a function's body.
    fn block(&self, block: &mut Block) {
        block.stmts.retain_mut(|statement| match statement {
            Stmt::Local(local) => self.cfg.has(&local.attrs),
            Stmt::Item(item) => self.keep(item),
            Stmt::Macro(found) => self.cfg.has(&found.attrs),
            Stmt::Expr(..) => true,
        });
    }
}

/// Finds `include!`, in the tokens of other macros too.
struct Includes {
    found: Vec<Span>,
}

impl<'a> Visit<'a> for Includes {
    fn visit_macro(&mut self, found: &'a Macro) {
        match found.path.segments.last() {
            Some(last) if last.ident == "include" => self.found.push(last.ident.span()),
            _ => self.tokens(found.tokens.clone()),
        }
    }
}

impl Includes {
    fn tokens(&mut self, tokens: TokenStream) {
        let mut tokens = tokens.into_iter().peekable();
        while let Some(token) = tokens.next() {
            match token {
                TokenTree::Group(group) => self.tokens(group.stream()),
                TokenTree::Ident(name) if name == "include" => {
                    let is_mark = |next: &TokenTree| matches!(next, TokenTree::Punct(mark) if mark.as_char() == '!' && mark.spacing() == Spacing::Alone);
                    if tokens.peek().is_some_and(is_mark) {
                        self.found.push(name.span());
                    }
                }
                TokenTree::Ident(_) | TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
        }
    }
}

/// A name without `r#`.
fn plain(ident: &proc_macro2::Ident) -> String {
    let name = ident.to_string();
    name.strip_prefix("r#").map(str::to_owned).unwrap_or(name)
}

/// `#[path = "…"]`.
fn explicit_path(attributes: &[Attribute]) -> Option<String> {
    attributes.iter().find_map(|attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("path") => match &pair.value {
            Expr::Lit(literal) => match &literal.lit {
                Lit::Str(text) => Some(text.value()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    })
}

fn attributes(item: &Item) -> Option<&[Attribute]> {
    Some(match item {
        Item::Const(found) => &found.attrs,
        Item::Enum(found) => &found.attrs,
        Item::ExternCrate(found) => &found.attrs,
        Item::Fn(found) => &found.attrs,
        Item::ForeignMod(found) => &found.attrs,
        Item::Impl(found) => &found.attrs,
        Item::Macro(found) => &found.attrs,
        Item::Mod(found) => &found.attrs,
        Item::Static(found) => &found.attrs,
        Item::Struct(found) => &found.attrs,
        Item::Trait(found) => &found.attrs,
        Item::TraitAlias(found) => &found.attrs,
        Item::Type(found) => &found.attrs,
        Item::Union(found) => &found.attrs,
        Item::Use(found) => &found.attrs,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A workspace of one function, of these files; the first is its root.
    fn load(files: &[(&str, &str)]) -> Result<Workspace, Vec<Fault>> {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let package = Package {
            name: "f".to_owned(),
            binary: Some(folder.path().join(files[0].0)),
            ..Package::default()
        };
        Workspace::load(folder.path(), &[package], &["f"])
    }

    fn tree(workspace: &Workspace) -> Vec<String> {
        let modules = &workspace.crates[0].modules;
        let shown = |module: &Module| format!("{} {}", module.path.join("::"), module.file.path.display());
        modules.iter().map(shown).collect()
    }

    #[test]
    fn modules_are_found_where_the_compiler_finds_them() {
        let files = [
            ("src/main.rs", "mod a; mod b; mod c { mod d; } #[path = \"x/other.rs\"] mod e; fn main() {}"),
            ("src/a.rs", "mod deep;"),
            ("src/a/deep.rs", ""),
            ("src/b/mod.rs", "mod near;"),
            ("src/b/near.rs", ""),
            ("src/c/d.rs", ""),
            ("src/x/other.rs", "mod beside;"),
            ("src/x/beside.rs", ""),
        ];
        let expected = [
            " src/main.rs",
            "a src/a.rs",
            "a::deep src/a/deep.rs",
            "b src/b/mod.rs",
            "b::near src/b/near.rs",
            "c src/main.rs",
            "c::d src/c/d.rs",
            "e src/x/other.rs",
            "e::beside src/x/beside.rs",
        ];
        assert_eq!(tree(&load(&files).unwrap()), expected);
    }

    #[test]
    fn what_is_not_shipped_is_not_loaded() {
        let text = "#[cfg(test)] mod tests; #[cfg(feature = \"x\")] mod off; struct S; \
                    impl S { #[cfg(test)] fn t() {} fn kept() {} } #[test] fn t() {} fn main() {}";
        let workspace = load(&[("src/main.rs", text)]).unwrap();
        let module = &workspace.crates[0].modules[0];
        assert_eq!(module.items.len(), 3);
        assert!(matches!(&module.items[1], Item::Impl(found) if found.items.len() == 1));
    }

    #[test]
    fn what_cannot_be_read_is_a_fault_with_its_place() {
        let faults = load(&[
            ("src/main.rs", "mod gone;\nmod broken;\ninclude!(\"x.rs\");\nfn main() {}"),
            ("src/broken.rs", "fn a() {\n  let = 1;\n}"),
        ])
        .unwrap_err();
        let shown = |fault: &Fault| format!("{} {}", fault.rule, fault.place.as_ref().unwrap());
        let shown: Vec<String> = faults.iter().map(shown).collect();
        assert_eq!(
            shown,
            [
                "included-source src/main.rs:3",
                "missing-module src/main.rs:1",
                "source-syntax src/broken.rs:2"
            ]
        );
    }
}
