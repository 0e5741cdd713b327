//! The workspace's packages, as reading their code needs them.

use cargo_metadata::camino::Utf8PathBuf;
use cargo_metadata::{DependencyKind, Metadata, Package, TargetKind};

use super::crates::FunctionCrate;

/// Every member, with its roots and what it uses of other members.
pub fn of(metadata: &Metadata, functions: &[FunctionCrate]) -> Vec<deployer_source::Package> {
    metadata.packages.iter().map(|package| converted(package, &metadata.packages, functions)).collect()
}

fn converted(
    package: &Package,
    members: &[Package],
    functions: &[FunctionCrate],
) -> deployer_source::Package {
    let root = |wanted: &dyn Fn(&cargo_metadata::Target) -> bool| {
        let found = package.targets.iter().find(|target| wanted(target));
        found.map(|target| target.src_path.clone().into_std_path_buf())
    };
    let binary = functions.iter().find(|function| function.name == package.name.as_str());
    // The dependencies of tests and build scripts are not shipped.
    let normal = || package.dependencies.iter().filter(|found| found.kind == DependencyKind::Normal);
    let ident = |name: &str| name.replace('-', "_");
    let is_member =
        |path: &Utf8PathBuf| members.iter().any(|member| member.manifest_path.parent() == Some(path));
    let unread = normal().filter_map(|found| match &found.path {
        Some(path) if is_member(path) => None,
        Some(_) => Some(ident(found.rename.as_deref().unwrap_or(&found.name))),
        // Under its own name, as `renames` gives it.
        None => {
            found.source.as_ref().filter(|source| source.repr.starts_with("git+")).map(|_| ident(&found.name))
        }
    });
    let unread = unread.collect();
    let (own, others): (Vec<_>, Vec<_>) = normal().partition(|found| found.path.is_some());
    let renames =
        others.into_iter().filter_map(|found| Some((ident(found.rename.as_deref()?), ident(&found.name))));
    deployer_source::Package {
        name: package.name.to_string(),
        library: root(&|target| target.kind.contains(&TargetKind::Lib)),
        binary: binary.and_then(|function| {
            root(&|target| target.kind.contains(&TargetKind::Bin) && target.name == function.binary)
        }),
        dependencies: own
            .into_iter()
            .map(|found| deployer_source::Dependency {
                package: found.name.clone(),
                rename: found.rename.clone(),
                features: found.features.clone(),
                default_features: found.uses_default_features,
                optional: found.optional,
            })
            .collect(),
        renames: renames.collect(),
        unread,
        features: package.features.clone(),
    }
}
