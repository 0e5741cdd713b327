//! Why a confirmation failed, in words fit for whoever signs up: Cognito shows them the message.

use lambda_runtime::Diagnostic;

/// A failed confirmation. The full cause is in the log, under the request's id.
#[derive(Debug, thiserror::Error)]
#[error("{reason} (request {request_id})")]
pub struct Failure {
    pub reason: Reason,
    pub request_id: String,
}

/// What went wrong.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    #[error("the event has no trigger source, user name or user attributes")]
    NotATriggerEvent,
    #[error("the event's user has no usable sub")]
    NoSub,
    /// With AWS's error code.
    #[error("the user's row was not written: {code}")]
    RowNotWritten { code: String },
}

impl Reason {
    fn name(&self) -> &'static str {
        match self {
            Self::NotATriggerEvent => "NotATriggerEvent",
            Self::NoSub => "NoSub",
            Self::RowNotWritten { .. } => "RowNotWritten",
        }
    }
}

impl From<Failure> for Diagnostic {
    fn from(failure: Failure) -> Self {
        Self { error_type: failure.reason.name().to_owned(), error_message: failure.to_string() }
    }
}
