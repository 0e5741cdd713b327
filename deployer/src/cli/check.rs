//! `check`: everything that can be known before AWS is touched.

use serde_json::json;

use super::failure::Failure;
use super::session::{project, rendered, root};
use super::ui::Ui;
use super::{Format, Global};
use crate::project::stages;

/// Check files, names, limits, template and IAM; of one stage, or of all
#[derive(Debug, clap::Args)]
pub struct CheckArgs {}

pub fn run(ui: &Ui, global: &Global, _args: CheckArgs) -> Result<u8, Failure> {
    let names = match &global.stage {
        Some(stage) => vec![stage.clone()],
        // A family is checked by a member of it.
        None => stages(&root(global)?)?.into_iter().map(|stage| stage.name.replace('*', "0")).collect(),
    };
    let mut worst = 0;
    for name in names {
        let global = Global { stage: Some(name.clone()), ..global.clone() };
        match project(&global).and_then(|project| rendered(&project)) {
            Ok(template) if ui.format == Format::Json => {
                ui.json(&json!({"type": "check", "stage": name, "ok": true, "resources": template.resources.len()}));
            }
            Ok(template) => ui.result(&format!(
                "{name}: ok ({} resources, {} bytes of template)",
                template.resources.len(),
                template.body.len()
            )),
            Err(failure) => {
                ui.error(&failure);
                worst = worst.max(failure.exit_code());
            }
        }
    }
    Ok(worst)
}
