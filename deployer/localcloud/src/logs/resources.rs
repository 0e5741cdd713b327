//! AWS::Logs::LogGroup.

use std::sync::Arc;

use futures::future::BoxFuture;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Group, api};
use crate::cloud::{Cloud, arn};
use crate::resource::{Created, Failure, Request, ResourceType, Tag, generated_name, tags_json};

pub const TYPES: &[&'static dyn ResourceType] = &[&LogGroup];

struct LogGroup;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Properties {
    log_group_name: Option<String>,
    retention_in_days: Option<i64>,
    kms_key_id: Option<String>,
    log_group_class: Option<String>,
    #[serde(default)]
    deletion_protection_enabled: bool,
    #[serde(default)]
    tags: Vec<Tag>,
}

impl LogGroup {
    fn may(cloud: &Cloud, request: &Request, actions: &[&str], name: &str) -> Result<(), Failure> {
        let resource = arn("logs", &request.region, &format!("log-group:{name}:log-stream:"));
        for action in actions {
            cloud.iam.authorize(&request.principal, action, &resource, &[])?;
        }
        Ok(())
    }

    /// The actions that AWS's handler needs for these properties.
    fn actions<'a>(first: Option<&'a str>, properties: &Properties) -> Vec<&'a str> {
        first.into_iter().chain(properties.retention_in_days.map(|_| "logs:PutRetentionPolicy")).collect()
    }

    fn created(region: &str, name: &str) -> Created {
        let mut attributes = Map::new();
        attributes.insert("Arn".to_owned(), json!(arn("logs", region, &format!("log-group:{name}:*"))));
        Created { physical_id: name.to_owned(), attributes }
    }
}

impl ResourceType for LogGroup {
    fn name(&self) -> &'static str {
        "AWS::Logs::LogGroup"
    }

    fn create<'a>(
        &'a self,
        cloud: &'a Arc<Cloud>,
        request: &'a Request,
    ) -> BoxFuture<'a, Result<Created, Failure>> {
        Box::pin(async move {
            let properties: Properties = request.typed()?;
            let name = properties.log_group_name.clone().unwrap_or_else(|| generated_name(request, 512));
            Self::may(cloud, request, &Self::actions(Some("logs:CreateLogGroup"), &properties), &name)?;
            api::valid_name(&name)?;
            let group = Group {
                region: request.region.clone(),
                retention_days: properties.retention_in_days,
                kms_key: properties.kms_key_id,
                class: properties.log_group_class,
                deletion_protection: properties.deletion_protection_enabled,
                tags: request.all_tags(&properties.tags),
                ..Group::default()
            };
            // A handler of the registry names the identifier, not the API's message.
            cloud.logs.insert_group(&name, group).map_err(|_| {
                Failure::new(
                    "AlreadyExists",
                    format!(
                        "Resource of type 'AWS::Logs::LogGroup' with identifier '{{\"/properties/LogGroupName\":\"{name}\"}}' already exists."
                    ),
                )
            })?;
            Ok(Self::created(&request.region, &name))
        })
    }

    fn update<'a>(
        &'a self,
        cloud: &'a Arc<Cloud>,
        request: &'a Request,
        physical_id: &'a str,
        _previous: &'a Value,
    ) -> BoxFuture<'a, Result<Created, Failure>> {
        Box::pin(async move {
            let properties: Properties = request.typed()?;
            Self::may(cloud, request, &Self::actions(None, &properties), physical_id)?;
            cloud.logs.state.write(|state| {
                let group = state.group_mut(physical_id)?;
                group.retention_days = properties.retention_in_days;
                group.kms_key = properties.kms_key_id;
                group.deletion_protection = properties.deletion_protection_enabled;
                group.tags = request.all_tags(&properties.tags);
                Ok::<_, Failure>(())
            })?;
            Ok(Self::created(&request.region, physical_id))
        })
    }

    fn delete<'a>(
        &'a self,
        cloud: &'a Arc<Cloud>,
        request: &'a Request,
        physical_id: &'a str,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            Self::may(cloud, request, &["logs:DeleteLogGroup"], physical_id)?;
            match cloud.logs.delete_group(physical_id) {
                Err(error) if error.code == "ResourceNotFoundException" => Ok(()),
                other => Ok(other?),
            }
        })
    }

    fn read<'a>(
        &'a self,
        cloud: &'a Arc<Cloud>,
        _request: &'a Request,
        physical_id: &'a str,
    ) -> BoxFuture<'a, Result<Option<Value>, Failure>> {
        Box::pin(async move {
            Ok(cloud.logs.state.read(|state| {
                let group = state.groups.get(physical_id)?;
                let mut live = json!({
                    "LogGroupName": physical_id,
                    "Arn": format!("{}:*", group.arn(physical_id)),
                    "LogGroupClass": group.class.as_deref().unwrap_or("STANDARD"),
                    "DeletionProtectionEnabled": group.deletion_protection,
                    "Tags": tags_json(&group.tags),
                });
                if let Some(days) = group.retention_days {
                    live["RetentionInDays"] = json!(days);
                }
                if let Some(key) = &group.kms_key {
                    live["KmsKeyId"] = json!(key);
                }
                Some(live)
            }))
        })
    }
}
