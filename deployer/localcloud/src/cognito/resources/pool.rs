//! AWS::Cognito::UserPool.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::{invalid, not_found, unnamed};
use crate::cloud::{Cloud, arn};
use crate::cognito::keys::Keys;
use crate::cognito::settings::{DeletionProtection, Mfa, MfaConfiguration, PoolSettings, SchemaAttribute};
use crate::cognito::state::Pool;
use crate::cognito::{random, schema};
use crate::resource::{Created, Failure, Handlers, Request};

pub(super) struct UserPool;

const NAME: &str = "AWS::Cognito::UserPool";

impl Handlers for UserPool {
    const NAME: &'static str = NAME;

    async fn create(&self, cloud: &Arc<Cloud>, request: &Request) -> Result<Created, Failure> {
        create(cloud, request).await
    }

    async fn update(
        &self,
        cloud: &Arc<Cloud>,
        request: &Request,
        physical_id: &str,
        _previous: &Value,
    ) -> Result<Created, Failure> {
        update(cloud, request, physical_id)
    }

    async fn delete(&self, cloud: &Arc<Cloud>, request: &Request, physical_id: &str) -> Result<(), Failure> {
        delete(cloud, request, physical_id)
    }

    async fn read(
        &self,
        cloud: &Arc<Cloud>,
        request: &Request,
        physical_id: &str,
    ) -> Result<Option<Value>, Failure> {
        authorize(cloud, request, "DescribeUserPool", &pool_arn(request, physical_id))?;
        Ok(cloud.cognito.state.read(|state| state.pools.get(physical_id).map(|pool| json!(pool.settings))))
    }
}

async fn create(cloud: &Arc<Cloud>, request: &Request) -> Result<Created, Failure> {
    let mut settings = checked(request)?;
    if settings.user_pool_name.is_none() {
        settings.user_pool_name = Some(unnamed(request)?);
    }
    authorize(cloud, request, "CreateUserPool", "*")?;
    let id = format!("{}_{}", request.region, random::pool_suffix()?);
    if settings.mfa_configuration != MfaConfiguration::Off {
        authorize(cloud, request, "SetUserPoolMfaConfig", &pool_arn(request, &id))?;
    }
    if !settings.user_pool_tags.is_empty() {
        authorize(cloud, request, "TagResource", &pool_arn(request, &id))?;
    }
    let keys = Keys::generate().await?;
    let now = jiff::Timestamp::now().as_millisecond();
    let pool = Pool {
        id: id.clone(),
        region: request.region.clone(),
        settings,
        created: now,
        modified: now,
        keys,
        secret: random::token(43)?,
        domain: None,
        clients: BTreeMap::new(),
        users: BTreeMap::new(),
        groups: BTreeMap::new(),
        sessions: BTreeMap::new(),
    };
    let created = described(&pool);
    cloud.cognito.state.write(|state| state.pools.insert(id, pool));
    Ok(created)
}

fn described(pool: &Pool) -> Created {
    Created::new(
        pool.id.clone(),
        [
            ("Arn", json!(pool.arn())),
            ("ProviderName", json!(pool.provider_name())),
            ("ProviderURL", json!(pool.issuer())),
            ("UserPoolId", json!(pool.id)),
        ],
    )
}

/// The settings with the stack's tags, after the checks that CreateUserPool makes.
fn checked(request: &Request) -> Result<PoolSettings, Failure> {
    let mut settings: PoolSettings = request.typed()?;
    let mut tags = request.all_tags(&[]);
    tags.append(&mut settings.user_pool_tags);
    settings.user_pool_tags = tags;
    if !settings.alias_attributes.is_empty() && !settings.username_attributes.is_empty() {
        return Err(invalid(
            "Only one of the aliasAttributes or usernameAttributes can be set in a user pool.",
        ));
    }
    if settings.mfa_configuration != MfaConfiguration::Off
        && !settings.enabled_mfas.contains(&Mfa::SoftwareTokenMfa)
    {
        return Err(invalid(
            "SMS configuration and Auto verification for phone_number are required when MFA is required/optional",
        ));
    }
    if settings.keeps_email_until_verified() && !settings.verifies_email() {
        return Err(invalid(
            "AttributesRequireVerificationBeforeUpdate must be a subset of AutoVerifiedAttributes.",
        ));
    }
    for attribute in &settings.schema {
        if attribute.required && !schema::is_standard(&attribute.name) {
            return Err(invalid("Required custom attributes are not supported currently."));
        }
    }
    Ok(settings)
}

fn update(cloud: &Arc<Cloud>, request: &Request, id: &str) -> Result<Created, Failure> {
    let mut settings = checked(request)?;
    authorize(cloud, request, "UpdateUserPool", &pool_arn(request, id))?;
    cloud.cognito.state.write(|state| {
        let pool = state.pools.get_mut(id).ok_or_else(|| not_found(NAME, id))?;
        if settings.user_pool_name.is_none() {
            settings.user_pool_name.clone_from(&pool.settings.user_pool_name);
        }
        check_change(&pool.settings, &settings)?;
        if settings.mfa_configuration != pool.settings.mfa_configuration {
            authorize(cloud, request, "SetUserPoolMfaConfig", &pool_arn(request, id))?;
        }
        if settings.schema.len() > pool.settings.schema.len() {
            authorize(cloud, request, "AddCustomAttributes", &pool_arn(request, id))?;
        }
        pool.settings = settings;
        pool.modified = jiff::Timestamp::now().as_millisecond();
        Ok(described(pool))
    })
}

/// How a user is named, and the attributes that are there, cannot change after the creation.
fn check_change(before: &PoolSettings, after: &PoolSettings) -> Result<(), Failure> {
    let fixed = [
        ("UsernameAttributes", before.username_attributes == after.username_attributes),
        ("AliasAttributes", before.alias_attributes == after.alias_attributes),
        ("UsernameConfiguration", before.case_sensitive() == after.case_sensitive()),
    ];
    for (property, same) in fixed {
        if !same {
            return Err(invalid(format!("Updates are not allowed for property - {property}.")));
        }
    }
    let frozen = || invalid("Existing schema attributes cannot be modified or deleted.");
    let find =
        |list: &[SchemaAttribute], name: &str| list.iter().find(|attribute| attribute.name == name).cloned();
    for attribute in &before.schema {
        if find(&after.schema, &attribute.name).as_ref() != Some(attribute) {
            return Err(frozen());
        }
    }
    let added_standard = after.schema.iter().any(|attribute| {
        find(&before.schema, &attribute.name).is_none() && schema::is_standard(&attribute.name)
    });
    if added_standard { Err(frozen()) } else { Ok(()) }
}

fn delete(cloud: &Arc<Cloud>, request: &Request, id: &str) -> Result<(), Failure> {
    if cloud.cognito.state.read(|state| !state.pools.contains_key(id)) {
        return Ok(());
    }
    authorize(cloud, request, "DeleteUserPool", &pool_arn(request, id))?;
    cloud.cognito.state.write(|state| {
        let Some(pool) = state.pools.get(id) else { return Ok(()) };
        if pool.settings.deletion_protection == DeletionProtection::Active {
            return Err(invalid(
                "The user pool cannot be deleted because deletion protection is activated. Deletion protection must be inactivated first.",
            ));
        }
        if pool.domain.is_some() {
            return Err(invalid(
                "User pool cannot be deleted. It has a domain configured that should be deleted first.",
            ));
        }
        state.pools.remove(id);
        Ok(())
    })
}

pub(super) fn pool_arn(request: &Request, id: &str) -> String {
    arn("cognito-idp", &request.region, &format!("userpool/{id}"))
}

pub(super) fn authorize(
    cloud: &Cloud,
    request: &Request,
    action: &str,
    resource: &str,
) -> Result<(), Failure> {
    Ok(request.may(cloud, &format!("cognito-idp:{action}"), resource)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(properties: Value) -> PoolSettings {
        serde_json::from_value(properties).unwrap()
    }

    #[test]
    fn sign_in_attributes_cannot_change() {
        let before = pool(json!({"UsernameAttributes": ["email"]}));
        let error = check_change(&before, &pool(json!({}))).unwrap_err();
        assert_eq!(error.reason, "Updates are not allowed for property - UsernameAttributes.");
    }

    #[test]
    fn case_sensitivity_cannot_change() {
        let before = pool(json!({"UsernameConfiguration": {"CaseSensitive": false}}));
        assert!(check_change(&before, &pool(json!({}))).is_err());
        let explicit = pool(json!({"UsernameConfiguration": {"CaseSensitive": true}}));
        assert!(check_change(&pool(json!({})), &explicit).is_ok(), "true is the default");
    }

    #[test]
    fn custom_attributes_only_grow() {
        let one = pool(json!({"Schema": [{"Name": "plan", "AttributeDataType": "String"}]}));
        let two = pool(json!({"Schema": [{"Name": "plan", "AttributeDataType": "String"},
            {"Name": "seats", "AttributeDataType": "Number"}]}));
        assert!(check_change(&one, &two).is_ok());
        let error = check_change(&two, &one).unwrap_err();
        assert_eq!(error.reason, "Existing schema attributes cannot be modified or deleted.");
        let required = pool(json!({"Schema": [{"Name": "plan", "AttributeDataType": "String"},
            {"Name": "name", "Required": true}]}));
        assert!(check_change(&one, &required).is_err());
    }
}
