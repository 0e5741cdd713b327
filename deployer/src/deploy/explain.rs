//! What a reason of CloudFormation or of a service means, and what to do about it.

use serde::Serialize;

/// For a person who reads the reason for the first time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Explanation {
    pub meaning: &'static str,
    pub next: &'static str,
}

/// The first line of the table all of whose words occur in the reason.
pub fn explain(reason: &str) -> Option<Explanation> {
    let reason = reason.to_ascii_lowercase();
    known()
        .find(|(words, _)| words.split(" & ").all(|word| reason.contains(word)))
        .map(|(_, explanation)| explanation)
}

fn known() -> impl Iterator<Item = (&'static str, Explanation)> {
    include_str!("explain.txt").lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let mut parts = line.split(" | ");
        let (words, meaning, next) = (parts.next()?, parts.next()?, parts.next()?);
        Some((words, Explanation { meaning, next }))
    })
}

/// The property that a reason names, as a path with dots.
pub fn property(reason: &str) -> Option<String> {
    // Marker and what ends the name.
    const MARKERS: &[(&str, &[char])] = &[
        ("message: #/", &[':', ' ']),
        ("[#/", &[':', ' ', ']']),
        ("Value of property {/", &['}']),
        ("Updates are not allowed for property - ", &['.', ' ', '"', ')']),
        ("Encountered unsupported property ", &[' ', '.']),
        ("Encountered unsupported properties in {/}: [", &[',', ']']),
        ("Value of property ", &[' ']),
        ("Property ", &[' ']),
    ];
    if let Some((_, path)) =
        reason.split_once("/Resources/").and_then(|(_, rest)| rest.split_once("/Properties/"))
    {
        return name(path, &[' ', ')', ',', '"', '\'']);
    }
    MARKERS.iter().find_map(|(marker, ends)| name(reason.split_once(marker)?.1, ends))
}

fn name(text: &str, ends: &[char]) -> Option<String> {
    let path = text.split(ends).next()?.replace('/', ".");
    let plain = path.starts_with(|first: char| first.is_ascii_uppercase())
        && path.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '.');
    plain.then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_names_its_property_in_many_ways() {
        for (reason, path) in [
            (
                "Properties validation failed for resource F with message: #/MemorySize: 64 is not greater or equal to 128",
                "MemorySize",
            ),
            (
                "Invalid request provided: Updates are not allowed for property - UsernameConfiguration.",
                "UsernameConfiguration",
            ),
            ("Encountered unsupported property Colour", "Colour"),
            (
                "Property validation failure: [Value of property {/LoggingConfig/LogGroup} does not match type {String}]",
                "LoggingConfig.LogGroup",
            ),
            (
                "Required property [PolicyName] not found (at /Resources/Bad/Properties/PolicyName)",
                "PolicyName",
            ),
            ("Value of property Roles must be of type List of String", "Roles"),
        ] {
            assert_eq!(property(reason).as_deref(), Some(path), "{reason}");
        }
        assert_eq!(property("Resource creation cancelled"), None);
    }

    #[test]
    fn every_line_of_the_table_has_three_parts_and_none_is_hidden_by_one_before_it() {
        let lines = include_str!("explain.txt").lines();
        let entries = lines.filter(|line| !line.starts_with('#') && !line.is_empty()).count();
        let known: Vec<&str> = known().map(|(words, _)| words).collect();
        assert_eq!(known.len(), entries);
        for (at, words) in known.iter().enumerate() {
            let hidden = known[..at].iter().find(|other| other.split(" & ").all(|word| words.contains(word)));
            assert_eq!(hidden, None, "{words}");
        }
    }
}
