//! `GenerateSecretString`: random passwords with the wanted characters.
//!
//! Source: "GetRandomPassword" in the Secrets Manager API reference.

use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use serde::Deserialize;
use serde_json::Value;

use crate::wire::AwsError;

const LOWERCASE: &str = "abcdefghijklmnopqrstuvwxyz";
const UPPERCASE: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const NUMBERS: &str = "0123456789";
const PUNCTUATION: &str = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct Recipe {
    exclude_characters: String,
    exclude_lowercase: bool,
    exclude_numbers: bool,
    exclude_punctuation: bool,
    exclude_uppercase: bool,
    generate_string_key: Option<String>,
    include_space: bool,
    password_length: Option<usize>,
    require_each_included_type: Option<bool>,
    secret_string_template: Option<String>,
}

impl Recipe {
    /// The secret: the password alone, or the template with the password under its key.
    pub fn generate(&self) -> Result<String, AwsError> {
        let password = self.password()?;
        match (&self.secret_string_template, &self.generate_string_key) {
            (None, None) => Ok(password),
            (Some(template), Some(key)) => match serde_json::from_str(template) {
                Ok(Value::Object(mut object)) => {
                    object.insert(key.clone(), Value::String(password));
                    Ok(Value::Object(object).to_string())
                }
                Ok(_) | Err(_) => Err(invalid("SecretStringTemplate must be a valid JSON object")),
            },
            _ => Err(invalid("SecretStringTemplate and GenerateStringKey must be given together")),
        }
    }

    fn password(&self) -> Result<String, AwsError> {
        let included = [
            (!self.exclude_lowercase, LOWERCASE),
            (!self.exclude_uppercase, UPPERCASE),
            (!self.exclude_numbers, NUMBERS),
            (!self.exclude_punctuation, PUNCTUATION),
            (self.include_space, " "),
        ];
        let kinds: Vec<Vec<char>> = included
            .iter()
            .filter(|(included, _)| *included)
            .map(|(_, kind)| kind.chars().filter(|c| !self.exclude_characters.contains(*c)).collect())
            .filter(|kind: &Vec<char>| !kind.is_empty())
            .collect();
        let length = self.password_length.unwrap_or(32);
        let required = if self.require_each_included_type.unwrap_or(true) { kinds.len() } else { 0 };
        if kinds.is_empty() || !(1..=4096).contains(&length) || length < required {
            return Err(invalid(
                "The password length or the characters to choose from do not allow a password",
            ));
        }
        let all = kinds.concat();
        let mut password = Vec::with_capacity(length);
        for kind in &kinds[..required] {
            password.push(kind[below(kind.len())?]);
        }
        while password.len() < length {
            password.push(all[below(all.len())?]);
        }
        // The required characters must not always stand first.
        for at in (1..password.len()).rev() {
            password.swap(at, below(at + 1)?);
        }
        Ok(password.into_iter().collect())
    }
}

/// A random number below `limit`, none likelier than another.
fn below(limit: usize) -> Result<usize, AwsError> {
    let limit = limit as u64;
    loop {
        let mut bytes = [0; 8];
        SystemRandom::new()
            .fill(&mut bytes)
            .map_err(|_| AwsError::new(500, "InternalServiceError", "no randomness"))?;
        let number = u64::from_ne_bytes(bytes);
        if number < u64::MAX - u64::MAX % limit {
            // Below `limit`, which was a usize.
            return Ok((number % limit) as usize);
        }
    }
}

fn invalid(text: &str) -> AwsError {
    AwsError::new(400, "InvalidParameterException", text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn recipe(value: Value) -> Recipe {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_password_has_every_included_kind_and_nothing_excluded() {
        for _ in 0..50 {
            let password = recipe(json!({"PasswordLength": 8, "ExcludePunctuation": true,
                "ExcludeCharacters": "abc0"}))
            .generate()
            .unwrap();
            assert_eq!(password.chars().count(), 8);
            for kind in [LOWERCASE, UPPERCASE, NUMBERS] {
                assert!(password.chars().any(|c| kind.contains(c)), "{password}");
            }
            assert!(!password.chars().any(|c| "abc0".contains(c) || PUNCTUATION.contains(c)), "{password}");
        }
    }

    #[test]
    fn a_template_gets_the_password_under_its_key() {
        let secret = recipe(json!({"SecretStringTemplate": "{\"username\": \"service\"}",
            "GenerateStringKey": "password"}))
        .generate()
        .unwrap();
        let secret: Value = serde_json::from_str(&secret).unwrap();
        assert_eq!(secret["username"], "service");
        assert_eq!(secret["password"].as_str().unwrap().chars().count(), 32);
    }

    #[test]
    fn an_impossible_recipe_is_refused() {
        for value in [
            json!({"PasswordLength": 3}),
            json!({"PasswordLength": 0}),
            json!({"SecretStringTemplate": "{}"}),
            json!({"SecretStringTemplate": "[]", "GenerateStringKey": "k"}),
            json!({"ExcludeLowercase": true, "ExcludeUppercase": true, "ExcludeNumbers": true,
                "ExcludePunctuation": true}),
        ] {
            assert!(recipe(value.clone()).generate().is_err(), "{value}");
        }
    }
}
