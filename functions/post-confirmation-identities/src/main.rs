//! Cognito's PostConfirmation trigger: makes the two rows of a user who confirmed a sign-up, in `profiles` and in
//! `identities`, for the stages that keep people's identities in a table of their own.

use std::sync::Arc;

use functions_shared::aws::Aws;
use functions_shared::confirmation::{self, Failure};
use functions_shared::identities::IdentityTables;
use functions_shared::logging;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::value::RawValue;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    logging::start(module_path!());
    let tables = IdentityTables::from_env(&Arc::new(Aws::from_env()))?;
    lambda_runtime::run(service_fn(|event: LambdaEvent<Box<RawValue>>| confirm(&tables, event))).await
}

async fn confirm(
    tables: &IdentityTables,
    event: LambdaEvent<Box<RawValue>>,
) -> Result<Box<RawValue>, Failure> {
    confirmation::answer(event, async |user| tables.transact_write_items(user).await).await
}

#[cfg(test)]
mod tests;
