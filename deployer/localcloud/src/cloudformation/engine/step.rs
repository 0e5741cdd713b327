//! One resource's part of a create or update: leave it, make it, change it or replace it.

use serde_json::Value;

use super::{Run, handler_reason};
use crate::cloudformation::decide::{self, Change};
use crate::cloudformation::graph::Graph;
use crate::cloudformation::model::{Leaving, Leftover, Resource, now};
use crate::cloudformation::schema::Schema;
use crate::cloudformation::status::StackStatus;
use crate::cloudformation::template::Template;
use crate::cloudformation::{stack_policy, validate};
use crate::handlers::{self, Handler};
use crate::resource::Created;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Done,
    Failed,
}

impl Run {
    pub(super) async fn step(
        &self,
        phase: StackStatus,
        template: &Template,
        graph: &Graph,
        logical_id: &str,
    ) -> Outcome {
        let Some(declared) = template.resources.get(logical_id) else { return Outcome::Failed };
        let resolved = self.scoped(template, |scope, stack, _| {
            let properties = scope.value(&declared.properties)?.unwrap_or_default();
            let tags = stack.settings.tags.clone();
            Ok((properties, tags, stack.resources.get(logical_id).cloned()))
        });
        let now = now();
        let mut wanted = Resource {
            logical_id: logical_id.to_owned(),
            kind: declared.kind.clone(),
            physical_id: None,
            status: String::new(),
            reason: None,
            changed: now,
            properties: Value::Object(serde_json::Map::new()),
            attributes: serde_json::Map::new(),
            tags: Default::default(),
            needs: graph.get(logical_id).cloned().unwrap_or_default(),
            metadata: declared.metadata.clone(),
            deletion_policy: declared.deletion_policy,
            update_replace_policy: declared.update_replace_policy,
            drift: None,
        };
        let (properties, tags, current) = match resolved {
            Ok(resolved) => resolved,
            Err(reason) => return self.refuse(wanted, &reason),
        };
        wanted.properties = properties;
        wanted.tags = tags;
        let Some(schema) = Schema::of(&declared.kind) else {
            return self.refuse(wanted, &format!("Unrecognized resource type {}", declared.kind));
        };
        let (properties, violations) = validate::properties(schema, &wanted.properties);
        if !violations.is_empty() {
            return self.refuse(wanted, &validate::message(logical_id, &violations));
        }
        wanted.properties = properties;
        let current = current.filter(|current| current.physical_id.is_some());
        let change = decide::change(schema, current.as_ref(), &wanted);
        if change != Change::None
            && current.is_some()
            && let Some(reason) = self.denied(logical_id, &wanted.kind, change)
        {
            return self.refuse(wanted, &reason);
        }
        match (change, current) {
            (Change::None, _) => Outcome::Done,
            (Change::Update, Some(current)) => self.update(phase, wanted, current).await,
            (Change::Replace(_), Some(current)) => {
                if let Some(name) = schema.fixed_name(&current.properties, &wanted.properties) {
                    let reason = format!(
                        "CloudFormation cannot update a stack when a custom-named resource requires replacing. Rename {name} and update the stack again."
                    );
                    return self.refuse(wanted, &reason);
                }
                self.make(phase, wanted, Some(current)).await
            }
            (Change::Create | Change::Update | Change::Replace(_), _) => self.make(phase, wanted, None).await,
        }
    }

    /// A step that fails before anything was asked of the resource type.
    fn refuse(&self, mut wanted: Resource, reason: &str) -> Outcome {
        self.change(|stack| match stack.resources.get(&wanted.logical_id) {
            Some(current) if current.physical_id.is_some() => {
                stack.mark(&wanted.logical_id, "UPDATE_FAILED", Some(reason));
            }
            _ => {
                stack.resource_event(&mut wanted, "CREATE_FAILED", Some(reason));
                stack.resources.insert(wanted.logical_id.clone(), wanted);
            }
        });
        Outcome::Failed
    }

    fn denied(&self, logical_id: &str, kind: &str, change: Change) -> Option<String> {
        self.look(|stack| {
            let during = stack.operation.as_ref().and_then(|operation| operation.policy.as_ref());
            let policy = during.or(stack.policy.as_ref())?;
            let action =
                if matches!(change, Change::Replace(_)) { "Update:Replace" } else { "Update:Modify" };
            stack_policy::denial(policy, action, logical_id, kind)
        })
        .flatten()
    }

    /// Creates the resource: a new one, or the successor of `replaced`.
    async fn make(&self, phase: StackStatus, wanted: Resource, replaced: Option<Resource>) -> Outcome {
        let action = if replaced.is_some() { "UPDATE" } else { "CREATE" };
        let logical_id = wanted.logical_id.clone();
        let in_progress = format!("{action}_IN_PROGRESS");
        self.change(|stack| match &replaced {
            // Until the successor exists the stack still has the old resource.
            Some(_) => stack.mark(
                &logical_id,
                &in_progress,
                Some(
                    "Requested update requires the creation of a new physical resource; hence creating one.",
                ),
            ),
            None => {
                let mut starting = wanted.clone();
                stack.resource_event(&mut starting, &in_progress, None);
                stack.resources.insert(logical_id.clone(), starting);
            }
        });
        let Some(request) = self.request(&logical_id, &wanted.properties) else { return Outcome::Failed };
        let created = match self.kind(&wanted.kind) {
            Ok(kind) => kind.create(&self.cloud, &request).await,
            Err(failure) => Err(failure),
        };
        // What the handler does beside the creation itself, and reading back what it made.
        let unread = created.as_ref().ok().and_then(|created| {
            let id = &created.physical_id;
            handlers::authorize(&self.cloud, &wanted.kind, Handler::Create, &request, id, None).err()
        });
        let outcome = self.change(|stack| {
            let cancelled = stack.status != phase
                || stack
                    .resources
                    .get(&logical_id)
                    .is_some_and(|resource| resource.status.ends_with("_FAILED"));
            match created {
                Ok(Created { physical_id, attributes }) => {
                    let mut made = Resource { physical_id: Some(physical_id), attributes, ..wanted };
                    let failed = cancelled || unread.is_some();
                    if cancelled {
                        // The events said so when the sibling failed; the rollback needs the id.
                        made.status = format!("{action}_FAILED");
                    } else if let Some(failure) = &unread {
                        let reason = handler_reason(failure);
                        stack.resource_event(&mut made, &format!("{action}_FAILED"), Some(&reason));
                    } else {
                        stack.resource_event(&mut made, &in_progress, Some("Resource creation Initiated"));
                        stack.resource_event(&mut made, &format!("{action}_COMPLETE"), None);
                    }
                    if let Some(resource) = replaced {
                        stack.leftovers.push(Leftover { resource, why: Leaving::Replaced });
                    }
                    stack.resources.insert(logical_id.clone(), made);
                    if failed { Outcome::Failed } else { Outcome::Done }
                }
                Err(failure) => {
                    if !cancelled {
                        stack.mark(&logical_id, &format!("{action}_FAILED"), Some(&handler_reason(&failure)));
                    }
                    Outcome::Failed
                }
            }
        });
        outcome.unwrap_or(Outcome::Failed)
    }

    async fn update(&self, phase: StackStatus, wanted: Resource, current: Resource) -> Outcome {
        let logical_id = wanted.logical_id.clone();
        let previous = current.properties.clone();
        let trying = Resource { properties: wanted.properties, tags: wanted.tags, ..current };
        if !self.change_in_place(&trying, &previous, || self.look(|stack| stack.status) == Some(phase)).await
        {
            return Outcome::Failed;
        }
        let complete = self.look(|stack| stack.resources.get(&logical_id).is_some_and(Resource::complete));
        if complete == Some(true) { Outcome::Done } else { Outcome::Failed }
    }

    /// Brings the physical resource to `target`'s properties, with its events. `valid` says whether
    /// the phase that wanted this still runs when the handler has answered.
    pub(super) async fn change_in_place(
        &self,
        target: &Resource,
        previous: &Value,
        valid: impl Fn() -> bool,
    ) -> bool {
        let logical_id = &target.logical_id;
        self.change(|stack| {
            let mut starting = target.clone();
            stack.resource_event(&mut starting, "UPDATE_IN_PROGRESS", None);
            stack.resources.insert(logical_id.clone(), starting);
        });
        let Some(request) = self.request(logical_id, &target.properties) else { return false };
        let physical_id = target.physical_id.clone().unwrap_or_default();
        let allowed = handlers::authorize(
            &self.cloud,
            &target.kind,
            Handler::Update,
            &request,
            &physical_id,
            Some(previous),
        );
        let updated = match allowed.and_then(|()| self.kind(&target.kind)) {
            Ok(kind) => kind.update(&self.cloud, &request, &physical_id, previous).await,
            Err(failure) => Err(failure),
        };
        let valid = valid();
        self.change(|stack| {
            let Some(resource) = stack.resources.get_mut(logical_id) else { return false };
            let cancelled = !valid || resource.status == "UPDATE_FAILED";
            let succeeded = match updated {
                Ok(created) => {
                    resource.attributes = created.attributes;
                    None
                }
                Err(failure) => Some(handler_reason(&failure)),
            };
            if cancelled {
                resource.status = "UPDATE_FAILED".to_owned();
                return false;
            }
            match succeeded {
                None => stack.mark(logical_id, "UPDATE_COMPLETE", None),
                Some(reason) => {
                    stack.mark(logical_id, "UPDATE_FAILED", Some(&reason));
                    return false;
                }
            }
            true
        })
        .unwrap_or(false)
    }
}
