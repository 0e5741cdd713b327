//! AWS::Cognito::UserPoolDomain: the prefix of a pool's hosted pages.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::pool::{authorize, pool_arn};
use super::{invalid, not_found};
use crate::cloud::Cloud;
use crate::resource::{Created, Failure, Handlers, Request};

pub(super) struct UserPoolDomain;

const NAME: &str = "AWS::Cognito::UserPoolDomain";
const RESERVED: [&str; 3] = ["aws", "amazon", "cognito"];

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Settings {
    domain: String,
    user_pool_id: String,
    /// 1 is the classic hosted pages; 2 needs a branding, which pools here cannot have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    managed_login_version: Option<i64>,
}

impl Handlers for UserPoolDomain {
    const NAME: &'static str = NAME;

    async fn create(&self, cloud: &Arc<Cloud>, request: &Request) -> Result<Created, Failure> {
        create(cloud, request)
    }

    async fn update(
        &self,
        cloud: &Arc<Cloud>,
        request: &Request,
        physical_id: &str,
        _previous: &Value,
    ) -> Result<Created, Failure> {
        let settings = checked(request)?;
        authorize(cloud, request, "UpdateUserPoolDomain", &pool_arn(request, &settings.user_pool_id))?;
        let there = cloud.cognito.state.read(|state| state.pool_of_domain(physical_id).is_some());
        if there { Ok(described(physical_id)) } else { Err(not_found(NAME, physical_id)) }
    }

    async fn delete(&self, cloud: &Arc<Cloud>, request: &Request, physical_id: &str) -> Result<(), Failure> {
        let pool_id =
            cloud.cognito.state.read(|state| state.pool_of_domain(physical_id).map(|pool| pool.id.clone()));
        let Some(pool_id) = pool_id else { return Ok(()) };
        authorize(cloud, request, "DeleteUserPoolDomain", &pool_arn(request, &pool_id))?;
        cloud.cognito.state.write(|state| {
            if let Some(pool) = state.pools.get_mut(&pool_id) {
                pool.domain = None;
            }
        });
        Ok(())
    }

    async fn read(
        &self,
        cloud: &Arc<Cloud>,
        request: &Request,
        physical_id: &str,
    ) -> Result<Option<Value>, Failure> {
        authorize(cloud, request, "DescribeUserPoolDomain", "*")?;
        Ok(cloud.cognito.state.read(|state| {
            state
                .pool_of_domain(physical_id)
                .map(|pool| json!({"Domain": physical_id, "UserPoolId": pool.id}))
        }))
    }
}

fn create(cloud: &Arc<Cloud>, request: &Request) -> Result<Created, Failure> {
    let settings = checked(request)?;
    authorize(cloud, request, "CreateUserPoolDomain", &pool_arn(request, &settings.user_pool_id))?;
    cloud.cognito.state.write(|state| {
        // Prefixes are unique over all pools of all accounts in a region; here there is one host for all.
        if state.pool_of_domain(&settings.domain).is_some() {
            return Err(invalid("Domain already associated with another user pool."));
        }
        let pool = state.pool_mut(&settings.user_pool_id)?;
        if pool.domain.is_some() {
            return Err(invalid("User pool already has a domain configured."));
        }
        pool.domain = Some(settings.domain.clone());
        Ok(described(&settings.domain))
    })
}

/// A prefix domain has no distribution of its own: the attribute is empty.
fn described(domain: &str) -> Created {
    Created::new(domain, [("CloudFrontDistribution", json!(""))])
}

fn checked(request: &Request) -> Result<Settings, Failure> {
    let settings: Settings = request.typed()?;
    if settings.managed_login_version.is_some_and(|version| version != 1) {
        return Err(invalid("localcloud does not implement ManagedLoginVersion 2"));
    }
    check_prefix(&settings.domain)?;
    Ok(settings)
}

fn check_prefix(domain: &str) -> Result<(), Failure> {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let shape = (1..=63).contains(&domain.len())
        && domain.bytes().all(|byte| inner(byte) || byte == b'-')
        && !domain.starts_with('-')
        && !domain.ends_with('-');
    if !shape {
        return Err(invalid(
            "1 validation error detected: Value at 'domain' failed to satisfy constraint: Member must satisfy regular expression pattern: ^[a-z0-9](?:[a-z0-9\\-]{0,61}[a-z0-9])?$",
        ));
    }
    match RESERVED.iter().find(|word| domain.contains(**word)) {
        Some(word) => Err(invalid(format!("Domain cannot contain reserved word: {word}"))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_has_its_shape_and_no_reserved_word() {
        assert!(check_prefix("profile-dev-1a2b3c").is_ok());
        for wrong in ["", "-a", "a-", "Upper", "a.b", "my-aws-app", "xcognitox"] {
            assert!(check_prefix(wrong).is_err(), "{wrong}");
        }
    }
}
