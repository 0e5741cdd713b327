//! The functions, structs and constants of a function crate and the workspace's libraries it uses, by name.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use syn::{
    Attribute, Block, Expr, FnArg, GenericArgument, ImplItem, Item, PathArguments, ReturnType, Signature,
    Type,
};

use crate::place::{Place, SourceFile};
use crate::workspace::{SourceCrate, Workspace};

/// A function or method with a body.
pub struct Routine<'a> {
    pub file: &'a Arc<SourceFile>,
    /// The last part of the module's path, or the crate's name for its root.
    pub module: String,
    /// The type or trait whose method it is.
    pub owner: Option<String>,
    pub attributes: &'a [Attribute],
    pub signature: &'a Signature,
    pub body: &'a Block,
}

/// A struct's fields with their types.
pub struct Struct<'a> {
    pub fields: HashMap<String, &'a Type>,
    /// It keeps fields it does not know.
    pub open: bool,
}

/// Everything by name. Names are not resolved as the compiler does it: where several fit, all are taken.
pub struct Program<'a> {
    pub routines: Vec<Routine<'a>>,
    names: HashMap<String, Vec<usize>>,
    pub structs: HashMap<String, Struct<'a>>,
    /// Every type that the workspace names itself.
    types: HashSet<String>,
    /// Those of a type as `Type::NAME`.
    constants: HashMap<String, &'a Expr>,
}

impl<'a> Program<'a> {
    /// The crate and every workspace library it can reach.
    pub fn of(workspace: &'a Workspace, root: &'a SourceCrate) -> Self {
        let mut program = Self {
            routines: Vec::new(),
            names: HashMap::new(),
            structs: HashMap::new(),
            types: HashSet::new(),
            constants: HashMap::new(),
        };
        let mut crates = vec![root];
        let mut next = 0;
        while let Some(found) = crates.get(next).copied() {
            next += 1;
            for library in found.dependencies.values().filter_map(|name| workspace.library(name)) {
                if !crates.iter().any(|known| std::ptr::eq(*known, library)) {
                    crates.push(library);
                }
            }
            for module in &found.modules {
                let name = module.path.last().cloned().unwrap_or_else(|| found.package.replace('-', "_"));
                module.items.iter().for_each(|item| program.item(&module.file, &name, item));
            }
        }
        program
    }

    fn item(&mut self, file: &'a Arc<SourceFile>, module: &str, item: &'a Item) {
        match item {
            Item::Fn(found) => self.routine(file, module, None, (&found.attrs, &found.sig, &found.block)),
            Item::Impl(found) => {
                let owner = type_name(&found.self_ty);
                for item in &found.items {
                    match item {
                        ImplItem::Fn(method) => {
                            self.routine(
                                file,
                                module,
                                owner.clone(),
                                (&method.attrs, &method.sig, &method.block),
                            );
                        }
                        ImplItem::Const(constant) => {
                            let owner = owner.as_deref().unwrap_or_default();
                            self.constants.insert(format!("{owner}::{}", constant.ident), &constant.expr);
                        }
                        _ => {}
                    }
                }
            }
            Item::Trait(found) => {
                for item in &found.items {
                    if let syn::TraitItem::Fn(method) = item
                        && let Some(block) = &method.default
                    {
                        self.routine(
                            file,
                            module,
                            Some(found.ident.to_string()),
                            (&method.attrs, &method.sig, block),
                        );
                    }
                }
            }
            Item::Struct(found) => {
                let fields = found.fields.iter().enumerate().map(|(index, field)| {
                    let name = field.ident.as_ref().map_or_else(|| index.to_string(), ToString::to_string);
                    (name, &field.ty)
                });
                let open = found.fields.iter().any(|field| flattens(&field.attrs));
                self.types.insert(found.ident.to_string());
                self.structs.insert(found.ident.to_string(), Struct { fields: fields.collect(), open });
            }
            Item::Enum(found) => {
                self.types.insert(found.ident.to_string());
            }
            Item::Type(found) => {
                self.types.insert(found.ident.to_string());
            }
            Item::Const(found) => {
                self.constants.insert(found.ident.to_string(), &found.expr);
            }
            Item::Static(found) => {
                self.constants.insert(found.ident.to_string(), &found.expr);
            }
            _ => {}
        }
    }

    fn routine(
        &mut self,
        file: &'a Arc<SourceFile>,
        module: &str,
        owner: Option<String>,
        (attributes, signature, body): (&'a [Attribute], &'a Signature, &'a Block),
    ) {
        let name = signature.ident.to_string();
        self.names.entry(name).or_default().push(self.routines.len());
        self.routines.push(Routine { file, module: module.to_owned(), owner, attributes, signature, body });
        for statement in &body.stmts {
            if let syn::Stmt::Item(item) = statement {
                self.item(file, module, item);
            }
        }
    }

    /// What a call of a path such as `row::now` or `Caller::of` may run, in the routine `from`.
    pub fn by_path(&self, path: &[String], from: Option<usize>) -> Vec<usize> {
        let caller = from.map(|id| &self.routines[id]);
        let current = caller.and_then(|routine| routine.owner.as_deref());
        let Some((name, before)) = path.split_last() else { return Vec::new() };
        let all = self.names.get(name).map_or(&[][..], Vec::as_slice);
        let owner = match before.last().map(String::as_str) {
            Some("Self") => current,
            Some(owner) => Some(owner),
            None => None,
        };
        let fits = |id: &&usize| {
            let routine = &self.routines[**id];
            match owner {
                None => routine.owner.is_none(),
                Some(owner) if owner.starts_with(char::is_uppercase) => {
                    routine.owner.as_deref() == Some(owner)
                }
                Some("crate" | "self" | "super") => routine.owner.is_none(),
                Some(module) => routine.owner.is_none() && routine.module == module,
            }
        };
        let mut found: Vec<usize> = all.iter().filter(fits).copied().collect();
        // A bare name is one of the same file before it is one of another.
        if let (None, Some(caller)) = (owner, caller)
            && found.iter().any(|id| Arc::ptr_eq(self.routines[*id].file, caller.file))
        {
            found.retain(|id| Arc::ptr_eq(self.routines[*id].file, caller.file));
        }
        // A module may be re-exported under the name of the one around it.
        if found.is_empty() && owner.is_some_and(|owner| self.is_module(owner)) {
            return all.iter().filter(|id| self.routines[**id].owner.is_none()).copied().collect();
        }
        found
    }

    fn is_module(&self, name: &str) -> bool {
        self.routines.iter().any(|routine| routine.module == name)
    }

    /// What a call of a method may run: of the receiver's type where it is known, else of every type.
    pub fn by_method(&self, name: &str, receiver: Option<&str>, args: usize) -> Vec<usize> {
        let all = self.names.get(name).map_or(&[][..], Vec::as_slice);
        let fits = |id: &&usize| {
            let routine = &self.routines[**id];
            routine.signature.receiver().is_some() && routine.signature.inputs.len() == args + 1
        };
        let found: Vec<usize> = all.iter().filter(fits).copied().collect();
        let own: Vec<usize> = found
            .iter()
            .filter(|id| receiver.is_some() && self.routines[**id].owner.as_deref() == receiver)
            .copied()
            .collect();
        match receiver {
            _ if !own.is_empty() => own,
            // A struct of ours without such a method gives its reference to somebody else's.
            Some(receiver) if self.structs.contains_key(receiver) => Vec::new(),
            Some(_) | None => found,
        }
    }

    /// The value of a constant; `current` is the type of `Self`.
    pub fn constant(&self, path: &[String], current: Option<&str>) -> Option<&'a Expr> {
        let (name, before) = path.split_last()?;
        let own = match before.last().map(String::as_str) {
            Some("Self") => current,
            Some(owner) if owner.starts_with(char::is_uppercase) => Some(owner),
            Some(_) | None => None,
        };
        let key = own.map_or_else(|| name.clone(), |owner| format!("{owner}::{name}"));
        self.constants.get(&key).copied()
    }

    /// The argument of a field's declared type: `Profiles` of `Table<Profiles>`.
    pub fn argument(&self, ty: &str, field: &str) -> Option<String> {
        named(self.structs.get(ty)?.fields.get(field)?)?.argument
    }

    /// Whether a function of this name returns a `Result`.
    pub fn may_fail(&self, name: &str) -> bool {
        self.names.get(name).is_some_and(|all| all.iter().any(|id| self.routines[*id].may_fail()))
    }

    /// Whether a type of this name is the workspace's own.
    pub fn owns(&self, ty: &str) -> bool {
        self.types.contains(ty)
    }

    /// Whether what a routine returns holds the words of an error that it got: in a `Result` whose error is a text or
    /// somebody else's type. A type of our own has words of its own.
    pub fn passes_words_on(&self, routine: &Routine<'_>) -> bool {
        let ReturnType::Type(_, ty) = &routine.signature.output else { return false };
        let Type::Path(path) = &**ty else { return false };
        let Some(last) = path.path.segments.last().filter(|last| last.ident == "Result") else {
            return false;
        };
        let PathArguments::AngleBracketed(arguments) = &last.arguments else { return false };
        match arguments.args.iter().nth(1) {
            Some(GenericArgument::Type(error)) => !type_name(error).is_some_and(|name| self.owns(&name)),
            Some(_) => false,
            None => !self.owns("Result"),
        }
    }

    /// The place of a piece of a routine's code.
    pub fn place(&self, routine: usize, span: proc_macro2::Span) -> Place {
        self.routines[routine].file.place(span)
    }
}

impl Routine<'_> {
    /// The name of the type that it returns, and the type's first own argument.
    pub fn output(&self) -> Option<Named> {
        match &self.signature.output {
            ReturnType::Default => None,
            ReturnType::Type(_, ty) => {
                let found = named(ty)?;
                let owner = self.owner.clone().filter(|_| found.name == "Self");
                Some(Named { name: owner.unwrap_or(found.name), argument: found.argument })
            }
        }
    }

    /// Whether it returns a `Result`.
    pub fn may_fail(&self) -> bool {
        match &self.signature.output {
            ReturnType::Type(_, ty) => matches!(&**ty, Type::Path(path)
                if path.path.segments.last().is_some_and(|last| last.ident == "Result")),
            ReturnType::Default => false,
        }
    }

    /// Its parameters without `self`.
    pub fn parameters(&self) -> impl Iterator<Item = &syn::PatType> {
        self.signature.inputs.iter().filter_map(|input| match input {
            FnArg::Typed(typed) => Some(typed),
            FnArg::Receiver(_) => None,
        })
    }
}

/// A type's name and its first own argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    pub name: String,
    pub argument: Option<String>,
}

/// Types that are seen through: what they hold is what matters.
const WRAPPERS: [&str; 13] = [
    "Option", "Result", "Box", "Arc", "Rc", "Pin", "Cow", "OnceLock", "OnceCell", "LazyLock", "Mutex",
    "RwLock", "Ref",
];

/// A type's last name, seen through references and wrappers.
pub fn named(ty: &Type) -> Option<Named> {
    match ty {
        Type::Reference(found) => named(&found.elem),
        Type::Paren(found) => named(&found.elem),
        Type::Group(found) => named(&found.elem),
        Type::Path(found) => {
            let last = found.path.segments.last()?;
            let argument = match &last.arguments {
                PathArguments::AngleBracketed(arguments) => {
                    arguments.args.iter().find_map(|argument| match argument {
                        GenericArgument::Type(ty) => Some(ty),
                        _ => None,
                    })
                }
                PathArguments::None | PathArguments::Parenthesized(_) => None,
            };
            let name = last.ident.to_string();
            match argument {
                Some(inner) if WRAPPERS.contains(&name.as_str()) => named(inner),
                argument => Some(Named { name, argument: argument.and_then(type_name) }),
            }
        }
        _ => None,
    }
}

/// The name of the first type among a path's arguments: `Value` of `from_slice::<Value>`.
pub fn argument(arguments: &PathArguments) -> Option<String> {
    match arguments {
        PathArguments::AngleBracketed(arguments) => first_argument(arguments),
        PathArguments::None | PathArguments::Parenthesized(_) => None,
    }
}

/// The name of the first type among arguments.
pub fn first_argument(arguments: &syn::AngleBracketedGenericArguments) -> Option<String> {
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(ty) => type_name(ty),
        _ => None,
    })
}

/// A type's last name alone.
pub fn type_name(ty: &Type) -> Option<String> {
    named(ty).map(|found| found.name)
}

fn flattens(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("serde")
            && matches!(&attribute.meta, syn::Meta::List(list) if list.tokens.to_string().contains("flatten"))
    })
}
