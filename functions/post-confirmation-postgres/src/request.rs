//! What the deployer asks of the database through the function, which alone can reach one in a VPC. Cognito may
//! invoke the function too, but always with its own event, which is no such request.

use std::time::{Duration, SystemTime};

use lambda_runtime::{Context, Diagnostic};
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use crate::database::Database;
use crate::migrations::{self, Failed, Report};
use crate::schema::Schema;

/// Of the invocation's time, what is left for the answer.
const RESERVE: Duration = Duration::from_secs(2);

/// The event.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    database: Action,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum Action {
    /// Which migrations the database has.
    Status,
    /// Apply those that it does not have.
    Migrate,
}

impl Request {
    /// `None` where the event is something else.
    pub fn parse(event: &str) -> Option<Self> {
        serde_json::from_str(event).ok()
    }

    /// Does it, and answers with a [`Report`].
    pub async fn answer(
        self,
        database: &Database,
        schema: &Schema,
        context: &Context,
    ) -> Result<Box<RawValue>, Refused> {
        let report = self.run(database, schema, context).await.map_err(Refused::from)?;
        to_raw_value(&report).map_err(|error| Refused { kind: "Unanswerable", message: error.to_string() })
    }

    async fn run(self, database: &Database, schema: &Schema, context: &Context) -> Result<Report, Failed> {
        let limit = left(context);
        let mut client = database.fresh(limit).await?;
        match self.database {
            Action::Status => migrations::status(&client, schema).await,
            Action::Migrate => {
                let report = migrations::apply(&mut client, schema, migrations::ALL).await?;
                tracing::info!(new = ?report.new, "migrated the schema");
                Ok(report)
            }
        }
    }
}

/// How long a statement may take: what is left of the invocation.
fn left(context: &Context) -> Duration {
    let end = SystemTime::UNIX_EPOCH + Duration::from_millis(context.deadline);
    let left = end.duration_since(SystemTime::now()).unwrap_or_default();
    left.saturating_sub(RESERVE).max(Duration::from_secs(1))
}

/// Why it was not done, for the deployer.
#[derive(Debug)]
pub struct Refused {
    kind: &'static str,
    message: String,
}

impl From<Failed> for Refused {
    fn from(failed: Failed) -> Self {
        let kind = match &failed {
            Failed::Database(_) => "DatabaseFailed",
            Failed::Migration { .. } => "MigrationFailed",
            Failed::Changed { .. } => "MigrationChanged",
        };
        tracing::error!(code = kind, "{failed}");
        Self { kind, message: failed.to_string() }
    }
}

impl From<Refused> for Diagnostic {
    fn from(refused: Refused) -> Self {
        Self { error_type: refused.kind.to_owned(), error_message: refused.message }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cognito_sends_is_never_a_request() {
        assert_eq!(Request::parse(r#"{"database": "migrate"}"#), Some(Request { database: Action::Migrate }));
        for event in [
            include_str!("../events/confirm-sign-up.json"),
            r#"{"database": "migrate", "triggerSource": "PostConfirmation_ConfirmSignUp"}"#,
            r#"{"database": "drop"}"#,
            "{}",
        ] {
            assert_eq!(Request::parse(event), None, "{event}");
        }
    }
}
