//! How a command ended, in words: the summary of `up`, and every other outcome with what to do next.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::json;

use super::session::Session;
use super::ui::{Ui, github};
use super::{Format, changes};
use crate::aws::StackStatus;
use crate::deploy::{Cause, Explanation, Outcome, explain};
use crate::project::Project;
use crate::template::Template;

/// Shows an outcome and answers its exit code.
pub fn show(ui: &Ui, session: &Session, template: Option<&Template>, outcome: &Outcome) -> u8 {
    if ui.format == Format::Json {
        ui.json(&json!({
            "type": "outcome",
            "service": session.project.service.as_str(),
            "stage": session.project.stage.as_str(),
            "region": session.region.as_str(),
            "stack": session.project.stack_name.as_str(),
            "exit_code": outcome.exit_code(),
            "result": outcome,
        }));
        return outcome.exit_code();
    }
    let stack = session.project.stack_name.as_str();
    match outcome {
        Outcome::Unchanged { outputs } => {
            ui.status(&format!("{stack} is up to date: nothing changed, nothing uploaded"));
            ui.result(&addresses(&session.project, outputs));
        }
        Outcome::Deployed { outputs, resources, .. } => ui.result(&deployed(session, outputs, *resources)),
        Outcome::Deleted { kept } => {
            ui.status(&format!("{stack} is deleted"));
            for resource in kept {
                let physical = resource.physical_id.as_deref().unwrap_or_default();
                ui.status(&format!("  kept, with its data: {} {physical}", resource.kind));
                if let Some(command) = how_to_remove(&resource.kind, physical, session.region.as_str()) {
                    ui.status(&format!("    remove it with: {command}"));
                }
            }
        }
        Outcome::NothingThere => ui.status(&format!(
            "there is no stack {stack} in account {} and {}: nothing to do",
            session.account.as_str(),
            session.region.as_str()
        )),
        Outcome::RolledBack { status, causes } => {
            failed(ui, &format!("{stack} failed and was rolled back ({status})"));
            show_causes(
                ui,
                causes,
                template,
                *status == StackStatus::RollbackFailed || *status == StackStatus::UpdateRollbackFailed,
            );
        }
        Outcome::Recovered { status } => {
            ui.status(&format!("{stack} is back in its last good state ({status})"));
            ui.hint("mend what made the update fail, then run `up`");
        }
        Outcome::AtRest { status } => {
            ui.status(&format!("{stack} is {status}: there is nothing to roll back"));
        }
        Outcome::CannotSkip { status } => {
            failed(ui, &format!("{stack} is {status}, where nothing can be skipped"));
            ui.hint("run `rollback` without --skip");
        }
        Outcome::Declined => ui.status("declined: nothing was changed"),
        Outcome::Refused { why, hint } => {
            failed(ui, why);
            ui.hint(hint);
        }
        Outcome::Busy { status } => {
            failed(ui, &format!("{stack} is still {status}: somebody else's operation is running"));
            ui.hint("run this again when it is over, or wait longer with --wait 1h");
        }
        Outcome::Foreign { change_sets } => {
            failed(
                ui,
                &format!("{stack} waits for a change set of someone else's: {}", change_sets.join(", ")),
            );
            ui.hint("execute or delete it first; `aws cloudformation list-change-sets` shows it");
        }
        Outcome::Impossible { found } => {
            failed(ui, &format!("this update of {stack} cannot succeed; nothing was changed"));
            found.iter().flat_map(changes::impossible).for_each(|line| ui.status(&format!("  {line}")));
        }
        Outcome::Rejected { reason } => {
            failed(ui, &format!("CloudFormation refused the change set of {stack}: {reason}"));
            if let Some(Explanation { meaning, next }) = explain(reason) {
                ui.status(&format!("    it means: {meaning}"));
                ui.status(&format!("    what to do: {next}"));
            }
            ui.hint("nothing was changed; `check` and `render` show the template");
        }
        Outcome::Stuck { status, causes, choices } => {
            failed(ui, &format!("{stack} is {status}, and a person must choose the way"));
            show_causes(ui, causes, template, true);
            choices.iter().for_each(|choice| ui.hint(choice));
        }
        Outcome::LeftOver { resources } => {
            failed(ui, &format!("{stack} is not wholly deleted; left are:"));
            for resource in resources {
                let physical = resource.physical_id.as_deref().unwrap_or_default();
                let reason = resource.reason.as_deref().unwrap_or_default();
                ui.status(&format!("  {} {physical} {reason}", resource.kind));
            }
            ui.hint("mend what holds them and run `down` again, or leave them behind with `down --force`");
        }
        Outcome::Unknown { why } => {
            failed(ui, &format!("no answer about {stack}: {why}"));
            ui.hint("whatever was begun goes on without us; run the same command again to resume");
        }
        Outcome::Interrupted { running: false } => ui.status("stopped: nothing is left running"),
        Outcome::Interrupted { running: true } => {
            ui.status(&format!("stopped watching; the operation on {stack} goes on"));
            ui.hint("run the same command again to follow it to its end");
        }
    }
    outcome.exit_code()
}

fn failed(ui: &Ui, text: &str) {
    match ui.format {
        Format::Github => ui.status(&format!("::error::{}", github(text))),
        Format::Human | Format::Env | Format::Json => {
            ui.status(&format!("{} {text}", console::style("error:").for_stderr().red().bold()));
        }
    }
}

/// Each first cause with its place, its meaning and what to do. What failed in the cascade after it
/// is shown with -v, and where the rollback stopped at it.
fn show_causes(ui: &Ui, causes: &[Cause], template: Option<&Template>, stuck: bool) {
    let shown = |cause: &&Cause| ui.verbose || stuck || !cause.rolling_back;
    for cause in causes.iter().filter(shown) {
        show_cause(ui, cause, template);
    }
    if causes.is_empty() {
        ui.hint("CloudFormation gave no reason; `events` shows the whole history");
    }
}

fn show_cause(ui: &Ui, cause: &Cause, template: Option<&Template>) {
    let within = cause.within.as_ref().map(|path| format!(" in {path}")).unwrap_or_default();
    let when = if cause.rolling_back { " while going back" } else { "" };
    ui.status(&format!("  {}{within} ({}){when}: {}", cause.logical_id, cause.kind, cause.reason));
    let place = template
        .filter(|_| cause.within.is_none())
        .and_then(|template| template.origin(&cause.logical_id, cause.property.as_deref()));
    if let Some(place) = &place {
        ui.status(&format!("    at {}:{}", place.file().display(), place.line()));
    }
    if let Some(explanation) = &cause.explanation {
        ui.status(&format!("    it means: {}", explanation.meaning));
        ui.status(&format!("    what to do: {}", explanation.next));
    }
    if let (Format::Github, Some(place)) = (ui.format, place) {
        let text = github(&format!("{}: {}", cause.logical_id, cause.reason));
        ui.status(&format!("::error file={},line={}::{text}", place.file().display(), place.line()));
    }
}

fn how_to_remove(kind: &str, physical: &str, region: &str) -> Option<String> {
    Some(match kind {
        "AWS::DynamoDB::Table" => {
            format!("aws dynamodb delete-table --region {region} --table-name {physical}")
        }
        "AWS::Cognito::UserPool" => {
            format!("aws cognito-idp delete-user-pool --region {region} --user-pool-id {physical}")
        }
        "AWS::KMS::Key" => format!("aws kms schedule-key-deletion --region {region} --key-id {physical}"),
        "AWS::Logs::LogGroup" => {
            format!("aws logs delete-log-group --region {region} --log-group-name {physical}")
        }
        _ => return None,
    })
}

/// What a person wants to know after a deployment, and what to do next.
fn deployed(session: &Session, outputs: &BTreeMap<String, String>, resources: usize) -> String {
    let project = &session.project;
    let mut text = String::new();
    // Writing into a string cannot fail.
    let _ = writeln!(text, "service    {}", project.service.as_str());
    let _ = writeln!(text, "stage      {} ({})", project.stage.as_str(), project.class.as_str());
    let _ = writeln!(text, "region     {}", session.region.as_str());
    let _ = writeln!(text, "stack      {}", project.stack_name.as_str());
    let _ = writeln!(text, "resources  {resources}");
    text.push_str(&addresses(project, outputs));
    let _ = writeln!(text, "\nnext: sign a test user in and call the API");
    let _ = writeln!(text, "  {}", next_command(project));
    text
}

fn addresses(project: &Project, outputs: &BTreeMap<String, String>) -> String {
    let mut text = String::new();
    if let Some(api) = outputs.get("ApiUrl") {
        let _ = writeln!(text, "endpoints");
        for function in &project.functions {
            for route in &function.routes {
                let _ = writeln!(
                    text,
                    "  {:<6} {}{}",
                    route.method.as_str(),
                    api.trim_end_matches('/'),
                    route.path
                );
            }
        }
    }
    let _ = writeln!(text, "functions");
    for function in &project.functions {
        let _ = writeln!(text, "  {}", function.function_name);
    }
    if let Some(page) = outputs.get("HostedSignInUrl") {
        let _ = writeln!(text, "sign-in    {page}");
    }
    text
}

fn next_command(project: &Project) -> String {
    let stage = project.stage.as_str();
    let deployer = program();
    let route = project
        .functions
        .iter()
        .flat_map(|function| &function.routes)
        .find(|route| route.method.as_str() == "GET");
    match route {
        Some(route) if project.class.test_users() => {
            format!("{deployer} call --stage {stage} --user me@example.com GET {}", route.path)
        }
        _ => format!("{deployer} outputs --stage {stage}"),
    }
}

/// What to type for this program so that a pasted command works: its name where the shell would find
/// it, else its path.
fn program() -> String {
    const NAME: &str = "deployer";
    let Ok(exe) = std::env::current_exe() else { return NAME.to_owned() };
    let path = std::env::var_os("PATH").unwrap_or_default();
    if std::env::split_paths(&path).any(|folder| folder.join(NAME) == exe) {
        return NAME.to_owned();
    }
    let here = std::env::current_dir().unwrap_or_default();
    exe.strip_prefix(here).unwrap_or(&exe).display().to_string()
}
