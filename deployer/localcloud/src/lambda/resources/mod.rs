//! The CloudFormation types of Lambda.

mod function;
mod permission;

use crate::resource::Types;

pub(super) use function::architecture;

pub const TYPES: Types = &[&function::FunctionType, &permission::PermissionType];
