//! Exports and imports between stacks.

use serde_json::Value;

use super::model::{Output, Stack, State};
use super::status::StackStatus;

impl State {
    /// All exports of a region: name, value, stack id.
    pub fn exports<'a>(&'a self, region: &'a str) -> impl Iterator<Item = (&'a str, &'a str, &'a Stack)> {
        self.stacks
            .values()
            .filter(move |stack| stack.region == region && stack.status != StackStatus::DeleteComplete)
            .flat_map(|stack| {
                stack
                    .outputs
                    .iter()
                    .filter_map(move |output| Some((output.export.as_deref()?, output.value.as_str(), stack)))
            })
    }

    pub fn imported(&self, export: &str, region: &str) -> Result<Value, String> {
        let found = self.exports(region).find(|(name, _, _)| *name == export);
        found.map(|(_, value, _)| value.into()).ok_or_else(|| format!("No export named {export} found."))
    }

    /// A stack's new outputs: no export of another stack's, and none gone or changed that is in use.
    pub fn check_exports(&self, stack_id: &str, outputs: &[Output]) -> Result<(), String> {
        let Some(stack) = self.stacks.get(stack_id) else { return Ok(()) };
        for export in outputs.iter().filter_map(|output| output.export.as_deref()) {
            let taken =
                self.exports(&stack.region).find(|(name, _, owner)| *name == export && owner.id != stack_id);
            if let Some((_, _, owner)) = taken {
                return Err(format!(
                    "Export with name {export} is already exported by stack {}. ",
                    owner.name
                ));
            }
        }
        for before in &stack.outputs {
            let Some(export) = before.export.as_deref() else { continue };
            let users = self.importers(export, &stack.region);
            if users.is_empty() {
                continue;
            }
            let after = outputs.iter().find(|output| output.export.as_deref() == Some(export));
            let what = match after {
                None => "deleted",
                Some(after) if after.value != before.value => "updated",
                Some(_) => continue,
            };
            return Err(format!(
                "Export {export} cannot be {what} as it is in use by {}",
                users.join(" and ")
            ));
        }
        Ok(())
    }

    /// The names of the stacks that import an export.
    pub fn importers(&self, export: &str, region: &str) -> Vec<&str> {
        self.stacks
            .values()
            .filter(|stack| stack.region == region && stack.status != StackStatus::DeleteComplete)
            .filter(|stack| stack.imports.contains(export))
            .map(|stack| stack.name.as_str())
            .collect()
    }
}
