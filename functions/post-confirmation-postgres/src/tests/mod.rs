//! The trigger and its migrations, on a real Postgres named by `DATABASE_URL` (`.ci/with-postgres` starts one) and on
//! servers that do not do what one should.

#[path = "../../../shared/tests/support/bed.rs"]
#[expect(dead_code, reason = "no table is needed here")]
mod bed;
mod confirming;
mod migrating;
#[path = "../../../shared/tests/support/role.rs"]
mod role;
#[path = "../../../postgres/tests/support/server.rs"]
mod server;
mod strangers;
mod way;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use functions_postgres::database;
use functions_shared::database_secret::DatabaseSecret;
use lambda_runtime::{Context, Diagnostic, LambdaEvent};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::*;
use bed::Bed;

const SUB: &str = "0d6a3c1e-7b1f-4c55-9a53-0c2f5f0e4a11";
const SIGN_UP: &str = include_str!("../../events/confirm-sign-up.json");

/// A secret in the cloud.
async fn secret(bed: &Bed, value: &Value) -> String {
    let secrets = aws_sdk_secretsmanager::Client::new(bed.administrator().config());
    secrets.create_secret().name("db").secret_string(value.to_string()).send().await.unwrap().arn.unwrap()
}

/// The database that a secret leads to.
async fn database(bed: &Bed, value: &Value, authority: PathBuf) -> Database {
    let id = secret(bed, value).await;
    Database::new(DatabaseSecret::new(id, &bed.administrator()), authority)
}

fn schema() -> Schema {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    Schema::parse(&format!("t_{}_{number}", std::process::id())).unwrap()
}

/// Somebody else's sign-up.
fn sign_up_of(sub: &str) -> String {
    SIGN_UP.replace(SUB, sub)
}

fn event(text: &str) -> LambdaEvent<Box<RawValue>> {
    let mut context = Context::default();
    context.request_id = "r-1".to_owned();
    LambdaEvent::new(RawValue::from_string(text.trim().to_owned()).unwrap(), context)
}

/// The event must go back as it came.
async fn confirm(database: &Database, schema: &Schema, text: &str) {
    let answered = answer(database, schema, event(text)).await.unwrap();
    assert_eq!(answered.get(), text.trim());
}

/// What whoever signs up is told, and how long they waited for it.
async fn refusal(database: &Database, schema: &Schema, text: &str) -> (String, Duration) {
    let start = Instant::now();
    let failure = Diagnostic::from(answer(database, schema, event(text)).await.unwrap_err());
    assert_eq!(failure.error_type, "RowNotWritten");
    let message = failure.error_message;
    let code = message.strip_prefix("the user's row was not written: ").unwrap_or(&message);
    (code.trim_end_matches(" (request r-1)").to_owned(), start.elapsed())
}
