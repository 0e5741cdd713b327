//! AWS::IAM::Role, AWS::IAM::Policy, AWS::IAM::ManagedPolicy and AWS::IAM::OIDCProvider.

mod managed_policy;
mod oidc_provider;
mod policy;
mod role;

use serde_json::Value;

use super::policy::malformed;
use super::{Iam, Kind, Role, State, role_arn};
use crate::cloud::Cloud;
use crate::resource::{Failure, Request, Types};
use crate::wire::AwsError;

pub const TYPES: Types =
    &[&role::RoleType, &policy::PolicyType, &managed_policy::ManagedPolicyType, &oidc_provider::ProviderType];

/// Quotas of "IAM and AWS STS quotas", in characters without white space.
const INLINE_LIMIT: usize = 10_240;
const MANAGED_LIMIT: usize = 6_144;
const TRUST_LIMIT: usize = 2_048;

/// A document, also where it was written as JSON text, checked.
fn document(value: &Value, kind: Kind) -> Result<Value, AwsError> {
    let document = match value {
        Value::String(text) => {
            serde_json::from_str(text).map_err(|_| malformed("This policy contains invalid Json"))?
        }
        other => other.clone(),
    };
    Iam::validate_policy(&document, kind)?;
    Ok(document)
}

fn within(size: usize, limit: usize, what: &str) -> Result<(), AwsError> {
    if size <= limit {
        return Ok(());
    }
    Err(AwsError::new(409, "LimitExceeded", format!("Cannot exceed quota for {what}: {limit}")))
}

/// serde_json writes no white space of its own; what strings hold is counted, as it is not by AWS:
/// policies have no white space in strings in practice.
fn size(document: &Value) -> usize {
    document.to_string().len()
}

fn inline_fits(role: &Role) -> Result<(), AwsError> {
    if role.inline.values().map(size).sum::<usize>() <= INLINE_LIMIT {
        return Ok(());
    }
    Err(AwsError::new(
        409,
        "LimitExceeded",
        format!("Maximum policy size of {INLINE_LIMIT} bytes exceeded for role {}", role.name),
    ))
}

fn may(cloud: &Cloud, request: &Request, actions: &[&str], resource: &str) -> Result<(), Failure> {
    may_within(cloud, request, actions, resource, None)
}

/// As [`may`], on a role that has this boundary.
fn may_within(
    cloud: &Cloud,
    request: &Request,
    actions: &[&str],
    resource: &str,
    boundary: Option<&str>,
) -> Result<(), Failure> {
    let context: Vec<_> =
        boundary.map(|boundary| ("iam:PermissionsBoundary", boundary)).into_iter().collect();
    for action in actions {
        cloud.iam.authorize(&request.principal, action, resource, &context)?;
    }
    Ok(())
}

/// The ARN of a role that may not exist yet.
fn arn_of(state: &State, name: &str) -> String {
    state.roles.get(name).map_or_else(|| role_arn("/", name), |role| role.arn.clone())
}

impl Iam {
    /// Puts an inline policy on a role, in the place of one of that name.
    pub(super) fn put_role_policy(&self, role: &str, policy: &str, wanted: Value) -> Result<(), AwsError> {
        let wanted = document(&wanted, Kind::Identity)?;
        self.state.write(|state| {
            let found = state.roles.get_mut(role).ok_or_else(|| super::api::no_such_role(role))?;
            let mut changed = found.clone();
            changed.inline.insert(policy.to_owned(), wanted);
            inline_fits(&changed)?;
            *found = changed;
            Ok(())
        })
    }

    /// The ARN of a role of this name, whether it is there or not.
    pub(crate) fn role_arn(&self, name: &str) -> String {
        self.state.read(|state| arn_of(state, name))
    }

    /// The ARN of a role's permissions boundary.
    pub(crate) fn boundary_of(&self, name: &str) -> Option<String> {
        self.state.read(|state| state.roles.get(name).and_then(|role| role.boundary.clone()))
    }
}

fn role_mut<'a>(state: &'a mut State, name: &str) -> Result<&'a mut Role, Failure> {
    state.roles.get_mut(name).ok_or_else(|| Failure::new("NotFound", super::api::no_such_role(name).message))
}
