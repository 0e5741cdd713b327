//! A stage's functions.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::database::Migration;
use super::names::{LogicalId, TableName};
use super::resources::Environment;
use super::route::Route;
use super::waivers::Waiver;

/// A Lambda function: one crate under `functions/`, enabled in this stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// The crate's name, such as `get-profile`.
    pub name: String,
    /// The crate's description.
    pub description: Option<String>,
    /// The function's name in AWS: `<service>-<stage>-<name>`, at most 64 characters.
    pub function_name: String,
    /// `/aws/lambda/<function_name>`.
    pub log_group: String,
    /// The binary target that is zipped as `bootstrap`.
    pub binary: String,
    /// The crate's `Cargo.toml`.
    pub manifest: PathBuf,
    /// `get-profile` -> `GetProfileFunction`.
    pub logical_id: LogicalId,
    /// `get-profile` -> `GetProfileRole`.
    pub role_logical_id: LogicalId,
    /// `get-profile` -> `GetProfileLogGroup`.
    pub log_group_logical_id: LogicalId,
    /// The template parameter with the zip's key in the artefact bucket: `GetProfileCodeKey`.
    pub code_key_parameter: String,
    /// Megabytes.
    pub memory: u32,
    /// Seconds.
    pub timeout: u32,
    /// Routes of the HTTP API that it answers; empty for a trigger.
    pub routes: Vec<Route>,
    /// Whether its routes may be called without a token.
    pub public: bool,
    pub trigger: Option<Trigger>,
    /// The files that it applies to the database when it is asked to, in their order; none where it is not the
    /// one that does.
    pub migrations: Option<Vec<Migration>>,
    pub grants: Vec<Grant>,
    /// What may stay of what the linter finds in its code.
    pub waivers: Vec<Waiver>,
    /// The literal variables that the stage's file adds. Those that name tables and the pool
    /// follow from the grants and are only in the template.
    pub environment: Environment,
}

impl Function {
    /// Whether it may read the secret with the way to the database.
    pub fn uses_database(&self) -> bool {
        self.grants.iter().any(|grant| grant.target == GrantTarget::Database)
    }
}

/// A Cognito trigger, named as in the pool's `LambdaConfig`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Trigger {
    PreSignUp,
    PostConfirmation,
    PreAuthentication,
    PostAuthentication,
    CustomMessage,
    PreTokenGeneration,
    UserMigration,
    DefineAuthChallenge,
    CreateAuthChallenge,
    VerifyAuthChallengeResponse,
}

impl Trigger {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::PreSignUp,
        Self::PostConfirmation,
        Self::PreAuthentication,
        Self::PostAuthentication,
        Self::CustomMessage,
        Self::PreTokenGeneration,
        Self::UserMigration,
        Self::DefineAuthChallenge,
        Self::CreateAuthChallenge,
        Self::VerifyAuthChallengeResponse,
    ];

    /// As in the pool's `LambdaConfig`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PreSignUp => "PreSignUp",
            Self::PostConfirmation => "PostConfirmation",
            Self::PreAuthentication => "PreAuthentication",
            Self::PostAuthentication => "PostAuthentication",
            Self::CustomMessage => "CustomMessage",
            Self::PreTokenGeneration => "PreTokenGeneration",
            Self::UserMigration => "UserMigration",
            Self::DefineAuthChallenge => "DefineAuthChallenge",
            Self::CreateAuthChallenge => "CreateAuthChallenge",
            Self::VerifyAuthChallengeResponse => "VerifyAuthChallengeResponse",
        }
    }
}

/// What a function may do with one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    pub target: GrantTarget,
    /// IAM actions such as `dynamodb:GetItem`, without wildcards, in the order of the file.
    pub actions: Vec<String>,
}

/// What a grant is on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum GrantTarget {
    Table(TableName),
    Index {
        table: TableName,
        index: String,
    },
    UserPool,
    /// The secret with the way to the stage's database.
    Database,
}
