//! `down`: takes the stage away.

use std::time::Duration;

use super::failure::Failure;
use super::session::{Run, Session, approvals, project, turn};
use super::ui::Ui;
use super::up::duration;
use super::{Format, Global, summary};
use crate::deploy::{Outcome, Removal, planner};
use crate::local;
use crate::project::{Project, Target};

/// Take the stage away, and prove that nothing is left
#[derive(Debug, clap::Args)]
pub struct DownArgs {
    /// Do not wait for running operations, and leave behind what does not go
    #[arg(long)]
    force: bool,
    /// How long to wait for somebody else's operation
    #[arg(long, value_name = "DURATION", default_value = "30m", value_parser = duration)]
    wait: Duration,
}

pub async fn run(ui: &Ui, global: &Global, args: DownArgs) -> Result<u8, Failure> {
    let project = project(global)?;
    if project.target == Target::Local && !local::exists(&project.root) {
        return Ok(nothing_here(ui, &project));
    }
    // On AWS nothing of this folder is touched.
    let _turn = match project.target {
        Target::Local => Some(turn(ui, &project).await?),
        Target::Aws => None,
    };
    let session = Session::open(project).await?;
    let options = planner::Options { replace_failed: false, force: args.force };
    let run = Run::new(ui, &session, args.wait, options);
    let removal =
        Removal { stack: session.project.stack_name.as_str().to_owned(), class: session.project.class };
    let ended = run.engine.down(&removal, &approvals(global, &[])).await;
    run.end().await;
    let outcome = ended?;
    let gone = matches!(outcome, Outcome::Deleted { .. } | Outcome::NothingThere);
    if session.embedded() && gone {
        session.forget_database_secret().await?;
        end_embedded_cloud(ui, &session).await?;
    }
    Ok(summary::show(ui, &session, None, &outcome))
}

fn nothing_here(ui: &Ui, project: &Project) -> u8 {
    if ui.format == Format::Json {
        let stack = project.stack_name.as_str();
        ui.json(&serde_json::json!({"type": "outcome", "stack": stack, "exit_code": 0, "result": Outcome::NothingThere}));
    } else {
        let stage = project.stage.as_str();
        ui.status(&format!("the stage {stage} is not up, and no embedded cloud is here: nothing to delete"));
    }
    Outcome::NothingThere.exit_code()
}

/// The embedded cloud goes with the last stage in it; the artefact bucket does not count as one.
async fn end_embedded_cloud(ui: &Ui, session: &Session) -> Result<(), Failure> {
    let living = session.living().await?;
    if living.is_empty() {
        local::remove(&session.project.root).await?;
        ui.status("stopped the embedded cloud and removed its folder");
    } else {
        ui.status(&format!("the embedded cloud goes on: {} still live in it", living.join(", ")));
    }
    Ok(())
}
