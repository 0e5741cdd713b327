//! From files to a [`Project`].

use std::path::Path;
use std::time::Duration;

use indexmap::IndexMap;

use super::checks;
use super::class::Class;
use super::crates::{self, FunctionCrate};
use super::database;
use super::environment::{Architecture, EnvironmentFile, FunctionFile, Target};
use super::functions::Function;
use super::layers::Layers;
use super::names::{LogicalId, Region, ServiceName, StackName, StageName, pascal_case};
use super::problem::{Error, Problem};
use super::resources::{HttpApi, Index, Table, UserPool};
use super::waivers::{Waiver, WaiverFile};
use super::{Database, Project, stages};

/// Megabytes, where neither the crate nor the stage says it: the SDK's clients start slowly with
/// Lambda's 128, since the processor's share follows the memory.
const DEFAULT_MEMORY: u32 = 256;

/// Seconds, where neither the crate nor the stage says it; also the longest that Cognito waits for
/// a trigger.
const DEFAULT_TIMEOUT: u32 = 5;

/// The embedded cloud's region, as the SDKs' own examples have it.
const LOCAL_REGION: &str = "us-east-1";

impl Project {
    /// Reads and checks everything of one stage. `root` holds `Cargo.toml` and `environments/`.
    ///
    /// # Errors
    /// All mistakes found, each with its file and line.
    pub fn load(root: &Path, stage: &str) -> Result<Self, Error> {
        let stage: StageName =
            stage.parse().map_err(|error| Problem::new("stage-name", format!("{error}")))?;
        let layers = stages::find(root, &stage)?;
        let file = layers.merged();
        let (crates, packages) = crates::read(root)?;
        let mut problems = Vec::new();
        checks::files(&layers, &file, &crates, &mut problems);
        database::check(root, &layers, &file, &mut problems);
        let project = assemble(root, stage, &layers, file, &crates, &mut problems);
        let project = project.map(|project| Self { packages, ..project });
        if let Some(project) = &project {
            checks::project(project, &layers, &crates, &mut problems);
        }
        Error::unless_empty(problems)?;
        project.ok_or_else(|| Problem::new("incomplete", "the stage is not complete").into())
    }
}

/// The stage with every value in its place; none when a value that must be there is missing.
fn assemble(
    root: &Path,
    stage: StageName,
    layers: &Layers,
    file: EnvironmentFile,
    crates: &[FunctionCrate],
    problems: &mut Vec<Problem>,
) -> Option<Project> {
    let service = required(layers, file.service, "service", "the service's name", problems);
    let class = required(layers, file.class, "class", "ephemeral, development or production", problems);
    let callback_urls = file.user_pool.callback_urls.filter(|urls| !urls.is_empty());
    let callbacks = required(layers, callback_urls, "user_pool", "callback_urls: [https://…]", problems);
    let tables = tables(layers, file.tables, problems);
    let (service, class, callbacks) = (service?, class?, callbacks?);
    let stack_name: StackName = match format!("{service}-{stage}").parse() {
        Ok(name) => name,
        Err(error) => {
            problems.push(Problem::new("stack-name", format!("{error}")).at(layers.place(&["service"])));
            return None;
        }
    };
    let target = file.target.unwrap_or(Target::Aws);
    let (region, architecture) = match target {
        Target::Aws => (file.region, file.architecture.unwrap_or(Architecture::Arm64)),
        Target::Local => (file.region.or_else(|| LOCAL_REGION.parse::<Region>().ok()), Architecture::host()),
    };
    let functions = crates
        .iter()
        .filter_map(|found| function(&stack_name, found, file.functions.get(&found.name)))
        .collect();
    let ttl = file.ttl.map(|ttl| ttl.0);
    let tags = file.tags.into_iter().map(|(key, value)| (String::from(key), String::from(value)));
    Some(Project {
        root: root.to_owned(),
        tags: tags.chain(own_tags(&service, &stage, class, ttl)).collect(),
        service,
        stage,
        stack_name: stack_name.clone(),
        class,
        target,
        region,
        account: file.account,
        endpoint: file.endpoint.map(String::from),
        family: file.stages.map(String::from),
        service_role: file.deployment.service_role.map(String::from),
        permissions_boundary: file.deployment.permissions_boundary.map(String::from),
        architecture,
        ttl,
        tables,
        database: file.database.map(|file| Database::from_file(root, &stack_name, file)),
        user_pool: UserPool {
            callback_urls: callbacks.into_iter().map(String::from).collect(),
            logout_urls: file.user_pool.logout_urls.into_iter().flatten().map(String::from).collect(),
        },
        http_api: HttpApi {
            cors_origins: file.http_api.cors_origins.into_iter().flatten().map(String::from).collect(),
            throttling_rate: file.http_api.throttling.rate.unwrap_or(50),
            throttling_burst: file.http_api.throttling.burst.unwrap_or(100),
        },
        functions,
        waivers: waivers(layers, file.waivers),
        packages: Vec::new(),
    })
}

/// What the stack says about itself to whoever lists or reaps stages.
fn own_tags(
    service: &ServiceName,
    stage: &StageName,
    class: Class,
    ttl: Option<Duration>,
) -> impl Iterator<Item = (String, String)> {
    let always = [
        ("service", service.to_string()),
        ("stage", stage.to_string()),
        ("class", class.as_str().to_owned()),
    ];
    let ttl = ttl.map(|ttl| ("ttl", format!("{}s", ttl.as_secs())));
    always.into_iter().chain(ttl).map(|(key, value)| (format!("deployer:{key}"), value))
}

fn required<T>(
    layers: &Layers,
    value: Option<T>,
    key: &'static str,
    what: &str,
    problems: &mut Vec<Problem>,
) -> Option<T> {
    if value.is_none() {
        let problem = Problem::new("missing-key", format!("{key} is missing"));
        problems.push(problem.at(layers.place(&[key])).help(format!("write {key}: {what}")));
    }
    value
}

fn tables(
    layers: &Layers,
    files: std::collections::BTreeMap<super::TableName, super::environment::TableFile>,
    problems: &mut Vec<Problem>,
) -> Vec<Table> {
    let mut tables = Vec::new();
    for (name, file) in files {
        let words = pascal_case(name.as_str());
        let mut missing = |path: &[&str], what: &str| {
            let problem = Problem::new("missing-key", format!("{what} has no partition_key"));
            problems.push(problem.at(layers.place(path)).help("write partition_key: <attribute>"));
        };
        let mut indexes = Vec::new();
        for (index, keys) in file.indexes {
            match keys.partition_key {
                Some(partition_key) => indexes.push(Index {
                    name: index.into(),
                    partition_key: partition_key.into(),
                    sort_key: keys.sort_key.map(String::from),
                }),
                None => missing(
                    &["tables", name.as_str(), "indexes", index.as_str()],
                    &format!("the index {index} of the table {name}"),
                ),
            }
        }
        let Some(partition_key) = file.partition_key else {
            missing(&["tables", name.as_str()], &format!("the table {name}"));
            continue;
        };
        // A table's name has letters, digits and hyphens alone, so that this always parses.
        let Ok(logical_id) = format!("{words}Table").parse::<LogicalId>() else { continue };
        tables.push(Table {
            logical_id,
            output: format!("Table{words}"),
            partition_key: partition_key.into(),
            sort_key: file.sort_key.map(String::from),
            indexes,
            ttl_attribute: file.ttl_attribute.map(String::from),
            name,
        });
    }
    tables
}

fn waivers(layers: &Layers, files: Option<Vec<WaiverFile>>) -> Vec<Waiver> {
    let place = |index: usize| layers.item_place("waivers", index);
    files.into_iter().flatten().enumerate().map(|(index, file)| file.at(place(index))).collect()
}

/// A function of this stage; none when the stage leaves it out.
fn function(stack: &StackName, found: &FunctionCrate, file: Option<&FunctionFile>) -> Option<Function> {
    let file = file.cloned().unwrap_or_default();
    if file.enabled == Some(false) {
        return None;
    }
    let words = pascal_case(&found.name);
    // A crate's name has letters, digits, - and _ alone, so that these always parse.
    let id = |suffix: &str| format!("{words}{suffix}").parse::<LogicalId>().ok();
    let function_name = format!("{stack}-{}", found.name);
    Some(Function {
        name: found.name.clone(),
        description: found.description.clone().filter(|text| !text.is_empty()),
        log_group: format!("/aws/lambda/{function_name}"),
        function_name,
        binary: found.binary.clone(),
        manifest: found.manifest.path().to_owned(),
        logical_id: id("Function")?,
        role_logical_id: id("Role")?,
        log_group_logical_id: id("LogGroup")?,
        code_key_parameter: format!("{words}CodeKey"),
        memory: file.memory.or(found.memory).unwrap_or(DEFAULT_MEMORY),
        timeout: file.timeout.or(found.timeout).unwrap_or(DEFAULT_TIMEOUT),
        routes: found.routes.clone(),
        public: found.public,
        trigger: found.trigger,
        migrations: found.migrations.clone(),
        grants: found.grants.clone(),
        waivers: found.waivers.clone(),
        environment: file
            .environment
            .into_iter()
            .map(|(name, value)| (String::from(name), value))
            .collect::<IndexMap<_, _>>(),
    })
}
