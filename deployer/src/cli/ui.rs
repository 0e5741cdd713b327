//! The terminal: results go to stdout, everything else to stderr; no colour and no animation without
//! a terminal or with NO_COLOR.

use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use console::style;
use futures::future::BoxFuture;
use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan};
use serde::Serialize;
use serde_json::json;

use super::failure::Failure;
use super::{Format, Global};
use crate::deploy::{Answer, Confirm, Question};
use crate::project::Problem;

/// Where and how to show things.
#[derive(Debug, Clone)]
pub struct Ui {
    pub format: Format,
    pub verbose: bool,
    yes: bool,
    /// A result did not reach stdout: the command has failed, whatever else it says.
    lost_result: Arc<AtomicBool>,
}

impl Ui {
    pub(super) fn new(global: &Global) -> Self {
        Self {
            format: global.format,
            verbose: global.verbose > 0,
            yes: global.yes,
            lost_result: Arc::default(),
        }
    }

    /// Whether moving pictures make sense on stderr.
    pub fn animated(&self) -> bool {
        self.format == Format::Human && io::stderr().is_terminal() && console::colors_enabled_stderr()
    }

    /// The result, for a person or a pipe.
    pub fn result(&self, text: &str) {
        let mut out = io::stdout().lock();
        let end = if text.ends_with('\n') { "" } else { "\n" };
        let written = out
            .write_all(text.as_bytes())
            .and_then(|()| out.write_all(end.as_bytes()))
            .and_then(|()| out.flush());
        // A reader that went away (`| head`) has what it wanted.
        let lost = written.err().filter(|error| error.kind() != io::ErrorKind::BrokenPipe);
        if let Some(error) = lost
            && !self.lost_result.swap(true, Ordering::Relaxed)
        {
            let _ = writeln!(io::stderr().lock(), "error: the result could not be written: {error}");
        }
    }

    /// Whether a result could not be written.
    pub fn lost_result(&self) -> bool {
        self.lost_result.load(Ordering::Relaxed)
    }

    /// One line of the machine's form of the result.
    pub fn json(&self, value: &impl Serialize) {
        match serde_json::to_string(value) {
            Ok(line) => self.result(&line),
            Err(error) => self.warn(&format!("a result could not be written as JSON: {error}")),
        }
    }

    /// What happens, for a person.
    pub fn status(&self, text: &str) {
        if self.format != Format::Json {
            let _ = writeln!(io::stderr().lock(), "{text}");
        }
    }

    pub fn warn(&self, text: &str) {
        match self.format {
            Format::Json => self.json(&json!({"type": "warning", "text": text})),
            Format::Github => self.status(&format!("::warning::{}", github(text))),
            Format::Human | Format::Env => {
                self.status(&format!("{} {text}", style("warning:").for_stderr().yellow().bold()));
            }
        }
    }

    pub fn hint(&self, text: &str) {
        match self.format {
            Format::Json => {}
            Format::Github => self.status(&format!("::notice::{}", github(text))),
            Format::Human | Format::Env => {
                self.status(&format!("{} {text}", style("hint:").for_stderr().cyan().bold()));
            }
        }
    }

    pub fn error(&self, failure: &Failure) {
        match self.format {
            Format::Json => {
                let help = failure.help().map(|help| help.to_string());
                let problems: Vec<_> = failure
                    .as_project()
                    .map(|error| error.problems.iter().map(problem_json).collect())
                    .unwrap_or_default();
                self.json(&json!({
                    "type": "error",
                    "message": failure.to_string(),
                    "help": help,
                    "problems": problems,
                    "exit_code": failure.exit_code(),
                }));
            }
            Format::Github => match failure.as_project() {
                Some(error) => error.problems.iter().for_each(|problem| self.annotate(problem)),
                None => self.status(&format!("::error::{}", github(&failure.to_string()))),
            },
            Format::Human | Format::Env => self.report(failure),
        }
    }

    fn annotate(&self, problem: &Problem) {
        let place = problem.place.as_ref();
        let place = place.map(|place| format!(" file={},line={}", place.file().display(), place.line()));
        let help = problem.help.as_ref().map(|help| format!("\n{help}")).unwrap_or_default();
        let text = github(&format!("{}{help}", problem.message));
        self.status(&format!("::error{}::{text}", place.unwrap_or_default()));
    }

    fn report(&self, failure: &Failure) {
        let fancy = io::stderr().is_terminal() && console::colors_enabled_stderr();
        let theme = if fancy { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
        let handler = GraphicalReportHandler::new_themed(theme).with_links(false);
        // A log is searched by lines: only a terminal gets them wrapped.
        let handler = match console::Term::stderr().size_checked() {
            Some((_, width)) => handler.with_width(usize::from(width)),
            None => handler.with_wrap_lines(false).with_width(1000),
        };
        let mut text = String::new();
        if handler.render_report(&mut text, &Shown(failure)).is_err() {
            text = failure.to_string();
        }
        self.status(text.trim_end());
    }
}

/// `error:` before the message, as compilers do.
#[derive(Debug)]
struct Shown<'a>(&'a Failure);

impl std::fmt::Display for Shown<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "error: {}", self.0)
    }
}

impl std::error::Error for Shown<'_> {}

impl Diagnostic for Shown<'_> {
    fn code<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        self.0.code()
    }

    fn help<'a>(&'a self) -> Option<Box<dyn std::fmt::Display + 'a>> {
        self.0.help()
    }

    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        self.0.source_code()
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.0.labels()
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        self.0.related()
    }
}

fn problem_json(problem: &Problem) -> serde_json::Value {
    json!({
        "rule": problem.rule,
        "message": problem.message,
        "file": problem.place.as_ref().map(|place| place.file().display().to_string()),
        "line": problem.place.as_ref().map(crate::project::Place::line),
        "help": problem.help,
    })
}

/// Workflow commands end at a line break.
pub fn github(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

impl Confirm for Ui {
    fn confirm<'a>(&'a self, question: &'a Question) -> BoxFuture<'a, Answer> {
        Box::pin(async move {
            if question.typed.is_none() && self.yes {
                return Answer::Yes;
            }
            if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
                return Answer::NobodyToAsk;
            }
            for line in &question.about {
                self.status(&format!("  {line}"));
            }
            let prompt = match &question.typed {
                Some(_) => question.text.clone(),
                None => format!("{} [y/N]", question.text),
            };
            let _ = write!(io::stderr().lock(), "{prompt} ");
            let read = tokio::task::spawn_blocking(|| {
                let mut line = String::new();
                io::stdin().read_line(&mut line).map(|_| line)
            });
            let Ok(Ok(line)) = read.await else { return Answer::No };
            if question.accepts(&line) { Answer::Yes } else { Answer::No }
        })
    }
}
