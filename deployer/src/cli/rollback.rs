//! `rollback`: gets a wedged stage going again.

use std::time::Duration;

use super::failure::Failure;
use super::session::{Run, Session, project};
use super::ui::Ui;
use super::up::duration;
use super::{Global, summary};
use crate::deploy::planner;
use crate::template;

/// Take a stage whose update failed back to its last good state
#[derive(Debug, clap::Args)]
pub struct RollbackArgs {
    /// A resource that CloudFormation shall take for rolled back, whatever it really is (repeat for more)
    #[arg(long, value_name = "ID")]
    skip: Vec<String>,
    /// How long to wait for somebody else's operation
    #[arg(long, value_name = "DURATION", default_value = "30m", value_parser = duration)]
    wait: Duration,
}

pub async fn run(ui: &Ui, global: &Global, args: RollbackArgs) -> Result<u8, Failure> {
    let project = project(global)?;
    let template = template::render(&project).ok();
    let session = Session::open_running(project).await?;
    let run = Run::new(ui, &session, args.wait, planner::Options::default());
    let ended = run.engine.rollback(session.project.stack_name.as_str(), &args.skip).await;
    run.end().await;
    Ok(summary::show(ui, &session, template.as_ref(), &ended?))
}
