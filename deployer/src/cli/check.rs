//! `check`: everything that can be known before AWS is touched.

use std::collections::BTreeMap;

use serde_json::json;

use super::failure::Failure;
use super::session::{project, rendered, root};
use super::ui::Ui;
use super::{Format, Global, code};
use crate::project::{self, Function, Problem, Project, stages};
use crate::template::Template;

/// Check files, names, limits, template, code and IAM; of one stage, or of all
#[derive(Debug, clap::Args)]
pub struct CheckArgs {}

pub fn run(ui: &Ui, global: &Global, _args: CheckArgs) -> Result<u8, Failure> {
    let names = match &global.stage {
        Some(stage) => vec![stage.clone()],
        // A family is checked by a member of it.
        None => stages(&root(global)?)?.into_iter().map(|stage| stage.name.replace('*', "0")).collect(),
    };
    let mut worst = 0;
    let mut good = Vec::new();
    for name in names {
        let global = Global { stage: Some(name), ..global.clone() };
        match project(&global).and_then(|project| rendered(&project).map(|template| (project, template))) {
            Ok(stage) => good.push(stage),
            Err(failure) => {
                ui.error(&failure);
                worst = worst.max(failure.exit_code());
            }
        }
    }
    // A function's code is the same in every stage.
    let problems = of_code(&good)?;
    for (project, template) in &good {
        if !project.functions.iter().any(|function| problems.contains_key(function.name.as_str())) {
            show(ui, project, template);
        }
    }
    let problems: Vec<Problem> = problems.into_values().flatten().collect();
    if let Err(error) = project::Error::unless_empty(problems) {
        let failure = Failure::from(error);
        ui.error(&failure);
        worst = worst.max(failure.exit_code());
    }
    Ok(worst)
}

/// What is wrong with the code of the stages' functions, by function.
fn of_code(stages: &[(Project, Template)]) -> Result<BTreeMap<&str, Vec<Problem>>, Failure> {
    let Some((first, _)) = stages.first() else { return Ok(BTreeMap::new()) };
    let functions: BTreeMap<&str, &Function> = stages
        .iter()
        .flat_map(|(project, _)| &project.functions)
        .map(|function| (function.name.as_str(), function))
        .collect();
    let all: Vec<&Function> = functions.values().copied().collect();
    let found = code::problems(&first.root, &first.packages, &all)?;
    Ok(functions.into_keys().zip(found).filter(|(_, problems)| !problems.is_empty()).collect())
}

fn show(ui: &Ui, project: &Project, template: &Template) {
    let name = project.stage.as_str();
    let resources = template.resources.len();
    if ui.format == Format::Json {
        ui.json(&json!({"type": "check", "stage": name, "ok": true, "resources": resources}));
    } else {
        ui.result(&format!("{name}: ok ({resources} resources, {} bytes of template)", template.body.len()));
    }
}
