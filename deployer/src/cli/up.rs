//! `up`: makes the stage what its files say.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::code::checked;
use super::failure::Failure;
use super::session::{Run, Session, approvals, project, turn};
use super::ui::Ui;
use super::{Global, database, summary};
use crate::artifact;
use crate::deploy::{Approvals, Outcome, Sealed, planner};
use crate::template::Template;

/// Check, build, upload what changed, and make the stage what its files say
#[derive(Debug, clap::Args)]
pub struct UpArgs {
    /// This stateful resource may be replaced or removed, or this role widened (its logical id; may be
    /// repeated)
    #[arg(long, value_name = "ID")]
    allow_replace: Vec<String>,
    /// Execute exactly this plan (`plan --out FILE`), or refuse and name what moved
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// A production stack that never worked may be deleted and made again
    #[arg(long)]
    replace_failed: bool,
    /// How long to wait for somebody else's operation
    #[arg(long, value_name = "DURATION", default_value = "30m", value_parser = duration)]
    wait: Duration,
}

/// `90s`, `30m`, `1h`.
pub fn duration(text: &str) -> Result<Duration, String> {
    let span: jiff::SignedDuration = text.parse().map_err(|error: jiff::Error| error.to_string())?;
    Duration::try_from(span).map_err(|error| error.to_string())
}

pub async fn run(ui: &Ui, global: &Global, args: UpArgs) -> Result<u8, Failure> {
    let project = project(global)?;
    let template = checked(ui, &project).await?;
    let url = database::url(&project)?;
    let authority = database::authority(&project, url.as_ref());
    let sealed = args.plan.as_deref().map(read_plan).transpose()?;
    let turn = turn(ui, &project).await?;
    let session = Session::open(project).await?;
    if session.started
        && let Some(endpoint) = session.aws.endpoint()
    {
        ui.status(&format!("started the embedded cloud at {endpoint}"));
    }
    let options = planner::Options { replace_failed: args.replace_failed, force: false };
    let run = Run::new(ui, &session, args.wait, options);
    let approvals = approvals(global, &args.allow_replace);
    let kept = match &url {
        Some(url) => session.keep_database_secret(url).await,
        None => Ok(()),
    };
    let ended = match kept {
        Ok(()) => {
            deploy(&run, &session, &template, authority.as_deref(), sealed.as_ref(), &approvals, turn).await
        }
        Err(failure) => Err(failure),
    };
    run.end().await;
    session.leave_no_empty_cloud(ui).await;
    let ended = ended?;
    let code = summary::show(ui, &session, Some(&template), &ended);
    if matches!(ended, Outcome::Deployed { .. } | Outcome::Unchanged { .. }) {
        database::after_up(ui, &session.project, &session.aws).await?;
    }
    Ok(code)
}

fn read_plan(file: &Path) -> Result<Sealed, Failure> {
    let text = std::fs::read_to_string(file).map_err(|error| {
        Failure::usage(format!("{}: {error}", file.display()), "make it with `plan --out`")
    })?;
    Sealed::parse(&text).map_err(|error| {
        Failure::usage(format!("{} is no plan: {error}", file.display()), "make it with `plan --out`")
    })
}

async fn deploy(
    run: &Run<'_>,
    session: &Session,
    template: &Template,
    authority: Option<&Path>,
    sealed: Option<&Sealed>,
    approvals: &Approvals,
    turn: File,
) -> Result<Outcome, Failure> {
    let engine = &run.engine;
    let artifacts = tokio::select! {
        built = artifact::build(&session.project, authority, &engine.reporter) => built?,
        () = engine.interrupt.wait() => return Ok(Outcome::Interrupted { running: false }),
    };
    // On AWS only the build is this folder's: other stages may be deployed from it at the same time.
    let _turn = session.embedded().then_some(turn);
    let desired = session.desired(template, &artifacts);
    if let Some(sealed) = sealed {
        let now = engine.seal(session.sealing(&desired, &artifacts)).await?;
        let moved = sealed.moved(&now);
        if !moved.is_empty() {
            return Err(Failure::usage(
                format!("the plan no longer fits, and nothing was changed: {}", moved.join("; ")),
                "make a new plan with `plan --out`, look at it, and run `up --plan` with that",
            ));
        }
    }
    if let Some(outcome) = engine.unchanged(&desired).await? {
        return Ok(outcome);
    }
    tokio::select! {
        checked = database::before_up(&session.project, &session.aws) => checked?,
        () = engine.interrupt.wait() => return Ok(Outcome::Interrupted { running: false }),
    };
    if let Some(outcome) =
        engine.ensure_bucket(&session.caller.account, session.embedded(), approvals).await?
    {
        return Ok(outcome);
    }
    let bucket = session.bucket();
    tokio::select! {
        sent = engine.upload(&bucket, session.uploads(&artifacts)) => sent?,
        () = engine.interrupt.wait() => return Ok(Outcome::Interrupted { running: false }),
    };
    engine.reporter.step("deploy", format!("{} to {}", desired.stack, session.region.as_str()));
    Ok(engine.up(&desired, Some(&bucket), approvals).await?)
}
