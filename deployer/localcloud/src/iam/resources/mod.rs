//! AWS::IAM::Role, AWS::IAM::Policy and AWS::IAM::ManagedPolicy.

mod managed_policy;
mod policy;
mod role;

use serde_json::Value;

use super::policy::malformed;
use super::{Iam, Kind, Role, State, role_arn};
use crate::cloud::Cloud;
use crate::resource::{Failure, Request, ResourceType};
use crate::wire::AwsError;

pub const TYPES: &[&'static dyn ResourceType] =
    &[&role::RoleType, &policy::PolicyType, &managed_policy::ManagedPolicyType];

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
    for action in actions {
        cloud.iam.authorize(&request.principal, action, resource, &[])?;
    }
    Ok(())
}

/// The ARN of a role that may not exist yet.
fn arn_of(state: &State, name: &str) -> String {
    state.roles.get(name).map_or_else(|| role_arn("/", name), |role| role.arn.clone())
}

fn role_mut<'a>(state: &'a mut State, name: &str) -> Result<&'a mut Role, Failure> {
    state.roles.get_mut(name).ok_or_else(|| Failure::new("NotFound", super::api::no_such_role(name).message))
}
