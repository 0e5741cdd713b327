//! What the deployer asks of the database through the function, which alone can reach one in a VPC. Cognito may
//! invoke the function too, but always with its own event, which is no such request.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use functions_shared::user::User;
use lambda_runtime::{Context, Diagnostic};
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

use crate::migrations::{self, Failed, Report};
use functions_postgres::database::Database;
use functions_postgres::schema::Schema;
use functions_postgres::users;

/// Of the invocation's time, what is left for the answer.
const RESERVE: Duration = Duration::from_secs(2);

/// The event.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    database: Action,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Action {
    /// Which migrations the database has.
    Status,
    /// Apply those that it does not have.
    Migrate,
    /// Make the rows that these confirmed users do not have.
    Repair(Vec<Confirmed>),
}

/// A user as Cognito lists them.
#[derive(Debug, PartialEq, Eq, Deserialize)]
struct Confirmed {
    username: String,
    attributes: HashMap<String, String>,
}

/// What is answered.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Answer {
    Schema(Report),
    Repaired {
        made: u64,
        /// Those without a usable `sub`, which no row can be made for.
        unusable: usize,
    },
}

impl Request {
    /// `None` where the event is something else.
    pub fn parse(event: &str) -> Option<Self> {
        serde_json::from_str(event).ok()
    }

    /// Does it, and says what became of it.
    pub async fn answer(
        self,
        database: &Database,
        schema: &Schema,
        context: &Context,
    ) -> Result<Box<RawValue>, Refused> {
        let answer = self.run(database, schema, context).await.map_err(Refused::from)?;
        to_raw_value(&answer).map_err(|error| Refused { kind: "Unanswerable", message: error.to_string() })
    }

    async fn run(self, database: &Database, schema: &Schema, context: &Context) -> Result<Answer, Failed> {
        let limit = left(context);
        let mut client = database.fresh(limit).await?;
        match self.database {
            Action::Status => migrations::status(&client, schema).await.map(Answer::Schema),
            Action::Migrate => {
                let report = migrations::apply(&mut client, schema, migrations::ALL).await?;
                tracing::info!(new = ?report.new, "migrated the schema");
                Ok(Answer::Schema(report))
            }
            Action::Repair(listed) => {
                let users: Vec<User> = listed.iter().filter_map(Confirmed::user).collect();
                let made = users::insert_all(&client, schema, &users).await?;
                tracing::info!(made, "made the rows that were missing");
                Ok(Answer::Repaired { made, unusable: listed.len() - users.len() })
            }
        }
    }
}

impl Confirmed {
    fn user(&self) -> Option<User> {
        User::from_attributes(&self.username, |name| self.attributes.get(name).map(String::as_str))
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
