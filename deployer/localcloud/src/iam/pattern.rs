//! Patterns of policies: `*`, `?` and `${variables}`.

use super::judge::Ask;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Character(char),
    /// `?`
    One,
    /// `*`
    Many,
    /// `${aws:PrincipalAccount}`, lower-cased; keeps what stands in for an absent value.
    Variable {
        key: String,
        default: Option<String>,
    },
}

/// One value of Action, Resource or a Like condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(Vec<Token>);

impl Pattern {
    /// `variables`: whether `${…}` is a variable (policy version 2012-10-17) or plain text.
    pub fn new(text: &str, variables: bool) -> Self {
        Self::tokens(text, variables, true)
    }

    /// For operators without wildcards.
    pub fn literal(text: &str, variables: bool) -> Self {
        Self::tokens(text, variables, false)
    }

    fn tokens(text: &str, variables: bool, wildcards: bool) -> Self {
        let mut tokens = Vec::new();
        let mut rest = text;
        while let Some(character) = rest.chars().next() {
            if variables
                && let Some((name, after)) = rest.strip_prefix("${").and_then(|rest| rest.split_once('}'))
            {
                tokens.push(variable(name));
                rest = after;
                continue;
            }
            tokens.push(match character {
                '*' if wildcards => Token::Many,
                '?' if wildcards => Token::One,
                other => Token::Character(other),
            });
            rest = &rest[character.len_utf8()..];
        }
        Self(tokens)
    }

    /// Whether `text` is of this pattern. A variable without a value matches nothing.
    pub fn matches(&self, text: &str, ask: &Ask<'_>) -> bool {
        let Some(tokens) = self.resolved(ask) else { return false };
        glob(&tokens, &text.chars().collect::<Vec<_>>())
    }

    /// As [`Pattern::matches`], blind to case.
    pub fn matches_ignoring_case(&self, text: &str, ask: &Ask<'_>) -> bool {
        let Some(mut tokens) = self.resolved(ask) else { return false };
        for token in &mut tokens {
            if let Token::Character(character) = token {
                *character = character.to_ascii_lowercase();
            }
        }
        glob(&tokens, &text.to_ascii_lowercase().chars().collect::<Vec<_>>())
    }

    fn resolved(&self, ask: &Ask<'_>) -> Option<Vec<Token>> {
        let mut tokens = Vec::with_capacity(self.0.len());
        for token in &self.0 {
            match token {
                Token::Variable { key, default } => {
                    let values = ask.values(key);
                    let value = match values.as_slice() {
                        [value] => value.clone(),
                        // A key with several values, or none, has no single value to put here.
                        _ => default.clone()?,
                    };
                    tokens.extend(value.chars().map(Token::Character));
                }
                other => tokens.push(other.clone()),
            }
        }
        Some(tokens)
    }
}

/// `${*}`, `${?}` and `${$}` are the characters themselves; `${key, 'default'}` has a default.
fn variable(name: &str) -> Token {
    match name {
        "*" => Token::Character('*'),
        "?" => Token::Character('?'),
        "$" => Token::Character('$'),
        _ => {
            let (key, default) = match name.split_once(',') {
                Some((key, default)) => (key, Some(default.trim().trim_matches('\'').to_owned())),
                None => (name, None),
            };
            Token::Variable { key: key.trim().to_ascii_lowercase(), default }
        }
    }
}

/// Greedy matching with one point to come back to: linear in practice, never exponential.
fn glob(pattern: &[Token], text: &[char]) -> bool {
    let (mut at, mut position) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    while position < text.len() {
        match pattern.get(at) {
            Some(Token::Many) => {
                back = Some((at + 1, position));
                at += 1;
                continue;
            }
            Some(Token::One) => {
                at += 1;
                position += 1;
                continue;
            }
            Some(Token::Character(character)) if *character == text[position] => {
                at += 1;
                position += 1;
                continue;
            }
            Some(Token::Character(_) | Token::Variable { .. }) | None => {}
        }
        match back {
            Some((after, from)) => {
                at = after;
                position = from + 1;
                back = Some((after, from + 1));
            }
            None => return false,
        }
    }
    pattern[at..].iter().all(|token| *token == Token::Many)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        Pattern::new(pattern, true).matches(text, &Ask::anonymous("s3:GetObject", "*", &[]))
    }

    #[test]
    fn a_star_is_any_run_and_a_question_mark_is_one_character() {
        assert!(matches("arn:aws:s3:::b/*", "arn:aws:s3:::b/a/c"));
        assert!(matches("a*c*", "abcc"));
        assert!(matches("a?c", "abc"));
        assert!(!matches("a?c", "ac"));
        assert!(!matches("a*c", "abd"));
        assert!(matches("*", ""));
        assert!(!matches("", "a"));
    }

    #[test]
    fn an_escaped_star_is_a_star_and_an_unknown_variable_matches_nothing() {
        assert!(matches("a${*}", "a*"));
        assert!(!matches("a${*}", "ab"));
        assert!(!matches("${aws:nothing}", ""));
        assert!(matches("${aws:nothing, 'x'}", "x"));
        let older = Pattern::new("${aws:nothing}", false);
        assert!(older.matches("${aws:nothing}", &Ask::anonymous("s3:GetObject", "*", &[])));
    }

    proptest! {
        #[test]
        fn a_pattern_agrees_with_the_regular_expression_of_the_same_meaning(
            pattern in "[ab*?]{0,8}", text in "[ab]{0,10}",
        ) {
            let expression = format!("^{}$", pattern.replace('*', ".*").replace('?', "."));
            let expected = regex::Regex::new(&expression).unwrap().is_match(&text);
            prop_assert_eq!(matches(&pattern, &text), expected);
        }
    }
}
