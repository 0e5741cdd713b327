//! What the code of functions must be, before anything of them is deployed.

use std::path::Path;

use super::failure::Failure;
use crate::policy::code;
use crate::project::{self, Function, Problem, Project};

/// The code of the stage's functions is as it must be.
pub fn checked(project: &Project) -> Result<(), Failure> {
    let functions: Vec<&Function> = project.functions.iter().collect();
    let found = problems(&project.root, &project.packages, &functions)?;
    project::Error::unless_empty(found.into_iter().flatten().collect())?;
    Ok(())
}

/// What is wrong with the code of each of `functions`, which may be of several stages.
pub fn problems(
    root: &Path,
    packages: &[deployer_source::Package],
    functions: &[&Function],
) -> Result<Vec<Vec<Problem>>, project::Error> {
    let workspace = code::sources(root, packages, functions)?;
    let derived = code::derive(&workspace, functions);
    functions
        .iter()
        .zip(&derived)
        .map(|(function, derived)| code::problems(root, function, derived))
        .collect()
}
