//! `render`: the stage's template.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::Global;
use super::failure::Failure;
use super::session::{project, rendered};
use super::ui::Ui;
use crate::whole;

/// Print the stage's CloudFormation template; needs no build, credentials or network
#[derive(Debug, clap::Args)]
pub struct RenderArgs {
    /// Write template.yaml and parameters.json into this folder instead
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub fn run(ui: &Ui, global: &Global, args: RenderArgs) -> Result<u8, Failure> {
    let project = project(global)?;
    let template = rendered(ui, &project)?;
    let Some(folder) = args.out else {
        ui.result(&template.body);
        return Ok(0);
    };
    // What `up` fills in stands as a placeholder, so that nobody deploys it by mistake.
    let parameters: BTreeMap<&String, String> = template
        .parameters
        .iter()
        .map(|(name, parameter)| (name, parameter.default.clone().unwrap_or_else(|| format!("<{name}>"))))
        .collect();
    let json = serde_json::to_string_pretty(&parameters).unwrap_or_default();
    std::fs::create_dir_all(&folder).map_err(Failure::io(format!("make the folder {}", folder.display())))?;
    for (name, text) in [("template.yaml", &template.body), ("parameters.json", &json)] {
        let path = folder.join(name);
        whole::write(&path, text.as_bytes()).map_err(Failure::io(format!("write {}", path.display())))?;
        ui.status(&format!("wrote {}", path.display()));
    }
    Ok(0)
}
