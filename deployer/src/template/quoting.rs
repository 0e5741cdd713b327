//! How values reach a template: only through filters that make them one YAML scalar or collection,
//! so that no value can add a line, a key or a tag.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use minijinja::value::{Object, ObjectRepr, Value, ValueKind};
use minijinja::{Environment, Error, ErrorKind, Output, State, UndefinedBehavior};

use crate::project::LogicalId;

/// Renders fragments.
pub struct Renderer {
    environment: Environment<'static>,
    /// What the filter `id` wrote since the last [`Renderer::render`] began.
    ids: Arc<Mutex<Vec<String>>>,
}

/// A value that passed a filter.
#[derive(Debug)]
enum Quoted {
    /// Valid YAML in one line, in any place where a value may stand.
    Yaml(String),
    /// A logical id: letters and digits.
    Id(String),
}

impl Object for Quoted {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn render(self: &Arc<Self>, formatter: &mut fmt::Formatter<'_>) -> fmt::Result
    where
        Self: Sized + 'static,
    {
        match self.as_ref() {
            Self::Yaml(text) | Self::Id(text) => formatter.write_str(text),
        }
    }
}

impl Renderer {
    /// # Errors
    /// Never in practice: minijinja checks the syntax settings.
    pub fn new() -> Result<Self, Error> {
        let ids = Arc::new(Mutex::new(Vec::new()));
        let mut environment = Environment::new();
        let syntax = environment.syntax().to_builder().trim_blocks(true).lstrip_blocks(true).build()?;
        environment.set_syntax(syntax);
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        let written = ids.clone();
        environment.set_formatter(move |output, _, value| write(output, value, &written));
        environment.add_filter("yaml", yaml);
        environment.add_filter("id", id);
        Ok(Self { environment, ids })
    }

    /// The rendered text and the names that the filter `id` wrote into it.
    pub fn render(&self, text: &str, values: &Value) -> Result<(String, Vec<String>), Error> {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let rendered = self.environment.render_str(text, values.clone())?;
        let ids = std::mem::take(&mut *self.ids.lock().unwrap_or_else(PoisonError::into_inner));
        Ok((rendered, ids))
    }
}

fn write(output: &mut Output<'_>, value: &Value, ids: &Mutex<Vec<String>>) -> Result<(), Error> {
    let text = match value.downcast_object_ref::<Quoted>() {
        Some(Quoted::Yaml(text)) => text,
        Some(Quoted::Id(text)) => {
            ids.lock().unwrap_or_else(PoisonError::into_inner).push(text.clone());
            text
        }
        None => {
            return Err(refuse(
                "a value without a filter: write {{ … | yaml }}, or {{ … | id }} for a logical id",
            ));
        }
    };
    output.write_str(text).map_err(|error| Error::new(ErrorKind::WriteFailure, error.to_string()))
}

fn refuse(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message)
}

/// `{{ value | yaml }}`: any value as YAML in one line; texts are always quoted.
fn yaml(_: &State<'_, '_>, value: Value) -> Result<Value, Error> {
    let mut text = String::new();
    append(&mut text, &value)?;
    Ok(Value::from_object(Quoted::Yaml(text)))
}

/// `{{ value | id }}`: a logical id, unquoted, so that `!GetAtt {{ value | id }}.Arn` can be written.
fn id(_: &State<'_, '_>, value: Value) -> Result<Value, Error> {
    match value.as_str().map(str::parse::<LogicalId>) {
        Some(Ok(name)) => Ok(Value::from_object(Quoted::Id(name.into()))),
        Some(Err(error)) => Err(refuse(error.to_string())),
        None => Err(refuse(format!("a {} is not a logical id", value.kind()))),
    }
}

fn append(text: &mut String, value: &Value) -> Result<(), Error> {
    match value.kind() {
        ValueKind::Bool => text.push_str(if value.is_true() { "true" } else { "false" }),
        ValueKind::Number if value.is_integer() => text.push_str(&value.to_string()),
        ValueKind::String => {
            let string = value.as_str().ok_or_else(|| refuse("a text that is no text"))?;
            // CloudFormation resolves these wherever they stand, even in a tag.
            if string.contains("{{resolve:") {
                return Err(refuse(
                    "a value holds {{resolve:…}}, which CloudFormation would replace by a secret",
                ));
            }
            append_quoted(text, string);
        }
        ValueKind::Seq | ValueKind::Iterable => {
            text.push('[');
            for (position, item) in value.try_iter()?.enumerate() {
                text.push_str(if position == 0 { "" } else { ", " });
                append(text, &item)?;
            }
            text.push(']');
        }
        kind => return Err(refuse(format!("a {kind} cannot be written into a template"))),
    }
    Ok(())
}

/// A double-quoted scalar in one line. All that is no letter, digit, punctuation or symbol that
/// every YAML version prints is escaped.
pub fn append_quoted(text: &mut String, string: &str) {
    text.push('"');
    for c in string.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\t' => text.push_str("\\t"),
            '\r' => text.push_str("\\r"),
            c if is_printable(c) => text.push(c),
            c if u32::from(c) > 0xFFFF => text.push_str(&format!("\\U{:08X}", u32::from(c))),
            c => text.push_str(&format!("\\u{:04X}", u32::from(c))),
        }
    }
    text.push('"');
}

/// YAML 1.1's and 1.2's `c-printable` without line breaks and the byte order mark.
fn is_printable(c: char) -> bool {
    matches!(c, ' '..='~' | '\u{A0}'..='\u{2027}' | '\u{202A}'..='\u{D7FF}' | '\u{E000}'..='\u{FEFE}'
        | '\u{FF00}'..='\u{FFFD}' | '\u{10000}'..='\u{10FFFF}')
}

#[cfg(test)]
mod tests {
    use minijinja::value::Serde;

    use super::*;

    fn render(text: &str) -> Result<String, String> {
        let values = Value::from(Serde(serde_json::json!({
            "text": "a\"\n\\ ${X} {{ }} \u{85}\u{2028} 🎉 é",
            "list": ["a", 1, true],
            "secret": "{{resolve:secretsmanager:x}}",
            "nothing": null,
            "name": "GetProfile",
        })));
        Renderer::new()
            .unwrap()
            .render(text, &values)
            .map(|(text, _)| text)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn a_value_without_a_filter_is_refused() {
        assert!(render("A: {{ text }}").is_err());
        assert!(render("A: {{ (text | yaml) ~ 'x' }}").is_err());
        assert!(render("A: {{ 'constant' }}").is_err());
    }

    #[test]
    fn a_text_becomes_one_quoted_line() {
        let expected = r#"A: "a\"\n\\ ${X} {{ }} \u0085\u2028 🎉 é""#;
        assert_eq!(render("A: {{ text | yaml }}").unwrap(), expected);
        assert_eq!(render("A: {{ list | yaml }}").unwrap(), "A: [\"a\", 1, true]");
    }

    #[test]
    fn an_unknown_or_empty_value_is_an_error() {
        assert!(render("A: {{ missing | yaml }}").is_err());
        assert!(render("A: {{ nothing | yaml }}").is_err());
        assert!(render("{% if missing %}A: 1{% endif %}").is_err());
    }

    #[test]
    fn a_secret_cannot_be_drawn_in_by_a_value() {
        assert!(render("A: {{ secret | yaml }}").is_err());
    }

    #[test]
    fn a_logical_id_has_letters_and_digits_alone() {
        assert_eq!(render("A: !GetAtt {{ name | id }}.Arn").unwrap(), "A: !GetAtt GetProfile.Arn");
        assert!(render("A: !GetAtt {{ text | id }}.Arn").is_err());
    }
}
