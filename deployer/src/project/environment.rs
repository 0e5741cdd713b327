//! The shape of `environments/*.yaml`: every key optional, so that files can extend each other.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::class::Class;
use super::database::DatabaseFile;
use super::names::{AccountId, Region, ServiceName, TableName};
use super::values::{
    AttributeName, BoundaryPolicy, Endpoint, IndexName, Origin, RedirectUrl, ServiceRole, StagePattern,
    TagKey, TagValue, Ttl, VariableName,
};
use super::waivers::WaiverFile;

/// Where a stage runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Target {
    /// An AWS account.
    Aws,
    /// The embedded cloud on this machine.
    Local,
}

/// The processor of the functions, as Lambda names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Architecture {
    #[serde(rename = "arm64")]
    Arm64,
    #[serde(rename = "x86_64")]
    X8664,
}

impl Architecture {
    /// As Lambda writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Arm64 => "arm64",
            Self::X8664 => "x86_64",
        }
    }

    /// This machine's.
    pub fn host() -> Self {
        if cfg!(target_arch = "aarch64") { Self::Arm64 } else { Self::X8664 }
    }
}

/// One file: a stage, a family of stages, or what others extend.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "A stage of the service", rename = "Environment")]
pub struct EnvironmentFile {
    /// Another file of this folder, without `.yaml`; what is written here wins over it.
    pub extends: Option<String>,
    /// Makes the file a family: every stage whose name matches, such as `pr-*`.
    pub stages: Option<StagePattern>,
    /// How long after its last `up` an ephemeral stage may be removed, such as `48h`.
    pub ttl: Option<Ttl>,
    /// What the stage is worth; every stage's own file must say it.
    pub class: Option<Class>,
    /// Where the stage runs: `aws` unless said otherwise.
    pub target: Option<Target>,
    /// The service's name, the same in all stages.
    pub service: Option<ServiceName>,
    /// The only account that the stage may be deployed to.
    pub account: Option<AccountId>,
    /// The region; without it the one of the AWS profile.
    pub region: Option<Region>,
    /// Another endpoint than AWS's own.
    pub endpoint: Option<Endpoint>,
    /// Whose rights a deployment has, and what limits the roles that it makes.
    pub deployment: DeploymentFile,
    /// The functions' processor: `arm64` unless said otherwise; a local stage has this machine's.
    pub architecture: Option<Architecture>,
    /// DynamoDB tables by their short name.
    pub tables: BTreeMap<TableName, TableFile>,
    /// A Postgres database of yours, for the functions with a grant on `database`.
    pub database: Option<DatabaseFile>,
    /// The Cognito user pool and its client.
    pub user_pool: UserPoolFile,
    /// The HTTP API in front of the functions.
    pub http_api: HttpApiFile,
    /// Changes to single functions, by their crate's name.
    pub functions: BTreeMap<String, FunctionFile>,
    /// What may stay of what `check` finds in the stage's template; that in a function's code is waived in its
    /// `Cargo.toml`.
    pub waivers: Option<Vec<WaiverFile>>,
    /// Tags of the stack and everything in it.
    pub tags: BTreeMap<TagKey, TagValue>,
}

/// Whose rights a deployment has, and what limits the roles that it makes; `bootstrap` makes both.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Deployment")]
pub struct DeploymentFile {
    /// The role that CloudFormation works as, by name or ARN; without it, with the caller's rights.
    pub service_role: Option<ServiceRole>,
    /// The managed policy that is every function role's permissions boundary, by name or ARN.
    pub permissions_boundary: Option<BoundaryPolicy>,
}

/// A DynamoDB table; its keys are strings.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Table")]
pub struct TableFile {
    /// The attribute that items are spread by.
    pub partition_key: Option<AttributeName>,
    /// The attribute that items of one partition are ordered by.
    pub sort_key: Option<AttributeName>,
    /// Global secondary indexes by name, with all attributes.
    pub indexes: BTreeMap<IndexName, IndexFile>,
    /// The attribute with an item's expiry in epoch seconds.
    pub ttl_attribute: Option<AttributeName>,
}

/// A global secondary index.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Index")]
pub struct IndexFile {
    /// The attribute that the index is spread by.
    pub partition_key: Option<AttributeName>,
    /// The attribute that one partition of the index is ordered by.
    pub sort_key: Option<AttributeName>,
}

/// The Cognito user pool and its client.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "UserPool")]
pub struct UserPoolFile {
    /// Where the hosted pages may send a signed-in user; the first one is used by `HostedSignInUrl`.
    pub callback_urls: Option<Vec<RedirectUrl>>,
    /// Where they may send a signed-out one.
    pub logout_urls: Option<Vec<RedirectUrl>>,
}

/// The HTTP API in front of the functions.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "HttpApi")]
pub struct HttpApiFile {
    /// Browser front ends that may call the API; without any there is no CORS.
    pub cors_origins: Option<Vec<Origin>>,
    /// How much of all routes together is let through.
    pub throttling: ThrottlingFile,
}

/// Limits of all routes together.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Throttling")]
pub struct ThrottlingFile {
    /// Requests a second; 50 unless said otherwise.
    pub rate: Option<u32>,
    /// Requests at once; 100 unless said otherwise.
    pub burst: Option<u32>,
}

/// What a stage changes about a function.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "Function")]
pub struct FunctionFile {
    /// False leaves the function out of the stage.
    pub enabled: Option<bool>,
    /// Megabytes, instead of those in its `Cargo.toml`.
    pub memory: Option<u32>,
    /// Seconds, instead of those in its `Cargo.toml`.
    pub timeout: Option<u32>,
    /// Variables; never secrets.
    pub environment: BTreeMap<VariableName, String>,
}

impl EnvironmentFile {
    /// This file on top of the one that it extends. Single values and lists replace those below;
    /// mappings are joined key by key. `extends`, `stages` and `class` are never inherited.
    pub fn over(self, below: Self) -> Self {
        Self {
            extends: self.extends,
            stages: self.stages,
            ttl: self.ttl.or(below.ttl),
            class: self.class,
            target: self.target.or(below.target),
            service: self.service.or(below.service),
            account: self.account.or(below.account),
            region: self.region.or(below.region),
            endpoint: self.endpoint.or(below.endpoint),
            deployment: DeploymentFile {
                service_role: self.deployment.service_role.or(below.deployment.service_role),
                permissions_boundary: self
                    .deployment
                    .permissions_boundary
                    .or(below.deployment.permissions_boundary),
            },
            architecture: self.architecture.or(below.architecture),
            tables: join(self.tables, below.tables, TableFile::over),
            database: match (self.database, below.database) {
                (Some(above), Some(below)) => Some(above.over(below)),
                (above, below) => above.or(below),
            },
            user_pool: UserPoolFile {
                callback_urls: self.user_pool.callback_urls.or(below.user_pool.callback_urls),
                logout_urls: self.user_pool.logout_urls.or(below.user_pool.logout_urls),
            },
            http_api: HttpApiFile {
                cors_origins: self.http_api.cors_origins.or(below.http_api.cors_origins),
                throttling: ThrottlingFile {
                    rate: self.http_api.throttling.rate.or(below.http_api.throttling.rate),
                    burst: self.http_api.throttling.burst.or(below.http_api.throttling.burst),
                },
            },
            functions: join(self.functions, below.functions, FunctionFile::over),
            waivers: self.waivers.or(below.waivers),
            tags: join(self.tags, below.tags, |above, _| above),
        }
    }
}

impl TableFile {
    fn over(self, below: Self) -> Self {
        Self {
            partition_key: self.partition_key.or(below.partition_key),
            sort_key: self.sort_key.or(below.sort_key),
            indexes: join(self.indexes, below.indexes, |above, below| IndexFile {
                partition_key: above.partition_key.or(below.partition_key),
                sort_key: above.sort_key.or(below.sort_key),
            }),
            ttl_attribute: self.ttl_attribute.or(below.ttl_attribute),
        }
    }
}

impl FunctionFile {
    fn over(self, below: Self) -> Self {
        Self {
            enabled: self.enabled.or(below.enabled),
            memory: self.memory.or(below.memory),
            timeout: self.timeout.or(below.timeout),
            environment: join(self.environment, below.environment, |above, _| above),
        }
    }
}

/// All keys of both; `over` decides what becomes of a key in both.
fn join<K: Ord, V>(above: BTreeMap<K, V>, below: BTreeMap<K, V>, over: impl Fn(V, V) -> V) -> BTreeMap<K, V> {
    let mut joined = below;
    for (key, value) in above {
        let value = match joined.remove(&key) {
            Some(under) => over(value, under),
            None => value,
        };
        joined.insert(key, value);
    }
    joined
}
