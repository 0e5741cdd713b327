//! `logs`: what the functions wrote.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::failure::Failure;
use super::session::{Session, interrupts, project};
use super::ui::Ui;
use super::up::duration;
use super::{Format, Global};
use crate::aws::LogEvent;
use crate::deploy::Interrupt;
use crate::project::Function;

/// Show what the functions wrote
#[derive(Debug, clap::Args)]
pub struct LogsArgs {
    /// One function; otherwise all of the stage
    #[arg(value_name = "FUNCTION")]
    function: Option<String>,
    /// How far back
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = duration)]
    since: Duration,
    /// A CloudWatch filter pattern
    #[arg(long, value_name = "PATTERN")]
    filter: Option<String>,
    /// Go on showing what comes
    #[arg(short, long)]
    follow: bool,
}

/// Between two looks while following.
const PAUSE: Duration = Duration::from_secs(1);

pub async fn run(ui: &Ui, global: &Global, args: LogsArgs) -> Result<u8, Failure> {
    let session = Session::open_running(project(global)?).await?;
    let functions = chosen(&session, args.function.as_deref())?;
    let interrupt = interrupts(ui);
    let back = SignedDuration::try_from(args.since).unwrap_or(SignedDuration::MAX);
    let mut since = Timestamp::now().saturating_sub(back).unwrap_or(Timestamp::UNIX_EPOCH);
    let mut shown = BTreeSet::new();
    loop {
        let mut events = read(&session, &functions, since, args.filter.as_deref()).await?;
        events.retain(|(_, event)| shown.insert(event.id.clone()));
        for (function, event) in &events {
            show(ui, function, event);
            since = since.max(event.time);
        }
        if !args.follow || paused(&interrupt).await {
            return Ok(0);
        }
    }
}

fn chosen<'a>(session: &'a Session, name: Option<&str>) -> Result<Vec<&'a Function>, Failure> {
    let all = &session.project.functions;
    let Some(name) = name else { return Ok(all.iter().collect()) };
    let found: Vec<&Function> = all.iter().filter(|function| function.name == name).collect();
    if found.is_empty() {
        let known: Vec<&str> = all.iter().map(|function| function.name.as_str()).collect();
        return Err(Failure::usage(
            format!("there is no function {name} in this stage"),
            format!("the functions are: {}", known.join(", ")),
        ));
    }
    Ok(found)
}

async fn read<'a>(
    session: &Session,
    functions: &[&'a Function],
    since: Timestamp,
    filter: Option<&str>,
) -> Result<Vec<(&'a str, LogEvent)>, Failure> {
    let mut events = Vec::new();
    for function in functions {
        let found = session.aws.log_events(&function.log_group, since, filter).await;
        let found = found.map_err(Failure::aws(format!("read the log group {}", function.log_group)))?;
        events.extend(found.into_iter().map(|event| (function.name.as_str(), event)));
    }
    events.sort_by_key(|(_, event)| event.time);
    Ok(events)
}

fn show(ui: &Ui, function: &str, event: &LogEvent) {
    match ui.format {
        Format::Json => ui.json(&json!({"function": function, "time": event.time, "message": event.message})),
        Format::Human | Format::Github | Format::Env => {
            ui.result(&format!("{} {function}  {}", event.time.strftime("%H:%M:%S%.3f"), event.message));
        }
    }
}

async fn paused(interrupt: &Interrupt) -> bool {
    tokio::select! {
        () = tokio::time::sleep(PAUSE) => false,
        () = interrupt.wait() => true,
    }
}
