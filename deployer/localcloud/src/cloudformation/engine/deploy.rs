//! Create and update: every resource after what it needs, in parallel, until one fails.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use tokio::sync::watch;

use super::Run;
use super::step::Outcome;
use crate::cloudformation::eval::Scope;
use crate::cloudformation::graph::{self, Graph};
use crate::cloudformation::model::{Leaving, Leftover, OnFailure, Output, Stack, State};
use crate::cloudformation::stack_policy;
use crate::cloudformation::status::StackStatus;
use crate::cloudformation::template::Template;

impl Run {
    pub(super) async fn deploy(&self, phase: StackStatus, mut interrupted: watch::Receiver<bool>) {
        let Some(text) = self.look(|stack| stack.settings.template.clone()) else { return };
        let prepared = Template::parse(&text).and_then(|template| {
            let graph = self.scoped(&template, |scope, _, _| graph::of(&template, scope))?;
            self.look(|stack| removal_denied(stack, &graph)).flatten().map_or(Ok(()), Err)?;
            Ok((template, graph))
        });
        let (template, graph) = match prepared {
            Ok(prepared) => prepared,
            Err(reason) => return self.fail(phase, &reason),
        };
        let failed = self.steps(phase, &template, &graph, &mut interrupted).await;
        if self.look(|stack| stack.status) != Some(phase) {
            return;
        }
        if failed {
            let reason = self.look(failed_resources).unwrap_or_default();
            return self.fail(phase, &reason);
        }
        match self.outputs(&template, &graph) {
            Ok((outputs, imports)) => {
                self.change(|stack| {
                    if stack.status == phase {
                        stack.outputs = outputs;
                        stack.imports = imports;
                        commit(stack, &template, &graph, phase);
                    }
                });
            }
            Err(reason) => self.fail(phase, &reason),
        }
    }

    /// Starts every resource whose needs are met; true when one failed. Steps that run when another
    /// fails are seen to their end, so that what they made is known to the rollback.
    async fn steps(
        &self,
        phase: StackStatus,
        template: &Template,
        graph: &Graph,
        interrupted: &mut watch::Receiver<bool>,
    ) -> bool {
        let stopped = &AtomicBool::new(false);
        let mut waiting: BTreeSet<&String> = graph.keys().collect();
        let mut done: BTreeSet<&String> = BTreeSet::new();
        let mut running = FuturesUnordered::new();
        let mut active: BTreeSet<&String> = BTreeSet::new();
        loop {
            if !stopped.load(Ordering::Relaxed) {
                let ready: Vec<&String> = waiting
                    .iter()
                    .copied()
                    .filter(|name| {
                        graph.get(*name).is_some_and(|needs| needs.iter().all(|need| done.contains(need)))
                    })
                    .collect();
                for name in ready {
                    waiting.remove(name);
                    active.insert(name);
                    running.push(async move {
                        // A sibling of the same round may have failed before this one's turn.
                        if stopped.load(Ordering::Relaxed) {
                            return (name, Outcome::Failed);
                        }
                        (name, self.step(phase, template, graph, name).await)
                    });
                }
            }
            if running.is_empty() {
                return stopped.load(Ordering::Relaxed) || !waiting.is_empty();
            }
            tokio::select! {
                Some((name, outcome)) = running.next() => {
                    active.remove(name);
                    if outcome == Outcome::Done {
                        done.insert(name);
                    } else if !stopped.swap(true, Ordering::Relaxed) {
                        self.cancel(&active);
                    }
                }
                Ok(_) = interrupted.wait_for(|interrupted| *interrupted), if !stopped.load(Ordering::Relaxed) => {
                    stopped.store(true, Ordering::Relaxed);
                    self.cancel(&active);
                }
            }
        }
    }

    /// The siblings of a failed resource: `Resource creation cancelled`.
    fn cancel(&self, active: &BTreeSet<&String>) {
        self.change(|stack| {
            for name in active {
                let Some(status) = stack.resources.get(*name).map(|resource| resource.status.clone()) else {
                    continue;
                };
                let Some(action) = status.strip_suffix("_IN_PROGRESS") else { continue };
                let what = if action == "CREATE" { "creation" } else { "update" };
                stack.mark(name, &format!("{action}_FAILED"), Some(&format!("Resource {what} cancelled")));
            }
        });
    }

    /// What the operation's settings say about a failure.
    fn fail(&self, phase: StackStatus, reason: &str) {
        self.change(|stack| {
            if stack.status != phase {
                return;
            }
            let on_failure = stack.operation.as_ref().map_or(OnFailure::Rollback, |it| it.on_failure);
            let creating = phase == StackStatus::CreateInProgress;
            let (next, wish) = match on_failure {
                OnFailure::DoNothing if creating => (StackStatus::CreateFailed, ""),
                OnFailure::DoNothing => (StackStatus::UpdateFailed, ""),
                OnFailure::Delete if creating => (StackStatus::DeleteInProgress, "Delete requested by user."),
                OnFailure::Rollback | OnFailure::Delete if creating => {
                    (StackStatus::RollbackInProgress, "Rollback requested by user.")
                }
                OnFailure::Rollback | OnFailure::Delete => (stack.undoing(), ""),
            };
            stack.enter(next, Some(&format!("{reason}{wish}")));
        });
    }

    /// Looks with the functions' scope over the stack as it is now; the set gathers the exports that
    /// were imported.
    pub(super) fn scoped<R>(
        &self,
        template: &Template,
        look: impl FnOnce(&Scope<'_>, &Stack, &RefCell<BTreeSet<String>>) -> Result<R, String>,
    ) -> Result<R, String> {
        let imports = RefCell::new(BTreeSet::new());
        self.cloud.cloudformation.state.read(|state: &State| {
            let stack = state.stacks.get(&self.stack_id).ok_or_else(|| "the stack is gone".to_owned())?;
            let scope = Scope {
                template,
                parameters: &stack.settings.parameters,
                stack_id: &stack.id,
                stack_name: &stack.name,
                region: &stack.region,
                resource: &|name, attribute| current_value(stack, name, attribute),
                import: &|name| {
                    imports.borrow_mut().insert(name.to_owned());
                    state.imported(name, &stack.region)
                },
            };
            look(&scope, stack, &imports)
        })
    }

    fn outputs(&self, template: &Template, graph: &Graph) -> Result<(Vec<Output>, BTreeSet<String>), String> {
        let (outputs, imports) = self.scoped(template, |scope, _, imports| {
            for logical_id in graph.keys() {
                template.resources.get(logical_id).map(|it| scope.value(&it.properties)).transpose()?;
            }
            Ok((outputs(template, scope)?, imports.borrow().clone()))
        })?;
        self.cloud.cloudformation.state.read(|state| state.check_exports(&self.stack_id, &outputs))?;
        Ok((outputs, imports))
    }
}

/// The outputs whose conditions hold.
pub fn outputs(template: &Template, scope: &Scope<'_>) -> Result<Vec<Output>, String> {
    let mut outputs = Vec::new();
    for (key, output) in &template.outputs {
        if let Some(condition) = &output.condition
            && !scope.condition(condition)?
        {
            continue;
        }
        let text = |value: Option<serde_json::Value>| match value {
            Some(serde_json::Value::String(text)) => Ok(text),
            Some(value @ (serde_json::Value::Number(_) | serde_json::Value::Bool(_))) => {
                Ok(value.to_string())
            }
            _ => Err(format!(
                "Template format error: Output {key} is malformed. The Value field of every Outputs member must evaluate to a String."
            )),
        };
        let export = output.export.as_ref().map(|name| scope.value(name).and_then(text)).transpose()?;
        let value = text(scope.value(&output.value)?)?;
        outputs.push(Output { key: key.clone(), value, description: output.description.clone(), export });
    }
    Ok(outputs)
}

/// The new state is the stack's: what it no longer has waits for the clean-up.
fn commit(stack: &mut Stack, template: &Template, graph: &Graph, phase: StackStatus) {
    for (logical_id, resource) in &mut stack.resources {
        if let Some(declared) = template.resources.get(logical_id) {
            resource.deletion_policy = declared.deletion_policy;
            resource.update_replace_policy = declared.update_replace_policy;
            resource.metadata.clone_from(&declared.metadata);
        }
        if let Some(needs) = graph.get(logical_id) {
            resource.needs.clone_from(needs);
        }
    }
    stack.former = None;
    if phase == StackStatus::CreateInProgress {
        return stack.enter(StackStatus::CreateComplete, None);
    }
    let removed: Vec<String> =
        stack.resources.keys().filter(|logical_id| !graph.contains_key(*logical_id)).cloned().collect();
    for logical_id in removed {
        if let Some(resource) = stack.resources.remove(&logical_id) {
            stack.leftovers.push(Leftover { resource, why: Leaving::Removed });
        }
    }
    stack.enter(StackStatus::UpdateCompleteCleanupInProgress, None);
}

/// `The following resource(s) failed to create: [A]. The following resource(s) failed to update: [B]. `
fn failed_resources(stack: &Stack) -> String {
    let named = |action: &str| {
        let status = format!("{action}_FAILED");
        let names: Vec<&str> = stack
            .resources
            .values()
            .filter(|resource| resource.status == status)
            .map(|resource| resource.logical_id.as_str())
            .collect();
        if names.is_empty() {
            return String::new();
        }
        format!("The following resource(s) failed to {}: [{}]. ", action.to_lowercase(), names.join(", "))
    };
    named("CREATE") + &named("UPDATE")
}

/// `Ref` or an attribute of a resource that exists.
fn current_value(stack: &Stack, name: &str, attribute: Option<&str>) -> Result<serde_json::Value, String> {
    let resource = stack.resources.get(name).filter(|resource| resource.physical_id.is_some());
    let value = resource.and_then(|resource| match attribute {
        None => resource.physical_id.clone().map(Into::into),
        Some(attribute) => resource.attributes.get(attribute).cloned(),
    });
    value.ok_or_else(|| match attribute {
        Some(attribute) => format!("Attribute '{attribute}' does not exist of resource {name}"),
        None => format!("Unresolved resource dependencies [{name}]"),
    })
}

/// Removing a resource is an update of the stack, too.
fn removal_denied(stack: &Stack, graph: &Graph) -> Option<String> {
    let during = stack.operation.as_ref().and_then(|operation| operation.policy.as_ref());
    let policy = during.or(stack.policy.as_ref())?;
    let removed = stack.resources.values().filter(|resource| !graph.contains_key(&resource.logical_id));
    removed.filter(|resource| resource.physical_id.is_some()).find_map(|resource| {
        stack_policy::denial(policy, "Update:Delete", &resource.logical_id, &resource.kind)
    })
}
