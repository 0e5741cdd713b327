//! A stage's access log: one line a request, in the format that the stage declares.

use std::collections::BTreeMap;

use super::model::AccessLog;
use crate::cloud::Cloud;
use crate::logs::Event;

/// Writes the line of one request.
pub fn write(cloud: &Cloud, settings: &AccessLog, stream: &str, context: &BTreeMap<String, String>) {
    let Some(group) = group(&settings.destination_arn) else { return };
    let event = Event {
        timestamp: jiff::Timestamp::now().as_millisecond(),
        message: line(&settings.format, context),
    };
    // As on AWS, a request is served although its log has nowhere to go.
    if let Err(error) = cloud.logs.append(group, stream, vec![event]) {
        tracing::debug!(%error, group, "an access log was not written");
    }
}

/// The log group of an ARN, with or without `:*`.
pub fn group(arn: &str) -> Option<&str> {
    let group = arn.split_once(":log-group:")?.1;
    Some(group.strip_suffix(":*").unwrap_or(group))
}

/// The format with each `$context.name` replaced; what is unknown reads `-`.
fn line(format: &str, context: &BTreeMap<String, String>) -> String {
    const MARK: &str = "$context.";
    let mut line = String::with_capacity(format.len());
    let mut rest = format;
    while let Some(at) = rest.find(MARK) {
        line.push_str(&rest[..at]);
        rest = &rest[at + MARK.len()..];
        let end = rest
            .find(|character: char| !(character.is_ascii_alphanumeric() || "._:-".contains(character)))
            .unwrap_or(rest.len());
        // A dot at the end belongs to the text around it.
        let name = rest[..end].trim_end_matches(['.', ':', '-']);
        let value = context.get(name).map(String::as_str).filter(|value| !value.is_empty());
        line.push_str(&escape(value.unwrap_or("-")));
        rest = &rest[name.len()..];
    }
    line.push_str(rest);
    line
}

/// Nothing a client sends can end the line or a quoted value in it.
fn escape(value: &str) -> String {
    value
        .chars()
        .flat_map(|character| match character {
            '"' => vec!['\\', '"'],
            '\\' => vec!['\\', '\\'],
            control if control.is_control() => vec![' '],
            other => vec![other],
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_replaced_and_unknown_ones_read_as_a_dash() {
        let context = BTreeMap::from([
            ("requestId".to_owned(), "r1".to_owned()),
            ("authorizer.claims.sub".to_owned(), "s".to_owned()),
            ("identity.userAgent".to_owned(), "a\"b\n".to_owned()),
        ]);
        let format = r#"{"id":"$context.requestId","sub":"$context.authorizer.claims.sub","ua":"$context.identity.userAgent","x":"$context.nothing"} $context.requestId."#;
        assert_eq!(line(format, &context), r#"{"id":"r1","sub":"s","ua":"a\"b ","x":"-"} r1."#);
    }

    #[test]
    fn the_group_is_named_by_an_arn_with_or_without_a_star() {
        let arn = "arn:aws:logs:us-east-1:000000000000:log-group:/aws/api";
        assert_eq!(group(arn), Some("/aws/api"));
        assert_eq!(group(&format!("{arn}:*")), Some("/aws/api"));
        assert_eq!(group("arn:aws:firehose:us-east-1:000000000000:deliverystream/x"), None);
    }
}
