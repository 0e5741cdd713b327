//! Function crates as `cargo metadata` shows them, with what their `Cargo.toml` says they are.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use cargo_metadata::{MetadataCommand, Package, TargetKind};
use serde::Deserialize;
use serde_json::Value;

use super::database::{self, Migration};
use super::functions::{Grant, GrantTarget, Trigger};
use super::nearest;
use super::packages;
use super::problem::{Error, Place, Problem, Source};
use super::route::Route;
use super::waivers::{Waiver, WaiverFile};

/// A crate under `functions/` that says it is a function.
#[derive(Debug, Clone)]
pub struct FunctionCrate {
    pub name: String,
    pub description: Option<String>,
    pub binary: String,
    pub manifest: Manifest,
    pub memory: Option<u32>,
    pub timeout: Option<u32>,
    pub routes: Vec<Route>,
    pub public: bool,
    pub trigger: Option<Trigger>,
    /// Of the folder that it names.
    pub migrations: Option<Vec<Migration>>,
    pub grants: Vec<Grant>,
    pub waivers: Vec<Waiver>,
}

/// A crate's `Cargo.toml`, to show places in it.
#[derive(Debug, Clone)]
pub struct Manifest(Arc<Source>, std::path::PathBuf);

/// `[package.metadata.deployer]`.
pub const ABOUT: &str = "package.metadata.deployer";
/// `[package.metadata.deployer.grants]`.
pub const GRANTS: &str = "package.metadata.deployer.grants";
/// cargo-lambda's own table.
pub const LAMBDA: &str = "package.metadata.lambda.deploy";

const KEYS: [&str; 6] = ["route", "trigger", "public", "migrations", "grants", WAIVERS];

/// The list of waivers in it.
const WAIVERS: &str = "waivers";

/// The part of cargo-lambda's table that matters here; the rest is its own.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Lambda {
    memory: Option<u32>,
    timeout: Option<u32>,
}

impl Manifest {
    fn read(root: &Path, package: &Package) -> Result<Self, Error> {
        Self::open(root, package.manifest_path.as_std_path())
    }

    /// The `Cargo.toml` at `path`, shown relative to `root`.
    pub fn open(root: &Path, path: &Path) -> Result<Self, Error> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| Problem::new("unreadable-file", format!("{}: {error}", path.display())))?;
        let shown = path.strip_prefix(root).unwrap_or(path).to_owned();
        Ok(Self(Arc::new(Source { path: shown, text: text.into() }), path.to_owned()))
    }

    /// The whole path of the file.
    pub fn path(&self) -> &Path {
        &self.1
    }

    /// The line of a key in a table of the file; else the table's head, else the file's first line.
    pub fn place(&self, table: &str, key: &str) -> Place {
        let mut current = String::new();
        let mut head = 1;
        for (index, line) in self.0.text.lines().enumerate() {
            let line = line.trim();
            if let Some(name) = line.strip_prefix('[') {
                current = name.split(']').next().unwrap_or_default().trim().to_owned();
                if current == table {
                    head = index + 1;
                }
            } else if current == table
                && let Some((name, _)) = line.split_once('=')
                && name.trim().trim_matches(['"', '\'']) == key
            {
                return self.line(index + 1);
            }
        }
        self.line(head)
    }

    /// The head of a waiver, or where waivers are written in another form.
    fn waiver(&self, index: usize) -> Place {
        let heads = self.0.text.lines().enumerate().filter(|(_, line)| is_waiver(line));
        match heads.map(|(line, _)| line + 1).nth(index) {
            Some(line) => self.line(line),
            None => self.place(ABOUT, WAIVERS),
        }
    }

    fn line(&self, line: usize) -> Place {
        Place { source: self.0.clone(), range: self.0.line_range(line) }
    }
}

/// The functions of the workspace at `root`, by name, and all its packages. Needs no network and no lock file.
pub fn read(root: &Path) -> Result<(Vec<FunctionCrate>, Vec<deployer_source::Package>), Error> {
    let metadata = MetadataCommand::new()
        .current_dir(root)
        .no_deps()
        .other_options(["--offline".to_owned()])
        .exec()
        .map_err(|error| unreadable(root, error))?;
    let folder = metadata.workspace_root.as_std_path().join("functions");
    let mut found = Vec::new();
    let mut problems = Vec::new();
    for package in &metadata.packages {
        if !package.manifest_path.as_std_path().starts_with(&folder) {
            continue;
        }
        match function(metadata.workspace_root.as_std_path(), package) {
            Ok(Some(function)) => found.push(function),
            Ok(None) => {}
            Err(error) => problems.extend(error.problems),
        }
    }
    Error::unless_empty(problems)?;
    found.sort_by(|one, other| one.name.cmp(&other.name));
    let packages = packages::of(&metadata, &found);
    Ok((found, packages))
}

fn unreadable(root: &Path, error: cargo_metadata::Error) -> Problem {
    let message = match error {
        cargo_metadata::Error::CargoMetadata { stderr } => stderr.trim().to_owned(),
        other => other.to_string(),
    };
    Problem::new(
        "cargo-metadata",
        format!("cargo cannot read the workspace at {}: {message}", root.display()),
    )
}

/// A package under `functions/`; none when it is a library that functions share.
fn function(root: &Path, package: &Package) -> Result<Option<FunctionCrate>, Error> {
    let manifest = Manifest::read(root, package)?;
    let binaries: Vec<&str> = package
        .targets
        .iter()
        .filter(|target| target.kind.contains(&TargetKind::Bin))
        .map(|target| target.name.as_str())
        .collect();
    let about = package.metadata.get("deployer");
    let (Some(about), false) = (about, binaries.is_empty()) else {
        return match (about, binaries.as_slice()) {
            (None, []) => Ok(None),
            (None, _) => {
                Err(Problem::new("undescribed-function", format!("{} says not what it is", package.name))
                    .at(manifest.line(1))
                    .help(format!(
                        "write [{ABOUT}] with route = [\"GET /path\"] or trigger = \"PostConfirmation\""
                    ))
                    .into())
            }
            (Some(_), _) => Err(Problem::new("no-binary", format!("{} has no binary", package.name))
                .at(manifest.place(ABOUT, ""))
                .into()),
        };
    };
    let binary = match binaries.as_slice() {
        [only] => *only,
        several if several.contains(&package.name.as_str()) => package.name.as_str(),
        several => {
            let message = format!("{} has several binaries: {}", package.name, several.join(", "));
            let help = format!("name one of them {}", package.name);
            return Err(Problem::new("several-binaries", message).at(manifest.line(1)).help(help).into());
        }
    };
    let mut reader = Reader { manifest: &manifest, problems: Vec::new() };
    let lambda = reader.lambda(&package.metadata["lambda"]["deploy"]);
    let about = reader.about(about);
    let problems = reader.problems;
    Error::unless_empty(problems)?;
    Ok(Some(FunctionCrate {
        name: package.name.to_string(),
        description: package.description.clone(),
        binary: binary.to_owned(),
        memory: lambda.memory,
        timeout: lambda.timeout,
        routes: about.routes,
        public: about.public,
        trigger: about.trigger,
        migrations: about.migrations,
        grants: about.grants,
        waivers: about.waivers,
        manifest,
    }))
}

/// `[package.metadata.deployer]`, read.
#[derive(Default)]
struct About {
    routes: Vec<Route>,
    public: bool,
    trigger: Option<Trigger>,
    migrations: Option<Vec<Migration>>,
    grants: Vec<Grant>,
    waivers: Vec<Waiver>,
}

/// Collects what is wrong while it reads.
struct Reader<'a> {
    manifest: &'a Manifest,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn fail(&mut self, table: &str, key: &str, rule: &'static str, message: String, help: &str) {
        let place = self.manifest.place(table, key);
        let problem = Problem::new(rule, message).at(place);
        self.problems.push(if help.is_empty() { problem } else { problem.help(help) });
    }

    fn lambda(&mut self, value: &Value) -> Lambda {
        if value.is_null() {
            return Lambda::default();
        }
        // The other keys are cargo-lambda's, and change with it; one that is nearly ours would be left out in silence.
        for key in value.as_object().into_iter().flat_map(serde_json::Map::keys) {
            let near = |known: &&str| key != known && strsim::osa_distance(key, known) <= 2;
            if let Some(meant) = ["memory", "timeout"].into_iter().find(|known| near(known)) {
                let help = format!("did you mean {meant}?");
                self.fail(LAMBDA, key, "unknown-key", format!("unknown key {key:?}"), &help);
            }
        }
        Lambda::deserialize(value).unwrap_or_else(|error| {
            let key = if value["memory"].is_u64() { "timeout" } else { "memory" };
            self.fail(
                LAMBDA,
                key,
                "wrong-type",
                error.to_string(),
                "memory in megabytes and timeout in seconds",
            );
            Lambda::default()
        })
    }

    fn about(&mut self, value: &Value) -> About {
        let mut about = About::default();
        let Some(entries) = value.as_object() else {
            self.fail(ABOUT, "", "wrong-type", format!("[{ABOUT}] is a table"), "");
            return about;
        };
        for (key, value) in entries {
            match key.as_str() {
                "route" => about.routes = self.routes(value),
                "trigger" => about.trigger = self.trigger(value),
                "migrations" => about.migrations = self.migrations(value),
                "grants" => about.grants = self.grants(value),
                WAIVERS => about.waivers = self.waivers(value),
                "public" => match value.as_bool() {
                    Some(public) => about.public = public,
                    None => self.fail(ABOUT, key, "wrong-type", "public is true or false".into(), ""),
                },
                other => {
                    let help = match nearest(other, KEYS) {
                        Some(meant) => format!("did you mean {meant:?}?"),
                        None => format!("known are {}", KEYS.join(", ")),
                    };
                    self.fail(ABOUT, other, "unknown-key", format!("unknown key {other:?}"), &help);
                }
            }
        }
        if about.routes.is_empty() && about.trigger.is_none() && self.problems.is_empty() {
            let help = "write route = [\"GET /path\"] or trigger = \"PostConfirmation\"";
            self.fail(ABOUT, "", "no-event", "nothing ever calls this function".into(), help);
        }
        if !about.routes.is_empty() && about.trigger.is_some() {
            let message = "a function answers routes or a trigger, not both: their events differ".to_owned();
            self.fail(ABOUT, "trigger", "two-events", message, "make it two crates that share a library");
        }
        about
    }

    fn routes(&mut self, value: &Value) -> Vec<Route> {
        let Some(texts) = strings(value) else {
            let message = "route is a list of texts such as [\"GET /user/profile\"]".to_owned();
            self.fail(ABOUT, "route", "wrong-type", message, "");
            return Vec::new();
        };
        let mut routes = Vec::new();
        for text in texts {
            match text.parse::<Route>() {
                Ok(route) => routes.push(route),
                Err(error) => self.fail(ABOUT, "route", "route", error.to_string(), ""),
            }
        }
        routes
    }

    fn trigger(&mut self, value: &Value) -> Option<Trigger> {
        let found =
            value.as_str().and_then(|text| Trigger::ALL.into_iter().find(|known| known.as_str() == text));
        if found.is_none() {
            let names: Vec<&str> = Trigger::ALL.iter().map(|trigger| trigger.as_str()).collect();
            let help = match nearest(value.as_str().unwrap_or_default(), names.iter().copied()) {
                Some(meant) => format!("did you mean {meant:?}?"),
                None => format!("known are {}", names.join(", ")),
            };
            self.fail(ABOUT, "trigger", "trigger", format!("{value} is not a Cognito trigger"), &help);
        }
        found
    }

    fn migrations(&mut self, value: &Value) -> Option<Vec<Migration>> {
        let folder = value.as_str().map(|folder| self.manifest.path().with_file_name(folder));
        let read = match &folder {
            Some(folder) => database::migrations(folder),
            None => Err("migrations is a folder beside Cargo.toml".to_owned()),
        };
        let help = "files are called 0001_users.sql, 0002_….sql";
        read.map_err(|message| self.fail(ABOUT, "migrations", "migrations", message, help)).ok()
    }

    fn waivers(&mut self, value: &Value) -> Vec<Waiver> {
        let all = value.as_array().map_or(&[][..], Vec::as_slice);
        if all.is_empty() {
            let help = format!("write [[{ABOUT}.{WAIVERS}]] with rule, reason and until");
            self.fail(ABOUT, WAIVERS, "wrong-type", "waivers are a list of tables".to_owned(), &help);
        }
        let mut waivers = Vec::new();
        for (index, value) in all.iter().enumerate() {
            let place = self.manifest.waiver(index);
            match WaiverFile::deserialize(value) {
                Ok(waiver) => waivers.push(waiver.at(place)),
                Err(error) => {
                    let help = "a waiver has rule, reason, until and, if it is for one file only, file";
                    self.problems.push(Problem::new("waiver", error.to_string()).at(place).help(help));
                }
            }
        }
        waivers
    }

    fn grants(&mut self, value: &Value) -> Vec<Grant> {
        let parsed = BTreeMap::<String, Value>::deserialize(value).unwrap_or_else(|error| {
            self.fail(GRANTS, "", "wrong-type", error.to_string(), "grants are resource = [actions]");
            BTreeMap::new()
        });
        let mut grants = Vec::new();
        for (key, value) in parsed {
            let Some(actions) = strings(&value).filter(|actions| !actions.is_empty()) else {
                let message = format!("{key} is granted a list of actions such as [\"dynamodb:GetItem\"]");
                self.fail(GRANTS, &key, "wrong-type", message, "");
                continue;
            };
            match target(&key) {
                Some(target) => grants.push(Grant { target, actions }),
                None => {
                    let help = "a table's name, <table>/index/<index>, user_pool or database";
                    self.fail(GRANTS, &key, "grant-target", format!("{key:?} names no resource"), help);
                }
            }
        }
        grants
    }
}

/// Whether a line is the head of one more `[[package.metadata.deployer.waivers]]`.
fn is_waiver(line: &str) -> bool {
    let name = line.trim().strip_prefix("[[").and_then(|rest| rest.split("]]").next());
    name.map(str::trim).and_then(|name| name.strip_prefix(ABOUT)) == Some(".waivers")
}

fn strings(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(|item| item.as_str().map(str::to_owned)).collect()
}

fn target(key: &str) -> Option<GrantTarget> {
    if key == "user_pool" {
        return Some(GrantTarget::UserPool);
    }
    if key == "database" {
        return Some(GrantTarget::Database);
    }
    match key.split_once("/index/") {
        Some((table, index)) if !index.is_empty() => {
            Some(GrantTarget::Index { table: table.parse().ok()?, index: index.to_owned() })
        }
        Some(_) => None,
        None => Some(GrantTarget::Table(key.parse().ok()?)),
    }
}

impl GrantTarget {
    /// As `Cargo.toml` writes it.
    pub fn key(&self) -> String {
        match self {
            Self::Table(name) => name.to_string(),
            Self::Index { table, index } => format!("{table}/index/{index}"),
            Self::UserPool => "user_pool".to_owned(),
            Self::Database => "database".to_owned(),
        }
    }
}
