//! The resource types of user pools, as CloudFormation asks for them.

mod client;
mod domain;
mod pool;

use crate::resource::{Failure, Request, Types};
use crate::wire::AwsError;

pub const TYPES: Types = &[&pool::UserPool, &client::UserPoolClient, &domain::UserPoolDomain];

/// CloudFormation's name for what a template leaves unnamed here: `<logical id>-<12 characters>`.
fn unnamed(request: &Request) -> Result<String, AwsError> {
    Ok(format!("{}-{}", request.logical_id, super::random::token(12)?))
}

fn invalid(message: impl Into<String>) -> Failure {
    Failure::new("InvalidRequest", message)
}

fn not_found(type_name: &str, id: &str) -> Failure {
    Failure::new("NotFound", format!("Resource of type '{type_name}' with identifier '{id}' was not found."))
}
