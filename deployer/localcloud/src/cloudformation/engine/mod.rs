//! Carries out stack operations: a stack's status says which phase it is in, so that an operation
//! that a restart interrupted is taken up from the status alone.

mod deploy;
mod remove;
mod step;
mod undo;

pub use deploy::outputs;

use std::sync::Arc;

use tokio::sync::watch;

use super::model::{Operation, Stack};
use super::status::StackStatus;
use crate::cloud::Cloud;
use crate::resource::{Failure, Request, ResourceType};

/// One stack's operation as it runs.
#[derive(Clone)]
struct Run {
    cloud: Arc<Cloud>,
    stack_id: String,
}

/// Runs the phases of a stack's operation until it rests, in the background.
pub fn run(cloud: &Arc<Cloud>, stack_id: &str) {
    let (interrupt, interrupted) = watch::channel(false);
    if !cloud.cloudformation.claim(stack_id, interrupt) {
        // The task that has the stack sees the new status at the end of its phase.
        return;
    }
    let run = Run { cloud: Arc::clone(cloud), stack_id: stack_id.to_owned() };
    tokio::spawn(async move {
        loop {
            run.phases(interrupted.clone()).await;
            if run.cloud.cloudformation.release(&run.stack_id) {
                return;
            }
        }
    });
}

/// What a restart found half done: it is undone, or its removal goes on.
pub fn take_up(cloud: &Arc<Cloud>) {
    let busy: Vec<String> = cloud.cloudformation.state.write(|state| {
        state
            .stacks
            .values_mut()
            .filter(|stack| stack.status.busy())
            .map(|stack| {
                let reason = Some("The operation was interrupted by a restart. Rollback requested by user.");
                fail_unfinished(stack);
                match stack.status {
                    StackStatus::CreateInProgress => stack.enter(StackStatus::RollbackInProgress, reason),
                    StackStatus::UpdateInProgress => {
                        let undo = stack.undoing();
                        stack.enter(undo, reason);
                    }
                    _ => {}
                }
                stack.id.clone()
            })
            .collect()
    });
    busy.iter().for_each(|stack_id| run(cloud, stack_id));
}

/// Resources that were being worked on when an operation stopped.
fn fail_unfinished(stack: &mut Stack) {
    let unfinished: Vec<(String, String)> = stack
        .resources
        .values()
        .filter_map(|resource| {
            let action = resource.status.strip_suffix("_IN_PROGRESS").filter(|action| *action != "DELETE")?;
            Some((resource.logical_id.clone(), action.to_owned()))
        })
        .collect();
    for (logical_id, action) in unfinished {
        let what = if action == "CREATE" { "creation" } else { "update" };
        stack.mark(&logical_id, &format!("{action}_FAILED"), Some(&format!("Resource {what} cancelled")));
    }
}

impl Run {
    async fn phases(&self, interrupted: watch::Receiver<bool>) {
        while let Some(status) = self.look(|stack| stack.status) {
            match status {
                StackStatus::CreateInProgress | StackStatus::UpdateInProgress => {
                    self.deploy(status, interrupted.clone()).await;
                }
                StackStatus::RollbackInProgress | StackStatus::DeleteInProgress => {
                    self.remove_all(status).await
                }
                StackStatus::UpdateRollbackInProgress => self.undo().await,
                StackStatus::UpdateCompleteCleanupInProgress
                | StackStatus::UpdateRollbackCompleteCleanupInProgress => self.clean_up(status).await,
                _ => return,
            }
        }
    }

    fn look<R>(&self, look: impl FnOnce(&Stack) -> R) -> Option<R> {
        self.cloud.cloudformation.state.read(|state| state.stacks.get(&self.stack_id).map(look))
    }

    fn change<R>(&self, change: impl FnOnce(&mut Stack) -> R) -> Option<R> {
        self.cloud.cloudformation.state.write(|state| state.stacks.get_mut(&self.stack_id).map(change))
    }

    /// Leaves a phase, unless somebody moved the stack on meanwhile (a delete, a cancel).
    fn leave(&self, phase: StackStatus, next: StackStatus, reason: Option<&str>) {
        self.change(|stack| {
            if stack.status == phase {
                stack.enter(next, reason);
            }
        });
    }

    fn kind(&self, name: &str) -> Result<&'static dyn ResourceType, Failure> {
        self.cloud.cloudformation.types().iter().copied().find(|kind| kind.name() == name).ok_or_else(|| {
            Failure::new("InvalidRequest", format!("localcloud does not implement the resource type {name}"))
        })
    }

    fn request(&self, logical_id: &str, properties: &serde_json::Value) -> Option<Request> {
        self.look(|stack| Request {
            stack_id: stack.id.clone(),
            stack_name: stack.name.clone(),
            logical_id: logical_id.to_owned(),
            region: stack.region.clone(),
            principal: stack
                .operation
                .as_ref()
                .map_or(crate::auth::Principal::Administrator, |operation| operation.principal.clone()),
            tags: stack.resource_tags(logical_id),
            properties: properties.clone(),
        })
    }

    fn operation<R>(&self, look: impl FnOnce(&Operation) -> R) -> Option<R> {
        self.look(|stack| stack.operation.as_ref().map(look)).flatten()
    }
}

/// A handler's failure as the event's ResourceStatusReason.
fn handler_reason(failure: &Failure) -> String {
    format!(
        "Resource handler returned message: \"{}\" (RequestToken: {}, HandlerErrorCode: {})",
        failure.reason,
        uuid::Uuid::new_v4(),
        failure.code
    )
}
