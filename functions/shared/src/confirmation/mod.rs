//! The frame of a PostConfirmation trigger: finds the user in the event, and answers the event.

mod event;
mod failure;

use lambda_runtime::LambdaEvent;
use serde_json::value::RawValue;

pub use failure::{Failure, Reason};

use crate::aws::CallError;
use crate::profiles::Write;
use crate::user::User;

/// Why a row was not written.
pub trait NotWritten {
    /// Writes it to the log, whole.
    fn log(&self);
    /// The cause in one word, fit for whoever signs up.
    fn code(&self) -> String;
}

impl NotWritten for CallError {
    fn log(&self) {
        self.log();
    }

    fn code(&self) -> String {
        self.code.clone()
    }
}

/// Lets `write` make the rows of a user who confirmed a sign-up, and answers the event's own text: Cognito
/// takes anything else for an error, and a text that is not touched loses no field that this code does not
/// know. An event about something else is answered without a write.
pub async fn answer<E: NotWritten>(
    event: LambdaEvent<Box<RawValue>>,
    write: impl AsyncFnOnce(&User) -> Result<Write, E>,
) -> Result<Box<RawValue>, Failure> {
    let failed = |reason| Failure { reason, request_id: event.context.request_id.clone() };
    if let Some(user) = event::confirmed_user(event.payload.get()).map_err(failed)? {
        let subject = user.sub.hash();
        match write(&user).await {
            Ok(Write::Done) => tracing::info!(subject, "made what a confirmed user needs"),
            Ok(Write::ConditionFailed) => tracing::info!(subject, "the user was confirmed before"),
            Err(error) => {
                error.log();
                return Err(failed(Reason::RowNotWritten { code: error.code() }));
            }
        }
    }
    Ok(event.payload)
}
