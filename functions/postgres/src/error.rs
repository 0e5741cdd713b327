//! What can go wrong with the database: for the log whole, for whoever signs up in one word.

use std::error::Error as _;
use std::path::PathBuf;

use functions_shared::aws::CallError;
use functions_shared::confirmation::NotWritten;
use functions_shared::problem::Problem;
use tokio_postgres::error::{DbError, SqlState};

use crate::credentials::Unusable;

/// Why the database did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{0}")]
    Secret(#[from] CallError),
    #[error("the database's secret {0}")]
    Unusable(#[from] Unusable),
    #[error("the certificate authorities in {} cannot be trusted: {why}", file.display())]
    Authority { file: PathBuf, why: String },
    #[error("{doing} took too long")]
    TimedOut { doing: &'static str },
    #[error("no connection to the database: {}", words(.0))]
    Connect(tokio_postgres::Error),
    #[error("{}", words(.0))]
    Statement(tokio_postgres::Error),
}

impl NotWritten for Error {
    fn log(&self) {
        match self {
            Self::Secret(error) => error.log(),
            Self::Unusable(_)
            | Self::Authority { .. }
            | Self::TimedOut { .. }
            | Self::Connect(_)
            | Self::Statement(_) => tracing::error!(code = self.code(), "{self}"),
        }
    }

    fn code(&self) -> String {
        match self {
            Self::Secret(error) => error.code.clone(),
            Self::Unusable(_) => "DatabaseSecretUnusable".to_owned(),
            Self::Authority { .. } => "DatabaseAuthorityUnusable".to_owned(),
            Self::TimedOut { .. } => "DatabaseTimedOut".to_owned(),
            Self::Connect(error) => match error.code() {
                Some(state) => format!("DatabaseRefused{}", state.code()),
                None => "DatabaseUnreachable".to_owned(),
            },
            Self::Statement(error) => match error.code() {
                Some(state)
                    if *state == SqlState::UNDEFINED_TABLE || *state == SqlState::UNDEFINED_COLUMN =>
                {
                    "SchemaNotMigrated".to_owned()
                }
                Some(state) if *state == SqlState::QUERY_CANCELED => "DatabaseTimedOut".to_owned(),
                Some(state) => format!("DatabaseError{}", state.code()),
                None => "DatabaseUnreachable".to_owned(),
            },
        }
    }
}

impl From<Error> for Problem {
    /// What the database said stays in the log; the caller learns whether another try makes sense.
    fn from(error: Error) -> Self {
        let call = match error {
            Error::Secret(call) => call,
            Error::Unusable(_) | Error::Authority { .. } => call_error(&error, false),
            Error::TimedOut { .. } => call_error(&error, true),
            Error::Connect(ref cause) | Error::Statement(ref cause) => {
                // Without an answer, or: no resources, somebody's intervention, the other's turn first ("PostgreSQL
                // Error Codes", classes 53, 57 and 40).
                let passing =
                    |state: &SqlState| ["53", "57", "40"].iter().any(|class| state.code().starts_with(class));
                call_error(&error, cause.code().is_none_or(passing))
            }
        };
        call.into()
    }
}

fn call_error(error: &Error, transient: bool) -> CallError {
    CallError {
        action: "postgres",
        resource: "database".to_owned(),
        code: error.code(),
        message: error.to_string(),
        aws_request_id: None,
        transient,
    }
}

/// The driver's error with its causes. Of what the server says about data (SQLSTATE classes 22 and 23) only the
/// code and the names: its texts quote values, such as an address.
fn words(error: &tokio_postgres::Error) -> String {
    if let Some(answer) = error.as_db_error() {
        return answer_words(answer);
    }
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

fn answer_words(answer: &DbError) -> String {
    let code = answer.code().code();
    if code.starts_with("22") || code.starts_with("23") {
        let part =
            |word: &str, name: Option<&str>| name.map(|name| format!(", {word} {name}")).unwrap_or_default();
        return format!(
            "{code}{}{}{}",
            part("table", answer.table()),
            part("column", answer.column()),
            part("constraint", answer.constraint())
        );
    }
    format!("{code}: {}", answer.message())
}
