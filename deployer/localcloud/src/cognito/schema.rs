//! A pool's attributes: the standard ones and its own, and what values they take.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::errors;
use super::settings::{DataType, PoolSettings, SchemaAttribute};
use crate::wire::AwsError;

/// Name, type, whether it can change, shortest and longest text.
/// Source: SchemaAttributes of DescribeUserPool on a new pool.
const STANDARD: [(&str, DataType, bool, usize, usize); 20] = [
    ("sub", DataType::String, false, 1, 2048),
    ("name", DataType::String, true, 0, 2048),
    ("given_name", DataType::String, true, 0, 2048),
    ("family_name", DataType::String, true, 0, 2048),
    ("middle_name", DataType::String, true, 0, 2048),
    ("nickname", DataType::String, true, 0, 2048),
    ("preferred_username", DataType::String, true, 0, 2048),
    ("profile", DataType::String, true, 0, 2048),
    ("picture", DataType::String, true, 0, 2048),
    ("website", DataType::String, true, 0, 2048),
    ("email", DataType::String, true, 0, 2048),
    ("email_verified", DataType::Boolean, true, 0, 2048),
    ("gender", DataType::String, true, 0, 2048),
    ("birthdate", DataType::String, true, 10, 10),
    ("zoneinfo", DataType::String, true, 0, 2048),
    ("locale", DataType::String, true, 0, 2048),
    ("phone_number", DataType::String, true, 0, 2048),
    ("phone_number_verified", DataType::Boolean, true, 0, 2048),
    ("address", DataType::String, true, 0, 2048),
    ("updated_at", DataType::Number, true, 0, 2048),
];

pub(super) struct Schema(BTreeMap<String, Attribute>);

struct Attribute {
    data_type: DataType,
    mutable: bool,
    required: bool,
    developer_only: bool,
    lengths: (usize, usize),
    numbers: (Option<f64>, Option<f64>),
}

impl Schema {
    pub fn of(settings: &PoolSettings) -> Self {
        let mut attributes: BTreeMap<String, Attribute> = STANDARD
            .iter()
            .map(|(name, data_type, mutable, shortest, longest)| {
                let attribute = Attribute {
                    data_type: *data_type,
                    mutable: *mutable,
                    required: *name == "sub",
                    developer_only: false,
                    lengths: (*shortest, *longest),
                    numbers: (None, None),
                };
                ((*name).to_owned(), attribute)
            })
            .collect();
        for declared in &settings.schema {
            match attributes.get_mut(&declared.name) {
                Some(standard) => {
                    standard.required |= declared.required;
                    standard.mutable = declared.mutable.unwrap_or(standard.mutable);
                    standard.lengths = lengths(declared, standard.lengths);
                }
                None => {
                    attributes.insert(full_name(declared), Attribute::custom(declared));
                }
            }
        }
        Self(attributes)
    }

    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub fn required(&self) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .filter(|(name, attribute)| attribute.required && *name != "sub")
            .map(|(name, _)| name.as_str())
    }

    /// Whether a user's own calls may set it where the client names no list of its own.
    pub fn user_writable(&self, name: &str) -> bool {
        !matches!(name, "sub" | "email_verified" | "phone_number_verified")
            && self.0.get(name).is_some_and(|attribute| !attribute.developer_only)
    }

    /// Refuses unknown names and values that do not fit.
    pub fn check(&self, values: &[(String, String)]) -> Result<(), AwsError> {
        for (name, value) in values {
            let Some(attribute) = self.0.get(name) else {
                return Err(nonconforming(format!("Type for attribute {{{name}}} could not be determined")));
            };
            attribute.check(name, value)?;
        }
        Ok(())
    }

    /// Refuses a set that lacks a required attribute.
    pub fn check_complete(&self, present: &BTreeMap<String, String>) -> Result<(), AwsError> {
        let missing: Vec<_> = self
            .required()
            .filter(|name| !present.contains_key(*name))
            .map(|name| format!("{name}: The attribute is required\n"))
            .collect();
        if missing.is_empty() { Ok(()) } else { Err(nonconforming(missing.concat())) }
    }

    /// Refuses a change of what cannot change.
    pub fn check_mutable(&self, name: &str) -> Result<(), AwsError> {
        if self.0.get(name).is_some_and(|attribute| attribute.mutable) {
            Ok(())
        } else {
            Err(errors::invalid_parameter(format!("user.{name}: Attribute cannot be updated.\n")))
        }
    }

    /// SchemaAttributes of DescribeUserPool.
    pub fn describe(&self) -> Value {
        self.0.iter().map(|(name, attribute)| attribute.describe(name)).collect()
    }
}

impl Attribute {
    fn custom(declared: &SchemaAttribute) -> Self {
        let number = |text: &Option<String>| text.as_deref().and_then(|text| text.parse().ok());
        let constraints = declared.number_attribute_constraints.clone().unwrap_or_default();
        Self {
            data_type: declared.attribute_data_type.unwrap_or(DataType::String),
            mutable: declared.mutable.unwrap_or(false),
            required: false,
            developer_only: declared.developer_only_attribute,
            lengths: lengths(declared, (0, 2048)),
            numbers: (number(&constraints.min_value), number(&constraints.max_value)),
        }
    }

    fn check(&self, name: &str, value: &str) -> Result<(), AwsError> {
        let fits = match self.data_type {
            DataType::String => {
                let length = value.chars().count();
                // An empty value removes an attribute; it is always taken.
                length == 0 || (self.lengths.0..=self.lengths.1).contains(&length)
            }
            DataType::Boolean => matches!(value, "true" | "false"),
            DataType::Number | DataType::DateTime => value.parse::<f64>().is_ok_and(|number| {
                self.numbers.0.is_none_or(|least| number >= least)
                    && self.numbers.1.is_none_or(|most| number <= most)
            }),
        };
        if !fits {
            return Err(nonconforming(format!(
                "{name}: The value does not satisfy the attribute's constraints\n"
            )));
        }
        match name {
            "email" if !value.is_empty() && !is_email(value) => {
                Err(errors::invalid_parameter("Invalid email address format."))
            }
            "phone_number" if !value.is_empty() && !is_phone_number(value) => {
                Err(errors::invalid_parameter("Invalid phone number format."))
            }
            _ => Ok(()),
        }
    }

    fn describe(&self, name: &str) -> Value {
        let mut description = Map::from_iter([
            ("Name".to_owned(), json!(name)),
            ("AttributeDataType".to_owned(), json!(self.data_type)),
            ("DeveloperOnlyAttribute".to_owned(), json!(self.developer_only)),
            ("Mutable".to_owned(), json!(self.mutable)),
            ("Required".to_owned(), json!(self.required)),
        ]);
        match self.data_type {
            DataType::String => {
                let constraints =
                    json!({"MinLength": self.lengths.0.to_string(), "MaxLength": self.lengths.1.to_string()});
                description.insert("StringAttributeConstraints".to_owned(), constraints);
            }
            DataType::Number => {
                let mut constraints = Map::new();
                if let Some(least) = self.numbers.0 {
                    constraints.insert("MinValue".to_owned(), json!(least.to_string()));
                }
                if let Some(most) = self.numbers.1 {
                    constraints.insert("MaxValue".to_owned(), json!(most.to_string()));
                }
                description.insert("NumberAttributeConstraints".to_owned(), Value::Object(constraints));
            }
            DataType::Boolean | DataType::DateTime => {}
        }
        Value::Object(description)
    }
}

/// The name that users carry it by: `custom:` (or `dev:custom:`) before a pool's own.
pub(super) fn full_name(declared: &SchemaAttribute) -> String {
    if is_standard(&declared.name) {
        declared.name.clone()
    } else if declared.developer_only_attribute {
        format!("dev:custom:{}", declared.name)
    } else {
        format!("custom:{}", declared.name)
    }
}

pub(super) fn is_standard(name: &str) -> bool {
    STANDARD.iter().any(|(standard, ..)| *standard == name)
}

/// As strict as Cognito is seen to be: one `@`, something on both sides, a dot in the domain or not.
pub(super) fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    !local.is_empty()
        && !domain.is_empty()
        && !domain.contains('@')
        && !domain.starts_with('.')
        && !domain.ends_with('.')
        && !text.chars().any(|character| character.is_whitespace() || character.is_control())
}

fn is_phone_number(text: &str) -> bool {
    text.strip_prefix('+').is_some_and(|digits| {
        (1..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}

fn lengths(declared: &SchemaAttribute, default: (usize, usize)) -> (usize, usize) {
    let length = |text: &Option<String>| text.as_deref().and_then(|text| text.parse().ok());
    let constraints = declared.string_attribute_constraints.clone().unwrap_or_default();
    (
        length(&constraints.min_length).unwrap_or(default.0),
        length(&constraints.max_length).unwrap_or(default.1),
    )
}

fn nonconforming(what: String) -> AwsError {
    errors::invalid_parameter(format!("Attributes did not conform to the schema: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(declared: Value) -> Schema {
        let settings: PoolSettings = serde_json::from_value(json!({"Schema": declared})).unwrap();
        Schema::of(&settings)
    }

    fn pair(name: &str, value: &str) -> Vec<(String, String)> {
        vec![(name.to_owned(), value.to_owned())]
    }

    #[test]
    fn a_required_attribute_that_is_absent_is_named() {
        let schema = schema(json!([{"Name": "email", "Required": true}]));
        let error = schema.check_complete(&BTreeMap::new()).unwrap_err();
        assert_eq!(
            error.message,
            "Attributes did not conform to the schema: email: The attribute is required\n"
        );
    }

    #[test]
    fn a_custom_attribute_has_its_prefix_and_its_limits() {
        let schema = schema(json!([{"Name": "plan", "AttributeDataType": "String",
            "StringAttributeConstraints": {"MaxLength": "4"}}]));
        assert!(schema.check(&pair("custom:plan", "gold")).is_ok());
        assert!(schema.check(&pair("custom:plan", "golden")).is_err());
        let unknown = schema.check(&pair("plan", "gold")).unwrap_err();
        assert_eq!(
            unknown.message,
            "Attributes did not conform to the schema: Type for attribute {plan} could not be determined"
        );
        assert!(schema.check_mutable("custom:plan").is_err(), "custom attributes are immutable unless said");
    }

    #[test]
    fn addresses_need_two_sides() {
        assert!(is_email("a@example.com") && is_email("a@localhost"));
        for wrong in ["a", "@b.c", "a@", "a@b@c", "a b@c.d", "a@.c", "a@c."] {
            assert!(!is_email(wrong), "{wrong}");
        }
    }
}
