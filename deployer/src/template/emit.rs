//! The merged template as text: always the same bytes for the same tree.

use crate::project::yaml::{Entry, Node, Value};

use super::merge::Sections;
use super::quoting::append_quoted;

/// The template's text.
pub fn emit(description: &str, sections: &Sections) -> String {
    let mut text = String::from("AWSTemplateFormatVersion: '2010-09-09'\nDescription: ");
    append_quoted(&mut text, description);
    text.push('\n');
    for (section, items) in &sections.0 {
        if items.is_empty() {
            continue;
        }
        text.push_str(section);
        text.push_str(":\n");
        for (name, item) in items {
            entry(&mut text, name, item.node(), 2);
        }
    }
    text
}

/// A whole template that is no fragments' but made of values; every scalar is a string.
pub fn document(tree: &serde_json::Value) -> String {
    let mut text = String::new();
    for (key, node) in node_of(tree).mapping().into_iter().flatten() {
        entry(&mut text, key, &node.node, 0);
    }
    text
}

fn node_of(tree: &serde_json::Value) -> Node {
    let scalar = |text: String| Value::Scalar { text, quoted: true };
    let value = match tree {
        serde_json::Value::String(text) => scalar(text.clone()),
        serde_json::Value::Array(items) => Value::Sequence(items.iter().map(node_of).collect()),
        serde_json::Value::Object(entries) => Value::Mapping(
            entries
                .iter()
                .map(|(key, value)| (key.clone(), Entry { key: 0..0, node: node_of(value) }))
                .collect(),
        ),
        other => scalar(other.to_string()),
    };
    Node { tag: None, value, range: 0..0 }
}

fn entry(text: &mut String, key: &str, node: &Node, indent: usize) {
    text.extend(std::iter::repeat_n(' ', indent));
    if key.chars().all(|c| c.is_ascii_alphanumeric() || "_-:/.".contains(c)) && !looks_like_another_type(key)
    {
        text.push_str(key);
    } else {
        append_quoted(text, key);
    }
    text.push(':');
    value(text, node, indent, false);
}

/// What follows a key or a dash: on the same line, or indented below it.
fn value(text: &mut String, node: &Node, indent: usize, in_sequence: bool) {
    if let Some(tag) = &node.tag {
        text.push(' ');
        text.push_str(tag);
    }
    match &node.value {
        Value::Scalar { text: scalar, quoted } => {
            text.push(' ');
            if *quoted {
                append_quoted(text, scalar)
            } else {
                text.push_str(scalar)
            }
            text.push('\n');
        }
        Value::Sequence(items) if items.is_empty() => text.push_str(" []\n"),
        Value::Mapping(entries) if entries.is_empty() => text.push_str(" {}\n"),
        Value::Sequence(items) => {
            text.push('\n');
            let indent = if in_sequence { indent + 2 } else { indent };
            for item in items {
                text.extend(std::iter::repeat_n(' ', indent));
                text.push('-');
                value(text, item, indent, true);
            }
        }
        Value::Mapping(entries) => {
            // The first key of an untagged mapping stands beside its dash.
            let beside_dash = in_sequence && node.tag.is_none();
            text.push(if beside_dash { ' ' } else { '\n' });
            for (position, (key, found)) in entries.iter().enumerate() {
                if beside_dash && position == 0 {
                    let mut first = String::new();
                    entry(&mut first, key, &found.node, indent + 2);
                    text.push_str(first.trim_start_matches(' '));
                } else {
                    entry(text, key, &found.node, indent + 2);
                }
            }
        }
    }
}

/// Plain keys that some YAML version reads as no string: numbers, booleans, null.
fn looks_like_another_type(key: &str) -> bool {
    let starts_like_a_number =
        key.starts_with(|first: char| first.is_ascii_digit() || "-.:/".contains(first));
    let words = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    starts_like_a_number || words.contains(&key.to_ascii_lowercase().as_str()) || key.ends_with(':')
}

#[cfg(test)]
mod tests {
    use crate::project::yaml::{self, Node};

    /// Structure, tags and scalars, without places.
    fn shape(node: &Node) -> String {
        let tag = node.tag.as_deref().unwrap_or_default();
        match &node.value {
            yaml::Value::Scalar { text, quoted } => format!("{tag}{quoted}{text:?}"),
            yaml::Value::Sequence(items) => format!("{tag}{:?}", items.iter().map(shape).collect::<Vec<_>>()),
            yaml::Value::Mapping(entries) => {
                let entries = entries.iter().map(|(key, entry)| (key, shape(&entry.node)));
                format!("{tag}{:?}", entries.collect::<Vec<_>>())
            }
        }
    }

    #[test]
    fn what_is_written_reads_back_as_the_same_tree() {
        let source = "A:\n  'yes': !If [x, {b: [1, [2, 3], []], c: {}}, !Sub '${x}: \"q\"']\n  \
                      aws:SourceAccount: !Ref AWS::AccountId\n  '012': 012\n  L: [[!Ref a, b], {x: {y: z}}, !Foo {k: v}]\n";
        let tree = yaml::parse(source).unwrap();
        let mut text = String::from("A:");
        super::value(&mut text, tree.get("A").unwrap(), 0, false);
        let again = yaml::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert_eq!(shape(&again), shape(&tree), "{text}");
    }
}
