//! Cognito's PostConfirmation trigger: makes the row of a user who confirmed a sign-up, in Postgres, for the stages
//! with a `database`. Also applies the schema's migrations, when the deployer asks.

mod migrations;
mod request;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use functions_postgres::database::Database;
use functions_postgres::schema::Schema;
use functions_postgres::users;
use functions_shared::aws::Aws;
use functions_shared::confirmation::{self, Failure};
use functions_shared::logging;
use lambda_runtime::{Diagnostic, Error, LambdaEvent, service_fn};
use serde_json::value::RawValue;

use request::{Refused, Request};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    logging::start(module_path!());
    let database = Database::from_env(&Arc::new(Aws::from_env()))?;
    let schema = Schema::from_env()?;
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
