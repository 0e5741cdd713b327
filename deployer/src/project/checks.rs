//! Rules that need more than one value of the files: names, limits, and who refers to whom.

use std::collections::HashMap;

use super::actions::{self, Resource};
use super::class::Class;
use super::crates::{FunctionCrate, GRANTS, LAMBDA};
use super::environment::{EnvironmentFile, Target};
use super::functions::{Function, GrantTarget};
use super::layers::Layers;
use super::names::upper_snake_case;
use super::problem::{Place, Problem};
use super::{Project, nearest};

/// Lambda's limits ("Lambda quotas" in the developer guide).
const MEMORY: std::ops::RangeInclusive<u32> = 128..=10_240;
const ENVIRONMENT_BYTES: usize = 4096;
const FUNCTION_NAME_LENGTH: usize = 64;

/// The longest time of a function behind an HTTP API: the integration gives up after 30 seconds.
const ROUTE_TIMEOUT: u32 = 29;

/// Cognito waits five seconds for a trigger.
const TRIGGER_TIMEOUT: u32 = 5;

/// Lambda's own limit ("Lambda quotas" in the developer guide).
const LONGEST: u32 = 900;

/// API Gateway's limits of an account ("Amazon API Gateway quotas"): more is never let through.
const MOST_REQUESTS: u32 = 10_000;

/// CloudFormation's limit of tags on a stack, less the deployer's own.
const MOST_TAGS: usize = 50 - 4;

/// What the files say alone, before they are a project.
pub fn files(layers: &Layers, file: &EnvironmentFile, crates: &[FunctionCrate], problems: &mut Vec<Problem>) {
    for layer in layers.iter() {
        for name in layer.file.functions.keys() {
            if crates.iter().any(|found| &found.name == name) {
                continue;
            }
            let known = crates.iter().map(|found| found.name.as_str());
            let problem = Problem::new("unknown-function", format!("no function crate {name:?}"));
            let help = match nearest(name, known.clone()) {
                Some(meant) => format!("did you mean {meant:?}?"),
                None => format!("functions/ has {}", known.collect::<Vec<_>>().join(", ")),
            };
            let place = layer.place(&["functions", name]).unwrap_or_else(|| layer.whole());
            problems.push(problem.at(place).help(help));
        }
    }
    if file.ttl.is_some() && file.class.is_some_and(|class| class != Class::Ephemeral) {
        let message = "only an ephemeral stage has a ttl: the others hold data that is kept";
        problems.push(Problem::new("ttl", message).at(layers.place(&["ttl"])));
    }
    if layers.own().file.stages.is_some() && file.class == Some(Class::Production) {
        let message = "a family of stages cannot be production";
        problems.push(Problem::new("family-class", message).at(layers.place(&["class"])));
    }
    if file.target == Some(Target::Local) && file.class.is_some_and(|class| class != Class::Ephemeral) {
        let message = "a local stage is ephemeral";
        problems.push(
            Problem::new("local-class", message).at(layers.place(&["class"])).help("write class: ephemeral"),
        );
    }
    if file.tags.len() > MOST_TAGS {
        let message =
            format!("{} tags; a stack has room for {MOST_TAGS} besides the deployer's own", file.tags.len());
        problems.push(Problem::new("tags", message).at(layers.place(&["tags"])));
    }
    let throttling = &file.http_api.throttling;
    for (key, value) in [("rate", throttling.rate), ("burst", throttling.burst)] {
        if value.is_some_and(|value| !(1..=MOST_REQUESTS).contains(&value)) {
            let message = format!("throttling {key} is between 1 and {MOST_REQUESTS}");
            problems.push(Problem::new("throttling", message).at(layers.place(&[
                "http_api",
                "throttling",
                key,
            ])));
        }
    }
}

/// The stage as a whole, all derived names included.
pub fn project(project: &Project, layers: &Layers, crates: &[FunctionCrate], problems: &mut Vec<Problem>) {
    let mut check = Check { project, layers, crates, problems };
    check.events();
    check.logical_names();
    check.tables();
    for function in &project.functions {
        check.limits(function);
        check.grants(function);
    }
}

struct Check<'a> {
    project: &'a Project,
    layers: &'a Layers,
    crates: &'a [FunctionCrate],
    problems: &'a mut Vec<Problem>,
}

impl Check<'_> {
    fn fail(&mut self, rule: &'static str, message: String, place: Place) {
        self.problems.push(Problem::new(rule, message).at(place));
    }

    fn manifest(&self, function: &Function, table: &str, key: &str) -> Place {
        let found = self.crates.iter().find(|found| found.name == function.name);
        found.map_or_else(|| self.layers.own().whole(), |found| found.manifest.place(table, key))
    }

    /// A setting that the stage may change: its line there, or else in the crate.
    fn setting(&self, function: &Function, key: &str) -> Place {
        let path = ["functions", function.name.as_str(), key];
        let written = self.layers.iter().any(|layer| match layer.file.functions.get(&function.name) {
            Some(file) => {
                (key == "memory" && file.memory.is_some()) || (key == "timeout" && file.timeout.is_some())
            }
            None => false,
        });
        if written { self.layers.place(&path) } else { self.manifest(function, LAMBDA, key) }
    }

    /// No two enabled functions answer one route or one trigger.
    fn events(&mut self) {
        const ABOUT: &str = "package.metadata.deployer";
        let project = self.project;
        let mut routes: HashMap<String, &Function> = HashMap::new();
        let mut ids: HashMap<String, String> = HashMap::new();
        let mut triggers: HashMap<&str, &Function> = HashMap::new();
        for function in &project.functions {
            for route in &function.routes {
                let place = self.manifest(function, ABOUT, "route");
                if let Some(other) = routes.insert(route.shape(), function) {
                    let message = format!("{route} is answered by {} already", other.name);
                    self.fail("two-on-one-route", message, place.clone());
                } else if let Some(other) = ids.insert(route.logical_name(), route.to_string()) {
                    let message = format!("{route} and {other} differ too little to be named apart");
                    self.fail("similar-routes", message, place);
                }
            }
            if let Some(trigger) = function.trigger
                && let Some(other) = triggers.insert(trigger.as_str(), function)
            {
                let place = self.manifest(function, ABOUT, "trigger");
                let message = format!("{} is handled by {} already", trigger.as_str(), other.name);
                let help =
                    format!("leave one out of the stage: functions: {{{}: {{enabled: false}}}}", other.name);
                self.problems.push(Problem::new("two-on-one-trigger", message).at(place).help(help));
            }
        }
    }

    /// Crates and tables whose names become one in the template.
    fn logical_names(&mut self) {
        let project = self.project;
        let mut seen: HashMap<String, String> = HashMap::new();
        for function in &project.functions {
            if let Some(other) = seen.insert(function.logical_id.to_string(), function.name.clone()) {
                let message = format!("{} and {other} get the same name in the template", function.name);
                self.fail("similar-names", message, self.manifest(function, "package", "name"));
            }
        }
        for table in &project.tables {
            if let Some(other) = seen.insert(table.logical_id.to_string(), table.name.to_string()) {
                let message = format!("{} and {other} get the same name in the template", table.name);
                self.fail("similar-names", message, self.layers.place(&["tables", table.name.as_str()]));
            }
        }
    }

    fn tables(&mut self) {
        let project = self.project;
        for table in &project.tables {
            if table.name.as_str() == "database" {
                let message = "a table called database: grants on database are on the stage's Postgres";
                self.fail("table-name", message.to_owned(), self.layers.place(&["tables", "database"]));
            }
            let mut keys = vec![(&table.partition_key, &table.sort_key, vec!["tables", table.name.as_str()])];
            for index in &table.indexes {
                let path = vec!["tables", table.name.as_str(), "indexes", index.name.as_str()];
                keys.push((&index.partition_key, &index.sort_key, path));
            }
            for (partition, sort, path) in keys {
                if sort.as_ref() == Some(partition) {
                    let message = format!("{partition} is both partition key and sort key");
                    self.fail("table-keys", message, self.layers.place(&path));
                }
            }
            // DynamoDB's limit ("Quotas in Amazon DynamoDB").
            if table.indexes.len() > 20 {
                let message = format!("the table {} has more than 20 indexes", table.name);
                self.fail("table-indexes", message, self.layers.place(&["tables", table.name.as_str()]));
            }
        }
    }

    fn limits(&mut self, function: &Function) {
        let name = &function.function_name;
        if name.len() > FUNCTION_NAME_LENGTH {
            let message = format!(
                "{name:?} is {} characters; a function's name has {FUNCTION_NAME_LENGTH}",
                name.len()
            );
            let help = "shorten the service, the stage or the crate's name";
            let place = self.manifest(function, "package", "name");
            self.problems.push(Problem::new("function-name", message).at(place).help(help));
        }
        if !MEMORY.contains(&function.memory) {
            let (least, most) = (MEMORY.start(), MEMORY.end());
            let message =
                format!("{} has {} MB; memory is {least} to {most}", function.name, function.memory);
            self.fail("memory", message, self.setting(function, "memory"));
        }
        let (longest, why) = match function.trigger {
            // It keeps to Cognito's time by itself, and takes as long as a migration takes.
            Some(_) if function.migrations.is_some() => (LONGEST, "Lambda lets nothing run longer"),
            Some(_) => (TRIGGER_TIMEOUT, "Cognito waits no longer for a trigger"),
            None => (ROUTE_TIMEOUT, "the HTTP API waits no longer"),
        };
        if !(1..=longest).contains(&function.timeout) {
            let message =
                format!("{} has {} s; timeout is 1 to {longest}: {why}", function.name, function.timeout);
            self.fail("timeout", message, self.setting(function, "timeout"));
        }
        if function.description.as_ref().is_some_and(|text| text.chars().count() > 256) {
            let message = format!("the description of {} has more than 256 characters", function.name);
            self.fail("description", message, self.manifest(function, "package", "description"));
        }
        let bytes = self.environment_bytes(function);
        if bytes > ENVIRONMENT_BYTES {
            let message =
                format!("the variables of {} take {bytes} of {ENVIRONMENT_BYTES} bytes", function.name);
            let path = ["functions", function.name.as_str(), "environment"];
            self.fail("environment", message, self.layers.place(&path));
        }
    }

    /// The function's variables with those that follow from its grants. CloudFormation names a
    /// table `<stack>-<logical id>-<13 characters>`; a pool's id has at most 55.
    fn environment_bytes(&self, function: &Function) -> usize {
        let own: usize = function.environment.iter().map(|(name, value)| name.len() + value.len()).sum();
        let stack = self.project.stack_name.as_str().len();
        let granted: usize = function
            .grants
            .iter()
            .map(|grant| match &grant.target {
                GrantTarget::Table(name) | GrantTarget::Index { table: name, .. } => {
                    "TABLE_".len() + 2 * upper_snake_case(name.as_str()).len() + stack + "Table".len() + 15
                }
                GrantTarget::UserPool => "USER_POOL_ID".len() + 55,
                GrantTarget::Database => self.project.database.as_ref().map_or(0, |database| {
                    "DATABASE_SECRETDATABASE_SCHEMA".len() + database.secret.len() + database.schema.len()
                }),
            })
            .sum();
        own + granted
    }

    fn grants(&mut self, function: &Function) {
        for grant in &function.grants {
            let place = self.manifest(function, GRANTS, &grant.target.key());
            let resource = match &grant.target {
                GrantTarget::UserPool => Resource::UserPool,
                GrantTarget::Database => Resource::Database,
                GrantTarget::Table(_) => Resource::Table,
                GrantTarget::Index { .. } => Resource::Index,
            };
            if let Some(problem) = self.unknown_target(&grant.target) {
                self.problems.push(problem.at(place.clone()));
            }
            for (position, action) in grant.actions.iter().enumerate() {
                if let Err((message, help)) = actions::check(action, resource) {
                    self.problems.push(Problem::new("action", message).at(place.clone()).help(help));
                } else if grant.actions[..position].contains(action) {
                    self.fail("action", format!("{action:?} is granted twice"), place.clone());
                }
            }
        }
    }

    fn unknown_target(&self, target: &GrantTarget) -> Option<Problem> {
        let (table, index) = match target {
            GrantTarget::UserPool => return None,
            GrantTarget::Database if self.project.database.is_some() => return None,
            GrantTarget::Database => {
                let help =
                    "write database: {secret: …, ca: …} into the stage, or leave the function out of it";
                return Some(Problem::new("no-database", "the stage has no database").help(help));
            }
            GrantTarget::Table(table) => (table, None),
            GrantTarget::Index { table, index } => (table, Some(index)),
        };
        let choice = |given: &str, known: Vec<&str>| match nearest(given, known.iter().copied()) {
            Some(meant) => format!("did you mean {meant:?}?"),
            None => format!("known are {}", known.join(", ")),
        };
        let Some(found) = self.project.table(table.as_str()) else {
            let known = self.project.tables.iter().map(|table| table.name.as_str()).collect();
            let problem =
                Problem::new("unknown-table", format!("the stage has no table {:?}", table.as_str()));
            return Some(problem.help(choice(table.as_str(), known)));
        };
        let index = index?;
        if found.indexes.iter().any(|known| &known.name == index) {
            return None;
        }
        let known = found.indexes.iter().map(|index| index.name.as_str()).collect();
        let problem = Problem::new("unknown-index", format!("the table {table} has no index {index:?}"));
        Some(problem.help(choice(index, known)))
    }
}
