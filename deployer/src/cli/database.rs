//! `db`: the stage's database and its migrations, by way of the function that can reach it.

use std::path::PathBuf;
use std::time::Duration;

use clap::Subcommand;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::failure::Failure;
use super::outputs::{output, outputs};
use super::session::{Session, project, reach};
use super::ui::Ui;
use super::{Format, Global};
use crate::aws::{Aws, Invoked};
use crate::local::DatabaseUrl;
use crate::project::{Function, Migration, Project};

/// The stage's database: its schema's migrations, and the rows that confirmations left out
#[derive(Debug, clap::Args)]
pub struct DatabaseArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
enum Action {
    /// Show which migrations are applied and which are pending
    Status,
    /// Apply the pending migrations of what is deployed: all of them or none
    Migrate,
    /// Make the rows that confirmed users do not have, because their confirmation failed
    Repair,
}

/// Requests that the function knows by a word.
const STATUS: &str = "status";
const MIGRATE: &str = "migrate";

/// An applied migration is never changed.
const TAKE_BACK: &str = "take the change back; another migration brings it";

/// What an invocation may take beyond the function's own time.
const AROUND: Duration = Duration::from_secs(15);

/// What the function says of its schema.
#[derive(Debug, Deserialize)]
struct Report {
    schema: String,
    applied: Vec<Applied>,
    new: Vec<i32>,
}

/// What the function says of rows that were missing.
#[derive(Debug, Deserialize)]
struct Repaired {
    made: u64,
    unusable: usize,
}

#[derive(Debug, Deserialize)]
struct Applied {
    version: i32,
    name: String,
    checksum: String,
}

/// Whether the schema has a migration of the project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Applied,
    Pending,
    /// Applied, and another text by now.
    Changed,
}

pub async fn run(ui: &Ui, global: &Global, args: DatabaseArgs) -> Result<u8, Failure> {
    let project = project(global)?;
    let Some(function) = project.migrator() else {
        return Err(Failure::usage(
            format!("the stage {} has no function with migrations", project.stage.as_str()),
            "enable one: functions: {post-confirmation-postgres: {enabled: true}}",
        ));
    };
    let request = match args.action {
        Action::Status => STATUS,
        Action::Migrate => MIGRATE,
        Action::Repair => return repair(ui, global, function).await,
    };
    let aws = reach(&project).await?;
    let report: Report = match ask(&aws, function, &json!(request)).await {
        Err(failure) if is_absent(&failure) => {
            return Err(Failure::usage(
                format!("{} is not deployed, and it alone reaches the database", function.function_name),
                format!("make it with `deployer up --stage {}`", project.stage.as_str()),
            ));
        }
        asked => asked?,
    };
    let states = states(function.migrations.as_deref().unwrap_or_default(), &report.applied);
    if ui.format == Format::Json {
        let migrations: Vec<Value> = states
            .iter()
            .map(|(migration, state)| json!({"version": migration.version, "name": migration.name, "state": state}))
            .collect();
        ui.json(&json!({
            "type": "database", "schema": report.schema, "new": report.new, "migrations": migrations,
        }));
        return Ok(0);
    }
    for (migration, state) in &states {
        let state = match state {
            State::Applied if report.new.contains(&migration.version) => "applied now",
            State::Applied => "applied",
            State::Pending => "pending",
            State::Changed => "changed after it was applied",
        };
        ui.result(&format!("{}  {state}", title(migration.version, &migration.name)));
    }
    // Somebody deployed newer functions.
    for applied in &report.applied {
        if !states.iter().any(|(migration, _)| migration.version == applied.version) {
            ui.result(&format!("{}  applied, and not in this folder", title(applied.version, &applied.name)));
        }
    }
    ui.status(&format!("{} is the schema", report.schema));
    if states.iter().any(|(_, state)| *state == State::Changed) {
        ui.hint(TAKE_BACK);
    }
    if states.iter().any(|(_, state)| *state == State::Pending) {
        let stage = project.stage.as_str();
        ui.hint(&if args.action == Action::Migrate {
            format!("what is deployed does not have it yet: `deployer up --stage {stage}` first")
        } else {
            format!("`deployer db migrate --stage {stage}` applies what is pending")
        });
    }
    Ok(0)
}

/// A failed confirmation leaves the user confirmed in the pool, and without a row.
async fn repair(ui: &Ui, global: &Global, function: &Function) -> Result<u8, Failure> {
    let session = Session::open_running(project(global)?).await?;
    let outputs = outputs(&session).await?;
    let pool = output(&outputs, "UserPoolId")?;
    let (mut confirmed, mut made, mut unusable, mut token) = (0, 0, 0, None);
    loop {
        let page = session.aws.confirmed_users(pool, token).await;
        let (users, next) = page.map_err(Failure::aws(format!("list the users of {pool}")))?;
        if !users.is_empty() {
            let repaired: Repaired = ask(&session.aws, function, &json!({"repair": users})).await?;
            confirmed += users.len();
            made += repaired.made;
            unusable += repaired.unusable;
        }
        token = next;
        if token.is_none() {
            break;
        }
    }
    if ui.format == Format::Json {
        ui.json(&json!({"type": "repair", "confirmed": confirmed, "made": made, "unusable": unusable}));
    } else {
        ui.result(&format!("{confirmed} confirmed users, {made} rows made"));
        if unusable > 0 {
            ui.warn(&format!("{unusable} of them have no usable sub"));
        }
    }
    Ok(0)
}

fn title(version: i32, name: &str) -> String {
    format!("{version:04} {name}")
}

/// Each migration of the folder, and whether the database has it.
fn states<'a>(migrations: &'a [Migration], applied: &[Applied]) -> Vec<(&'a Migration, State)> {
    migrations
        .iter()
        .map(|migration| {
            let state = match applied.iter().find(|applied| applied.version == migration.version) {
                Some(applied) if applied.checksum == migration.checksum => State::Applied,
                Some(_) => State::Changed,
                None => State::Pending,
            };
            (migration, state)
        })
        .collect()
}

async fn ask<T: DeserializeOwned>(aws: &Aws, function: &Function, request: &Value) -> Result<T, Failure> {
    let name = &function.function_name;
    let event = json!({"database": request}).to_string().into_bytes();
    let limit = Duration::from_secs(function.timeout.into()) + AROUND;
    let answer = aws.invoke(name, event, limit).await;
    let answer = answer.map_err(Failure::aws(format!("ask {name} about its database")))?;
    understood(name, &answer)
}

fn understood<T: DeserializeOwned>(name: &str, answer: &Invoked) -> Result<T, Failure> {
    let unclear = || {
        Failure::usage(
            format!("{name} did not say what became of its database"),
            "deploy it with `up`; `deployer logs` shows its own words",
        )
    };
    if answer.function_error.is_none() {
        return serde_json::from_slice(&answer.payload).map_err(|_| unclear());
    }
    let words: Value = serde_json::from_slice(&answer.payload).map_err(|_| unclear())?;
    let text = |key: &str| words.get(key).and_then(Value::as_str);
    let message = text("errorMessage").ok_or_else(unclear)?;
    let help = match text("errorType") {
        Some("MigrationFailed") => "mend the migration, deploy it with `up`, and run `db migrate` again",
        Some("MigrationChanged") => TAKE_BACK,
        _ => "see to the database, its secret and the way there; `deployer logs` shows more",
    };
    Err(Failure::usage(message.to_owned(), help))
}

/// Where the shell says that a local stage's database is; none for a stage that needs no such thing.
pub fn url(project: &Project) -> Result<Option<DatabaseUrl>, Failure> {
    let Some(database) = &project.database else { return Ok(None) };
    let Some(variable) = &database.url_from else { return Ok(None) };
    let stage = project.stage.as_str();
    let Ok(url) = std::env::var(variable) else {
        return Err(Failure::usage(
            format!("the stage {stage} needs a Postgres database, and {variable} names none"),
            format!("export {variable}='postgres://user:password@localhost/database?sslmode=disable'"),
        ));
    };
    DatabaseUrl::parse(&url, database.authority.clone()).map(Some).map_err(|error| {
        Failure::usage(
            format!("{variable} cannot be used: {error}"),
            format!("export {variable}='postgres://user:password@localhost/database?sslmode=disable'"),
        )
    })
}

/// Whom the functions trust as the stage's database.
pub fn authority(project: &Project, url: Option<&DatabaseUrl>) -> Option<PathBuf> {
    match url {
        Some(url) => url.authority.clone(),
        None => project.database.as_ref().and_then(|database| database.authority.clone()),
    }
}

/// Before a deployment: an applied migration that was changed is refused while nothing has run. Whether the database
/// can be reached at all is for [`after_up`] to find.
pub async fn before_up(project: &Project, aws: &Aws) -> Result<(), Failure> {
    let Some(function) = project.migrator() else { return Ok(()) };
    let Ok(open) = open(aws, function).await else { return Ok(()) };
    let Some((title, _)) = open.iter().find(|(_, state)| *state == State::Changed) else { return Ok(()) };
    Err(Failure::usage(
        format!("the migration {title} was changed after it was applied, and nothing was deployed"),
        TAKE_BACK,
    ))
}

/// After a deployment: a stage that can be made anew has its schema migrated at once; any other shows what is
/// pending, because a migration is not taken back with the stack.
pub async fn after_up(ui: &Ui, project: &Project, aws: &Aws) -> Result<(), Failure> {
    let Some(function) = project.migrator() else { return Ok(()) };
    if !project.class.protected() {
        let report: Report = ask(aws, function, &json!(MIGRATE)).await.inspect_err(|_| {
            ui.warn("the stack is deployed, and the migrations of its database are not applied");
        })?;
        for applied in report.applied.iter().filter(|applied| report.new.contains(&applied.version)) {
            let title = title(applied.version, &applied.name);
            ui.status(&format!("applied the migration {title} to {}", report.schema));
        }
        return Ok(());
    }
    let stage = project.stage.as_str();
    match open(aws, function).await {
        Ok(open) if open.is_empty() => {}
        // Nothing is applied past a change: taking it back comes first.
        Ok(open) if open.iter().any(|(_, state)| *state == State::Changed) => ui.warn(&told(&open)),
        Ok(open) => ui.hint(&format!("{}: `deployer db migrate --stage {stage}`", told(&open))),
        Err(error) => ui.warn(&format!("the database's migrations are unknown: {error}")),
    }
    Ok(())
}

/// For `plan`: what `db migrate` would apply.
pub async fn planned(project: &Project, aws: &Aws) -> Option<String> {
    let function = project.migrator()?;
    Some(match open(aws, function).await {
        Ok(open) if open.is_empty() => "database: no migration is pending".to_owned(),
        Ok(open) => told(&open),
        Err(failure) if is_absent(&failure) => {
            "database: its migrations are unknown until the stage is deployed".to_owned()
        }
        Err(error) => format!("database: its migrations are unknown: {error}"),
    })
}

/// The migrations that the database does not have like this.
async fn open(aws: &Aws, function: &Function) -> Result<Vec<(String, State)>, Failure> {
    let report: Report = ask(aws, function, &json!(STATUS)).await?;
    let states = states(function.migrations.as_deref().unwrap_or_default(), &report.applied);
    let open = states.into_iter().filter(|(_, state)| *state != State::Applied);
    Ok(open.map(|(migration, state)| (title(migration.version, &migration.name), state)).collect())
}

fn told(open: &[(String, State)]) -> String {
    let of = |wanted: State| -> Vec<&str> {
        open.iter().filter(|(_, state)| *state == wanted).map(|(title, _)| title.as_str()).collect()
    };
    let (changed, pending) = (of(State::Changed), of(State::Pending));
    let mut parts = Vec::new();
    if !changed.is_empty() {
        parts.push(format!("{} changed after it was applied: {TAKE_BACK}", changed.join(", ")));
    }
    if !pending.is_empty() {
        parts.push(format!("pending {}", pending.join(", ")));
    }
    format!("database: {}", parts.join("; "))
}

/// The function is not there yet.
fn is_absent(failure: &Failure) -> bool {
    matches!(failure, Failure::Aws { source, .. } if source.is_rejected("ResourceNotFoundException"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_migration_is_applied_pending_or_changed() {
        let migration = |version: i32| Migration { version, name: "m".to_owned(), checksum: "a".to_owned() };
        let applied = |version: i32, checksum: &str| Applied {
            version,
            name: "m".to_owned(),
            checksum: checksum.to_owned(),
        };
        let folder = [migration(1), migration(2), migration(3)];
        let found = states(&folder, &[applied(1, "a"), applied(2, "b"), applied(9, "a")]);
        let found: Vec<State> = found.into_iter().map(|(_, state)| state).collect();
        assert_eq!(found, [State::Applied, State::Changed, State::Pending]);
        let open = [("0002 m".to_owned(), State::Changed), ("0003 m".to_owned(), State::Pending)];
        assert_eq!(
            told(&open),
            "database: 0002 m changed after it was applied: take the change back; another migration brings it; \
             pending 0003 m"
        );
    }

    #[test]
    fn a_failed_function_is_quoted_and_one_that_answers_something_else_is_not_believed() {
        let answer = |error: Option<&str>, payload: &str| Invoked {
            status: 200,
            function_error: error.map(str::to_owned),
            payload: payload.as_bytes().to_vec(),
            log_tail: String::new(),
        };
        let failed = r#"{"errorType": "MigrationFailed", "errorMessage": "the migration 2 m failed"}"#;
        let failure = understood::<Report>("f", &answer(Some("Unhandled"), failed)).unwrap_err();
        assert_eq!(failure.to_string(), "the migration 2 m failed");
        assert_eq!(failure.exit_code(), 2);
        assert!(understood::<Report>("f", &answer(None, "{\"database\": \"status\"}")).is_err());
    }
}
