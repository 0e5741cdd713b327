//! What is wrong with a project's files: the text, the place and the way to mend it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use miette::{Diagnostic, LabeledSpan, Severity, SourceCode};

/// A text file that was read, kept so that an error can show the offending line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// As shown to a person: relative to the project's root where it is inside it.
    pub path: PathBuf,
    pub text: Arc<str>,
}

impl Source {
    /// The 1-based line of a byte offset.
    pub fn line_at(&self, offset: usize) -> usize {
        let end = offset.min(self.text.len());
        1 + self.text.as_bytes()[..end].iter().filter(|byte| **byte == b'\n').count()
    }

    /// The byte range of a 1-based line without its indentation and line break.
    pub fn line_range(&self, line: usize) -> std::ops::Range<usize> {
        let mut start = 0;
        for (index, text) in self.text.split_inclusive('\n').enumerate() {
            if index + 1 == line {
                let lead = text.len() - text.trim_start().len();
                return start + lead..start + text.trim_end().len().max(lead);
            }
            start += text.len();
        }
        self.text.len()..self.text.len()
    }
}

/// Where in a file a problem is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub source: Arc<Source>,
    /// Byte range in `source.text`.
    pub range: std::ops::Range<usize>,
}

impl Place {
    /// The 1-based line where the place starts.
    pub fn line(&self) -> usize {
        self.source.line_at(self.range.start)
    }

    /// The file, as shown to a person.
    pub fn file(&self) -> &Path {
        &self.source.path
    }
}

/// One mistake, ready to be shown: what happened, where, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Stable name of the rule that was broken, such as `unknown-table`.
    pub rule: &'static str,
    pub message: String,
    pub place: Option<Place>,
    pub help: Option<String>,
}

impl Problem {
    pub fn new(rule: &'static str, message: impl Into<String>) -> Self {
        Self { rule, message: message.into(), place: None, help: None }
    }

    pub fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Problem {}

impl Diagnostic for Problem {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.rule))
    }

    fn severity(&self) -> Option<Severity> {
        Some(Severity::Error)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.place.as_ref().map(|place| place as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let range = self.place.as_ref()?.range.clone();
        let label = LabeledSpan::new(Some("here".into()), range.start, range.len());
        Some(Box::new(std::iter::once(label)))
    }
}

/// Gives miette the file's name together with its text.
impl SourceCode for Place {
    fn read_span<'a>(
        &'a self,
        span: &miette::SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn miette::SpanContents<'a> + 'a>, miette::MietteError> {
        let text: &str = &self.source.text;
        let contents = text.read_span(span, before, after)?;
        Ok(Box::new(miette::MietteSpanContents::new_named(
            self.source.path.display().to_string(),
            contents.data(),
            *contents.span(),
            contents.line(),
            contents.column(),
            contents.line_count(),
        )))
    }
}

/// What is wrong with a function's code.
impl From<deployer_source::Fault> for Problem {
    fn from(fault: deployer_source::Fault) -> Self {
        let deployer_source::Fault { rule, message, place, help } = fault;
        Self { rule, message, place: place.as_ref().map(Place::from), help }
    }
}

impl From<&deployer_source::Place> for Place {
    fn from(place: &deployer_source::Place) -> Self {
        let source = Source { path: place.file.path.clone(), text: Arc::clone(&place.file.text) };
        Self { source: Arc::new(source), range: place.line_range() }
    }
}

/// Everything that is wrong, together: a person mends all of it in one go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// At least one, in the order of the files.
    pub problems: Vec<Problem>,
}

impl Error {
    /// `Ok` when nothing was found.
    pub fn unless_empty(problems: Vec<Problem>) -> Result<(), Self> {
        if problems.is_empty() { Ok(()) } else { Err(Self { problems }) }
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self { problems: vec![problem] }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.problems.as_slice() {
            [only] => write!(formatter, "{only}"),
            several => write!(formatter, "{} problems", several.len()),
        }
    }
}

impl std::error::Error for Error {}

/// A single problem is shown as itself; several are shown below a count.
impl Diagnostic for Error {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.only().and_then(Diagnostic::code)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.only().and_then(Diagnostic::help)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.only().and_then(Diagnostic::source_code)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.only().and_then(Diagnostic::labels)
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        if self.only().is_some() {
            return None;
        }
        Some(Box::new(self.problems.iter().map(|problem| problem as &dyn Diagnostic)))
    }
}

impl Error {
    fn only(&self) -> Option<&Problem> {
        match self.problems.as_slice() {
            [only] => Some(only),
            _ => None,
        }
    }
}
