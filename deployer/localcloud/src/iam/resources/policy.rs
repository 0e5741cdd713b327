//! AWS::IAM::Policy: an inline policy on one or several roles.

use std::sync::Arc;

use futures::future::BoxFuture;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::super::Kind;
use super::{document, inline_fits, may_within, role_mut};
use crate::cloud::Cloud;
use crate::resource::{Created, Failure, Request, ResourceType, generated_name, typed};

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
    let mut attributes = Map::new();
    attributes.insert("Id".to_owned(), json!(physical_id));
    Created { physical_id: physical_id.to_owned(), attributes }
}

impl ResourceType for PolicyType {
    fn name(&self) -> &'static str {
        "AWS::IAM::Policy"
    }

    fn create<'a>(
        &'a self,
        cloud: &'a Arc<Cloud>,
        request: &'a Request,
    ) -> BoxFuture<'a, Result<Created, Failure>> {
        Box::pin(async move {
            let properties: Properties = request.typed()?;
            properties.may(cloud, request, "iam:PutRolePolicy")?;
            properties.put(cloud)?;
            Ok(created(&generated_name(request, 128)))
        })
    }

    fn update<'a>(
        &'a self,
        cloud: &'a Arc<Cloud>,
        request: &'a Request,
        physical_id: &'a str,
        previous: &'a Value,
    ) -> BoxFuture<'a, Result<Created, Failure>> {
        Box::pin(async move {
            let properties: Properties = request.typed()?;
            let before: Properties = typed(previous)?;
            properties.may(cloud, request, "iam:PutRolePolicy")?;
            before.may(cloud, request, "iam:DeleteRolePolicy")?;
            properties.put(cloud)?;
            let renamed = before.policy_name != properties.policy_name;
            before.take(cloud, if renamed { &[] } else { &properties.roles });
            Ok(created(physical_id))
        })
    }

    fn delete<'a>(
        &'a self,
        cloud: &'a Arc<Cloud>,
        request: &'a Request,
        _physical_id: &'a str,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let properties: Properties = request.typed()?;
            properties.may(cloud, request, "iam:DeleteRolePolicy")?;
            properties.take(cloud, &[]);
            Ok(())
        })
    }

    fn read<'a>(
        &'a self,
        cloud: &'a Arc<Cloud>,
        request: &'a Request,
        _physical_id: &'a str,
    ) -> BoxFuture<'a, Result<Option<Value>, Failure>> {
        Box::pin(async move {
            let properties: Properties = request.typed()?;
            let name = &properties.policy_name;
            Ok(cloud.iam.state.read(|state| {
                let holds = |role: &&String| {
                    state.roles.get(*role).is_some_and(|role| role.inline.contains_key(name))
                };
                let roles: Vec<&String> = properties.roles.iter().filter(holds).collect();
                let document = state.roles.get(*roles.first()?)?.inline.get(name)?;
                Some(json!({"PolicyName": name, "PolicyDocument": document, "Roles": roles}))
            }))
        })
    }
}
