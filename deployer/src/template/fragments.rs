//! The fragments of a project: `templates/*.yaml.j2`, rendered and parsed one by one.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use minijinja::Value;

use crate::project::yaml::{self, Node};
use crate::project::{Error, Place, Problem, Source};

use super::quoting::Renderer;

/// How often a fragment is rendered, by its folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// `templates/`: once.
    Stage,
    /// `templates/table/`: once a table.
    Table,
    /// `templates/function/`: once a function.
    Function,
}

/// A fragment's file.
#[derive(Debug, Clone)]
pub struct Fragment {
    pub scope: Scope,
    pub source: Arc<Source>,
}

/// A fragment that was rendered and parsed.
#[derive(Debug)]
pub struct Rendered {
    source: Arc<Source>,
    text: String,
    /// The fragment's line of each line of `text`, 1-based.
    lines: Vec<usize>,
    pub tree: Node,
    /// Names that were written with the filter `id`.
    pub ids: Vec<String>,
}

/// What follows the marker of a line is its number in the fragment.
const MARKER: &str = " #@";

impl Scope {
    const ALL: [Self; 3] = [Self::Stage, Self::Table, Self::Function];

    fn folder(self) -> &'static str {
        match self {
            Self::Stage => "templates",
            Self::Table => "templates/table",
            Self::Function => "templates/function",
        }
    }
}

/// All fragments, in the order in which they make up the template.
pub fn read(root: &Path) -> Result<Vec<Fragment>, Error> {
    let mut fragments = Vec::new();
    for scope in Scope::ALL {
        let folder = root.join(scope.folder());
        let unreadable = |error: std::io::Error| {
            let message = format!("{}: {error}", folder.display());
            Problem::new("unreadable-folder", message)
                .help("a project has its CloudFormation fragments in templates, templates/table and templates/function")
        };
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(&folder).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            if path.is_file() {
                paths.push(path);
            }
        }
        paths.sort();
        for path in paths {
            let shown = path.strip_prefix(root).unwrap_or(&path).to_owned();
            let message = |error: &dyn std::fmt::Display| format!("{}: {error}", shown.display());
            if !path.to_string_lossy().ends_with(".yaml.j2") {
                let problem = Problem::new("unknown-file", message(&"not a fragment"));
                return Err(problem.help("fragments are named <name>.yaml.j2").into());
            }
            let text = std::fs::read_to_string(&path)
                .map_err(|error| Problem::new("unreadable-file", message(&error)))?;
            fragments.push(Fragment { scope, source: Arc::new(Source { path: shown, text: text.into() }) });
        }
    }
    Ok(fragments)
}

impl Fragment {
    /// Renders with these values and parses the result.
    pub fn render(&self, renderer: &Renderer, values: &Value) -> Result<Rendered, Error> {
        let marked = mark(&self.source.text);
        let (text, ids) = renderer.render(&marked, values).map_err(|error| {
            let place = Place {
                source: self.source.clone(),
                range: self.source.line_range(error.line().unwrap_or(1)),
            };
            let detail = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
            Problem::new("fragment", detail).at(place)
        })?;
        let lines = line_numbers(&text);
        let unplaced = Rendered { source: self.source.clone(), lines, tree: Node::null(), ids, text };
        let tree = yaml::parse(&unplaced.text).map_err(|error| {
            let problem = Problem::new("fragment-yaml", error.message).at(unplaced.place(&error.range));
            match error.first {
                Some(first) => {
                    problem.help(format!("it is first written in line {}", unplaced.line(first.start)))
                }
                None => problem,
            }
        })?;
        unplaced.refuse_long_scalars(&tree)?;
        Ok(Rendered { tree, ..unplaced })
    }
}

impl Rendered {
    /// The fragment's line that gave the text at `offset`.
    pub fn line(&self, offset: usize) -> usize {
        let end = offset.min(self.text.len());
        let line = self.text.as_bytes()[..end].iter().filter(|byte| **byte == b'\n').count();
        self.lines.get(line).copied().unwrap_or(1)
    }

    /// The fragment's line that gave a part of the text.
    pub fn place(&self, range: &Range<usize>) -> Place {
        let range = self.source.line_range(self.line(range.start));
        Place { source: self.source.clone(), range }
    }

    /// The line of the fragment as it is written, without indentation.
    pub fn written(&self, offset: usize) -> &str {
        &self.source.text[self.source.line_range(self.line(offset))]
    }

    /// A scalar over several lines would swallow the markers of its lines.
    fn refuse_long_scalars(&self, tree: &Node) -> Result<(), Problem> {
        let mut open = vec![tree];
        while let Some(node) = open.pop() {
            match &node.value {
                yaml::Value::Scalar { .. } => {
                    if self.text[node.range.clone()].contains('\n') {
                        let message = "a text over several lines";
                        let problem = Problem::new("long-text", message).at(self.place(&node.range));
                        return Err(problem.help("write it in one line, in quotes"));
                    }
                }
                yaml::Value::Sequence(items) => open.extend(items),
                yaml::Value::Mapping(entries) => open.extend(entries.values().map(|entry| &entry.node)),
            }
        }
        Ok(())
    }
}

/// The fragment with a comment at the end of each line that holds YAML, saying its number: after
/// rendering, loops and conditions included, each line still knows where it was written.
fn mark(text: &str) -> String {
    let mut marked = String::with_capacity(text.len() * 5 / 4);
    let mut inside: Option<&str> = None;
    for (index, line) in text.lines().enumerate() {
        let mut rest = line;
        let mut writes = false;
        loop {
            if let Some(end) = inside {
                writes |= end == "}}";
                let Some(at) = rest.find(end) else { break };
                rest = &rest[at + end.len()..];
                inside = None;
                continue;
            }
            let Some(at) = rest.find("{{").into_iter().chain(rest.find("{%")).chain(rest.find("{#")).min()
            else {
                writes |= !rest.trim().is_empty();
                break;
            };
            writes |= !rest[..at].trim().is_empty();
            inside = match rest.as_bytes()[at + 1] {
                b'{' => Some("}}"),
                b'%' => Some("%}"),
                _ => Some("#}"),
            };
            rest = &rest[at + 2..];
        }
        marked.push_str(line);
        if writes && inside.is_none() {
            marked.push_str(MARKER);
            marked.push_str(&(index + 1).to_string());
        }
        marked.push('\n');
    }
    marked
}

/// For each rendered line the number that its marker says; lines without one belong to the line
/// before.
fn line_numbers(text: &str) -> Vec<usize> {
    let mut last = 1;
    let numbers = text.lines().map(|line| {
        if let Some((_, number)) = line.rsplit_once(MARKER)
            && let Ok(number) = number.parse()
        {
            last = number;
        }
        last
    });
    numbers.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lines_that_give_yaml_are_marked() {
        let text = "{# a\n b #}\nA: 1\n\n{% if x %}\n  B: {{ y }}\n{% endif %}\nC: {{ z\n }}\n";
        let expected =
            "{# a\n b #}\nA: 1 #@3\n\n{% if x %}\n  B: {{ y }} #@6\n{% endif %}\nC: {{ z\n }} #@9\n";
        assert_eq!(mark(text), expected);
    }

    #[test]
    fn a_rendered_line_knows_the_line_that_gave_it() {
        assert_eq!(line_numbers("A: 1 #@3\nB: \"x #@9\" #@6\n\nB: 2 #@6\n"), [3, 6, 6, 6]);
    }
}
