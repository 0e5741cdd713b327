//! AWS::KMS::Key and AWS::KMS::Alias.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Key, not_found};
use crate::cloud::{ACCOUNT, Cloud, arn};
use crate::iam::{Iam, Kind};
use crate::resource::{Created, Failure, Handlers, Request, Tag, Types, tags_json};

pub const TYPES: Types = &[&KeyType, &AliasType];

struct KeyType;
struct AliasType;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct KeyProperties {
    description: Option<String>,
    enabled: Option<bool>,
    #[serde(default)]
    enable_key_rotation: bool,
    key_policy: Option<Value>,
    pending_window_in_days: Option<i64>,
    #[serde(default)]
    tags: Vec<Tag>,
}

impl KeyProperties {
    fn apply(self, request: &Request, key: &mut Key) -> Result<(), Failure> {
        if let Some(policy) = self.key_policy {
            Iam::validate_policy(&policy, Kind::Resource)?;
            key.policy = policy;
        }
        key.description = self.description.unwrap_or_default();
        key.enabled = self.enabled.unwrap_or(true);
        key.rotation = self.enable_key_rotation;
        key.tags = request.all_tags(&self.tags);
        Ok(())
    }
}

fn key_arn(request: &Request, id: &str) -> String {
    arn("kms", &request.region, &format!("key/{id}"))
}

fn created(key: &Key) -> Created {
    Created::new(key.id.clone(), [("Arn", json!(key.arn)), ("KeyId", json!(key.id))])
}

impl Handlers for KeyType {
    const NAME: &'static str = "AWS::KMS::Key";

    async fn create(&self, cloud: &Arc<Cloud>, request: &Request) -> Result<Created, Failure> {
        request.may(cloud, "kms:CreateKey", "*")?;
        let properties: KeyProperties = request.typed()?;
        let id = uuid::Uuid::new_v4().to_string();
        let mut key = Key {
            arn: key_arn(request, &id),
            id,
            description: String::new(),
            enabled: true,
            rotation: false,
            // The policy that AWS gives a key without one.
            policy: json!({"Version": "2012-10-17", "Id": "key-default-1", "Statement": [{
                    "Sid": "Enable IAM User Permissions", "Effect": "Allow", "Action": "kms:*",
                    "Principal": {"AWS": format!("arn:aws:iam::{ACCOUNT}:root")}, "Resource": "*"}]}),
            created_at: jiff::Timestamp::now(),
            deletion_date: None,
            tags: Default::default(),
        };
        properties.apply(request, &mut key)?;
        let answer = created(&key);
        cloud.kms.state.write(|state| state.keys.insert(key.arn.clone(), key));
        Ok(answer)
    }

    async fn update(
        &self,
        cloud: &Arc<Cloud>,
        request: &Request,
        physical_id: &str,
        _previous: &Value,
    ) -> Result<Created, Failure> {
        let properties: KeyProperties = request.typed()?;
        let arn = key_arn(request, physical_id);
        request.may(cloud, "kms:PutKeyPolicy", &arn)?;
        cloud.kms.state.write(|state| {
            let key =
                state.keys.get_mut(&arn).ok_or_else(|| Failure::new("NotFound", not_found(&arn).message))?;
            properties.apply(request, key)?;
            Ok(created(key))
        })
    }

    async fn delete(&self, cloud: &Arc<Cloud>, request: &Request, physical_id: &str) -> Result<(), Failure> {
        let properties: KeyProperties = request.typed()?;
        let arn = key_arn(request, physical_id);
        request.may(cloud, "kms:ScheduleKeyDeletion", &arn)?;
        let days = properties.pending_window_in_days.unwrap_or(30);
        cloud.kms.state.write(|state| {
            if let Some(key) = state.keys.get_mut(&arn) {
                let wait = jiff::SignedDuration::from_hours(24 * days);
                let now = jiff::Timestamp::now();
                key.deletion_date = Some(now.saturating_add(wait).unwrap_or(now));
            }
        });
        Ok(())
    }

    async fn read(
        &self,
        cloud: &Arc<Cloud>,
        request: &Request,
        physical_id: &str,
    ) -> Result<Option<Value>, Failure> {
        Ok(cloud.kms.state.read(|state| {
            let key = state.keys.get(&key_arn(request, physical_id))?;
            // For CloudFormation a key that waits for its deletion is gone.
            key.deletion_date.is_none().then(|| {
                json!({
                    "KeyId": key.id,
                    "Arn": key.arn,
                    "Description": key.description,
                    "Enabled": key.enabled,
                    "EnableKeyRotation": key.rotation,
                    "KeyPolicy": key.policy,
                    "Tags": tags_json(&key.tags),
                })
            })
        }))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct AliasProperties {
    alias_name: String,
    target_key_id: String,
}

impl AliasProperties {
    fn put(self, cloud: &Cloud, request: &Request, replace: bool) -> Result<Created, Failure> {
        let alias = arn("kms", &request.region, &self.alias_name);
        cloud.iam.authorize(&request.principal, "kms:CreateAlias", &alias, &[])?;
        if !self.alias_name.starts_with("alias/") || self.alias_name.starts_with("alias/aws/") {
            return Err(Failure::new("InvalidRequest", format!("Alias name {} is invalid", self.alias_name)));
        }
        let key = cloud.kms.key_arn(&request.region, &self.target_key_id)?;
        cloud.kms.state.write(|state| {
            if state.aliases.contains_key(&alias) && !replace {
                let text = format!("An alias with the name {alias} already exists");
                return Err(Failure::new("AlreadyExists", text));
            }
            state.aliases.insert(alias, key);
            Ok(Created::new(self.alias_name, []))
        })
    }
}

impl Handlers for AliasType {
    const NAME: &'static str = "AWS::KMS::Alias";

    async fn create(&self, cloud: &Arc<Cloud>, request: &Request) -> Result<Created, Failure> {
        request.typed::<AliasProperties>()?.put(cloud, request, false)
    }

    async fn update(
        &self,
        cloud: &Arc<Cloud>,
        request: &Request,
        _physical_id: &str,
        _previous: &Value,
    ) -> Result<Created, Failure> {
        request.typed::<AliasProperties>()?.put(cloud, request, true)
    }

    async fn delete(&self, cloud: &Arc<Cloud>, request: &Request, physical_id: &str) -> Result<(), Failure> {
        let alias = arn("kms", &request.region, physical_id);
        cloud.iam.authorize(&request.principal, "kms:DeleteAlias", &alias, &[])?;
        cloud.kms.state.write(|state| state.aliases.remove(&alias));
        Ok(())
    }

    async fn read(
        &self,
        cloud: &Arc<Cloud>,
        request: &Request,
        physical_id: &str,
    ) -> Result<Option<Value>, Failure> {
        let alias = arn("kms", &request.region, physical_id);
        Ok(cloud.kms.state.read(|state| {
            let key = state.aliases.get(&alias)?;
            Some(json!({"AliasName": physical_id, "TargetKeyId": key}))
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::testing::{cloud, request};

    #[tokio::test]
    async fn a_key_is_found_by_id_arn_and_alias_until_it_is_deleted() {
        let cloud = cloud();
        let key_request = request("Key", json!({"Description": "d"}));
        let key = KeyType.create(&cloud, &key_request).await.unwrap();
        let properties = json!({"AliasName": "alias/service", "TargetKeyId": key.physical_id});
        AliasType.create(&cloud, &request("Alias", properties.clone())).await.unwrap();
        let arn = key.attributes["Arn"].as_str().unwrap();
        for given in [key.physical_id.as_str(), arn, "alias/service"] {
            assert_eq!(cloud.kms.key_arn("us-east-1", given).unwrap(), arn);
        }
        let again = AliasType.create(&cloud, &request("Alias", properties)).await.unwrap_err();
        assert_eq!(again.code, "AlreadyExists");
        KeyType.delete(&cloud, &key_request, &key.physical_id).await.unwrap();
        assert_eq!(cloud.kms.key_arn("us-east-1", arn).unwrap_err().code, "KMSInvalidStateException");
        assert_eq!(KeyType.read(&cloud, &key_request, &key.physical_id).await.unwrap(), None);
        assert_eq!(cloud.kms.key_arn("us-east-1", "none").unwrap_err().code, "NotFoundException");
    }
}
