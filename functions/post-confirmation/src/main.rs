//! Cognito's PostConfirmation trigger: makes the row of a user who confirmed a sign-up.

use std::sync::Arc;

use functions_shared::aws::Aws;
use functions_shared::confirmation::{self, Failure};
use functions_shared::logging;
use functions_shared::profiles::ProfilesTable;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::value::RawValue;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    logging::start(module_path!());
    let profiles = ProfilesTable::from_env(&Arc::new(Aws::from_env()))?;
    lambda_runtime::run(service_fn(|event: LambdaEvent<Box<RawValue>>| confirm(&profiles, event))).await
}

async fn confirm(
    profiles: &ProfilesTable,
    event: LambdaEvent<Box<RawValue>>,
) -> Result<Box<RawValue>, Failure> {
    confirmation::answer(event, async |user| profiles.put_item(user).await).await
}

#[cfg(test)]
mod tests;
