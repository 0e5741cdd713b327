//! Reading environment files: one file, and the chain of those that it extends.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::environment::EnvironmentFile;
use super::problem::{Error, Place, Problem, Source};
use super::yaml::{self, Node};
use super::{nearest, stages};

/// Longer chains of `extends` are a mistake.
const MOST_LAYERS: usize = 8;

/// Larger files are refused before they are parsed.
const MOST_BYTES: usize = 64 * 1024;

/// One file, parsed.
#[derive(Debug, Clone)]
pub struct Layer {
    pub source: Arc<Source>,
    tree: Node,
    pub file: EnvironmentFile,
}

/// The stage's file and those that it extends, nearest first; never empty.
#[derive(Debug, Clone)]
pub struct Layers(Vec<Layer>);

impl Layer {
    /// Reads one file; its path is shown relative to `root`.
    pub fn read(root: &Path, path: &Path) -> Result<Self, Error> {
        let source = Arc::new(read_text(root, path)?);
        let tree = yaml::parse(&source.text).map_err(|found| syntax(&source, found))?;
        let mut problems = Vec::new();
        refuse_empty_and_tagged(&source, &tree, &mut problems);
        Error::unless_empty(problems)?;
        if tree.is_null() {
            return Ok(Self { source, tree, file: EnvironmentFile::default() });
        }
        let file = serde_yaml::from_str(&source.text).map_err(|found| shape(&source, &found))?;
        Ok(Self { source, tree, file })
    }

    /// The place of a key.
    pub fn place(&self, path: &[&str]) -> Option<Place> {
        let range = self.tree.key_range(path)?;
        Some(Place { source: self.source.clone(), range })
    }

    /// The file as a whole, for what is missing in it.
    pub fn whole(&self) -> Place {
        Place { source: self.source.clone(), range: self.source.line_range(1) }
    }

    fn has(&self, path: &[&str]) -> bool {
        self.tree.at(path).is_some()
    }
}

impl Layers {
    /// Reads a stage's file and all that it extends.
    pub fn read(root: &Path, path: PathBuf) -> Result<Self, Error> {
        let mut layers = vec![Layer::read(root, &path)?];
        let mut seen = vec![path];
        while let Some(name) = layers.last().and_then(|layer| layer.file.extends.clone()) {
            let place = layers.last().and_then(|layer| layer.place(&["extends"]));
            let problem = |rule, message: String| Problem { rule, message, place: place.clone(), help: None };
            let Some(path) = stages::file_named(root, &name) else {
                let known = stages::file_names(root)?;
                let help = match nearest(&name, known.iter().map(String::as_str)) {
                    Some(meant) => format!("did you mean {meant:?}?"),
                    None => format!("there are {}", known.join(", ")),
                };
                return Err(problem("unknown-extends", format!("no file environments/{name}.yaml"))
                    .help(help)
                    .into());
            };
            if seen.contains(&path) {
                let message = format!("the files extend each other in a circle, back to {name:?}");
                return Err(problem("circular-extends", message).into());
            }
            if layers.len() == MOST_LAYERS {
                let message = format!("more than {MOST_LAYERS} files extend each other");
                return Err(problem("deep-extends", message).into());
            }
            layers.push(Layer::read(root, &path)?);
            seen.push(path);
        }
        Ok(Self(layers))
    }

    /// The stage's own file.
    pub fn own(&self) -> &Layer {
        &self.0[0]
    }

    pub fn iter(&self) -> impl Iterator<Item = &Layer> {
        self.0.iter()
    }

    /// All files as one, the nearest winning.
    pub fn merged(&self) -> EnvironmentFile {
        let below = EnvironmentFile::default();
        self.0.iter().rev().fold(below, |below, layer| layer.file.clone().over(below))
    }

    /// Where an item of the list that counts was written.
    pub fn item_place(&self, list: &str, index: usize) -> Place {
        let layer = self.0.iter().find(|layer| layer.has(&[list]));
        let item = layer.and_then(|layer| {
            let item = layer.tree.get(list)?.sequence()?.get(index)?;
            // A mapping's range has its key's line alone where it begins.
            let line = layer.source.line_at(item.range.start);
            Some(Place { source: layer.source.clone(), range: layer.source.line_range(line) })
        });
        item.unwrap_or_else(|| self.place(&[list]))
    }

    /// Where the value that counts was written: the nearest file with this path, or else the
    /// stage's own file.
    pub fn place(&self, path: &[&str]) -> Place {
        let written = self.0.iter().find(|layer| layer.has(path)).and_then(|layer| layer.place(path));
        written.unwrap_or_else(|| self.own().place(path).unwrap_or_else(|| self.own().whole()))
    }
}

fn read_text(root: &Path, path: &Path) -> Result<Source, Error> {
    let shown = path.strip_prefix(root).unwrap_or(path).to_owned();
    let unreadable = |message: String| Error::from(Problem::new("unreadable-file", message));
    let size =
        std::fs::metadata(path).map_err(|error| unreadable(format!("{}: {error}", shown.display())))?.len();
    if size > MOST_BYTES as u64 {
        return Err(unreadable(format!("{}: {size} bytes; at most {MOST_BYTES} are read", shown.display())));
    }
    let bytes = std::fs::read(path).map_err(|error| unreadable(format!("{}: {error}", shown.display())))?;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Source { path: shown, text: text.into() }),
        Err(error) => {
            let start = error.utf8_error().valid_up_to();
            let lines = 1 + error.as_bytes()[..start].iter().filter(|byte| **byte == b'\n').count();
            Err(unreadable(format!("{}: line {lines} is not UTF-8", shown.display())))
        }
    }
}

/// A key without a value is a value that was forgotten; tags mean nothing here.
fn refuse_empty_and_tagged(source: &Arc<Source>, node: &Node, problems: &mut Vec<Problem>) {
    let place = |range: &Range<usize>| Place { source: source.clone(), range: range.clone() };
    if let Some(tag) = &node.tag {
        let message = format!("the tag {tag} means nothing in an environment file");
        problems.push(Problem::new("tag", message).at(place(&node.range)).help("put the text into quotes"));
    }
    match &node.value {
        yaml::Value::Scalar { .. } => {}
        yaml::Value::Sequence(items) => {
            items.iter().for_each(|item| refuse_empty_and_tagged(source, item, problems));
        }
        yaml::Value::Mapping(entries) => {
            for (name, entry) in entries {
                if entry.node.is_null() {
                    let message = format!("{name:?} has no value");
                    problems.push(Problem::new("missing-value", message).at(place(&entry.key)));
                }
                refuse_empty_and_tagged(source, &entry.node, problems);
            }
        }
    }
}

/// The text is no YAML at all.
fn syntax(source: &Arc<Source>, found: yaml::ParseError) -> Error {
    let first = found.first.as_ref().map(|range| source.line_at(range.start));
    let problem =
        Problem::new("yaml", found.message).at(Place { source: source.clone(), range: found.range });
    match first {
        Some(line) => problem.help(format!("it is first written in line {line}")).into(),
        None => problem.into(),
    }
}

/// It is YAML, but not an environment.
fn shape(source: &Arc<Source>, found: &serde_yaml::Error) -> Error {
    use serde_yaml::Error as Found;
    let range = found.location().map_or(0..0, |at| {
        let start = at.span().byte_offset().map_or(0, |offset| offset as usize).min(source.text.len());
        let length = at.span().byte_len().map_or(0, |length| length as usize);
        // A block value's span is empty: show its whole line.
        if length == 0 {
            source.line_range(at.line() as usize)
        } else {
            start..(start + length).min(source.text.len())
        }
    });
    let problem =
        |rule, message: String| Problem::new(rule, message).at(Place { source: source.clone(), range });
    let choice = |given: &str, expected: &[&'static str]| match nearest(given, expected.iter().copied()) {
        Some(meant) => format!("did you mean {meant:?}?"),
        None => format!("known are {}", expected.join(", ")),
    };
    match found.without_snippet() {
        Found::SerdeUnknownField { field, expected, .. } => {
            problem("unknown-key", format!("unknown key {field:?}")).help(choice(field, expected)).into()
        }
        Found::SerdeUnknownVariant { variant, expected, .. } => {
            problem("unknown-value", format!("unknown value {variant:?}"))
                .help(choice(variant, expected))
                .into()
        }
        Found::SerdeInvalidType { unexpected, expected, .. } => {
            problem("wrong-type", format!("{expected} was expected, not {unexpected}")).into()
        }
        Found::Message { msg, .. } => problem("wrong-value", msg.clone()).into(),
        other => problem("wrong-type", plainly(&without_place(&other.to_string()))).into(),
    }
}

/// The reader's words for what it expected, in those of somebody who writes YAML.
fn plainly(message: &str) -> String {
    match message {
        "expected mapping start" => "a mapping (key: value) was expected".to_owned(),
        "expected sequence start" => "a list was expected".to_owned(),
        "expected string scalar" => "a text was expected".to_owned(),
        "invalid u32" => "a whole number was expected".to_owned(),
        other => other.to_owned(),
    }
}

/// serde-saphyr ends its messages with the place, which is shown anyway.
fn without_place(message: &str) -> String {
    message.split(" at line ").next().unwrap_or(message).lines().next().unwrap_or(message).to_owned()
}
