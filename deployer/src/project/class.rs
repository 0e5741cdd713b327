//! The three classes of stages and everything that follows from them, in one table.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How much a stage is worth: decides what protects it and how long its things live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// Made and thrown away: local stages and those of pull requests.
    Ephemeral,
    /// Shared by the team; data is kept, mistakes can be mended.
    Development,
    /// Other people's data.
    Production,
}

/// CloudFormation's `DeletionPolicy` and `UpdateReplacePolicy` of stateful resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum RetainPolicy {
    Delete,
    /// Legal for `DeletionPolicy` only: a failed first deploy leaves nothing behind.
    RetainExceptOnCreate,
    Retain,
}

/// Who owns the key that encrypts data at rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EncryptionKey {
    /// DynamoDB's default: no key in the account.
    AwsOwned,
    /// The account's `aws/dynamodb` key.
    AwsManaged,
    /// A KMS key of the stack.
    Customer,
}

/// Cognito's `MfaConfiguration`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Mfa {
    Optional,
    On,
}

impl Class {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ephemeral => "ephemeral",
            Self::Development => "development",
            Self::Production => "production",
        }
    }

    /// Tables, user pools and keys when their stack is deleted.
    pub fn deletion_policy(self) -> RetainPolicy {
        match self {
            Self::Ephemeral => RetainPolicy::Delete,
            Self::Development | Self::Production => RetainPolicy::RetainExceptOnCreate,
        }
    }

    /// Tables, user pools and keys when an update replaces them.
    pub fn update_replace_policy(self) -> RetainPolicy {
        match self {
            Self::Ephemeral => RetainPolicy::Delete,
            Self::Development | Self::Production => RetainPolicy::Retain,
        }
    }

    /// Deletion protection of tables and pools, switched on by the template parameter
    /// `DeletionProtection` after the first success; termination protection of the stack likewise.
    pub fn protected(self) -> bool {
        match self {
            Self::Ephemeral => false,
            Self::Development | Self::Production => true,
        }
    }

    /// Days of DynamoDB's point-in-time recovery, `None` where it is off. 35 is the longest and
    /// the default (`RecoveryPeriodInDays` in the service's API model).
    pub fn recovery_days(self) -> Option<u32> {
        match self {
            Self::Ephemeral => None,
            Self::Development | Self::Production => Some(35),
        }
    }

    pub fn encryption(self) -> EncryptionKey {
        match self {
            Self::Ephemeral => EncryptionKey::AwsOwned,
            Self::Development => EncryptionKey::AwsManaged,
            Self::Production => EncryptionKey::Customer,
        }
    }

    pub fn mfa(self) -> Mfa {
        match self {
            Self::Ephemeral | Self::Development => Mfa::Optional,
            Self::Production => Mfa::On,
        }
    }

    pub fn password_length(self) -> u32 {
        match self {
            Self::Ephemeral | Self::Development => 12,
            Self::Production => 14,
        }
    }

    /// Days; each value is one that CloudWatch Logs allows.
    pub fn log_retention_days(self) -> u32 {
        match self {
            Self::Ephemeral => 3,
            Self::Development => 30,
            Self::Production => 365,
        }
    }

    /// A stack policy that refuses replacement and removal of stateful resources.
    pub fn stack_policy(self) -> bool {
        self == Self::Production
    }

    /// Whether the deployer's own test users (`token --user`) may exist here.
    pub fn test_users(self) -> bool {
        self != Self::Production
    }
}
