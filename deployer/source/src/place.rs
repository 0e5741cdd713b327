//! Where something is in a source file, and what is wrong there.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use proc_macro2::Span;

/// A source file that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// As shown to a person: relative to the workspace's root.
    pub path: PathBuf,
    pub text: Arc<str>,
}

impl SourceFile {
    /// The place where a piece of this file's code begins.
    pub fn place(self: &Arc<Self>, span: Span) -> Place {
        let start = span.start();
        Place { file: Arc::clone(self), line: start.line, column: start.column + 1 }
    }

    /// The file's first line, for what concerns the whole of it.
    pub fn whole(self: &Arc<Self>) -> Place {
        Place { file: Arc::clone(self), line: 1, column: 1 }
    }
}

/// A place in a source file. Lines and columns are counted from one, columns in characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub file: Arc<SourceFile>,
    pub line: usize,
    pub column: usize,
}

impl Place {
    /// The file, as shown to a person.
    pub fn path(&self) -> &Path {
        &self.file.path
    }

    /// The place's line, without indentation and line break, as bytes of the file's text.
    pub fn line_range(&self) -> std::ops::Range<usize> {
        let mut start = 0;
        for (index, text) in self.file.text.split_inclusive('\n').enumerate() {
            if index + 1 == self.line {
                let lead = text.len() - text.trim_start().len();
                return start + lead..start + text.trim_end().len().max(lead);
            }
            start += text.len();
        }
        self.file.text.len()..self.file.text.len()
    }
}

/// `functions/shared/src/row.rs:12`.
impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.file.path.display(), self.line)
    }
}

/// One thing that is wrong with the sources: what, where, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// Stable name of the rule that was broken.
    pub rule: &'static str,
    pub message: String,
    /// None where a file cannot be read at all.
    pub place: Option<Place>,
    pub help: Option<String>,
}

impl Fault {
    pub fn new(rule: &'static str, message: impl Into<String>) -> Self {
        Self { rule, message: message.into(), place: None, help: None }
    }

    pub fn at(self, place: Place) -> Self {
        Self { place: Some(place), ..self }
    }

    pub fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }
}
