//! The CloudFormation types of Lambda.

mod function;
mod permission;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::resource::{Failure, ResourceType};

pub(super) use function::architecture;

pub const TYPES: &[&'static dyn ResourceType] = &[&function::FunctionType, &permission::PermissionType];

/// The properties as a type's own struct. A property that the struct lacks is one that this cloud
/// does not implement, and the error names it.
pub(crate) fn properties<T: DeserializeOwned>(kind: &str, declared: &Value) -> Result<T, Failure> {
    T::deserialize(declared).map_err(|error| {
        Failure::new("InvalidRequest", format!("localcloud does not implement {kind} like this: {error}"))
    })
}
