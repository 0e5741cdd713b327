//! What a template says of a pool and a client: CloudFormation's properties as typed values.
//!
//! A property or a value that is not here is refused by name: serde denies it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The properties of AWS::Cognito::UserPool that this cloud has.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub(super) struct PoolSettings {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_pool_name: Option<String>,
    pub policies: Policies,
    pub lambda_config: LambdaConfig,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub auto_verified_attributes: Vec<Contact>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alias_attributes: Vec<Alias>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub username_attributes: Vec<Contact>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username_configuration: Option<UsernameConfiguration>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub schema: Vec<SchemaAttribute>,
    pub mfa_configuration: MfaConfiguration,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub enabled_mfas: Vec<Mfa>,
    pub deletion_protection: DeletionProtection,
    pub admin_create_user_config: AdminCreateUserConfig,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_recovery_setting: Option<AccountRecoverySetting>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email_verification_message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email_verification_subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verification_message_template: Option<VerificationMessageTemplate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_attribute_update_settings: Option<UserAttributeUpdateSettings>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email_configuration: Option<EmailConfiguration>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_pool_add_ons: Option<UserPoolAddOns>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub user_pool_tags: BTreeMap<String, String>,
    pub user_pool_tier: Tier,
}

impl PoolSettings {
    /// AWS's default is the strict one: `true`.
    pub fn case_sensitive(&self) -> bool {
        self.username_configuration.as_ref().is_none_or(|configuration| configuration.case_sensitive)
    }

    /// Whether users are known by their e-mail address, and their name is a generated one.
    pub fn email_is_username(&self) -> bool {
        self.username_attributes.contains(&Contact::Email)
    }

    pub fn has_alias(&self, alias: Alias) -> bool {
        self.alias_attributes.contains(&alias)
    }

    /// Whether a verified e-mail address is one of the names to sign in with.
    pub fn email_signs_in(&self) -> bool {
        self.email_is_username() || self.has_alias(Alias::Email)
    }

    pub fn verifies_email(&self) -> bool {
        self.auto_verified_attributes.contains(&Contact::Email)
    }

    /// Whether a new e-mail address is pending until its owner proves it.
    pub fn keeps_email_until_verified(&self) -> bool {
        self.user_attribute_update_settings.as_ref().is_some_and(|settings| {
            settings.attributes_require_verification_before_update.contains(&Contact::Email)
        })
    }

    pub fn recovery_by_administrator_only(&self) -> bool {
        self.account_recovery_setting.as_ref().is_some_and(|setting| {
            setting.recovery_mechanisms.iter().all(|option| option.name == Recovery::AdminOnly)
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Contact {
    Email,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Alias {
    Email,
    PreferredUsername,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub(super) struct Policies {
    pub password_policy: PasswordPolicy,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sign_in_policy: Option<SignInPolicy>,
}

/// A pool without a policy requires everything ([`Default`]); a policy requires what it names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct PasswordPolicy {
    #[serde(default = "eight")]
    pub minimum_length: usize,
    #[serde(default)]
    pub require_lowercase: bool,
    #[serde(default)]
    pub require_numbers: bool,
    #[serde(default)]
    pub require_symbols: bool,
    #[serde(default)]
    pub require_uppercase: bool,
    #[serde(default = "seven")]
    pub temporary_password_validity_days: i64,
}

fn eight() -> usize {
    8
}

fn seven() -> i64 {
    7
}

impl Default for PasswordPolicy {
    fn default() -> Self {
        Self {
            minimum_length: 8,
            require_lowercase: true,
            require_numbers: true,
            require_symbols: true,
            require_uppercase: true,
            temporary_password_validity_days: 7,
        }
    }
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub(super) struct SignInPolicy {
    pub allowed_first_auth_factors: Vec<FirstFactor>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum FirstFactor {
    Password,
}

/// Only the trigger that this cloud runs; any other is refused by its name.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub(super) struct LambdaConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub post_confirmation: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct UsernameConfiguration {
    pub case_sensitive: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub(super) struct SchemaAttribute {
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attribute_data_type: Option<DataType>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mutable: Option<bool>,
    pub required: bool,
    pub developer_only_attribute: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub string_attribute_constraints: Option<StringConstraints>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number_attribute_constraints: Option<NumberConstraints>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum DataType {
    Boolean,
    DateTime,
    Number,
    String,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub(super) struct StringConstraints {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_length: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_length: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub(super) struct NumberConstraints {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_value: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum MfaConfiguration {
    #[default]
    Off,
    Optional,
    On,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Mfa {
    SoftwareTokenMfa,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum DeletionProtection {
    Active,
    #[default]
    Inactive,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Tier {
    Lite,
    #[default]
    Essentials,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub(super) struct AdminCreateUserConfig {
    pub allow_admin_create_user_only: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub invite_message_template: Option<InviteMessageTemplate>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub(super) struct InviteMessageTemplate {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email_message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email_subject: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub(super) struct AccountRecoverySetting {
    pub recovery_mechanisms: Vec<RecoveryOption>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct RecoveryOption {
    pub name: Recovery,
    pub priority: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Recovery {
    AdminOnly,
    VerifiedEmail,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub(super) struct VerificationMessageTemplate {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_email_option: Option<EmailOption>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email_message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email_subject: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum EmailOption {
    ConfirmWithCode,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub(super) struct UserAttributeUpdateSettings {
    pub attributes_require_verification_before_update: Vec<Contact>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct EmailConfiguration {
    pub email_sending_account: EmailSendingAccount,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum EmailSendingAccount {
    CognitoDefault,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct UserPoolAddOns {
    pub advanced_security_mode: AdvancedSecurityMode,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum AdvancedSecurityMode {
    Off,
}
