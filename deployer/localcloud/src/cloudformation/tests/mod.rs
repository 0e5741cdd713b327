//! The engine against resource types whose failures and pauses a test scripts.

mod changes;
mod creating;
mod deleting;
mod refusals;
mod restart;
mod updating;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::api;
use super::status::StackStatus;
use crate::auth::Principal;
use crate::cloud::Cloud;
use crate::resource::{Created, Failure, Request, ResourceType};
use crate::store::Store;
use crate::wire::{AwsError, Call};

/// What the scripted types did and shall do. `create First` names a phase of a resource.
#[derive(Default)]
pub struct Script {
    fails: Mutex<BTreeSet<String>>,
    holds: Mutex<BTreeMap<String, Arc<Notify>>>,
    /// What exists, by physical id.
    pub live: Mutex<BTreeMap<String, Value>>,
    pub calls: Mutex<Vec<String>>,
    count: Mutex<usize>,
}

impl Script {
    pub fn fail(&self, phase: &str) {
        self.fails.lock().unwrap().insert(phase.to_owned());
    }

    pub fn heal(&self) {
        self.fails.lock().unwrap().clear();
    }

    /// The phase waits until the returned handle is notified.
    pub fn hold(&self, phase: &str) -> Arc<Notify> {
        let notify = Arc::new(Notify::new());
        self.holds.lock().unwrap().insert(phase.to_owned(), Arc::clone(&notify));
        notify
    }

    pub fn live(&self) -> Vec<String> {
        self.live.lock().unwrap().keys().cloned().collect()
    }

    async fn phase(&self, action: &str, request: &Request) -> Result<(), Failure> {
        let phase = format!("{action} {}", request.logical_id);
        self.calls.lock().unwrap().push(phase.clone());
        let hold = self.holds.lock().unwrap().remove(&phase);
        if let Some(hold) = hold {
            hold.notified().await;
        }
        if self.fails.lock().unwrap().contains(&phase) {
            return Err(Failure::new("InvalidRequest", format!("{phase} fails")));
        }
        Ok(())
    }
}

struct Scripted {
    name: &'static str,
    script: Arc<Script>,
}

impl Scripted {
    fn created(physical_id: &str) -> Created {
        let attributes = json!({"Arn": format!("arn:{physical_id}")});
        Created {
            physical_id: physical_id.to_owned(),
            attributes: attributes.as_object().cloned().unwrap_or_default(),
        }
    }
}

impl ResourceType for Scripted {
    fn name(&self) -> &'static str {
        self.name
    }

    fn create<'a>(
        &'a self,
        _: &'a Arc<Cloud>,
        request: &'a Request,
    ) -> BoxFuture<'a, Result<Created, Failure>> {
        Box::pin(async move {
            self.script.phase("create", request).await?;
            let count = {
                let mut count = self.script.count.lock().unwrap();
                *count += 1;
                *count
            };
            let id = format!("{}-{count}", request.logical_id);
            self.script.live.lock().unwrap().insert(id.clone(), request.properties.clone());
            Ok(Self::created(&id))
        })
    }

    fn update<'a>(
        &'a self,
        _: &'a Arc<Cloud>,
        request: &'a Request,
        physical_id: &'a str,
        _: &'a Value,
    ) -> BoxFuture<'a, Result<Created, Failure>> {
        Box::pin(async move {
            self.script.phase("update", request).await?;
            self.script.live.lock().unwrap().insert(physical_id.to_owned(), request.properties.clone());
            Ok(Self::created(physical_id))
        })
    }

    fn delete<'a>(
        &'a self,
        _: &'a Arc<Cloud>,
        request: &'a Request,
        physical_id: &'a str,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            self.script.phase("delete", request).await?;
            self.script.live.lock().unwrap().remove(physical_id);
            Ok(())
        })
    }

    fn read<'a>(
        &'a self,
        _: &'a Arc<Cloud>,
        _: &'a Request,
        physical_id: &'a str,
    ) -> BoxFuture<'a, Result<Option<Value>, Failure>> {
        Box::pin(async move { Ok(self.script.live.lock().unwrap().get(physical_id).cloned()) })
    }
}

/// A cloud whose log groups and buckets are scripted.
pub struct Bed {
    pub cloud: Arc<Cloud>,
    pub script: Arc<Script>,
}

pub fn bed() -> Bed {
    bed_in(Store::default(), Arc::default())
}

pub fn bed_in(store: Store, script: Arc<Script>) -> Bed {
    let cloud = Cloud::open(store).unwrap();
    let types = ["AWS::Logs::LogGroup", "AWS::S3::Bucket"].map(|name| {
        let scripted: &'static dyn ResourceType =
            Box::leak(Box::new(Scripted { name, script: Arc::clone(&script) }));
        scripted
    });
    assert!(cloud.cloudformation.types.set(types.to_vec()).is_ok());
    Bed { cloud, script }
}

/// Percent-encodes everything that is not plain.
fn encoded(text: &str) -> String {
    text.bytes()
        .map(
            |byte| {
                if byte.is_ascii_alphanumeric() {
                    char::from(byte).to_string()
                } else {
                    format!("%{byte:02X}")
                }
            },
        )
        .collect()
}

impl Bed {
    pub fn ask(&self, operation: &str, fields: &[(&str, &str)]) -> Result<Value, AwsError> {
        let pairs: Vec<String> = [("Action", operation)]
            .iter()
            .chain(fields)
            .map(|(name, value)| format!("{name}={}", encoded(value)))
            .collect();
        let call = Call {
            method: http::Method::POST,
            uri: http::Uri::from_static("/"),
            headers: http::HeaderMap::new(),
            body: Bytes::from(pairs.join("&")),
            region: "us-east-1".to_owned(),
            principal: Principal::Administrator,
            request_id: "request".into(),
        };
        api::answer(&self.cloud, &call).map(|(_, answer)| answer)
    }

    pub fn create(&self, template: &str, more: &[(&str, &str)]) -> Result<Value, AwsError> {
        self.ask("CreateStack", &[&[("StackName", "s"), ("TemplateBody", template)], more].concat())
    }

    pub fn update(&self, template: &str, more: &[(&str, &str)]) -> Result<Value, AwsError> {
        self.ask("UpdateStack", &[&[("StackName", "s"), ("TemplateBody", template)], more].concat())
    }

    /// The id of the newest stack called `s`, deleted or not.
    pub fn id(&self) -> String {
        let newest = |state: &super::model::State| {
            state.stacks.values().rev().find(|stack| stack.name == "s").map(|stack| stack.id.clone())
        };
        self.cloud.cloudformation.state.read(newest).unwrap()
    }

    fn look<R>(&self, look: impl FnOnce(&super::model::Stack) -> R) -> R {
        let id = self.id();
        self.cloud.cloudformation.state.read(|state| look(&state.stacks[&id]))
    }

    pub fn status(&self) -> StackStatus {
        self.look(|stack| stack.status)
    }

    /// Lets the engine's tasks run until the stack is in a status that `done` takes.
    async fn until(&self, done: impl Fn(StackStatus) -> bool) -> &'static str {
        for _ in 0..10_000 {
            if done(self.status()) {
                return self.status().as_str();
            }
            tokio::task::yield_now().await;
        }
        panic!("the stack stays {}", self.status());
    }

    /// The status that the stack comes to rest in.
    pub async fn rest(&self) -> &'static str {
        self.until(|status| !status.busy()).await
    }

    /// Lets the engine run until a scripted phase has begun.
    pub async fn begun(&self, phase: &str) {
        for _ in 0..10_000 {
            if self.script.calls.lock().unwrap().iter().any(|call| call == phase) {
                return;
            }
            tokio::task::yield_now().await;
        }
        panic!("{phase} does not begin");
    }

    /// `LogicalId STATUS reason` of the events since `from`, oldest first, with handler failures cut
    /// to their message.
    pub fn events(&self, from: usize) -> Vec<String> {
        self.look(|stack| {
            let shown = |event: &super::model::Event| {
                let reason = event.reason.as_deref().unwrap_or_default();
                let reason = reason
                    .strip_prefix("Resource handler returned message: \"")
                    .and_then(|rest| rest.split('"').next())
                    .unwrap_or(reason);
                format!("{} {} {reason}", event.logical_id, event.status).trim_end().to_owned()
            };
            stack.events.iter().skip(from).map(shown).collect()
        })
    }

    /// The tokens that the events carry.
    pub fn tokens(&self) -> BTreeSet<Option<String>> {
        self.look(|stack| stack.events.iter().map(|event| event.token.clone()).collect())
    }

    pub fn events_so_far(&self) -> usize {
        self.look(|stack| stack.events.len())
    }

    pub fn described(&self) -> Value {
        self.ask("DescribeStacks", &[("StackName", &self.id())]).unwrap()["Stacks"][0].clone()
    }
}

/// A template of log groups: `("A", "LogGroupName: x", "DependsOn: B")`.
pub fn groups(resources: &[(&str, &str, &str)]) -> String {
    let mut text = "Resources:\n".to_owned();
    for (name, properties, rest) in resources {
        text.push_str(&format!("  {name}:\n    Type: AWS::Logs::LogGroup\n"));
        text.push_str(&format!("    Properties: {{{properties}}}\n"));
        if !rest.is_empty() {
            text.push_str(&format!("    {rest}\n"));
        }
    }
    text
}
