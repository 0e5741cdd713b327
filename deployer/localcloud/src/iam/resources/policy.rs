//! AWS::IAM::Policy: an inline policy on one or several roles.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::Kind;
use super::{document, inline_fits, may_within, role_mut};
use crate::cloud::Cloud;
use crate::resource::{Created, Failure, Handlers, Request, generated_name, typed};

pub struct PolicyType;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Properties {
    policy_name: String,
    policy_document: Value,
    roles: Vec<String>,
}

impl Properties {
    fn may(&self, cloud: &Cloud, request: &Request, action: &str) -> Result<(), Failure> {
        for role in &self.roles {
            let boundary = cloud.iam.boundary_of(role);
            may_within(cloud, request, &[action], &cloud.iam.role_arn(role), boundary.as_deref())?;
        }
        Ok(())
    }

    /// Puts the policy on its roles, all or none.
    fn put(&self, cloud: &Cloud) -> Result<(), Failure> {
        if self.roles.is_empty() {
            let text = "At least one of [Groups,Roles,Users] must be non-empty.";
            return Err(Failure::new("InvalidRequest", text));
        }
        let document = document(&self.policy_document, Kind::Identity)?;
        cloud.iam.state.write(|state| {
            let mut changed = Vec::new();
            for name in &self.roles {
                let mut role = role_mut(state, name)?.clone();
                role.inline.insert(self.policy_name.clone(), document.clone());
                inline_fits(&role)?;
                changed.push(role);
            }
            state.roles.extend(changed.into_iter().map(|role| (role.name.clone(), role)));
            Ok(())
        })
    }

    /// Takes the policy from roles that `keep` does not name.
    fn take(&self, cloud: &Cloud, keep: &[String]) {
        cloud.iam.state.write(|state| {
            for name in self.roles.iter().filter(|name| !keep.contains(name)) {
                if let Some(role) = state.roles.get_mut(name) {
                    role.inline.remove(&self.policy_name);
                }
            }
        });
    }
}

fn created(physical_id: &str) -> Created {
    Created::new(physical_id, [("Id", json!(physical_id))])
}

impl Handlers for PolicyType {
    const NAME: &'static str = "AWS::IAM::Policy";

    async fn create(&self, cloud: &Arc<Cloud>, request: &Request) -> Result<Created, Failure> {
        let properties: Properties = request.typed()?;
        properties.may(cloud, request, "iam:PutRolePolicy")?;
        properties.put(cloud)?;
        Ok(created(&generated_name(request, 128)))
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
        properties.may(cloud, request, "iam:PutRolePolicy")?;
        before.may(cloud, request, "iam:DeleteRolePolicy")?;
        properties.put(cloud)?;
        let renamed = before.policy_name != properties.policy_name;
        before.take(cloud, if renamed { &[] } else { &properties.roles });
        Ok(created(physical_id))
    }

    async fn delete(&self, cloud: &Arc<Cloud>, request: &Request, _physical_id: &str) -> Result<(), Failure> {
        let properties: Properties = request.typed()?;
        properties.may(cloud, request, "iam:DeleteRolePolicy")?;
        properties.take(cloud, &[]);
        Ok(())
    }

    async fn read(
        &self,
        cloud: &Arc<Cloud>,
        request: &Request,
        _physical_id: &str,
    ) -> Result<Option<Value>, Failure> {
        let properties: Properties = request.typed()?;
        let name = &properties.policy_name;
        Ok(cloud.iam.state.read(|state| {
            let holds =
                |role: &&String| state.roles.get(*role).is_some_and(|role| role.inline.contains_key(name));
            let roles: Vec<&String> = properties.roles.iter().filter(holds).collect();
            let document = state.roles.get(*roles.first()?)?.inline.get(name)?;
            Some(json!({"PolicyName": name, "PolicyDocument": document, "Roles": roles}))
        }))
    }
}
