//! `events`: the stack's history.

use super::failure::Failure;
use super::paint::{history, history_json};
use super::session::{Run, Session, project};
use super::ui::Ui;
use super::{Format, Global};
use crate::deploy::planner;

/// Show the events of the stack's newest operation, oldest first
#[derive(Debug, clap::Args)]
pub struct EventsArgs {
    /// Every operation since the stack was made
    #[arg(long)]
    all: bool,
}

pub async fn run(ui: &Ui, global: &Global, args: EventsArgs) -> Result<u8, Failure> {
    let session = Session::open_running(project(global)?).await?;
    let name = session.project.stack_name.as_str();
    let stack = session.aws.stack(name).await.map_err(Failure::aws(format!("look at {name}")))?;
    let Some(stack) = stack else {
        return Err(Failure::usage(
            format!(
                "{name} does not exist in account {} and {}",
                session.account.as_str(),
                session.region.as_str()
            ),
            format!("make it with `deployer up --stage {}`", session.project.stage.as_str()),
        ));
    };
    let run = Run::new(ui, &session, std::time::Duration::ZERO, planner::Options::default());
    let events = if args.all {
        run.engine.history(&stack.id).await
    } else {
        run.engine.last_operation(&stack.id).await
    };
    run.end().await;
    for event in events.map_err(Failure::aws("read the events"))? {
        match ui.format {
            Format::Json => ui.json(&history_json(&event)),
            Format::Human | Format::Github | Format::Env => ui.result(&history(&event)),
        }
    }
    Ok(0)
}
