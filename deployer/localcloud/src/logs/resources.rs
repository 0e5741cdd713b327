//! AWS::Logs::LogGroup.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Group, api};
use crate::cloud::{Cloud, arn};
use crate::resource::{Created, Failure, Handlers, Request, Tag, Types, generated_name, tags_json};

pub const TYPES: Types = &[&LogGroup];

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
        Created::new(name, [("Arn", json!(arn("logs", region, &format!("log-group:{name}:*"))))])
    }
}

impl Handlers for LogGroup {
    const NAME: &'static str = "AWS::Logs::LogGroup";

    async fn create(&self, cloud: &Arc<Cloud>, request: &Request) -> Result<Created, Failure> {
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
    }

    async fn update(
        &self,
        cloud: &Arc<Cloud>,
        request: &Request,
        physical_id: &str,
        _previous: &Value,
    ) -> Result<Created, Failure> {
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
    }

    async fn delete(&self, cloud: &Arc<Cloud>, request: &Request, physical_id: &str) -> Result<(), Failure> {
        Self::may(cloud, request, &["logs:DeleteLogGroup"], physical_id)?;
        match cloud.logs.delete_group(physical_id) {
            Err(error) if error.code == "ResourceNotFoundException" => Ok(()),
            other => Ok(other?),
        }
    }

    async fn read(
        &self,
        cloud: &Arc<Cloud>,
        _request: &Request,
        physical_id: &str,
    ) -> Result<Option<Value>, Failure> {
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
    }
}
