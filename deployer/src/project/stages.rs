//! Which stages a project has: one file a stage, or one a family of stages.

use std::path::{Path, PathBuf};

use super::environment::Target;
use super::layers::{Layer, Layers};
use super::problem::{Error, Problem};
use super::{AccountId, ServiceName, StageName, nearest};

/// A file under `environments/` that a stage can be deployed from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageFile {
    /// The stage's name, or the family's pattern such as `pr-*`.
    pub name: String,
    pub path: PathBuf,
    pub family: bool,
}

/// The stages and families of a project, by name. A file without a `class` is only extended by
/// others and no stage.
///
/// # Errors
/// When `environments/` or a file in it cannot be read.
pub fn stages(root: &Path) -> Result<Vec<StageFile>, Error> {
    let mut found = Vec::new();
    for name in file_names(root)? {
        let path = file_path(root, &name);
        let file = Layer::read(root, &path)?.file;
        match (file.class, file.stages) {
            (None, None) => {}
            (_, Some(pattern)) => found.push(StageFile { name: pattern.to_string(), path, family: true }),
            (Some(_), None) => found.push(StageFile { name, path, family: false }),
        }
    }
    Ok(found)
}

/// A stage or family on AWS, as far as its names tell it from others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Neighbour {
    /// The stage's name, or the family's pattern.
    pub name: String,
    pub service: ServiceName,
    pub account: Option<AccountId>,
}

/// The stages and families of a project that are deployed to AWS. One without a service is no stage yet.
///
/// # Errors
/// When `environments/` or a file in it cannot be read.
pub fn neighbours(root: &Path) -> Result<Vec<Neighbour>, Error> {
    let mut found = Vec::new();
    for stage in stages(root)? {
        let file = Layers::read(root, stage.path)?.merged();
        if let Some(service) = file.service
            && file.target != Some(Target::Local)
        {
            found.push(Neighbour { name: stage.name, service, account: file.account });
        }
    }
    Ok(found)
}

/// The files of a stage: its own, or that of the family which it belongs to.
pub(super) fn find(root: &Path, stage: &StageName) -> Result<Layers, Error> {
    if let Some(path) = file_named(root, stage.as_str()) {
        let layers = Layers::read(root, path)?;
        let own = layers.own();
        if let Some(pattern) = &own.file.stages {
            let help = format!("name a stage of it, such as {}", pattern.as_str().replace('*', "1"));
            let place = layers.place(&["stages"]);
            return Err(Problem::new("family", format!("{stage} is a family of stages"))
                .at(place)
                .help(help)
                .into());
        }
        if own.file.class.is_none() {
            let message = format!("{} says no class, so it is no stage", own.source.path.display());
            let help = "write class: ephemeral, development or production";
            return Err(Problem::new("missing-class", message).at(own.whole()).help(help).into());
        }
        return Ok(layers);
    }
    let mut families = Vec::new();
    for name in file_names(root)? {
        let path = file_path(root, &name);
        if let Some(pattern) = Layer::read(root, &path)?.file.stages
            && pattern.matches(stage.as_str())
        {
            families.push(path);
        }
    }
    match families.as_slice() {
        [path] => {
            let layers = Layers::read(root, path.clone())?;
            if layers.own().file.class.is_none() {
                let message = format!("{} says no class", layers.own().source.path.display());
                let help = "write class: ephemeral or development";
                return Err(Problem::new("missing-class", message)
                    .at(layers.own().whole())
                    .help(help)
                    .into());
            }
            Ok(layers)
        }
        [] => Err(unknown(root, stage)),
        several => {
            let names: Vec<String> = several.iter().map(|path| path.display().to_string()).collect();
            let message = format!("{stage} belongs to several families: {}", names.join(", "));
            Err(Problem::new("several-families", message).into())
        }
    }
}

fn unknown(root: &Path, stage: &StageName) -> Error {
    let known = match stages(root) {
        Ok(known) => known,
        Err(error) => return error,
    };
    let names: Vec<&str> = known.iter().map(|file| file.name.as_str()).collect();
    let mut help = format!("known are {}", names.join(", "));
    if let Some(meant) = nearest(stage.as_str(), names.iter().copied()) {
        help = format!("did you mean {meant:?}? {help}");
    }
    if names.is_empty() {
        help = format!("write environments/{stage}.yaml");
    }
    Problem::new("unknown-stage", format!("no stage {:?}", stage.as_str())).help(help).into()
}

/// The path of `environments/<name>.yaml` where there is such a file.
pub(super) fn file_named(root: &Path, name: &str) -> Option<PathBuf> {
    let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    let path = file_path(root, name);
    (plain && path.is_file()).then_some(path)
}

/// The files of `environments/` by name, without `.yaml`.
pub(super) fn file_names(root: &Path) -> Result<Vec<String>, Error> {
    let folder = root.join("environments");
    let unreadable = |error: std::io::Error| {
        Problem::new("unreadable-folder", format!("{}: {error}", folder.display()))
            .help("a project has a folder environments with one YAML file a stage; --project names its root")
    };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|extension| extension == "yaml")
            && let Some(name) = path.file_stem().and_then(|stem| stem.to_str())
        {
            names.push(name.to_owned());
        }
    }
    names.sort();
    Ok(names)
}

fn file_path(root: &Path, name: &str) -> PathBuf {
    root.join("environments").join(format!("{name}.yaml"))
}
