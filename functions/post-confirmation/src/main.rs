//! Cognito's PostConfirmation trigger: makes the row of a user who confirmed a sign-up.

use std::sync::Arc;

use functions_shared::aws::Aws;
use functions_shared::logging;
use functions_shared::profiles::{ProfilesTable, Write};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::value::RawValue;

use crate::failure::{Failure, Reason};

mod event;
mod failure;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    logging::start(module_path!());
    let profiles = ProfilesTable::from_env(&Arc::new(Aws::from_env()))?;
    lambda_runtime::run(service_fn(|event: LambdaEvent<Box<RawValue>>| confirm(&profiles, event))).await
}

/// Answers the event's own text: Cognito takes anything else for an error, and a text that is not touched
/// loses no field that this code does not know.
async fn confirm(
    profiles: &ProfilesTable,
    event: LambdaEvent<Box<RawValue>>,
) -> Result<Box<RawValue>, Failure> {
    let failed = |reason| Failure { reason, request_id: event.context.request_id.clone() };
    if let Some(user) = event::confirmed_user(event.payload.get()).map_err(failed)? {
        let subject = user.sub.hash();
        match profiles.put_item(&user).await {
            Ok(Write::Done) => tracing::info!(subject, "made the user's row"),
            Ok(Write::ConditionFailed) => tracing::info!(subject, "the user's row is there already"),
            Err(error) => {
                error.log();
                return Err(failed(Reason::RowNotWritten { code: error.code }));
            }
        }
    }
    Ok(event.payload)
}

#[cfg(test)]
mod tests;
