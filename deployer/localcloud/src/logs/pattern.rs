//! Filter patterns over unstructured events: words, "phrases", `-without` and `?either`.
//!
//! Source: "Filter pattern syntax" in the CloudWatch Logs user guide. Patterns over JSON, columns and
//! regular expressions are refused.

use crate::wire::AwsError;

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Filter {
    all: Vec<String>,
    none: Vec<String>,
    any: Vec<String>,
}

impl Filter {
    pub fn parse(pattern: &str) -> Result<Self, AwsError> {
        let mut filter = Self::default();
        let mut rest = pattern.trim();
        if rest.starts_with(['{', '[', '%']) {
            return Err(AwsError::not_implemented(format_args!("the filter pattern {pattern}")));
        }
        while !rest.is_empty() {
            let (list, term) = match rest.as_bytes()[0] {
                b'-' => (&mut filter.none, &rest[1..]),
                b'?' => (&mut filter.any, &rest[1..]),
                _ => (&mut filter.all, rest),
            };
            let (word, after) = match term.strip_prefix('"') {
                Some(quoted) => quoted.split_once('"').ok_or_else(|| invalid(pattern))?,
                None => term.split_once(char::is_whitespace).unwrap_or((term, "")),
            };
            // Unquoted terms hold letters, digits and underscores alone.
            if word.is_empty()
                || (!term.starts_with('"') && !word.chars().all(|c| c.is_alphanumeric() || c == '_'))
            {
                return Err(invalid(pattern));
            }
            list.push(word.to_owned());
            rest = after.trim_start();
        }
        Ok(filter)
    }

    pub fn matches(&self, message: &str) -> bool {
        let holds = |term: &String| message.contains(term.as_str());
        self.all.iter().all(holds)
            && !self.none.iter().any(holds)
            && (self.any.is_empty() || self.any.iter().any(holds))
    }
}

fn invalid(pattern: &str) -> AwsError {
    AwsError::new(400, "InvalidParameterException", format!("Invalid filter pattern: {pattern}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, message: &str) -> bool {
        Filter::parse(pattern).unwrap().matches(message)
    }

    #[test]
    fn terms_are_case_sensitive_and_all_needed() {
        assert!(matches("", "anything"));
        assert!(matches("ERROR code", "an ERROR with code 5"));
        assert!(!matches("ERROR code", "an ERROR"));
        assert!(!matches("error", "an ERROR"));
    }

    #[test]
    fn a_quoted_phrase_is_one_term() {
        assert!(matches("\"code 5\"", "an ERROR with code 5"));
        assert!(!matches("\"code 5\"", "code is 5"));
        assert!(matches("ERROR -\"code 5\"", "an ERROR"));
    }

    #[test]
    fn one_of_the_optional_terms_is_enough() {
        assert!(matches("?ERROR ?WARN", "WARN: x"));
        assert!(!matches("?ERROR ?WARN", "INFO: x"));
    }

    #[test]
    fn json_patterns_and_bare_punctuation_are_refused() {
        assert!(Filter::parse("{ $.level = \"x\" }").is_err());
        assert!(Filter::parse("a.b").is_err());
        assert!(Filter::parse("\"open").is_err());
    }
}
