//! The environment that the deployer gives a function, read once at start.

use std::env;

/// A variable that the deployer sets is not there: the function cannot start.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the environment variable {variable} is missing or empty")]
pub struct Missing {
    /// The variable's name.
    pub variable: String,
}

/// The value of `variable`, which must be there.
pub fn required(variable: &str) -> Result<String, Missing> {
    match env::var(variable) {
        Ok(value) if !value.is_empty() => Ok(value),
        Ok(_) | Err(_) => Err(Missing { variable: variable.to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_variable_is_an_error_that_names_it() {
        let error = required("TABLE_NOT_THERE").unwrap_err();
        assert_eq!(error.to_string(), "the environment variable TABLE_NOT_THERE is missing or empty");
    }
}
