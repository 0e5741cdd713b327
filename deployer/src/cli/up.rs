//! `up`: makes the stage what its files say.

use std::time::Duration;

use super::failure::Failure;
use super::session::{Run, Session, approvals, project, rendered};
use super::ui::Ui;
use super::{Global, summary};
use crate::artifact;
use crate::deploy::{Approvals, Outcome, planner};
use crate::template::Template;

/// Check, build, upload what changed, and make the stage what its files say
#[derive(Debug, clap::Args)]
pub struct UpArgs {
    /// This stateful resource may be replaced or removed (its logical id; may be repeated)
    #[arg(long, value_name = "ID")]
    allow_replace: Vec<String>,
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
    let template = rendered(&project)?;
    let session = Session::open(project).await?;
    if session.started
        && let Some(endpoint) = session.aws.endpoint()
    {
        ui.status(&format!("started the embedded cloud at {endpoint}"));
    }
    let options = planner::Options { replace_failed: args.replace_failed, force: false };
    let run = Run::new(ui, &session.aws, args.wait, options);
    let approvals = approvals(global, &args.allow_replace);
    let ended = deploy(&run, &session, &template, &approvals).await;
    run.end().await;
    session.leave_no_empty_cloud().await?;
    Ok(summary::show(ui, &session, Some(&template), &ended?))
}

async fn deploy(
    run: &Run<'_>,
    session: &Session,
    template: &Template,
    approvals: &Approvals,
) -> Result<Outcome, Failure> {
    let engine = &run.engine;
    let artifacts = tokio::select! {
        built = artifact::build(&session.project, &engine.reporter) => built?,
        () = engine.interrupt.wait() => return Ok(Outcome::Interrupted { running: false }),
    };
    let desired = session.desired(template, &artifacts);
    if let Some(outcome) = engine.unchanged(&desired).await? {
        return Ok(outcome);
    }
    if let Some(outcome) =
        engine.ensure_bucket(&session.caller.account, session.embedded(), approvals).await?
    {
        return Ok(outcome);
    }
    let bucket = session.bucket();
    engine.upload(&bucket, session.uploads(&artifacts)).await?;
    engine.reporter.step("deploy", format!("{} to {}", desired.stack, session.region.as_str()));
    Ok(engine.up(&desired, Some(&bucket), approvals).await?)
}
