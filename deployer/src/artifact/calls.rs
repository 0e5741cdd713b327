//! Whether a binary can send exactly what its sources call: nothing else is packed for AWS. The grants were read off
//! the sources, and this is what shows that reading to be right.

use std::collections::BTreeSet;

use deployer_source::binary::{differences, operations};

use super::Error;
use crate::policy::code;
use crate::project::{Function, Project};

/// Operations, each with its service.
pub type Operations = BTreeSet<(String, String)>;

/// What the sources of each function call, in the project's order; none where that cannot be told.
pub fn of_sources(project: &Project) -> Result<Vec<Option<Operations>>, Error> {
    let functions: Vec<&Function> = project.functions.iter().collect();
    let workspace = code::sources(&project.root, &project.packages, &functions).map_err(Error::Sources)?;
    let derived = code::derive(&workspace, &functions).into_iter();
    Ok(derived.map(|derived| derived.faults.is_empty().then(|| derived.operations())).collect())
}

/// A binary beside its sources.
pub fn check(function: &str, sources: &Operations, code: &[u8]) -> Result<(), Error> {
    let (only_sources, only_binary) = differences(sources, &operations(code));
    let mut what = Vec::new();
    if !only_sources.is_empty() {
        what.push(format!("the sources call {}, which is not in the binary", only_sources.join(", ")));
    }
    if !only_binary.is_empty() {
        what.push(format!("the binary can send {}, which the sources never call", only_binary.join(", ")));
    }
    if what.is_empty() {
        return Ok(());
    }
    Err(Error::OtherCalls { function: function.to_owned(), what: what.join("; ") })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(code: &[u8]) -> String {
        let sources = Operations::from([("dynamodb".to_owned(), "GetItem".to_owned())]);
        check("get-thing", &sources, code).map_or_else(|error| error.to_string(), |()| "fits".to_owned())
    }

    #[test]
    fn a_binary_that_sends_more_or_less_than_its_sources_call_is_refused_by_name() {
        assert_eq!(checked(b"\0DynamoDB.GetItem\0"), "fits");
        assert_eq!(
            checked(b"\0DynamoDB.Scan\0"),
            "the binary of get-thing is not what its sources say: the sources call dynamodb:GetItem, which is not in \
             the binary; the binary can send dynamodb:Scan, which the sources never call"
        );
    }
}
