//! Pools that are changed beside their stack.

use serde_json::{Value, json};

use super::errors;
use super::input::Input;
use super::operation::Operation;
use super::settings::PoolSettings;
use crate::wire::AwsError;

/// Every setting that is not named goes back to its default (API reference of UpdateUserPool); how users are
/// named and which attributes they have is not its to change.
pub(super) fn update_user_pool(op: &mut Operation<'_>, mut input: Input) -> Result<Value, AwsError> {
    let pool_id = op.admin_pool("UpdateUserPool", &mut input)?;
    let name = input.optional_text("PoolName")?;
    let fixed = [
        "Schema",
        "UserPoolName",
        "UsernameAttributes",
        "AliasAttributes",
        "UsernameConfiguration",
        "EnabledMfas",
    ];
    let mut given = input.rest();
    // The SDKs write it always; zero is none.
    if let Some(Value::Object(config)) = given.get_mut("AdminCreateUserConfig")
        && config.get("UnusedAccountValidityDays") == Some(&json!(0))
    {
        config.remove("UnusedAccountValidityDays");
    }
    if let Some(name) = fixed.iter().find(|name| given.contains_key(**name)) {
        return Err(errors::invalid_parameter(format!("UpdateUserPool has no parameter {name}.")));
    }
    let settings: PoolSettings = serde_json::from_value(Value::Object(given))
        .map_err(|error| errors::invalid_parameter(error.to_string()))?;
    let now = op.now;
    let pool = op.state.pool_mut(&pool_id)?;
    let before = &pool.settings;
    pool.settings = PoolSettings {
        user_pool_name: name.or_else(|| before.user_pool_name.clone()),
        schema: before.schema.clone(),
        username_attributes: before.username_attributes.clone(),
        alias_attributes: before.alias_attributes.clone(),
        username_configuration: before.username_configuration.clone(),
        enabled_mfas: before.enabled_mfas.clone(),
        ..settings
    };
    pool.modified = now;
    Ok(json!({}))
}

pub(super) fn delete_user_pool_domain(op: &mut Operation<'_>, mut input: Input) -> Result<Value, AwsError> {
    let pool_id = op.admin_pool("DeleteUserPoolDomain", &mut input)?;
    let domain = input.text("Domain")?;
    input.finish()?;
    let pool = op.state.pool_mut(&pool_id)?;
    if pool.domain.as_deref() != Some(domain.as_str()) {
        return Err(errors::invalid_parameter(format!("No such domain: {domain}")));
    }
    pool.domain = None;
    Ok(json!({}))
}
