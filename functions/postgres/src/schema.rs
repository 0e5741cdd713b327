//! The stage's part of the database.

use std::fmt;

use functions_shared::config;

/// A schema's name: lower-case letters, digits and `_`, at most 63, not one of Postgres' own. It goes into
/// statements, where no parameter can stand for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema(String);

/// Why there is no schema.
#[derive(Debug, thiserror::Error)]
pub enum NoSchema {
    #[error(transparent)]
    Missing(#[from] config::Missing),
    #[error("DATABASE_SCHEMA is {0:?}: a schema's name has lower-case letters, digits and _, at most 63")]
    Malformed(String),
}

impl Schema {
    /// The one that the environment names.
    pub fn from_env() -> Result<Self, NoSchema> {
        let name = config::required("DATABASE_SCHEMA")?;
        Self::parse(&name).ok_or(NoSchema::Malformed(name))
    }

    /// `None` unless the name follows the rule.
    pub fn parse(name: &str) -> Option<Self> {
        let fits = name.starts_with(|first: char| first.is_ascii_lowercase())
            && name.len() <= 63
            && !name.starts_with("pg_")
            && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        fits.then(|| Self(name.to_owned()))
    }

    /// As it is, without quotes.
    pub fn name(&self) -> &str {
        &self.0
    }
}

/// Quoted, as statements want it.
impl fmt::Display for Schema {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "\"{}\"", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_could_end_its_quotes_is_refused() {
        assert_eq!(Schema::parse("shop_dev").unwrap().to_string(), "\"shop_dev\"");
        for bad in ["", "a\"b", "A", "1a", "a-b", "pg_catalog", "a b", &"a".repeat(64)] {
            assert_eq!(Schema::parse(bad), None, "{bad}");
        }
    }
}
