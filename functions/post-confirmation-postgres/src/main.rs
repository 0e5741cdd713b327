//! Cognito's PostConfirmation trigger: makes the row of a user who confirmed a sign-up, in Postgres, for the stages
//! with a `database`. Also applies the schema's migrations, when the deployer asks.

mod authority;
mod credentials;
mod database;
mod error;
mod migrations;
mod request;
mod schema;
#[cfg(test)]
mod tests;
mod users;

use std::path::PathBuf;
use std::sync::Arc;

use functions_shared::aws::Aws;
use functions_shared::confirmation::{self, Failure};
use functions_shared::database_secret::DatabaseSecret;
use functions_shared::{config, logging};
use lambda_runtime::{Diagnostic, Error, LambdaEvent, service_fn};
use serde_json::value::RawValue;

use database::Database;
use request::{Refused, Request};
use schema::Schema;

/// Beside the binary in the zip: the certificate authorities that the stage trusts.
const AUTHORITY: &str = "database-ca.pem";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    logging::start(module_path!());
    let secret = DatabaseSecret::from_env(&Arc::new(Aws::from_env()))?;
    let schema = Schema::from_env()?;
    let database =
        Database::new(secret, PathBuf::from(config::required("LAMBDA_TASK_ROOT")?).join(AUTHORITY));
    lambda_runtime::run(service_fn(|event: LambdaEvent<Box<RawValue>>| answer(&database, &schema, event)))
        .await
}

/// Why an event was not answered.
#[derive(Debug)]
enum Failed {
    Confirmation(Failure),
    Request(Refused),
}

impl From<Failed> for Diagnostic {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Confirmation(failure) => failure.into(),
            Failed::Request(refused) => refused.into(),
        }
    }
}

async fn answer(
    database: &Database,
    schema: &Schema,
    event: LambdaEvent<Box<RawValue>>,
) -> Result<Box<RawValue>, Failed> {
    if let Some(request) = Request::parse(event.payload.get()) {
        return request.answer(database, schema, &event.context).await.map_err(Failed::Request);
    }
    confirmation::answer(event, async |user| users::insert(database, schema, user).await)
        .await
        .map_err(Failed::Confirmation)
}
