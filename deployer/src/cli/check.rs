//! `check`: everything that can be known before AWS is touched.

use std::collections::BTreeMap;

use serde_json::json;

use super::failure::Failure;
use super::session::{project, rendered, root};
use super::ui::Ui;
use super::{Format, Global, code};
use crate::lint;
use crate::project::{self, Function, Problem, Project, stages};
use crate::template::Template;
use crate::{policy, whole};

/// Check files, names, limits, template, code and IAM; of one stage, or of all
#[derive(Debug, clap::Args)]
pub struct CheckArgs {
    /// List the rules that findings and waivers name, with their reasons, and check nothing
    #[arg(long)]
    rules: bool,
    /// Write the grants that the code needs into the functions' Cargo.toml first
    #[arg(long)]
    fix: bool,
}

pub fn run(ui: &Ui, global: &Global, args: CheckArgs) -> Result<u8, Failure> {
    if args.rules {
        rules(ui);
        return Ok(0);
    }
    let names = match &global.stage {
        Some(stage) => vec![stage.clone()],
        // A family is checked by a member of it.
        None => stages(&root(global)?)?.into_iter().map(|stage| stage.name.replace('*', "0")).collect(),
    };
    let mut worst = 0;
    let mut loaded = Vec::new();
    let mut told = Vec::new();
    for name in names {
        let global = Global { stage: Some(name), ..global.clone() };
        let mut fail = |failure: Failure| {
            worst = worst.max(failure.exit_code());
            if let Some(news) = news(failure, &mut told) {
                ui.error(&news);
            }
        };
        // A stage whose template is wrong may have wrong functions too.
        match project(&global) {
            Ok(project) => match rendered(ui, &project) {
                Ok(template) => loaded.push((project, Some(template))),
                Err(failure) => {
                    fail(failure);
                    loaded.push((project, None));
                }
            },
            Err(failure) => fail(failure),
        }
    }
    if args.fix && fix(ui, &loaded)? {
        // What is left to be told is told of the new files.
        return run(ui, global, CheckArgs { rules: false, fix: false });
    }
    // A function's code is the same in every stage.
    let problems = of_code(ui, &loaded)?;
    for (project, template) in &loaded {
        if let Some(template) = template
            && !project.functions.iter().any(|function| problems.contains_key(function.name.as_str()))
        {
            show(ui, project, template);
        }
    }
    if let Err(error) = project::Error::unless_empty(code::once(problems.into_values())) {
        let failure = Failure::from(error);
        ui.error(&failure);
        worst = worst.max(failure.exit_code());
    }
    Ok(worst)
}

/// What of a failure was not told for another stage already: crates and templates are the same in all of them.
fn news(failure: Failure, told: &mut Vec<Problem>) -> Option<Failure> {
    let Some(error) = failure.as_project() else { return Some(failure) };
    let fresh: Vec<Problem> =
        error.problems.iter().filter(|problem| !told.contains(problem)).cloned().collect();
    told.extend(fresh.iter().cloned());
    project::Error::unless_empty(fresh).err().map(Failure::from)
}

/// What is wrong with the code of the stages' functions, by function.
fn of_code<'a>(
    ui: &Ui,
    stages: &'a [(Project, Option<Template>)],
) -> Result<BTreeMap<&'a str, Vec<Problem>>, Failure> {
    let Some((first, _)) = stages.first() else { return Ok(BTreeMap::new()) };
    let functions = functions(stages);
    let all: Vec<&Function> = functions.values().copied().collect();
    let tables: Vec<_> = stages.iter().flat_map(|(project, _)| project.tables.clone()).collect();
    let found = code::problems(ui, &first.root, &first.packages, &all, &tables)?;
    Ok(functions.into_keys().zip(found).filter(|(_, problems)| !problems.is_empty()).collect())
}

/// The functions of all stages, each once.
fn functions(stages: &[(Project, Option<Template>)]) -> BTreeMap<&str, &Function> {
    let all = stages.iter().flat_map(|(project, _)| &project.functions);
    all.map(|function| (function.name.as_str(), function)).collect()
}

/// Mends the grants. Answers whether there was anything to mend.
fn fix(ui: &Ui, stages: &[(Project, Option<Template>)]) -> Result<bool, Failure> {
    let Some((first, _)) = stages.first() else { return Ok(false) };
    let functions: Vec<&Function> = functions(stages).into_values().collect();
    let workspace = policy::code::sources(&first.root, &first.packages, &functions)?;
    let mut mended = false;
    for (function, derived) in functions.iter().zip(policy::code::derive(&workspace, &functions)) {
        let path = &function.manifest;
        let text = std::fs::read_to_string(path).map_err(Failure::io(format!("read {}", path.display())))?;
        let its = |project: &&Project| project.functions.iter().any(|found| found.name == function.name);
        let its_stages: Vec<&Project> = stages.iter().map(|(project, _)| project).filter(its).collect();
        let fixed = policy::fix::grants(&text, function, &derived, &its_stages).map_err(|message| {
            Failure::usage(format!("{}: {message}", path.display()), "mend it by hand and run this again")
        })?;
        let Some(fixed) = fixed else { continue };
        whole::write(path, fixed.text.as_bytes())
            .map_err(Failure::io(format!("write {}", path.display())))?;
        let shown = path.strip_prefix(&first.root).unwrap_or(path).display();
        fixed.changes.iter().for_each(|change| ui.status(&format!("{shown}: {change}")));
        mended = true;
    }
    Ok(mended)
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

fn rules(ui: &Ui) {
    for rule in lint::rules() {
        if ui.format == Format::Json {
            ui.json(&json!({"type": "rule", "rule": rule.id, "why": rule.why, "mend": rule.mend}));
        } else {
            ui.result(&format!("{}: {}; {}", rule.id, rule.why, rule.mend));
        }
    }
}
