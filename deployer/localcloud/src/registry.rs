//! What the types of resources may have, as CloudFormation's registry publishes it: for whoever looks at a template
//! before it is deployed. Pure.

use serde_json::Value;

use crate::cloudformation::schema::Schema;
use crate::cloudformation::{eval, validate};

pub use crate::cloudformation::validate::Violation;

/// Stands for what is known only after the deployment: a text with it fits every schema.
pub const UNKNOWN: &str = eval::UNKNOWN;

/// The types whose schemas are known here.
pub fn types() -> impl Iterator<Item = &'static str> {
    Schema::types()
}

/// Everything that the schema of a type does not allow in `properties`; `None` for a type that is not known here.
pub fn violations(kind: &str, properties: &Value) -> Option<Vec<Violation>> {
    Some(validate::properties(Schema::of(kind)?, properties).1)
}

/// The names of a type's properties.
pub fn properties(kind: &str) -> Vec<&'static str> {
    let known = Schema::of(kind).and_then(|schema| schema.root().get("properties")?.as_object());
    known.into_iter().flatten().map(|(name, _)| name.as_str()).collect()
}

/// The attributes of a type that `Fn::GetAtt` may name; `None` for a type that is not known here.
pub fn attributes(kind: &str) -> Option<Vec<String>> {
    Schema::of(kind).map(Schema::attributes)
}
