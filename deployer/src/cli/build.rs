//! `build`: the functions' zips.

use comfy_table::{Table, presets};
use serde_json::json;

use super::failure::Failure;
use super::paint::{Painter, size};
use super::session::{interrupts, project, turn};
use super::ui::Ui;
use super::{Format, Global, database};
use crate::artifact;
use crate::deploy::{Outcome, Reporter};

/// Build the functions of the stage into zips
#[derive(Debug, clap::Args)]
pub struct BuildArgs {}

pub async fn run(ui: &Ui, global: &Global, _args: BuildArgs) -> Result<u8, Failure> {
    let project = project(global)?;
    let url = database::url(&project)?;
    let authority = database::authority(&project, url.as_ref());
    let _turn = turn(ui, &project).await?;
    let (reporter, progress) = Reporter::new();
    let painter = Painter::start(ui.clone(), progress);
    let interrupt = interrupts(ui);
    let built = tokio::select! {
        built = artifact::build(&project, authority.as_deref(), &reporter) => built,
        () = interrupt.wait() => return Ok(Outcome::Interrupted { running: false }.exit_code()),
    };
    drop(reporter);
    painter.finish().await;
    let artifacts = built?;
    if ui.format == Format::Json {
        for artifact in &artifacts {
            ui.json(&json!({
                "type": "artifact",
                "function": artifact.function,
                "file": artifact.file,
                "sha256": artifact.sha256,
                "bytes": artifact.bytes,
            }));
        }
        return Ok(0);
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(["function", "zipped", "sha256", "file"]);
    for artifact in &artifacts {
        let file = artifact.file.strip_prefix(&project.root).unwrap_or(&artifact.file);
        let hash = artifact.sha256.get(..12).unwrap_or_default().to_owned();
        table.add_row([artifact.function.clone(), size(artifact.bytes), hash, file.display().to_string()]);
    }
    ui.result(&table.to_string());
    Ok(0)
}
