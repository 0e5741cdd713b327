//! The Condition element: operators, and how absent and many-valued keys count.
//!
//! Source: "IAM JSON policy elements: Condition operators" and "Multivalued context keys".

use super::judge::Ask;
use super::pattern::Pattern;
use super::policy::malformed;
use crate::wire::AwsError;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Test {
    Equals,
    EqualsIgnoreCase,
    /// Wildcards over the whole value.
    Like,
    /// Wildcards within each of an ARN's six fields.
    Arn,
    Bool,
    Null,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quantifier {
    /// The key has one value, or any of its values will do.
    Plain,
    ForAllValues,
    ForAnyValue,
}

/// One key of one operator.
#[derive(Debug, Clone)]
pub struct Condition {
    test: Test,
    negated: bool,
    if_exists: bool,
    quantifier: Quantifier,
    /// Lower-cased: condition keys have no case.
    key: String,
    /// One pattern a value; for ARN operators, one a field.
    values: Vec<Vec<Pattern>>,
    /// The values as written, for Null.
    texts: Vec<String>,
}

impl Condition {
    pub fn parse(operator: &str, key: &str, texts: Vec<String>, variables: bool) -> Result<Self, AwsError> {
        let (quantifier, name) = match operator.split_once(':') {
            Some(("ForAllValues", name)) => (Quantifier::ForAllValues, name),
            Some(("ForAnyValue", name)) => (Quantifier::ForAnyValue, name),
            Some(_) => return Err(malformed(format!("Invalid Condition type : {operator}."))),
            None => (Quantifier::Plain, operator),
        };
        let (name, if_exists) = match name.strip_suffix("IfExists") {
            Some(name) => (name, true),
            None => (name, false),
        };
        let (test, negated) = match name {
            "StringEquals" => (Test::Equals, false),
            "StringNotEquals" => (Test::Equals, true),
            "StringEqualsIgnoreCase" => (Test::EqualsIgnoreCase, false),
            "StringNotEqualsIgnoreCase" => (Test::EqualsIgnoreCase, true),
            "StringLike" => (Test::Like, false),
            "StringNotLike" => (Test::Like, true),
            "ArnEquals" | "ArnLike" => (Test::Arn, false),
            "ArnNotEquals" | "ArnNotLike" => (Test::Arn, true),
            "Bool" => (Test::Bool, false),
            "Null" if !if_exists => (Test::Null, false),
            _ => return Err(malformed(format!("Invalid Condition type : {operator}."))),
        };
        if !key.contains(':') {
            return Err(malformed(format!("Invalid Condition key : {key}.")));
        }
        if matches!(test, Test::Bool | Test::Null)
            && texts.iter().any(|text| !matches!(text.to_ascii_lowercase().as_str(), "true" | "false"))
        {
            return Err(malformed(format!("Invalid Bool value in policy for {key}.")));
        }
        let values = texts
            .iter()
            .map(|text| match test {
                Test::Arn => {
                    arn_fields(text).into_iter().map(|field| Pattern::new(field, variables)).collect()
                }
                Test::Like => vec![Pattern::new(text, variables)],
                Test::Equals | Test::EqualsIgnoreCase | Test::Bool | Test::Null => {
                    vec![Pattern::literal(text, variables)]
                }
            })
            .collect();
        Ok(Self { test, negated, if_exists, quantifier, key: key.to_ascii_lowercase(), values, texts })
    }

    pub fn holds(&self, ask: &Ask<'_>) -> bool {
        let present = ask.values(&self.key);
        if self.test == Test::Null {
            let absent = present.is_empty().to_string();
            return self.texts.iter().any(|text| text.eq_ignore_ascii_case(&absent));
        }
        if present.is_empty() {
            // An absent key satisfies ForAllValues, negated operators and IfExists.
            return match self.quantifier {
                Quantifier::ForAllValues => true,
                Quantifier::ForAnyValue => self.if_exists,
                Quantifier::Plain => self.if_exists || self.negated,
            };
        }
        let holds = |value: &String| self.matches_one(value, ask) != self.negated;
        match (self.quantifier, self.negated) {
            (Quantifier::ForAllValues, _) | (Quantifier::Plain, true) => present.iter().all(holds),
            (Quantifier::ForAnyValue, _) | (Quantifier::Plain, false) => present.iter().any(holds),
        }
    }

    fn matches_one(&self, value: &str, ask: &Ask<'_>) -> bool {
        let whole = [value];
        let fields = arn_fields(value);
        let parts = if self.test == Test::Arn { fields.as_slice() } else { whole.as_slice() };
        self.values.iter().any(|patterns| {
            patterns.len() == parts.len()
                && patterns.iter().zip(parts).all(|(pattern, part)| match self.test {
                    Test::EqualsIgnoreCase | Test::Bool => pattern.matches_ignoring_case(part, ask),
                    Test::Equals | Test::Like | Test::Arn | Test::Null => pattern.matches(part, ask),
                })
        })
    }
}

/// The six fields of an ARN: split at the first five colons that are not within a `${variable}`.
fn arn_fields(text: &str) -> Vec<&str> {
    let mut fields = Vec::new();
    let (mut start, mut in_variable) = (0, false);
    for (at, character) in text.char_indices() {
        match character {
            '{' if text[..at].ends_with('$') => in_variable = true,
            '}' => in_variable = false,
            ':' if !in_variable && fields.len() < 5 => {
                fields.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    fields.push(&text[start..]);
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(operator: &str, key: &str, values: &[&str], context: &[(&str, &str)]) -> bool {
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        Condition::parse(operator, key, values, true).unwrap().holds(&Ask::anonymous(
            "dynamodb:GetItem",
            "*",
            context,
        ))
    }

    #[test]
    fn string_operators_compare_whole_values() {
        let context = [("aws:SourceAccount", "000000000000")];
        assert!(holds("StringEquals", "AWS:sourceaccount", &["1", "000000000000"], &context));
        assert!(!holds("StringEquals", "aws:SourceAccount", &["*"], &context));
        assert!(holds("StringLike", "aws:SourceAccount", &["0*0"], &context));
        assert!(!holds("StringNotEquals", "aws:SourceAccount", &["000000000000"], &context));
    }

    #[test]
    fn an_absent_key_fails_unless_negated_or_if_exists() {
        assert!(!holds("StringEquals", "aws:SourceArn", &["x"], &[]));
        assert!(holds("StringEqualsIfExists", "aws:SourceArn", &["x"], &[]));
        assert!(holds("StringNotEquals", "aws:SourceArn", &["x"], &[]));
        assert!(holds("Null", "aws:SourceArn", &["true"], &[]));
        assert!(!holds("Null", "aws:SourceArn", &["false"], &[]));
    }

    #[test]
    fn every_leading_key_must_be_in_the_list_for_all_values() {
        let own = [("dynamodb:LeadingKeys", "USER#1"), ("dynamodb:LeadingKeys", "USER#2")];
        let key = "dynamodb:LeadingKeys";
        assert!(holds("ForAllValues:StringEquals", key, &["USER#1", "USER#2"], &own));
        assert!(!holds("ForAllValues:StringEquals", key, &["USER#1"], &own));
        assert!(holds("ForAnyValue:StringEquals", key, &["USER#1"], &own));
        assert!(holds("ForAllValues:StringEquals", key, &["USER#1"], &[]));
    }

    #[test]
    fn an_arn_pattern_keeps_within_its_fields() {
        let context =
            [("aws:SourceArn", "arn:aws:execute-api:us-east-1:000000000000:abc/*/GET/user/profile")];
        let pattern = ["arn:aws:execute-api:*:000000000000:abc/*"];
        assert!(holds("ArnLike", "aws:SourceArn", &pattern, &context));
        assert!(!holds("ArnLike", "aws:SourceArn", &["arn:aws:*"], &context));
        assert!(!holds("ArnEquals", "aws:SourceArn", &["arn:aws:s3:::abc"], &context));
    }

    #[test]
    fn bool_compares_without_case() {
        let context = [("aws:SecureTransport", "true")];
        assert!(!holds("Bool", "aws:SecureTransport", &["false"], &context));
        assert!(holds("Bool", "aws:SecureTransport", &["True"], &context));
    }
}
