//! `plan`: what `up` would do.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::json;

use super::code::checked;
use super::failure::Failure;
use super::session::{Run, Session, project, turn};
use super::ui::Ui;
use super::{Format, Global, INPUT, changes, database, summary};
use crate::artifact;
use crate::deploy::{Outcome, Planned, Review, Sealed, planner};
use crate::template::Template;
use crate::whole;

/// Show what `up` would change, and change nothing
#[derive(Debug, clap::Args)]
pub struct PlanArgs {
    /// End with 10 where there are changes
    #[arg(long)]
    exit_code: bool,
    /// Write the plan to a file, which `up --plan FILE` executes exactly or refuses
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Exit code of `plan --exit-code` where there are changes.
const CHANGES: u8 = 10;

pub async fn run(ui: &Ui, global: &Global, args: PlanArgs) -> Result<u8, Failure> {
    let project = project(global)?;
    let template = checked(ui, &project).await?;
    let url = database::url(&project)?;
    let authority = database::authority(&project, url.as_ref());
    let turn = turn(ui, &project).await?;
    let session = Session::open(project).await?;
    let run = Run::new(ui, &session, std::time::Duration::ZERO, planner::Options::default());
    let planned = tokio::select! {
        planned = planned(&run, &session, &template, authority.as_deref(), args.out.is_some()) => planned,
        () = run.engine.interrupt.wait() => Ok((Planned::Ended(Outcome::Interrupted { running: false }), None)),
    };
    run.end().await;
    let migrations = database::planned(&session.project, &session.aws).await;
    session.leave_no_empty_cloud(ui).await;
    drop(turn);
    let (planned, sealed) = planned?;
    let stack = session.project.stack_name.as_str();
    match &planned {
        Planned::NoChange if ui.format == Format::Json => {
            ui.json(&json!({"type": "plan", "stack": stack, "changes": []}))
        }
        Planned::NoChange => ui.result(&format!("{stack} is up to date: no changes")),
        Planned::Changes { create, review } if ui.format == Format::Json => {
            ui.json(&Machine { kind: "plan", stack, create: *create, review });
        }
        Planned::Changes { create, review } => {
            let what = if *create { "would be created" } else { "would be updated" };
            ui.result(&format!("{stack} {what}: {}", changes::count(&review.changes)));
            changes::plan(review).iter().for_each(|line| ui.result(line));
        }
        Planned::First { status, step } => {
            ui.result(&format!("{stack} is {status}: `up` would first {}", first(*step)));
        }
        Planned::Ended(outcome) => return Ok(summary::show(ui, &session, Some(&template), outcome)),
    }
    if let Some(migrations) = &migrations {
        ui.status(migrations);
    }
    if let Planned::Changes { review, .. } = &planned
        && !review.impossible.is_empty()
    {
        return Ok(INPUT);
    }
    if let (Some(file), Some(sealed), Planned::NoChange | Planned::Changes { .. }) =
        (&args.out, sealed, &planned)
    {
        write(file, &sealed)?;
        ui.hint(&format!("`up --plan {}` executes exactly this, or refuses", file.display()));
    }
    let changes = !matches!(planned, Planned::NoChange);
    Ok(if args.exit_code && changes { CHANGES } else { 0 })
}

fn write(file: &Path, sealed: &Sealed) -> Result<(), Failure> {
    let doing = format!("write the plan {}", file.display());
    let text = sealed.to_text().map_err(std::io::Error::other);
    text.and_then(|text| whole::write(file, text.as_bytes())).map_err(Failure::io(doing))
}

/// A plan as a machine reads it.
#[derive(Serialize)]
struct Machine<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    stack: &'a str,
    create: bool,
    #[serde(flatten)]
    review: &'a Review,
}

/// The plan, and its seal where one is wanted.
async fn planned(
    run: &Run<'_>,
    session: &Session,
    template: &Template,
    authority: Option<&Path>,
    seal: bool,
) -> Result<(Planned, Option<Sealed>), Failure> {
    let artifacts = artifact::build(&session.project, authority, &run.engine.reporter).await?;
    let desired = session.desired(template, &artifacts);
    // Before the comparison: whoever deploys meanwhile is noticed by `up --plan`.
    let sealed = match seal {
        true => Some(run.engine.seal(session.sealing(&desired, &artifacts)).await?),
        false => None,
    };
    let planned = match run.engine.unchanged(&desired).await? {
        Some(_) => Planned::NoChange,
        None => run.engine.plan(&desired, &session.caller.account).await?,
    };
    Ok((planned, sealed))
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
