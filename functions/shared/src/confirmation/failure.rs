//! Why a confirmation failed, in words fit for whoever signs up: Cognito shows them the message.

use lambda_runtime::Diagnostic;

/// A failed confirmation. The full cause is in the log, under the request's id.
#[derive(Debug, thiserror::Error)]
#[error("{reason} (request {request_id})")]
pub struct Failure {
    /// What went wrong.
    pub reason: Reason,
    /// Lambda's id of the invocation: the one in its log lines.
    pub request_id: String,
}

/// What went wrong.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// The event is not a trigger's, or not of a user.
    #[error("the event has no trigger source, user name or user attributes")]
    NotATriggerEvent,
    /// Without it nothing identifies the user.
    #[error("the event's user has no usable sub")]
    NoSub,
    /// With the error code of AWS or the database.
    #[error("the user's row was not written: {code}")]
    RowNotWritten {
        /// Such as `ProvisionedThroughputExceededException`.
        code: String,
    },
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
