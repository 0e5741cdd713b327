//! What a path leads to, from where it is written.

use super::index::{Def, DefId, Index, ScopeId, Space, Target};
use super::sdk;

/// `use` chains longer than this are circles.
const LONGEST_CHAIN: usize = 32;

/// The imports that led to where a name is looked for.
#[derive(Debug, Default)]
struct Trail<'t> {
    /// The `use …::*` that was followed last.
    glob: Option<(ScopeId, usize)>,
    before: Option<&'t Trail<'t>>,
    length: usize,
}

impl Trail<'_> {
    fn on(&self, glob: Option<(ScopeId, usize)>) -> Trail<'_> {
        Trail { glob, before: Some(self), length: self.length + 1 }
    }

    fn holds(&self, glob: (ScopeId, usize)) -> bool {
        self.glob == Some(glob) || self.before.is_some_and(|before| before.holds(glob))
    }
}

impl Index<'_> {
    /// What a path means, and how many of its segments that takes: the rest are associated items.
    pub fn resolve(&self, scope: ScopeId, path: &[String], space: Space) -> Option<(Target, usize)> {
        self.follow(scope, path, space, &Trail::default())
    }

    fn follow(
        &self,
        scope: ScopeId,
        path: &[String],
        space: Space,
        trail: &Trail<'_>,
    ) -> Option<(Target, usize)> {
        let first = path.first().filter(|_| trail.length < LONGEST_CHAIN)?;
        let root = self.scopes[scope].root;
        match first.as_str() {
            "" => {
                return self
                    .outside(scope, &path[1..], space, trail)
                    .map(|(target, used)| (target, used + 1));
            }
            "crate" => return self.within(root, path, 1, space, trail),
            "self" => return self.within(self.module_of(scope), path, 1, space, trail),
            "super" => {
                let ups = path.iter().take_while(|part| *part == "super").count();
                let mut module = self.module_of(scope);
                for _ in 0..ups {
                    module = self.module_of(self.scopes[module].parent?);
                }
                return self.within(module, path, ups, space, trail);
            }
            _ => {}
        }
        let mut at = Some(scope);
        while let Some(here) = at {
            if let Some(found) = self.within(here, path, 0, space, trail) {
                return Some(found);
            }
            at = self.scopes[here].parent.filter(|_| self.scopes[here].block);
        }
        self.outside(scope, path, space, trail)
    }

    /// The module that a block stands in; a module itself.
    fn module_of(&self, scope: ScopeId) -> ScopeId {
        match self.scopes[scope].parent {
            Some(parent) if self.scopes[scope].block => self.module_of(parent),
            _ => scope,
        }
    }

    /// A path that begins with a crate's name.
    fn outside(
        &self,
        scope: ScopeId,
        path: &[String],
        space: Space,
        trail: &Trail<'_>,
    ) -> Option<(Target, usize)> {
        let first = path.first()?;
        let source = self.scopes[scope].source;
        if let Some(package) = source.dependencies.get(first)
            && let Some(root) = self.libraries.get(package)
        {
            return self.within(*root, path, 1, space, trail);
        }
        let mut full = path.to_vec();
        if let Some(real) = source.renames.get(first) {
            full[0].clone_from(real);
        }
        Some((Target::External(full), path.len()))
    }

    /// The rest of a path, in one scope alone.
    fn within(
        &self,
        scope: ScopeId,
        path: &[String],
        used: usize,
        space: Space,
        trail: &Trail<'_>,
    ) -> Option<(Target, usize)> {
        let name = path.get(used)?;
        let last = used + 1 == path.len();
        for id in self.scopes[scope].names.get(name).into_iter().flatten() {
            let found = match &self.defs[*id].def {
                Def::Import(to) => self.imported(scope, to, &path[used + 1..], space, trail),
                Def::Module(inner) => self
                    .within(*inner, path, used + 1, space, trail)
                    .map(|(target, end)| (target, end - used - 1)),
                Def::Enum(_) if !last => {
                    let variant = self.variant(*id, &path[used + 1]);
                    Some(variant.map_or((Target::Def(*id), 0), |variant| (Target::Def(variant), 1)))
                }
                Def::Struct(_) | Def::Trait(_) | Def::Alias(_) | Def::Enum(_) if !last => {
                    Some((Target::Def(*id), 0))
                }
                def if last && def.is_in(space) => Some((Target::Def(*id), 0)),
                _ => None,
            };
            if let Some((target, more)) = found {
                return Some((target, used + 1 + more));
            }
        }
        // What another crate's own code has is believed last: which names its `*` brings is not known.
        let mut other = None;
        for (position, glob) in self.scopes[scope].globs.iter().enumerate() {
            // Modules may show each other's names in circles.
            if trail.holds((scope, position)) {
                continue;
            }
            let next = trail.on(Some((scope, position)));
            match self.imported(scope, glob, &path[used..], space, &next) {
                Some((Target::Def(id), more)) if more > 0 => return Some((Target::Def(id), used + more)),
                Some((Target::External(full), more)) if self.brings(scope, glob, &path[used..], &full) => {
                    other.get_or_insert((Target::External(full), used + more));
                }
                _ => {}
            }
        }
        other
    }

    /// Whether `use glob::*` is what brings a name that leads to another crate: a module of the workspace that names
    /// it does, and of the SDK it is known.
    fn brings(&self, scope: ScopeId, glob: &[String], rest: &[String], full: &[String]) -> bool {
        let renamed = |first: &String| self.scopes[scope].source.renames.get(first).unwrap_or(first).clone();
        let written = glob.iter().skip_while(|part| part.is_empty()).chain(rest);
        let written =
            written.enumerate().map(|(at, part)| if at == 0 { renamed(part) } else { part.clone() });
        !written.eq(full.iter().cloned()) || sdk::has(&full[..full.len() - rest.len()], &rest[0])
    }

    /// Other crates of which names may come by a `*`, such as `use ext::prelude::*`.
    pub fn unknown_names(&self, scope: ScopeId) -> Vec<String> {
        let mut found = Vec::new();
        self.globs_of_others(scope, &mut Vec::new(), &mut found);
        found
    }

    fn globs_of_others(&self, scope: ScopeId, seen: &mut Vec<ScopeId>, found: &mut Vec<String>) {
        if seen.contains(&scope) {
            return;
        }
        seen.push(scope);
        let here = &self.scopes[scope];
        for glob in &here.globs {
            match self.resolve(scope, glob, Space::Types) {
                Some((Target::Def(id), _)) => {
                    if let Def::Module(inner) = self.defs[id].def {
                        self.globs_of_others(inner, seen, found);
                    }
                }
                Some((Target::External(path), _)) => {
                    let first = path.into_iter().next().unwrap_or_default();
                    if !matches!(first.as_str(), "std" | "core" | "alloc") && !first.starts_with("aws_sdk_") {
                        found.push(first);
                    }
                }
                // `super` and `crate` alone are no names.
                None => {
                    if let Some(module) = self.alone(scope, glob) {
                        self.globs_of_others(module, seen, found);
                    }
                }
            }
        }
        if let Some(around) = here.parent.filter(|_| here.block) {
            self.globs_of_others(around, seen, found);
        }
    }

    /// The module that `crate`, `self` or some `super` mean.
    fn alone(&self, scope: ScopeId, path: &[String]) -> Option<ScopeId> {
        let mut module = self.module_of(scope);
        for part in path {
            module = match part.as_str() {
                "crate" => self.scopes[scope].root,
                "self" => module,
                "super" => self.module_of(self.scopes[module].parent?),
                _ => return None,
            };
        }
        Some(module)
    }

    /// A path below an imported one; how many of its own segments it takes.
    fn imported(
        &self,
        scope: ScopeId,
        to: &[String],
        rest: &[String],
        space: Space,
        trail: &Trail<'_>,
    ) -> Option<(Target, usize)> {
        let whole: Vec<String> = to.iter().chain(rest).cloned().collect();
        // An import of the name itself (`use a::a`) must not find itself.
        let from = self.module_of(scope);
        let start = if to
            .first()
            .is_some_and(|first| first == "crate" || first == "self" || first == "super" || first.is_empty())
        {
            self.follow(scope, &whole, space, &trail.on(None))
        } else {
            let beside = self.scopes[from].names.get(&whole[0]).into_iter().flatten();
            let beside = beside.filter(|id| !matches!(&self.defs[**id].def, Def::Import(path) if path == to));
            if beside.count() > 0 && (whole.len() > 1) {
                self.follow(scope, &whole, space, &trail.on(None))
            } else {
                self.outside(scope, &whole, space, &trail.on(None))
            }
        };
        start.and_then(|(target, used)| used.checked_sub(to.len()).map(|more| (target, more)))
    }

    pub fn variant(&self, of: DefId, name: &str) -> Option<DefId> {
        // Variants stand right behind their enum.
        (of + 1..self.defs.len())
            .take_while(|id| matches!(&self.defs[*id].def, Def::Variant(owner, _) if *owner == of))
            .find(|id| self.defs[*id].name == name)
    }
}

impl Def<'_> {
    fn is_in(&self, space: Space) -> bool {
        match self {
            Self::Module(_) | Self::Enum(_) | Self::Trait(_) | Self::Alias(_) => space == Space::Types,
            Self::Struct(_) => true,
            Self::Const(_) | Self::Static(_) | Self::Function(_) => space == Space::Values,
            Self::Variant(..) | Self::Import(_) => true,
        }
    }
}
