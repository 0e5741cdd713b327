//! Every error as its user sees it: what happened, where, what to do, and the exit code.

use std::error::Error as StdError;
use std::fmt;
use std::io;

use miette::Diagnostic;

use super::{INPUT, INTERNAL};
use crate::{artifact, aws, deploy, local, project};

/// Why a command could not do its work.
#[derive(Debug)]
pub enum Failure {
    /// The project's files.
    Project(project::Error),
    Artifact(artifact::Error),
    Local(local::Error),
    Engine(deploy::Error),
    /// A call outside the engine.
    Aws {
        doing: String,
        source: aws::Error,
    },
    /// The command line, or a request that makes no sense for the stage.
    Usage {
        message: String,
        help: String,
    },
    Io {
        doing: String,
        source: io::Error,
    },
}

impl Failure {
    pub fn usage(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self::Usage { message: message.into(), help: help.into() }
    }

    pub fn aws(doing: impl Into<String>) -> impl FnOnce(aws::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Aws { doing, source }
    }

    pub fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Io { doing, source }
    }

    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Project(_) | Self::Usage { .. } => INPUT,
            Self::Artifact(error) if error.is_input() => INPUT,
            Self::Local(
                local::Error::PortTaken { .. }
                | local::Error::OtherLayout { .. }
                | local::Error::NoAnswer { .. },
            ) => INPUT,
            Self::Engine(deploy::Error::Aws { source, .. }) | Self::Aws { source, .. } => {
                aws_exit_code(source)
            }
            Self::Artifact(_) | Self::Local(_) | Self::Io { .. } => INTERNAL,
        }
    }

    fn aws_error(&self) -> Option<&aws::Error> {
        match self {
            Self::Engine(deploy::Error::Aws { source, .. }) | Self::Aws { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// Credentials, rights and refusals are for a person to mend; a lost answer is for another run.
fn aws_exit_code(error: &aws::Error) -> u8 {
    match error {
        aws::Error::NoRegion
        | aws::Error::Credentials(_)
        | aws::Error::Denied(_)
        | aws::Error::Rejected { .. } => INPUT,
        aws::Error::Throttled(_) | aws::Error::Unreachable(_) | aws::Error::Garbled(_) => 4,
    }
}

fn advice(error: &aws::Error) -> &'static str {
    match error {
        aws::Error::NoRegion => {
            "set `region` in the environment's file, AWS_REGION, or a region in the AWS profile"
        }
        aws::Error::Credentials(_) => {
            "sign in (`aws sso login`, AWS_PROFILE, or access keys in the environment) and run this again; \
             `--stage local` needs no credentials"
        }
        aws::Error::Denied(_) => "ask for this permission, or use a profile that has it",
        aws::Error::Unreachable(_) => {
            "see to the network, and to AWS_ENDPOINT_URL where it is set; then run the same command again: it \
             takes up whatever this one began"
        }
        aws::Error::Throttled(_) | aws::Error::Garbled(_) => {
            "run the same command again: it takes up whatever this one began"
        }
        aws::Error::Rejected { .. } => "mend what AWS names and run this again",
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Project(error) => error.fmt(formatter),
            Self::Artifact(error) => with_cause(formatter, error),
            Self::Local(error) => with_cause(formatter, error),
            Self::Engine(error) => with_cause(formatter, error),
            Self::Aws { source: aws::Error::NoRegion, .. } => aws::Error::NoRegion.fmt(formatter),
            Self::Aws { doing, source } => write!(formatter, "could not {doing}: {source}"),
            Self::Usage { message, .. } => formatter.write_str(message),
            Self::Io { doing, source } => write!(formatter, "could not {doing}: {source}"),
        }
    }
}

fn with_cause(formatter: &mut fmt::Formatter<'_>, error: &dyn StdError) -> fmt::Result {
    write!(formatter, "{error}")?;
    match error.source() {
        Some(source) => write!(formatter, ": {source}"),
        None => Ok(()),
    }
}

impl StdError for Failure {}

impl Diagnostic for Failure {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        if let Some(error) = self.aws_error() {
            return Some(Box::new(advice(error)));
        }
        match self {
            Self::Project(error) => error.help(),
            Self::Usage { help, .. } => Some(Box::new(help)),
            Self::Artifact(artifact::Error::NoCargoLambda) => Some(Box::new(
                "install it: `pip install cargo-lambda` (brings zig along) or `cargo install cargo-lambda`",
            )),
            Self::Artifact(artifact::Error::DoesNotCompile) => {
                Some(Box::new("the compiler's words are above; nothing was deployed"))
            }
            Self::Artifact(artifact::Error::DoesNotStart { words, .. }) if !words.is_empty() => {
                Some(Box::new(format!("its last words, and nothing was deployed:\n{words}")))
            }
            Self::Artifact(artifact::Error::DoesNotStart { .. }) => {
                Some(Box::new("it said nothing on stderr; nothing was deployed"))
            }
            Self::Artifact(artifact::Error::OtherCalls { .. }) => Some(Box::new(
                "its role is read off the sources, so nothing was deployed: look for the call in a crate outside the \
                 workspace, or make it in the workspace through a handle",
            )),
            Self::Artifact(artifact::Error::NoBinary { .. }) => {
                Some(Box::new("a function crate needs a binary target of the crate's name"))
            }
            Self::Local(local::Error::OtherLayout { folder, .. }) => Some(Box::new(format!(
                "end the old one with `fuser -k {0}/lock` where it still runs, remove {0} and run this again; \
                 the data of the local stage goes with it",
                folder.display()
            ))),
            Self::Local(local::Error::DidNotStart { folder, .. }) => Some(Box::new(format!(
                "if its state is damaged, remove {} and run this again; the data of the local stage goes with it",
                folder.display()
            ))),
            Self::Local(local::Error::PortTaken { .. }) => {
                Some(Box::new("stop what listens there, or take `endpoint` out of the stage's file"))
            }
            Self::Local(local::Error::NoAnswer { lock, .. }) => Some(Box::new(format!(
                "find the process with `fuser {}` and end it, then run this again",
                lock.display()
            ))),
            _ => None,
        }
    }

    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.as_project().and_then(Diagnostic::code)
    }

    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        self.as_project().and_then(Diagnostic::source_code)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = miette::LabeledSpan> + '_>> {
        self.as_project().and_then(Diagnostic::labels)
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        self.as_project().and_then(Diagnostic::related)
    }
}

impl Failure {
    pub fn as_project(&self) -> Option<&project::Error> {
        match self {
            Self::Project(error) => Some(error),
            _ => None,
        }
    }
}

impl From<project::Error> for Failure {
    fn from(error: project::Error) -> Self {
        Self::Project(error)
    }
}

impl From<artifact::Error> for Failure {
    fn from(error: artifact::Error) -> Self {
        Self::Artifact(error)
    }
}

impl From<local::Error> for Failure {
    fn from(error: local::Error) -> Self {
        Self::Local(error)
    }
}

impl From<deploy::Error> for Failure {
    fn from(error: deploy::Error) -> Self {
        Self::Engine(error)
    }
}
