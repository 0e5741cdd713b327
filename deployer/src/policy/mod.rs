//! IAM, pure: what a function's role grants, [`code`]: whether that is what its code calls, and [`fix`]: its grants
//! mended.

pub mod code;
pub mod fix;

use crate::project::{Function, GrantTarget, LogicalId, Table};

/// One `Allow` statement of a function's role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    pub actions: Vec<String>,
    pub on: On,
}

/// The one resource of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum On {
    Table(LogicalId),
    Index {
        table: LogicalId,
        index: String,
    },
    UserPool,
    /// The secret with the way to the database.
    Database,
}

/// The statements that a function's grants stand for, in their order: exactly the granted actions,
/// each on exactly one resource. Grants on tables that the stage does not have give none; loading a
/// project refuses them.
pub fn statements(function: &Function, tables: &[Table]) -> Vec<Statement> {
    function
        .grants
        .iter()
        .filter_map(|grant| {
            let on = match &grant.target {
                GrantTarget::UserPool => On::UserPool,
                GrantTarget::Database => On::Database,
                GrantTarget::Table(name) => On::Table(table(tables, name.as_str())?),
                GrantTarget::Index { table: name, index } => {
                    On::Index { table: table(tables, name.as_str())?, index: index.clone() }
                }
            };
            Some(Statement { actions: grant.actions.clone(), on })
        })
        .collect()
}

fn table(tables: &[Table], name: &str) -> Option<LogicalId> {
    tables.iter().find(|table| table.name.as_str() == name).map(|table| table.logical_id.clone())
}
