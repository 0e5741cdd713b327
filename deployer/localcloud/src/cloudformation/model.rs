//! What CloudFormation remembers: stacks, their resources, change sets, events and operations.

use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::status::StackStatus;
use super::template::Policy;
use crate::auth::Principal;
use crate::cloud::arn;

/// The whole state, kept across restarts.
#[derive(Default, Serialize, Deserialize)]
pub struct State {
    /// Where the cloud listened when it last wrote: attributes may hold it.
    pub endpoint: String,
    /// By stack id, oldest first.
    pub stacks: IndexMap<String, Stack>,
    pub drift_detections: IndexMap<String, super::drift::Detection>,
}

/// What a stack was asked to be.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// The text exactly as it was sent.
    pub template: String,
    pub parameters: BTreeMap<String, String>,
    pub tags: BTreeMap<String, String>,
    pub capabilities: Vec<String>,
    /// The service role; stays for all later operations.
    pub role_arn: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Output {
    pub key: String,
    pub value: String,
    pub description: Option<String>,
    pub export: Option<String>,
}

/// A resource as the stack has it now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Resource {
    pub logical_id: String,
    pub kind: String,
    /// `None` until the type's create has answered.
    pub physical_id: Option<String>,
    pub status: String,
    pub reason: Option<String>,
    pub changed: i64,
    /// The resolved properties of the last create or update that was tried.
    pub properties: Value,
    pub attributes: Map<String, Value>,
    /// The stack tags that were passed on.
    pub tags: BTreeMap<String, String>,
    pub needs: BTreeSet<String>,
    pub metadata: Option<Value>,
    pub deletion_policy: Policy,
    pub update_replace_policy: Policy,
    pub drift: Option<super::drift::ResourceDrift>,
}

impl Resource {
    pub fn complete(&self) -> bool {
        self.status.ends_with("_COMPLETE")
    }
}

/// What a failed operation goes back to.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Snapshot {
    pub settings: Settings,
    pub resources: BTreeMap<String, Resource>,
    pub outputs: Vec<Output>,
    pub imports: BTreeSet<String>,
}

/// Why a physical resource waits for the clean-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Leaving {
    /// Its logical id is no longer in the template.
    Removed,
    /// Another physical resource took its place.
    Replaced,
    /// The operation that made it is undone.
    Undone,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Leftover {
    pub resource: Resource,
    pub why: Leaving,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum OnFailure {
    Rollback,
    Delete,
    DoNothing,
}

/// The operation that runs, or ran last.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Operation {
    pub id: String,
    /// OperationType of DescribeEvents: `CREATE_STACK`, …
    pub kind: String,
    pub token: Option<String>,
    /// The stack's status before it.
    pub before: Option<StackStatus>,
    /// Who acts on the resources: the service role, or the caller.
    pub principal: Principal,
    pub on_failure: OnFailure,
    pub retain_except_on_create: bool,
    /// ContinueUpdateRollback's ResourcesToSkip.
    pub skip: BTreeSet<String>,
    /// DeleteStack's RetainResources.
    pub retain: BTreeSet<String>,
    /// `FORCE_DELETE_STACK`.
    pub force: bool,
    /// UpdateStack's StackPolicyDuringUpdateBody.
    pub policy: Option<Value>,
    pub started: i64,
    pub ended: Option<i64>,
    pub failed: bool,
}

impl Operation {
    pub fn new(kind: &str, token: Option<&str>, principal: Principal) -> Self {
        Self {
            id: uuid::Uuid::new_v4().to_string(),
            kind: kind.to_owned(),
            token: token.map(str::to_owned),
            before: None,
            principal,
            on_failure: OnFailure::Rollback,
            retain_except_on_create: false,
            skip: BTreeSet::new(),
            retain: BTreeSet::new(),
            force: false,
            policy: None,
            started: now(),
            ended: None,
            failed: false,
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Event {
    pub id: String,
    pub operation_id: Option<String>,
    pub logical_id: String,
    pub physical_id: Option<String>,
    pub kind: String,
    pub timestamp: i64,
    pub status: String,
    pub reason: Option<String>,
    pub properties: Option<String>,
    pub token: Option<String>,
}

/// A finding of the early validation of a change set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    pub logical_id: String,
    pub kind: String,
    pub path: String,
    pub reason: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ChangeSet {
    pub id: String,
    pub name: String,
    pub description: Option<String>,
    pub created: i64,
    pub status: String,
    pub reason: Option<String>,
    pub execution_status: String,
    pub settings: Settings,
    pub on_stack_failure: Option<OnFailure>,
    /// As DescribeChangeSet answers them, property values included.
    pub changes: Vec<Value>,
    pub findings: Vec<Finding>,
    /// The id that DescribeEvents knows its creation by.
    pub operation_id: String,
}

/// A request token and the mutation that it was first used for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Token {
    pub operation: String,
    /// The request without its token: another one is a misuse.
    pub request: String,
    pub answer: Value,
}

#[derive(Serialize, Deserialize)]
pub struct Stack {
    pub id: String,
    pub name: String,
    pub region: String,
    pub created: i64,
    pub updated: Option<i64>,
    pub deleted: Option<i64>,
    pub status: StackStatus,
    pub reason: Option<String>,
    pub settings: Settings,
    pub resources: BTreeMap<String, Resource>,
    pub outputs: Vec<Output>,
    /// The exports that this stack's values use.
    pub imports: BTreeSet<String>,
    /// What the running or failed operation goes back to; `None` is nothing at all.
    pub former: Option<Box<Snapshot>>,
    pub leftovers: Vec<Leftover>,
    pub operation: Option<Operation>,
    /// Newest last.
    pub operations: Vec<Operation>,
    pub change_sets: Vec<ChangeSet>,
    pub executed_change_set: Option<String>,
    /// Oldest first.
    pub events: Vec<Event>,
    pub tokens: BTreeMap<String, Token>,
    pub policy: Option<Value>,
    pub termination_protection: bool,
    pub drift: Option<(String, i64)>,
}

impl Stack {
    pub fn new(name: &str, region: &str, status: StackStatus) -> Self {
        let id = arn("cloudformation", region, &format!("stack/{name}/{}", uuid::Uuid::new_v4()));
        Self {
            id,
            name: name.to_owned(),
            region: region.to_owned(),
            created: now(),
            updated: None,
            deleted: None,
            status,
            reason: None,
            settings: Settings::default(),
            resources: BTreeMap::new(),
            outputs: Vec::new(),
            imports: BTreeSet::new(),
            former: None,
            leftovers: Vec::new(),
            operation: None,
            operations: Vec::new(),
            change_sets: Vec::new(),
            executed_change_set: None,
            events: Vec::new(),
            tokens: BTreeMap::new(),
            policy: None,
            termination_protection: false,
            drift: None,
        }
    }

    /// Starts an operation: the status, its first event and who acts.
    pub fn begin(&mut self, operation: Operation, status: StackStatus, reason: Option<&str>) {
        self.operation = Some(Operation { before: Some(self.status), ..operation });
        for change_set in &mut self.change_sets {
            if change_set.execution_status == "AVAILABLE" {
                change_set.execution_status = "OBSOLETE".to_owned();
            }
        }
        self.enter(status, reason);
    }

    /// A new status of the stack, with its event.
    pub fn enter(&mut self, status: StackStatus, reason: Option<&str>) {
        self.status = status;
        self.reason = reason.map(str::to_owned);
        let event = Event {
            id: uuid::Uuid::new_v4().to_string(),
            operation_id: self.operation.as_ref().map(|operation| operation.id.clone()),
            logical_id: self.name.clone(),
            physical_id: Some(self.id.clone()),
            kind: "AWS::CloudFormation::Stack".to_owned(),
            timestamp: now(),
            status: status.as_str().to_owned(),
            reason: reason.map(str::to_owned),
            properties: None,
            token: self.operation.as_ref().and_then(|operation| operation.token.clone()),
        };
        self.events.push(event);
        if !status.busy()
            && let Some(operation) = &mut self.operation
        {
            operation.ended = Some(now());
            operation.failed = status.as_str().ends_with("_FAILED") || status.as_str().contains("ROLLBACK");
            self.operations.push(operation.clone());
            let result = if operation.failed { "EXECUTE_FAILED" } else { "EXECUTE_COMPLETE" };
            let executed =
                self.change_sets.iter_mut().filter(|it| it.execution_status == "EXECUTE_IN_PROGRESS");
            executed.for_each(|change_set| change_set.execution_status = result.to_owned());
        }
    }

    /// A new status of a resource, with its event.
    pub fn resource_event(&mut self, resource: &mut Resource, status: &str, reason: Option<&str>) {
        resource.status = status.to_owned();
        resource.reason = reason.map(str::to_owned);
        resource.changed = now();
        self.events.push(Event {
            id: format!("{}-{status}-{}", resource.logical_id, time(resource.changed)),
            operation_id: self.operation.as_ref().map(|operation| operation.id.clone()),
            logical_id: resource.logical_id.clone(),
            physical_id: Some(resource.physical_id.clone().unwrap_or_default()),
            kind: resource.kind.clone(),
            timestamp: resource.changed,
            status: status.to_owned(),
            reason: reason.map(str::to_owned),
            properties: Some(resource.properties.to_string()),
            token: self.operation.as_ref().and_then(|operation| operation.token.clone()),
        });
    }

    /// The phase that undoes an update: to the former state, or to nothing where there is none.
    pub fn undoing(&self) -> StackStatus {
        match self.former {
            Some(_) => StackStatus::UpdateRollbackInProgress,
            None => StackStatus::RollbackInProgress,
        }
    }

    /// The same, for a resource in the stack's own list.
    pub fn mark(&mut self, logical_id: &str, status: &str, reason: Option<&str>) {
        if let Some(mut resource) = self.resources.remove(logical_id) {
            self.resource_event(&mut resource, status, reason);
            self.resources.insert(logical_id.to_owned(), resource);
        }
    }

    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            settings: self.settings.clone(),
            resources: self.resources.clone(),
            outputs: self.outputs.clone(),
            imports: self.imports.clone(),
        }
    }

    /// The tags of every resource of the stack, with CloudFormation's own.
    pub fn resource_tags(&self, logical_id: &str) -> Map<String, Value> {
        let mut tags: Map<String, Value> =
            self.settings.tags.iter().map(|(key, value)| (key.clone(), json!(value))).collect();
        tags.insert("aws:cloudformation:stack-name".to_owned(), json!(self.name));
        tags.insert("aws:cloudformation:stack-id".to_owned(), json!(self.id));
        tags.insert("aws:cloudformation:logical-id".to_owned(), json!(logical_id));
        tags
    }
}

impl State {
    /// By name (living stacks) or id (all).
    pub fn find(&self, name_or_id: &str, region: &str) -> Option<&Stack> {
        if let Some(stack) = self.stacks.get(name_or_id) {
            return Some(stack);
        }
        self.stacks.values().find(|stack| {
            stack.name == name_or_id && stack.region == region && stack.status != StackStatus::DeleteComplete
        })
    }
}

/// Milliseconds since the epoch.
pub fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// `2026-01-02T03:04:05.678Z`.
pub fn time(milliseconds: i64) -> String {
    jiff::Timestamp::from_millisecond(milliseconds).map(|time| format!("{time:.3}")).unwrap_or_default()
}
