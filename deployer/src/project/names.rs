//! Names that have a rule: parsed once, at the edge, and never wrong afterwards.

/// A name that breaks its rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not {kind}: {rule}")]
pub struct NameError {
    pub text: String,
    /// With its article: `a stage name`.
    pub kind: &'static str,
    pub rule: &'static str,
}

/// A string newtype that is only made by passing its rule.
macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $rule:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord,
            serde::Serialize, serde::Deserialize, schemars::JsonSchema,
        )]
        #[serde(try_from = "String", into = "String")]
        #[schemars(with = "String")]
        pub struct $name(String);

        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::project::NameError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let valid: fn(&str) -> bool = $valid;
                if valid(text) {
                    Ok(Self(text.to_owned()))
                } else {
                    let (kind, rule) = ($kind, $rule);
                    Err($crate::project::NameError { text: text.to_owned(), kind, rule })
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::project::NameError;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(&self.0)
            }
        }
    };
}
pub(super) use name;

name!(
    /// A stage: one deployment of the service. Part of every name that the service has in AWS.
    StageName,
    "a stage name",
    "lower-case letters, digits and hyphens, a letter first, no hyphen last, at most 32",
    |text| kebab(text, 32)
);
name!(
    /// The service, the same in every stage.
    ServiceName,
    "a service name",
    "lower-case letters, digits and hyphens, a letter first, no hyphen last, at most 40",
    |text| kebab(text, 40)
);
name!(
    /// `<service>-<stage>`. CloudFormation allows 128 characters.
    StackName,
    "a stack name",
    "letters, digits and hyphens, a letter first, at most 128",
    |text| text.len() <= 128
        && text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
);
name!(
    /// A CloudFormation logical id.
    LogicalId,
    "a logical id",
    "letters and digits, at most 255",
    |text| !text.is_empty() && text.len() <= 255 && text.chars().all(|c| c.is_ascii_alphanumeric())
);
name!(
    /// A twelve-digit AWS account id.
    AccountId,
    "an AWS account id",
    "twelve digits, in quotes",
    |text| text.len() == 12 && text.chars().all(|c| c.is_ascii_digit())
);
name!(
    /// An AWS region, such as `eu-central-1`.
    Region,
    "an AWS region",
    "like eu-central-1: a partition's area, a direction and a number",
    |text| {
        let mut parts = text.rsplit('-');
        let number = parts.next().unwrap_or_default();
        let words: Vec<&str> = parts.collect();
        (1..=2).contains(&number.len())
            && number.chars().all(|c| c.is_ascii_digit())
            && (2..=3).contains(&words.len())
            && words.iter().all(|word| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase()))
    }
);
name!(
    /// A table's short name in the environment file; CloudFormation makes up the real one.
    TableName,
    "a table name",
    "lower-case letters, digits and hyphens, a letter first, no hyphen last, at most 40",
    |text| kebab(text, 40)
);

/// Lower-case letters, digits and single hyphens between them.
fn kebab(text: &str, longest: usize) -> bool {
    text.len() <= longest
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && !text.ends_with('-')
        && !text.contains("--")
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

/// `get-profile` as CloudFormation and Rust write types: `GetProfile`.
pub fn pascal_case(name: &str) -> String {
    let mut result = String::with_capacity(name.len());
    for word in name.split(['-', '_']) {
        let mut letters = word.chars();
        result.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        result.push_str(letters.as_str());
    }
    result
}

/// `user-profiles` as an environment variable's part: `USER_PROFILES`.
pub fn upper_snake_case(name: &str) -> String {
    name.to_ascii_uppercase().replace('-', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_name_starts_with_a_letter_and_has_no_upper_case() {
        for good in ["dev", "pr-123", "a", "eu2"] {
            assert!(good.parse::<StageName>().is_ok(), "{good}");
        }
        for bad in ["", "1dev", "Dev", "dev_1", "dev-", "a--b", "dév", "de v", &"a".repeat(33)] {
            assert!(bad.parse::<StageName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_region_has_an_area_a_direction_and_a_number() {
        for good in ["eu-central-1", "us-east-1", "us-gov-west-1", "ap-southeast-12"] {
            assert!(good.parse::<Region>().is_ok(), "{good}");
        }
        for bad in ["us-east1", "eu-central", "EU-central-1", "useast-1", "-east-1", ""] {
            assert!(bad.parse::<Region>().is_err(), "{bad}");
        }
    }

    #[test]
    fn an_account_is_twelve_digits() {
        assert!("012345678901".parse::<AccountId>().is_ok());
        assert!("12345678901".parse::<AccountId>().is_err());
        assert!("01234567890a".parse::<AccountId>().is_err());
    }

    #[test]
    fn a_logical_id_joins_the_words_of_a_name() {
        assert_eq!(pascal_case("get-profile"), "GetProfile");
        assert_eq!(pascal_case("a_b-c"), "ABC");
        assert_eq!(upper_snake_case("user-profiles"), "USER_PROFILES");
    }
}
