//! The rollback of an update: every resource goes back to what it was.

use std::collections::BTreeMap;

use super::Run;
use crate::cloudformation::graph::{self, Graph};
use crate::cloudformation::model::{Leaving, Leftover, Resource, Stack};
use crate::cloudformation::status::StackStatus;

const PHASE: StackStatus = StackStatus::UpdateRollbackInProgress;

impl Run {
    pub(super) async fn undo(&self) {
        let former =
            self.look(|stack| stack.former.as_ref().map(|former| former.resources.clone())).flatten();
        let Some(former) = former else {
            // Nothing was ever complete: back to nothing.
            return self.leave(PHASE, StackStatus::RollbackInProgress, None);
        };
        let graph: Graph =
            former.iter().map(|(name, resource)| (name.clone(), resource.needs.clone())).collect();
        let mut failed = Vec::new();
        for logical_id in graph::order(&graph) {
            let Some(target) = former.get(&logical_id) else { continue };
            if !self.restore(target).await {
                failed.push(logical_id);
            }
        }
        if !failed.is_empty() {
            let reason = format!("The following resource(s) failed to update: [{}]. ", failed.join(", "));
            return self.leave(PHASE, StackStatus::UpdateRollbackFailed, Some(&reason));
        }
        self.change(|stack| {
            if stack.status == PHASE {
                settle(stack, &former);
            }
        });
    }

    /// Brings one resource back; true where it is as it was.
    async fn restore(&self, target: &Resource) -> bool {
        let logical_id = &target.logical_id;
        let skipped = self.operation(|operation| operation.skip.contains(logical_id)).unwrap_or(false);
        let current = self.look(|stack| stack.resources.get(logical_id).cloned()).flatten();
        let Some(current) = current else {
            self.change(|stack| stack.resources.insert(logical_id.clone(), target.clone()));
            return true;
        };
        let same = current.physical_id == target.physical_id;
        let changed = current.properties != target.properties || current.tags != target.tags;
        if same && !changed && current.complete() {
            return true;
        }
        if skipped || !same || !changed {
            // Skipped, replaced (the old one still exists), or never really touched.
            self.change(|stack| {
                if !same {
                    stack.leftovers.retain(|leftover| leftover.resource.physical_id != target.physical_id);
                    stack.leftovers.push(Leftover { resource: current, why: Leaving::Undone });
                }
                let mut restored = target.clone();
                stack.resource_event(&mut restored, "UPDATE_COMPLETE", None);
                stack.resources.insert(logical_id.clone(), restored);
            });
            return true;
        }
        let restored = self.change_in_place(target, &current.properties, || true).await;
        if !restored {
            // Still what the update made of it: the next try must see the difference.
            self.change(|stack| {
                if let Some(resource) = stack.resources.get_mut(logical_id) {
                    resource.properties = current.properties;
                    resource.tags = current.tags;
                }
            });
        }
        restored
    }
}

/// All resources are back: what the update made waits for the clean-up.
fn settle(stack: &mut Stack, former: &BTreeMap<String, Resource>) {
    let made: Vec<String> =
        stack.resources.keys().filter(|logical_id| !former.contains_key(*logical_id)).cloned().collect();
    for logical_id in made {
        if let Some(resource) = stack.resources.remove(&logical_id) {
            stack.leftovers.push(Leftover { resource, why: Leaving::Undone });
        }
    }
    for (logical_id, resource) in &mut stack.resources {
        if let Some(before) = former.get(logical_id) {
            resource.needs.clone_from(&before.needs);
            resource.metadata.clone_from(&before.metadata);
            resource.deletion_policy = before.deletion_policy;
            resource.update_replace_policy = before.update_replace_policy;
        }
    }
    if let Some(former) = stack.former.take() {
        stack.settings = former.settings;
        stack.outputs = former.outputs;
        stack.imports = former.imports;
    }
    stack.enter(StackStatus::UpdateRollbackCompleteCleanupInProgress, None);
}
