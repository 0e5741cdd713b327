//! What the stage's template and the code of its functions must be, before anything of them is deployed.

use std::path::Path;

use super::failure::Failure;
use super::paint::Painter;
use super::session::{rendered, show_waived, today, turn};
use super::ui::Ui;
use crate::artifact;
use crate::deploy::Reporter;
use crate::lint;
use crate::policy::code;
use crate::project::{self, Function, Problem, Project, Table};
use crate::template::Template;

/// What a source that cannot be read is told by.
const NO_RUST: &str = "source-syntax";

/// The stage's template; it and the code of the stage's functions are as they must be. What is wrong with either is
/// told at once; what is no Rust at all, by the compiler, whose words for that are the best there are.
pub async fn checked(ui: &Ui, project: &Project) -> Result<Template, Failure> {
    let failure = match judged(ui, project) {
        Err(Failure::Project(error)) if error.problems.iter().any(|problem| problem.rule == NO_RUST) => error,
        judged => return judged,
    };
    let _turn = turn(ui, project).await?;
    let (reporter, progress) = Reporter::new();
    let painter = Painter::start(ui.clone(), progress);
    let compiled = artifact::compile(project, &reporter).await;
    drop(reporter);
    painter.finish().await;
    compiled?;
    Err(failure.into())
}

fn judged(ui: &Ui, project: &Project) -> Result<Template, Failure> {
    let functions: Vec<&Function> = project.functions.iter().collect();
    let template = rendered(ui, project);
    let found = problems(ui, &project.root, &project.packages, &functions, &project.tables);
    let found = match found {
        Ok(found) => once(found),
        Err(error) => error.problems,
    };
    match template {
        Ok(template) => {
            project::Error::unless_empty(found)?;
            Ok(template)
        }
        Err(Failure::Project(mut error)) => {
            error.problems.extend(found);
            Err(error.into())
        }
        Err(failure) => Err(failure),
    }
}

/// What is wrong with the code of each of `functions`, which may be of several stages, whose tables are `tables`.
pub fn problems(
    ui: &Ui,
    root: &Path,
    packages: &[deployer_source::Package],
    functions: &[&Function],
    tables: &[Table],
) -> Result<Vec<Vec<Problem>>, project::Error> {
    let workspace = code::sources(root, packages, functions)?;
    let derived = code::derive(&workspace, functions);
    let mut all = Vec::new();
    let mut waived = Vec::new();
    for (function, derived) in functions.iter().zip(&derived) {
        let report = lint::code(root, &workspace, function, tables, today())?;
        waived.extend(report.waived);
        all.push(code::problems(root, function, derived, tables, report.open)?);
    }
    show_waived(ui, &waived);
    Ok(all)
}

/// All of them; what several functions share is told once.
pub fn once(problems: impl IntoIterator<Item = Vec<Problem>>) -> Vec<Problem> {
    let mut all: Vec<Problem> = Vec::new();
    for problem in problems.into_iter().flatten() {
        if !all.contains(&problem) {
            all.push(problem);
        }
    }
    all
}
