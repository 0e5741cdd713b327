//! `plan`: what `up` would do.

use serde_json::json;

use super::failure::Failure;
use super::paint::{count, describe};
use super::session::{Run, Session, project, rendered};
use super::ui::Ui;
use super::{Format, Global, summary};
use crate::artifact;
use crate::deploy::{Outcome, Planned, planner};

/// Show what `up` would change, and change nothing
#[derive(Debug, clap::Args)]
pub struct PlanArgs {
    /// End with 10 where there are changes
    #[arg(long)]
    exit_code: bool,
}

/// Exit code of `plan --exit-code` where there are changes.
const CHANGES: u8 = 10;

pub async fn run(ui: &Ui, global: &Global, args: PlanArgs) -> Result<u8, Failure> {
    let project = project(global)?;
    let template = rendered(&project)?;
    let session = Session::open(project).await?;
    let run = Run::new(ui, &session.aws, std::time::Duration::ZERO, planner::Options::default());
    let planned = tokio::select! {
        artifacts = artifact::build(&session.project, &run.engine.reporter) => {
            let desired = session.desired(&template, &artifacts?);
            match run.engine.unchanged(&desired).await? {
                Some(_) => Planned::NoChange,
                None => run.engine.plan(&desired, None).await?,
            }
        }
        () = run.engine.interrupt.wait() => Planned::Ended(Outcome::Interrupted { running: false }),
    };
    run.end().await;
    let stack = session.project.stack_name.as_str();
    match &planned {
        Planned::NoChange if ui.format == Format::Json => ui.json(&json!({"type": "plan", "stack": stack, "changes": []})),
        Planned::NoChange => ui.result(&format!("{stack} is up to date: no changes")),
        Planned::Changes { create, changes, approval } if ui.format == Format::Json => ui.json(
            &json!({"type": "plan", "stack": stack, "create": create, "changes": changes, "approval": approval}),
        ),
        Planned::Changes { create, changes, approval } => {
            let what = if *create { "would be created" } else { "would be updated" };
            ui.result(&format!("{stack} {what}: {}", count(changes)));
            changes.iter().for_each(|change| ui.result(&describe(change)));
            for loss in &approval.losses {
                ui.result(&format!("LOSES DATA: {loss} is replaced or removed"));
            }
        }
        Planned::First { status, step } => {
            ui.result(&format!("{stack} is {status}: `up` would first {}", first(*step)));
        }
        Planned::Ended(outcome) => return Ok(summary::show(ui, &session, Some(&template), outcome)),
    }
    let changes = !matches!(planned, Planned::NoChange);
    Ok(if args.exit_code && changes { CHANGES } else { 0 })
}

fn first(step: planner::UpStep) -> &'static str {
    use planner::UpStep;
    match step {
        UpStep::Create | UpStep::Update { .. } => "deploy",
        UpStep::Resume => "follow its own operation that is still running",
        UpStep::Wait => "wait for somebody else's operation",
        UpStep::Delete => "delete what never worked, and create it again",
        UpStep::RollBack => "roll it back to its last good state",
        UpStep::ContinueRollback => "continue its rollback",
        UpStep::Foreign => "stop: somebody else's change set waits to be executed",
        UpStep::Stuck => "stop: a person must choose the way",
    }
}
