//! AWS::IAM::ManagedPolicy: a policy with an ARN of its own.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::{Kind, ManagedPolicy, State};
use super::{MANAGED_LIMIT, document, may, role_mut, size, within};
use crate::cloud::{ACCOUNT, Cloud};
use crate::resource::{Created, Failure, Handlers, Request, generated_name, typed};

pub struct ManagedPolicyType;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Properties {
    managed_policy_name: Option<String>,
    path: Option<String>,
    description: Option<String>,
    policy_document: Value,
    #[serde(default)]
    roles: Vec<String>,
}

impl Properties {
    fn checked_document(&self) -> Result<Value, Failure> {
        let document = document(&self.policy_document, Kind::Identity)?;
        within(size(&document), MANAGED_LIMIT, "PolicySize")?;
        Ok(document)
    }

    fn attach(&self, state: &mut State, arn: &str) -> Result<(), Failure> {
        for name in &self.roles {
            role_mut(state, name)?;
        }
        for name in &self.roles {
            role_mut(state, name)?.attached.insert(arn.to_owned());
        }
        Ok(())
    }

    fn detach(&self, state: &mut State, arn: &str) {
        for name in &self.roles {
            if let Some(role) = state.roles.get_mut(name) {
                role.attached.remove(arn);
            }
        }
    }
}

fn created(arn: &str) -> Created {
    Created::new(arn, [("PolicyArn", json!(arn))])
}

impl Handlers for ManagedPolicyType {
    const NAME: &'static str = "AWS::IAM::ManagedPolicy";

    async fn create(&self, cloud: &Arc<Cloud>, request: &Request) -> Result<Created, Failure> {
        let properties: Properties = request.typed()?;
        let name = properties.managed_policy_name.clone().unwrap_or_else(|| generated_name(request, 128));
        let path = properties.path.clone().unwrap_or_else(|| "/".to_owned());
        let arn = format!("arn:aws:iam::{ACCOUNT}:policy{path}{name}");
        may(cloud, request, &["iam:CreatePolicy"], &arn)?;
        let document = properties.checked_document()?;
        cloud.iam.state.write(|state| {
            if state.policies.contains_key(&arn) {
                let text = format!("A policy called {name} already exists. Duplicate names are not allowed.");
                return Err(Failure::new("AlreadyExists", text));
            }
            properties.attach(state, &arn)?;
            let description = properties.description;
            let policy = ManagedPolicy { name, path, arn: arn.clone(), description, document };
            state.policies.insert(arn.clone(), policy);
            Ok(created(&arn))
        })
    }

    async fn update(
        &self,
        cloud: &Arc<Cloud>,
        request: &Request,
        physical_id: &str,
        previous: &Value,
    ) -> Result<Created, Failure> {
        let properties: Properties = request.typed()?;
        let before: Properties = typed(previous)?;
        may(cloud, request, &["iam:CreatePolicyVersion", "iam:DeletePolicyVersion"], physical_id)?;
        let document = properties.checked_document()?;
        cloud.iam.state.write(|state| {
            let Some(policy) = state.policies.get_mut(physical_id) else {
                let text = format!("Policy {physical_id} was not found.");
                return Err(Failure::new("NotFound", text));
            };
            policy.document = document;
            before.detach(state, physical_id);
            properties.attach(state, physical_id)?;
            Ok(created(physical_id))
        })
    }

    async fn delete(&self, cloud: &Arc<Cloud>, request: &Request, physical_id: &str) -> Result<(), Failure> {
        let properties: Properties = request.typed()?;
        may(cloud, request, &["iam:DeletePolicy"], physical_id)?;
        cloud.iam.state.write(|state| {
            properties.detach(state, physical_id);
            let arn = physical_id.to_owned();
            let used = state
                .roles
                .values()
                .any(|role| role.attached.contains(&arn) || role.boundary.as_ref() == Some(&arn));
            if used {
                let text = "Cannot delete a policy attached to entities.";
                return Err(Failure::new("ResourceConflict", text));
            }
            state.policies.remove(physical_id);
            Ok(())
        })
    }

    async fn read(
        &self,
        cloud: &Arc<Cloud>,
        _request: &Request,
        physical_id: &str,
    ) -> Result<Option<Value>, Failure> {
        Ok(cloud.iam.state.read(|state| {
            let policy = state.policies.get(physical_id)?;
            let attached = state.roles.values().filter(|role| role.attached.contains(physical_id));
            let roles: Vec<&String> = attached.map(|role| &role.name).collect();
            let mut live = json!({
                "ManagedPolicyName": policy.name,
                "PolicyArn": physical_id,
                "Path": policy.path,
                "PolicyDocument": policy.document,
                "Roles": roles,
            });
            if let Some(description) = &policy.description {
                live["Description"] = json!(description);
            }
            Some(live)
        }))
    }
}
