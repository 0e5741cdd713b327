//! One operation's request: every member is asked for, and what nobody asked for is refused.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::errors::invalid_parameter;
use crate::wire::AwsError;

pub(super) struct Input {
    operation: String,
    members: Map<String, Value>,
}

impl Input {
    pub fn new(operation: &str, members: Map<String, Value>) -> Self {
        Self { operation: operation.to_owned(), members }
    }

    /// A required text.
    pub fn text(&mut self, name: &str) -> Result<String, AwsError> {
        self.optional_text(name)?.ok_or_else(|| null(name))
    }

    /// A required text with the limits that the service's model gives it.
    pub fn limited(&mut self, name: &str, limits: Limits) -> Result<String, AwsError> {
        let text = self.text(name)?;
        limits.check(name, &text)?;
        Ok(text)
    }

    pub fn username(&mut self) -> Result<String, AwsError> {
        self.limited("Username", USERNAME)
    }

    pub fn password(&mut self, name: &str) -> Result<String, AwsError> {
        self.limited(name, PASSWORD)
    }

    pub fn pool_id(&mut self) -> Result<String, AwsError> {
        self.limited("UserPoolId", POOL_ID)
    }

    pub fn client_id(&mut self) -> Result<String, AwsError> {
        self.limited("ClientId", CLIENT_ID)
    }

    pub fn optional_text(&mut self, name: &str) -> Result<Option<String>, AwsError> {
        match self.members.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(serialization(name, "a string")),
        }
    }

    /// `false` where it is absent.
    pub fn flag(&mut self, name: &str) -> Result<bool, AwsError> {
        match self.members.remove(name) {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Bool(flag)) => Ok(flag),
            Some(_) => Err(serialization(name, "a boolean")),
        }
    }

    pub fn number(&mut self, name: &str) -> Result<Option<i64>, AwsError> {
        match self.members.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => value.as_i64().map(Some).ok_or_else(|| serialization(name, "an integer")),
        }
    }

    /// A page's size: `default` where absent, else from 1 to `most`.
    pub fn page_size(&mut self, name: &str, most: usize) -> Result<usize, AwsError> {
        match self.number(name)? {
            None => Ok(most),
            Some(number) => match usize::try_from(number) {
                Ok(0) | Err(_) => Err(constraint(name, "Member must have value greater than or equal to 1")),
                Ok(number) if number > most => {
                    Err(constraint(name, &format!("Member must have value less than or equal to {most}")))
                }
                Ok(number) => Ok(number),
            },
        }
    }

    pub fn texts(&mut self, name: &str) -> Result<Option<Vec<String>>, AwsError> {
        match self.members.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => {
                serde_json::from_value(value).map(Some).map_err(|_| serialization(name, "a list of strings"))
            }
        }
    }

    /// A map of texts; empty where it is absent.
    pub fn map(&mut self, name: &str) -> Result<BTreeMap<String, String>, AwsError> {
        match self.members.remove(name) {
            None | Some(Value::Null) => Ok(BTreeMap::new()),
            Some(value) => serde_json::from_value(value).map_err(|_| serialization(name, "a map of strings")),
        }
    }

    /// ClientMetadata goes to triggers, and is told apart from an empty one there.
    pub fn client_metadata(&mut self) -> Result<Option<BTreeMap<String, String>>, AwsError> {
        let given = self.members.get("ClientMetadata").is_some_and(|value| !value.is_null());
        let metadata = self.map("ClientMetadata")?;
        Ok(given.then_some(metadata))
    }

    /// `[{"Name": …, "Value": …}]`; a value that is absent is empty.
    pub fn attributes(&mut self, name: &str) -> Result<Vec<(String, String)>, AwsError> {
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "PascalCase", deny_unknown_fields)]
        struct Attribute {
            name: String,
            #[serde(default)]
            value: String,
        }
        let list: Vec<Attribute> = match self.members.remove(name) {
            None | Some(Value::Null) => Vec::new(),
            Some(value) => {
                serde_json::from_value(value).map_err(|_| serialization(name, "a list of attributes"))?
            }
        };
        Ok(list.into_iter().map(|attribute| (attribute.name, attribute.value)).collect())
    }

    /// Members that act on threat protection and analytics alone, which pools here cannot have: without
    /// these AWS does nothing with them either.
    pub fn drop_context(&mut self) {
        for name in ["AnalyticsMetadata", "UserContextData", "ContextData"] {
            self.members.remove(name);
        }
    }

    /// All that was not asked for yet, for a type that refuses what it does not know.
    pub fn rest(self) -> Map<String, Value> {
        self.members.into_iter().filter(|(_, value)| !value.is_null()).collect()
    }

    /// Refuses what was not asked for.
    pub fn finish(self) -> Result<(), AwsError> {
        match self.members.keys().next() {
            None => Ok(()),
            Some(name) => Err(invalid_parameter(format!(
                "localcloud does not know the member {name} of {}",
                self.operation
            ))),
        }
    }
}

/// Limits of a text in the service's model.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    least: usize,
    most: usize,
    pattern: &'static str,
    fits: fn(char) -> bool,
}

pub(super) const USERNAME: Limits = Limits {
    least: 1,
    most: 128,
    pattern: r"[\p{L}\p{M}\p{S}\p{N}\p{P}]+",
    fits: |character| !character.is_whitespace() && !character.is_control(),
};
pub(super) const GROUP_NAME: Limits = USERNAME;
pub(super) const PASSWORD: Limits =
    Limits { least: 0, most: 256, pattern: r"[\S]+", fits: |character| !character.is_whitespace() };
pub(super) const CODE: Limits =
    Limits { least: 1, most: 2048, pattern: r"[\S]+", fits: |character| !character.is_whitespace() };
const CLIENT_ID: Limits = Limits {
    least: 1,
    most: 128,
    pattern: r"[\w+]+",
    fits: |character| character.is_ascii_alphanumeric() || matches!(character, '_' | '+'),
};
const POOL_ID: Limits = Limits {
    least: 1,
    most: 55,
    pattern: r"[\w-]+_[0-9a-zA-Z]+",
    fits: |character| character.is_ascii_alphanumeric() || matches!(character, '_' | '-'),
};

impl Limits {
    pub fn check(&self, name: &str, text: &str) -> Result<(), AwsError> {
        let length = text.chars().count();
        if length < self.least {
            let least = self.least;
            return Err(constraint(
                name,
                &format!("Member must have length greater than or equal to {least}"),
            ));
        }
        if length > self.most {
            let most = self.most;
            return Err(constraint(name, &format!("Member must have length less than or equal to {most}")));
        }
        if text.is_empty() || !text.chars().all(self.fits) {
            let pattern = self.pattern;
            return Err(constraint(
                name,
                &format!("Member must satisfy regular expression pattern: {pattern}"),
            ));
        }
        Ok(())
    }
}

fn constraint(name: &str, what: &str) -> AwsError {
    let name = camel_case(name);
    invalid_parameter(format!(
        "1 validation error detected: Value at '{name}' failed to satisfy constraint: {what}"
    ))
}

fn null(name: &str) -> AwsError {
    let name = camel_case(name);
    invalid_parameter(format!(
        "1 validation error detected: Value null at '{name}' failed to satisfy constraint: Member must not be null"
    ))
}

fn serialization(name: &str, expected: &str) -> AwsError {
    AwsError::new(400, "SerializationException", format!("{name} must be {expected}"))
}

/// Validation messages write members as Java does.
fn camel_case(name: &str) -> String {
    let mut characters = name.chars();
    characters.next().map(|first| first.to_lowercase().chain(characters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn input(members: Value) -> Input {
        Input::new("SignUp", members.as_object().unwrap().clone())
    }

    #[test]
    fn an_absent_member_is_null_in_awss_words() {
        let error = input(json!({})).username().unwrap_err();
        assert_eq!(
            error.message,
            "1 validation error detected: Value null at 'username' failed to satisfy constraint: Member must not be null"
        );
    }

    #[test]
    fn limits_are_the_models() {
        let long = "x".repeat(129);
        let error = input(json!({"Username": long})).username().unwrap_err();
        assert!(error.message.ends_with("Member must have length less than or equal to 128"));
        assert!(input(json!({"Username": "a b"})).username().is_err());
        assert!(input(json!({"Password": ""})).password("Password").is_err());
    }

    #[test]
    fn a_member_that_nobody_asked_for_is_refused_by_name() {
        let mut input = input(json!({"Username": "a", "Colour": "red"}));
        input.username().unwrap();
        let error = input.finish().unwrap_err();
        assert_eq!(error.message, "localcloud does not know the member Colour of SignUp");
    }
}
