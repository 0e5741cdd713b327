//! A YAML document as a tree that keeps what CloudFormation needs kept: short tags, the exact text
//! of scalars, the order of keys, and where in the text everything is.

use std::ops::Range;

use granit_parser::{Event, Parser, ScalarStyle, Span, Tag};
use indexmap::IndexMap;

/// A value and its place in the text.
#[derive(Debug, Clone)]
pub struct Node {
    /// A short tag such as `!Sub`, or none.
    pub tag: Option<String>,
    pub value: Value,
    /// Bytes of the text.
    pub range: Range<usize>,
}

/// What a node holds.
#[derive(Debug, Clone)]
pub enum Value {
    Scalar {
        text: String,
        /// Quoted scalars are strings; plain ones are whatever their text looks like.
        quoted: bool,
    },
    Sequence(Vec<Node>),
    Mapping(IndexMap<String, Entry>),
}

/// A mapping's value with the place of its key.
#[derive(Debug, Clone)]
pub struct Entry {
    pub key: Range<usize>,
    pub node: Node,
}

/// Why a text is not such a tree.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ParseError {
    pub message: String,
    pub range: Range<usize>,
    /// Where a duplicated key was written first.
    pub first: Option<Range<usize>>,
}

impl Node {
    /// Nothing.
    pub fn null() -> Self {
        Self { tag: None, value: Value::Scalar { text: String::new(), quoted: false }, range: 0..0 }
    }

    /// The text of a scalar.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } => Some(text),
            Value::Sequence(_) | Value::Mapping(_) => None,
        }
    }

    pub fn mapping(&self) -> Option<&IndexMap<String, Entry>> {
        match &self.value {
            Value::Mapping(entries) => Some(entries),
            Value::Scalar { .. } | Value::Sequence(_) => None,
        }
    }

    pub fn sequence(&self) -> Option<&[Node]> {
        match &self.value {
            Value::Sequence(items) => Some(items),
            Value::Scalar { .. } | Value::Mapping(_) => None,
        }
    }

    /// The value of a mapping's key.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.mapping()?.get(key).map(|entry| &entry.node)
    }

    /// The value below several keys.
    pub fn at(&self, path: &[&str]) -> Option<&Node> {
        path.iter().try_fold(self, |node, key| node.get(key))
    }

    /// The place of the last key of a path, or of the deepest one that exists.
    pub fn key_range(&self, path: &[&str]) -> Option<Range<usize>> {
        let mut node = self;
        let mut found = None;
        for key in path {
            match node.mapping().and_then(|entries| entries.get(*key)) {
                Some(entry) => {
                    found = Some(entry.key.clone());
                    node = &entry.node;
                }
                None => return found,
            }
        }
        found
    }

    /// An empty value: nothing was written.
    pub fn is_null(&self) -> bool {
        self.tag.is_none()
            && matches!(&self.value, Value::Scalar { text, quoted: false } if matches!(text.as_str(), "" | "~" | "null"))
    }
}

/// Parses one document. Anchors, aliases, several documents, keys that are not plain strings and
/// duplicate keys are errors: CloudFormation knows none of them.
pub fn parse(text: &str) -> Result<Node, ParseError> {
    let mut reader = Reader { parser: Parser::new_from_str(text), text };
    let mut root = None;
    loop {
        let (event, span) = reader.next()?;
        match event {
            Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd | Event::Comment(..) => {}
            Event::StreamEnd => break,
            _ if root.is_some() => return Err(error("more than one document", &span, text)),
            event => root = Some(reader.node(event, span)?),
        }
    }
    Ok(root.unwrap_or_else(Node::null))
}

struct Reader<'text> {
    parser: Parser<'text, granit_parser::StrInput<'text>>,
    text: &'text str,
}

impl<'text> Reader<'text> {
    fn next(&mut self) -> Result<(Event<'text>, Span), ParseError> {
        match self.parser.next() {
            Some(Ok(found)) => Ok(found),
            Some(Err(found)) => {
                let at = found.marker().byte_offset().unwrap_or(self.text.len()).min(self.text.len());
                Err(ParseError { message: found.info(), range: at..at, first: None })
            }
            None => {
                let end = self.text.len();
                Err(ParseError { message: "the text ends early".into(), range: end..end, first: None })
            }
        }
    }

    /// The next event that is not a comment.
    fn next_node(&mut self) -> Result<(Event<'text>, Span), ParseError> {
        loop {
            let (event, span) = self.next()?;
            if !matches!(event, Event::Comment(..)) {
                return Ok((event, span));
            }
        }
    }

    fn node(&mut self, event: Event<'text>, span: Span) -> Result<Node, ParseError> {
        if event.anchor_id().is_some() || matches!(event, Event::Alias(_)) {
            return Err(error("anchors and aliases are not allowed here", &span, self.text));
        }
        let tag = match event.tag() {
            Some(tag) => Some(short(tag).ok_or_else(|| error("an unknown tag", &span, self.text))?),
            None => None,
        };
        let range = bytes(&span, self.text);
        let value = match event {
            Event::Scalar(text, style, ..) => {
                Value::Scalar { text: text.into_owned(), quoted: style != ScalarStyle::Plain }
            }
            Event::SequenceStart(..) => self.sequence()?,
            Event::MappingStart(..) => self.mapping()?,
            _ => return Err(error("a value was expected", &span, self.text)),
        };
        Ok(Node { tag, value, range })
    }

    fn sequence(&mut self) -> Result<Value, ParseError> {
        let mut items = Vec::new();
        loop {
            let (event, span) = self.next_node()?;
            if matches!(event, Event::SequenceEnd) {
                return Ok(Value::Sequence(items));
            }
            items.push(self.node(event, span)?);
        }
    }

    fn mapping(&mut self) -> Result<Value, ParseError> {
        let mut entries: IndexMap<String, Entry> = IndexMap::new();
        loop {
            let (event, span) = self.next_node()?;
            if matches!(event, Event::MappingEnd) {
                return Ok(Value::Mapping(entries));
            }
            let key = self.node(event, span)?;
            let Node { tag: None, value: Value::Scalar { text: name, .. }, range: place } = key else {
                return Err(ParseError {
                    message: "a key must be a string".into(),
                    range: key.range,
                    first: None,
                });
            };
            if let Some(first) = entries.get(&name) {
                return Err(ParseError {
                    message: format!("the key {name:?} is written twice"),
                    range: place,
                    first: Some(first.key.clone()),
                });
            }
            let (event, span) = self.next_node()?;
            let node = self.node(event, span)?;
            entries.insert(name, Entry { key: place, node });
        }
    }
}

/// `!Sub` stays; YAML's own tags are not for us.
fn short(tag: &Tag) -> Option<String> {
    (tag.handle() == "!").then(|| format!("!{}", tag.suffix()))
}

fn bytes(span: &Span, text: &str) -> Range<usize> {
    let range = span.byte_range().unwrap_or(text.len()..text.len());
    let start = range.start.min(text.len());
    start..range.end.clamp(start, text.len())
}

fn error(message: &str, span: &Span, text: &str) -> ParseError {
    ParseError { message: message.into(), range: bytes(span, text), first: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_and_the_text_of_scalars_stay_as_they_are() {
        let tree = parse("a: !Sub ${x}\nb: 0123456789\nc: '2'\n").unwrap();
        assert_eq!(tree.get("a").and_then(|node| node.tag.as_deref()), Some("!Sub"));
        assert_eq!(tree.get("b").and_then(Node::text), Some("0123456789"));
        assert!(matches!(&tree.get("c").unwrap().value, Value::Scalar { text, quoted: true } if text == "2"));
    }

    #[test]
    fn a_key_written_twice_is_refused_with_both_places() {
        let found = parse("a: 1\nb: 2\na: 3\n").unwrap_err();
        assert_eq!((found.range, found.first), (10..11, Some(0..1)));
    }

    #[test]
    fn anchors_and_second_documents_are_refused() {
        assert!(parse("a: &x 1\nb: *x\n").is_err());
        assert!(parse("a: 1\n---\nb: 2\n").is_err());
        assert!(parse("? [a]\n: 1\n").is_err());
    }

    #[test]
    fn the_place_of_a_path_is_that_of_its_deepest_key() {
        let tree = parse("a:\n  b:\n    c: 1\n").unwrap();
        assert_eq!(tree.key_range(&["a", "b", "x"]), Some(5..6));
        assert_eq!(tree.key_range(&["z"]), None);
    }
}
