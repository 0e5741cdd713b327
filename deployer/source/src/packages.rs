//! The workspace's packages as Cargo knows them, and the features that a build of its functions has.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// A member of the workspace.
#[derive(Debug, Clone, Default)]
pub struct Package {
    pub name: String,
    /// The library's root file.
    pub library: Option<PathBuf>,
    /// The root file of the binary that is shipped.
    pub binary: Option<PathBuf>,
    /// The members that its code uses; not those of its tests.
    pub dependencies: Vec<Dependency>,
    /// Other crates that have another name here: that name, and theirs, as code writes them.
    pub renames: BTreeMap<String, String>,
    /// Crates of the project's own that are no members, as code writes them: found by a path or in a repository, and
    /// read by nobody.
    pub unread: BTreeSet<String>,
    /// `[features]`, with the features that Cargo makes of optional dependencies.
    pub features: BTreeMap<String, Vec<String>>,
}

/// A dependency on another member.
#[derive(Debug, Clone, Default)]
pub struct Dependency {
    pub package: String,
    /// The name in this package's `Cargo.toml`, where that is another one.
    pub rename: Option<String>,
    pub features: Vec<String>,
    pub default_features: bool,
    pub optional: bool,
}

impl Dependency {
    /// The dependency's name in this package's `Cargo.toml`.
    pub fn name(&self) -> &str {
        self.rename.as_deref().unwrap_or(&self.package)
    }
}

/// The features of each package that a build of `functions` needs, if all of them are built by one call of Cargo,
/// which unifies features over it ("Features", Cargo book).
pub fn features(packages: &[Package], functions: &[&str]) -> BTreeMap<String, BTreeSet<String>> {
    let mut resolution = Resolution { packages, on: BTreeMap::new() };
    for name in functions {
        resolution.package(name);
        resolution.feature(name, "default");
    }
    // A weak `dependency?/feature` counts once something else turned the dependency on.
    loop {
        let before = resolution.size();
        for (name, on) in resolution.on.clone() {
            for feature in on {
                resolution.implied(&name, &feature);
            }
        }
        if resolution.size() == before {
            return resolution.on;
        }
    }
}

struct Resolution<'a> {
    packages: &'a [Package],
    on: BTreeMap<String, BTreeSet<String>>,
}

impl<'a> Resolution<'a> {
    fn size(&self) -> usize {
        self.on.values().map(|features| 1 + features.len()).sum()
    }

    fn find(&self, name: &str) -> Option<&'a Package> {
        self.packages.iter().find(|package| package.name == name)
    }

    /// Takes a package in, with what it always needs.
    fn package(&mut self, name: &str) {
        let Some(package) = self.find(name) else { return };
        if self.on.contains_key(name) {
            return;
        }
        self.on.insert(name.to_owned(), BTreeSet::new());
        for dependency in package.dependencies.iter().filter(|dependency| !dependency.optional) {
            self.dependency(dependency);
        }
    }

    fn dependency(&mut self, dependency: &Dependency) {
        self.package(&dependency.package);
        if dependency.default_features {
            self.feature(&dependency.package, "default");
        }
        for feature in &dependency.features {
            self.feature(&dependency.package, feature);
        }
    }

    fn feature(&mut self, package: &str, feature: &str) {
        let known = self.find(package).is_some_and(|package| package.features.contains_key(feature));
        if known && self.on.get_mut(package).is_some_and(|on| on.insert(feature.to_owned())) {
            self.implied(package, feature);
        }
    }

    /// Turns on what a feature names: `other`, `dep:crate`, `crate/feature`, `crate?/feature`.
    fn implied(&mut self, package: &str, feature: &str) {
        let Some(found) = self.find(package) else { return };
        for named in found.features.get(feature).into_iter().flatten() {
            let (target, weak, feature) = match (named.strip_prefix("dep:"), named.split_once('/')) {
                (Some(target), _) => (target, false, None),
                (None, Some((target, feature))) => {
                    (target.trim_end_matches('?'), target.ends_with('?'), Some(feature))
                }
                (None, None) => {
                    self.feature(package, named);
                    continue;
                }
            };
            for dependency in found.dependencies.iter().filter(|dependency| dependency.name() == target) {
                if weak && !self.on.contains_key(&dependency.package) {
                    continue;
                }
                self.dependency(dependency);
                if let Some(feature) = feature {
                    self.feature(&dependency.package, feature);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, features: &[(&str, &[&str])], dependencies: Vec<Dependency>) -> Package {
        let listed = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let features = features.iter().map(|(name, all)| ((*name).to_owned(), listed(all))).collect();
        Package { name: name.to_owned(), features, dependencies, ..Package::default() }
    }

    fn on(name: &str, features: &[&str]) -> Dependency {
        let features = features.iter().map(|name| (*name).to_owned()).collect();
        Dependency { package: name.to_owned(), features, default_features: true, ..Dependency::default() }
    }

    fn of(packages: &[Package], functions: &[&str], package: &str) -> Vec<String> {
        features(packages, functions).remove(package).unwrap_or_default().into_iter().collect()
    }

    #[test]
    fn a_function_turns_on_the_features_it_names_and_the_defaults() {
        let shared = package("shared", &[("default", &["logs"]), ("logs", &[]), ("export", &[])], vec![]);
        let plain = package("plain", &[], vec![on("shared", &[])]);
        let more = package("more", &[], vec![on("shared", &["export"])]);
        let all = [shared, plain, more];
        assert_eq!(of(&all, &["plain"], "shared"), ["default", "logs"]);
        assert_eq!(of(&all, &["plain", "more"], "shared"), ["default", "export", "logs"]);
    }

    #[test]
    fn a_feature_turns_on_features_of_dependencies_and_optional_ones() {
        let shared = package("shared", &[("export", &[])], vec![]);
        let optional = Dependency { optional: true, ..on("shared", &[]) };
        let features: [(&str, &[&str]); 3] =
            [("default", &["wide"]), ("wide", &["dep:shared", "narrow"]), ("narrow", &["shared?/export"])];
        let function = package("function", &features, vec![optional]);
        let all = [function.clone(), shared.clone()];
        assert_eq!(of(&all, &["function"], "shared"), ["export"]);
        let without = Package { features: BTreeMap::new(), ..function };
        assert_eq!(super::features(&[without, shared], &["function"]).get("shared"), None);
    }
}
