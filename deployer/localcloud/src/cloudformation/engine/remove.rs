//! Deletion: of a whole stack, of a failed create, and of what an update left over.

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;

use super::{Run, handler_reason};
use crate::cloudformation::model::{Leaving, Leftover, Operation, Resource, now};
use crate::cloudformation::status::StackStatus;
use crate::cloudformation::template::Policy;
use crate::handlers::{self, Handler};

/// What becomes of one physical resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Delete,
    Keep,
    Gone,
}

struct Item {
    resource: Resource,
    fate: Fate,
    /// Whether the stack's own list shows the resource, or only an event does.
    listed: bool,
}

impl Run {
    /// DELETE_IN_PROGRESS, and ROLLBACK_IN_PROGRESS of a create.
    pub(super) async fn remove_all(&self, phase: StackStatus) {
        if phase == StackStatus::DeleteInProgress
            && let Some(reason) = self.export_in_use()
        {
            let before = self.operation(|operation| operation.before).flatten();
            return self.leave(phase, before.unwrap_or(StackStatus::UpdateComplete), Some(&reason));
        }
        let items = self.look(|stack| {
            let operation = stack.operation.as_ref();
            let undoing = phase == StackStatus::RollbackInProgress
                || operation.is_some_and(|operation| operation.kind == "CREATE_STACK");
            let listed = stack
                .resources
                .values()
                .filter(|resource| !matches!(resource.status.as_str(), "DELETE_COMPLETE" | "DELETE_SKIPPED"))
                .map(|resource| (resource, if undoing { Leaving::Undone } else { Leaving::Removed }, true));
            let left = stack.leftovers.iter().map(|leftover| (&leftover.resource, leftover.why, false));
            listed
                .chain(left)
                .map(|(resource, why, listed)| {
                    let fate = fate(resource, why, operation);
                    Item { resource: resource.clone(), fate, listed }
                })
                .collect::<Vec<_>>()
        });
        let failed = self.remove(items.unwrap_or_default()).await;
        let force = self.operation(|operation| operation.force).unwrap_or(false);
        if !failed.is_empty() && !force {
            let reason = format!("The following resource(s) failed to delete: [{}]. ", failed.join(", "));
            let next = match phase {
                StackStatus::RollbackInProgress => StackStatus::RollbackFailed,
                _ => StackStatus::DeleteFailed,
            };
            return self.leave(phase, next, Some(&reason));
        }
        self.change(|stack| {
            if stack.status != phase {
                return;
            }
            stack.leftovers.clear();
            stack.former = None;
            if phase == StackStatus::RollbackInProgress {
                stack.outputs.clear();
                return stack.enter(StackStatus::RollbackComplete, None);
            }
            stack.deleted = Some(now());
            stack.enter(StackStatus::DeleteComplete, None);
        });
    }

    /// The clean-up after an update or after its rollback. A resource that will not go is left
    /// behind with its DELETE_FAILED event, and the stack is complete all the same.
    pub(super) async fn clean_up(&self, phase: StackStatus) {
        let items = self.look(|stack| {
            let operation = stack.operation.as_ref();
            let item = |leftover: &Leftover| Item {
                fate: fate(&leftover.resource, leftover.why, operation),
                resource: leftover.resource.clone(),
                listed: false,
            };
            stack.leftovers.iter().map(item).collect::<Vec<_>>()
        });
        let failed = self.remove(items.unwrap_or_default()).await;
        let (next, what) = match phase {
            StackStatus::UpdateCompleteCleanupInProgress => (StackStatus::UpdateComplete, "Update"),
            _ => (StackStatus::UpdateRollbackComplete, "Rollback"),
        };
        let reason = format!("{what} successful. One or more resources could not be deleted.");
        self.change(|stack| {
            if stack.status == phase {
                stack.leftovers.clear();
                stack.updated = Some(now());
                stack.enter(next, (!failed.is_empty()).then_some(reason.as_str()));
            }
        });
    }

    /// Deletes in parallel, everything before what it needs; answers the logical ids that stayed
    /// although they should go. What a resource that stayed needs is not touched.
    async fn remove(&self, mut waiting: Vec<Item>) -> Vec<String> {
        let mut running = FuturesUnordered::new();
        let mut active: Vec<Resource> = Vec::new();
        let mut failed: Vec<String> = Vec::new();
        loop {
            let (ready, rest): (Vec<Item>, Vec<Item>) = {
                let blocked: Vec<bool> = waiting
                    .iter()
                    .map(|item| {
                        let needed = |other: &Resource| {
                            other.needs.contains(&item.resource.logical_id)
                                && other.logical_id != item.resource.logical_id
                        };
                        waiting.iter().any(|other| needed(&other.resource)) || active.iter().any(needed)
                    })
                    .collect();
                let mut blocked = blocked.into_iter();
                waiting.into_iter().partition(|_| blocked.next() == Some(false))
            };
            waiting = rest;
            for item in ready {
                active.push(item.resource.clone());
                running.push(async move {
                    let gone = self.remove_one(&item).await;
                    (item, gone)
                });
            }
            let Some((item, gone)) = running.next().await else { break };
            if !gone {
                // It stays active: what it needs must stay too.
                failed.push(item.resource.logical_id);
                continue;
            }
            if let Some(at) = active.iter().position(|other| *other == item.resource) {
                active.remove(at);
            }
        }
        failed.sort();
        failed
    }

    async fn remove_one(&self, item: &Item) -> bool {
        let show = |status: &str, reason: Option<&str>| {
            self.change(|stack| {
                if item.listed {
                    return stack.mark(&item.resource.logical_id, status, reason);
                }
                stack.resource_event(&mut item.resource.clone(), status, reason);
            });
        };
        match item.fate {
            Fate::Gone => {
                show("DELETE_COMPLETE", None);
                return true;
            }
            Fate::Keep => {
                show("DELETE_SKIPPED", None);
                return true;
            }
            Fate::Delete => show("DELETE_IN_PROGRESS", None),
        }
        let Some(request) = self.request(&item.resource.logical_id, &item.resource.properties) else {
            return true;
        };
        let physical_id = item.resource.physical_id.clone().unwrap_or_default();
        let kind = &item.resource.kind;
        let allowed = handlers::authorize(&self.cloud, kind, Handler::Delete, &request, &physical_id, None);
        let deleted = match allowed.and_then(|()| self.kind(kind)) {
            Ok(kind) => kind.delete(&self.cloud, &request, &physical_id).await,
            Err(failure) => Err(failure),
        };
        match deleted {
            Ok(()) => {
                show("DELETE_COMPLETE", None);
                true
            }
            Err(failure) => {
                show("DELETE_FAILED", Some(&handler_reason(&failure)));
                false
            }
        }
    }

    /// `Export X cannot be deleted as it is in use by Y`.
    fn export_in_use(&self) -> Option<String> {
        self.cloud.cloudformation.state.read(|state| {
            let stack = state.stacks.get(&self.stack_id)?;
            stack.outputs.iter().find_map(|output| {
                let export = output.export.as_deref()?;
                let users = state.importers(export, &stack.region);
                (!users.is_empty()).then(|| {
                    format!("Export {export} cannot be deleted as it is in use by {}", users.join(" and "))
                })
            })
        })
    }
}

fn fate(resource: &Resource, why: Leaving, operation: Option<&Operation>) -> Fate {
    if resource.physical_id.is_none() {
        return Fate::Gone;
    }
    if operation.is_some_and(|operation| operation.retain.contains(&resource.logical_id)) {
        return Fate::Keep;
    }
    let policy =
        if why == Leaving::Replaced { resource.update_replace_policy } else { resource.deletion_policy };
    let forget = operation.is_some_and(|operation| operation.retain_except_on_create);
    match policy {
        Policy::Delete => Fate::Delete,
        Policy::RetainExceptOnCreate if why == Leaving::Undone => Fate::Delete,
        Policy::Retain if why == Leaving::Undone && forget => Fate::Delete,
        Policy::Retain | Policy::RetainExceptOnCreate => Fate::Keep,
    }
}
