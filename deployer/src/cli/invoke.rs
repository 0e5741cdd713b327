//! `invoke`: a function of the stage with an event from a file, past the API and the pool.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use super::failure::Failure;
use super::session::{project, reach};
use super::ui::Ui;
use super::{Format, Global, INTERNAL};
use crate::project::{Function, Project, nearest};

/// Invoke a function with an event, past the API and the pool
#[derive(Debug, clap::Args)]
pub struct InvokeArgs {
    /// The function's crate, such as get-profile
    name: String,
    /// The event, as a JSON file, or the name of one under the crate's `events` folder
    #[arg(long, value_name = "FILE")]
    event: PathBuf,
}

/// Beyond the function's own time: its start, and the way there and back.
const AROUND: Duration = Duration::from_secs(15);
/// Of a synchronous invocation (Lambda quotas, developer guide).
const PAYLOAD_LIMIT: usize = 6 * 1024 * 1024;

pub async fn run(ui: &Ui, global: &Global, args: InvokeArgs) -> Result<u8, Failure> {
    let project = project(global)?;
    let function = function(&project, &args.name)?;
    let event = event(function, &args.event)?;
    let aws = reach(&project).await?;
    let limit = Duration::from_secs(function.timeout.into()) + AROUND;
    let answer = aws
        .invoke(&function.function_name, event, limit)
        .await
        .map_err(Failure::aws(format!("invoke {}", function.function_name)))?;
    let failed = answer.function_error.is_some();
    if failed || ui.verbose {
        answer.log_tail.lines().for_each(|line| ui.status(line));
    }
    let payload = String::from_utf8_lossy(&answer.payload);
    if ui.format == Format::Json {
        let payload: Value = serde_json::from_str(&payload).unwrap_or_else(|_| Value::from(payload.as_ref()));
        ui.json(&json!({
            "type": "invocation", "function": function.name, "error": answer.function_error, "payload": payload,
        }));
    } else {
        ui.result(&payload);
    }
    if let Some(kind) = answer.function_error.filter(|_| ui.format != Format::Json) {
        ui.warn(&format!("{} failed ({kind}): what it answered is its error", function.name));
    }
    Ok(if failed { INTERNAL } else { 0 })
}

/// The stage's function of that name.
pub fn function<'a>(project: &'a Project, name: &str) -> Result<&'a Function, Failure> {
    project.functions.iter().find(|function| function.name == name).ok_or_else(|| {
        let known: Vec<&str> = project.functions.iter().map(|function| function.name.as_str()).collect();
        let help = match nearest(name, known.iter().copied()) {
            Some(near) => format!("did you mean {near}?"),
            None => format!("it has {}", known.join(", ")),
        };
        Failure::usage(format!("the stage {} has no function {name}", project.stage.as_str()), help)
    })
}

/// The event's text, after a look at whether it is one.
fn event(function: &Function, given: &Path) -> Result<Vec<u8>, Failure> {
    let folder = function.manifest.with_file_name("events");
    let beside = folder.join(given).with_extension("json");
    let file = if !given.exists() && beside.is_file() { beside.as_path() } else { given };
    let text = std::fs::read(file).map_err(|error| {
        let known = names(&folder);
        let help = match known.as_slice() {
            [] => format!("name a JSON file; those in {} go by their name", folder.display()),
            known => format!("name a JSON file, or one of the crate's own: {}", known.join(", ")),
        };
        Failure::usage(format!("{}: {error}", file.display()), help)
    })?;
    if let Err(error) = serde_json::from_slice::<serde::de::IgnoredAny>(&text) {
        return Err(Failure::usage(
            format!("{} is no JSON: {error}", file.display()),
            "an event is one JSON value",
        ));
    }
    if text.len() > PAYLOAD_LIMIT {
        return Err(Failure::usage(
            format!("{} has {} bytes", file.display(), text.len()),
            "Lambda takes events of at most 6 MB",
        ));
    }
    Ok(text)
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut names: Vec<String> = entries
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect();
    names.sort();
    names
}
