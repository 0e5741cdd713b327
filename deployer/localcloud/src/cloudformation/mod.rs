//! CloudFormation: stacks, change sets, and the engine that carries them out.
//!
//! - [`form`], [`xml`]: the query protocol. `api`: the operations.
//! - [`yaml`], [`template`], [`parameters`], [`functions`], [`eval`], [`graph`]: the template language.
//! - [`schema`], [`validate`]: the registry schemas of the resource types.
//! - [`model`], [`status`]: what is remembered. `decide`, `plan`: what a change set would do.
//! - `engine`: creates, updates, rolls back and deletes. `stack_policy`, `drift`.

mod api;
mod decide;
mod drift;
mod engine;
pub(crate) mod eval;
mod exports;
mod form;
mod functions;
mod graph;
mod model;
mod parameters;
mod plan;
pub(crate) mod schema;
mod stack_policy;
mod status;
mod template;
mod template_url;
#[cfg(test)]
mod tests;
pub(crate) mod validate;
mod xml;
mod yaml;

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use axum::response::Response;
use serde_json::Value;
use tokio::sync::watch;

use crate::cloud::Cloud;
use crate::resource::{self, ResourceType};
use crate::store::{Persisted, Store};
use crate::wire::Call;

pub use status::StackStatus;

/// AWS shows deleted stacks, and their events, for 90 days.
const DELETED_STACKS_KEPT: i64 = 90 * 24 * 60 * 60 * 1000;

/// The service's state and the operations that run.
pub struct CloudFormation {
    state: Persisted<model::State>,
    running: Mutex<HashMap<String, Running>>,
    types: OnceLock<Vec<&'static dyn ResourceType>>,
}

/// A task that has a stack.
struct Running {
    interrupt: watch::Sender<bool>,
    /// A new operation was started meanwhile: the task goes on with it.
    again: bool,
}

impl CloudFormation {
    pub fn open(store: &Store) -> io::Result<Self> {
        let state: Persisted<model::State> = store.open("cloudformation")?;
        let oldest = model::now() - DELETED_STACKS_KEPT;
        state.write(|state| state.stacks.retain(|_, stack| stack.deleted.is_none_or(|at| at > oldest)));
        Ok(Self { state, running: Mutex::default(), types: OnceLock::new() })
    }

    /// Puts a stack into a status, whatever it was in. For faults that tests switch on: some
    /// statuses are otherwise reached only by what this cloud never does.
    pub fn force_status(&self, stack: &str, region: &str, status: StackStatus, reason: &str) -> bool {
        self.state.write(|state| {
            let id = state.find(stack, region).map(|stack| stack.id.clone());
            let stack = id.and_then(|id| state.stacks.get_mut(&id));
            stack.map(|stack| stack.enter(status, Some(reason))).is_some()
        })
    }

    fn types(&self) -> &[&'static dyn ResourceType] {
        self.types.get_or_init(resource::all)
    }

    fn running(&self) -> MutexGuard<'_, HashMap<String, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// True where the caller's task has the stack from now on.
    fn claim(&self, stack_id: &str, interrupt: watch::Sender<bool>) -> bool {
        let mut running = self.running();
        if let Some(other) = running.get_mut(stack_id) {
            other.again = true;
            return false;
        }
        running.insert(stack_id.to_owned(), Running { interrupt, again: false });
        true
    }

    /// True where the task is done with the stack; false where it has to look again.
    fn release(&self, stack_id: &str) -> bool {
        let mut running = self.running();
        if let Some(own) = running.get_mut(stack_id)
            && std::mem::take(&mut own.again)
        {
            own.interrupt.send_replace(false);
            return false;
        }
        running.remove(stack_id);
        true
    }

    /// Tells the running phase that the stack was moved on: start nothing more.
    fn interrupt(&self, stack_id: &str) {
        if let Some(running) = self.running().get(stack_id) {
            running.interrupt.send_replace(true);
        }
    }
}

pub async fn handle(cloud: &Arc<Cloud>, call: Call) -> Response {
    match api::answer(cloud, &call) {
        Ok((operation, result)) => xml::answer(&operation, &result, &call.request_id),
        Err(error) => error.query_response(xml::NAMESPACE, &call.request_id),
    }
}

/// Called once when the server is up: takes up operations that a restart interrupted.
pub fn start(cloud: &Arc<Cloud>) {
    let endpoint = cloud.endpoint();
    cloud.cloudformation.state.write(|state| {
        let before = std::mem::replace(&mut state.endpoint, endpoint.to_owned());
        if before.is_empty() || before == endpoint {
            return;
        }
        for stack in state.stacks.values_mut() {
            stack
                .outputs
                .iter_mut()
                .for_each(|output| output.value = output.value.replace(&before, endpoint));
            // They hold what the last `up` filled in for this cloud's own address.
            stack
                .settings
                .parameters
                .values_mut()
                .for_each(|value| *value = value.replace(&before, endpoint));
            let former = stack.former.iter_mut().flat_map(|former| former.resources.values_mut());
            for resource in stack.resources.values_mut().chain(former) {
                resource.attributes.values_mut().for_each(|value| moved(value, &before, endpoint));
            }
        }
    });
    engine::take_up(cloud);
}

/// The cloud listens elsewhere after a restart: attributes that name it follow.
fn moved(value: &mut Value, before: &str, after: &str) {
    match value {
        Value::String(text) => *text = text.replace(before, after),
        Value::Array(items) => items.iter_mut().for_each(|item| moved(item, before, after)),
        Value::Object(map) => map.values_mut().for_each(|item| moved(item, before, after)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
