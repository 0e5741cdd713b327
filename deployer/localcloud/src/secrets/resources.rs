//! TODO

use crate::resource::ResourceType;

pub const TYPES: &[&'static dyn ResourceType] = &[];
