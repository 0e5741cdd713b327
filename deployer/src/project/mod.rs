//! A stage of a service as its files describe it: environments and function crates become one
//! validated [`Project`]. Nothing here talks to AWS.

mod actions;
mod checks;
mod class;
mod crates;
mod database;
mod environment;
mod functions;
mod layers;
mod load;
mod names;
mod packages;
mod problem;
mod resources;
mod route;
mod schema;
mod stages;
#[cfg(test)]
pub(crate) mod tests;
mod values;
mod waivers;
pub(crate) mod yaml;

use std::path::PathBuf;
use std::time::Duration;

use indexmap::IndexMap;
use sha2::{Digest, Sha256};

pub use class::{Class, EncryptionKey, Mfa, RetainPolicy};
pub(crate) use crates::{ABOUT, GRANTS, Manifest};
pub use database::{Database, Migration, Network};
pub use environment::{Architecture, Target};
pub use functions::{Function, Grant, GrantTarget, Trigger};
pub use names::{
    AccountId, LogicalId, NameError, Region, ServiceName, StackName, StageName, TableName, pascal_case,
    upper_snake_case,
};
pub use problem::{Error, Place, Problem, Source};
pub use resources::{HttpApi, Index, Table, UserPool};
pub use route::{Method, Route, RouteError};
pub use schema::environment_schema;
pub use stages::{Neighbour, StageFile, neighbours, stages};
pub(crate) use values::VariableName;
pub use waivers::Waiver;

/// One stage of the service, complete and checked.
#[derive(Debug, Clone)]
pub struct Project {
    /// The folder that holds `Cargo.toml`, `environments/` and `templates/`.
    pub root: PathBuf,
    pub service: ServiceName,
    pub stage: StageName,
    /// The pattern of the family that the stage belongs to, such as `pr-*`.
    pub family: Option<String>,
    /// `<service>-<stage>`.
    pub stack_name: StackName,
    pub class: Class,
    pub target: Target,
    /// `None`: whatever the AWS profile says. A local stage always has one.
    pub region: Option<Region>,
    /// Where present it must be the caller's account.
    pub account: Option<AccountId>,
    /// Another CloudFormation than AWS's own: an emulator's URL.
    pub endpoint: Option<String>,
    /// The role that CloudFormation works as, by name or ARN. `None`: the caller's rights.
    pub service_role: Option<String>,
    /// The managed policy that limits every function's role, by name or ARN.
    pub permissions_boundary: Option<String>,
    pub architecture: Architecture,
    /// All tags of the stack: the file's own and `deployer:service`, `deployer:stage`,
    /// `deployer:class` and, where there is one, `deployer:ttl` in seconds.
    pub tags: IndexMap<String, String>,
    /// How long after its last `up` an ephemeral stage may be reaped.
    pub ttl: Option<Duration>,
    pub tables: Vec<Table>,
    pub database: Option<Database>,
    pub user_pool: UserPool,
    pub http_api: HttpApi,
    /// The enabled ones, by name.
    pub functions: Vec<Function>,
    /// What may stay of what the linter finds in the stage's template.
    pub waivers: Vec<Waiver>,
    /// All members of the workspace, to read their code.
    pub packages: Vec<deployer_source::Package>,
}

impl Project {
    /// The prefix of the hosted sign-in pages: `<service>-<stage>-<hash>`. Prefixes are unique in
    /// a region across all accounts, so the end is a hash of account, region and stage. Words that
    /// Cognito refuses anywhere in a prefix (`aws`, `amazon`, `cognito`) are taken out.
    pub fn domain_prefix(&self, account: &AccountId, region: &Region) -> String {
        let digest = Sha256::digest(format!("{account}/{region}/{}/{}", self.service, self.stage));
        let hash: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        let mut readable = format!("{}-{}", self.service, self.stage);
        while let Some(word) = RESERVED_IN_DOMAINS.iter().find(|word| readable.contains(**word)) {
            readable = readable.replace(word, "");
        }
        readable.truncate(DOMAIN_PREFIX_LENGTH - hash.len() - 1);
        let readable = readable.trim_matches('-');
        if readable.is_empty() { format!("d-{hash}") } else { format!("{readable}-{hash}") }
    }

    /// The table that the environment calls so.
    pub fn table(&self, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.name.as_str() == name)
    }

    /// The function that migrates the stage's database: `up` invokes it.
    pub fn migrator(&self) -> Option<&Function> {
        self.functions.iter().find(|function| function.migrations.is_some())
    }
}

/// Cognito refuses them in a domain prefix (CreateUserPoolDomain in the developer guide).
const RESERVED_IN_DOMAINS: [&str; 3] = ["cognito", "amazon", "aws"];

/// `^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$` in Cognito's API model.
const DOMAIN_PREFIX_LENGTH: usize = 63;

/// The known name that a misspelt one was probably meant to be.
pub(crate) fn nearest<'a>(text: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let most = (text.chars().count() / 3).max(2);
    known
        .into_iter()
        .filter(|name| !name.is_empty())
        .map(|name| (strsim::damerau_levenshtein(text, name), name))
        .filter(|(distance, name)| *distance <= most || begins(text, name) || begins(name, text))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// Whether one name is the other's beginning, as in `develop` for `dev`.
fn begins(name: &str, start: &str) -> bool {
    start.len() > 2 && name.starts_with(start)
}
