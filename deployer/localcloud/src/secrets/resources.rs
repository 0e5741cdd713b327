//! AWS::SecretsManager::Secret.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::generate::Recipe;
use super::{Secret, new_arn};
use crate::cloud::Cloud;
use crate::resource::{Created, Failure, Handlers, Request, Tag, Types, generated_name, tags_json};

pub const TYPES: Types = &[&SecretType];

struct SecretType;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Properties {
    name: Option<String>,
    description: Option<String>,
    kms_key_id: Option<String>,
    secret_string: Option<String>,
    generate_secret_string: Option<Recipe>,
    #[serde(default)]
    tags: Vec<Tag>,
}

impl Properties {
    fn value(&self) -> Result<Option<String>, Failure> {
        match (&self.secret_string, &self.generate_secret_string) {
            (Some(_), Some(_)) => Err(Failure::new(
                "InvalidRequest",
                "You can't specify both SecretString and GenerateSecretString.",
            )),
            (Some(value), None) => Ok(Some(value.clone())),
            (None, Some(recipe)) => Ok(Some(recipe.generate()?)),
            (None, None) => Ok(None),
        }
    }

    fn key(&self, cloud: &Cloud, request: &Request) -> Result<Option<String>, Failure> {
        let given = self.kms_key_id.as_deref();
        Ok(given.map(|given| cloud.kms.key_arn(&request.region, given)).transpose()?)
    }
}

fn may(cloud: &Cloud, request: &Request, action: &str, resource: &str) -> Result<(), Failure> {
    Ok(cloud.iam.authorize(&request.principal, action, resource, &[])?)
}

fn created(arn: &str) -> Created {
    Created::new(arn, [("Id", json!(arn))])
}

impl Handlers for SecretType {
    const NAME: &'static str = "AWS::SecretsManager::Secret";

    async fn create(&self, cloud: &Arc<Cloud>, request: &Request) -> Result<Created, Failure> {
        let properties: Properties = request.typed()?;
        let name = properties.name.clone().unwrap_or_else(|| generated_name(request, 512));
        let arn = new_arn(&request.region, &name);
        may(cloud, request, "secretsmanager:CreateSecret", &arn)?;
        let mut secret = Secret {
            kms_key: properties.key(cloud, request)?,
            description: properties.description.clone(),
            tags: request.all_tags(&properties.tags),
            ..Secret::new(name, arn.clone())
        };
        if let Some(value) = properties.value()? {
            secret.put(value);
        }
        cloud.secrets.state.write(|state| {
            if state.find(&request.region, &secret.name).is_some() {
                let text = format!("The operation failed because the secret {} already exists.", secret.name);
                return Err(Failure::new("AlreadyExists", text));
            }
            state.secrets.insert(arn.clone(), secret);
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
        may(cloud, request, "secretsmanager:UpdateSecret", physical_id)?;
        // A value is generated again only where the recipe itself changed.
        let changed = ["SecretString", "GenerateSecretString"]
            .iter()
            .any(|name| previous.get(*name) != request.properties.get(*name));
        let value = if changed { properties.value()? } else { None };
        let key = properties.key(cloud, request)?;
        cloud.secrets.state.write(|state| {
            let Some(secret) = state.secrets.get_mut(physical_id) else {
                let text = "Secrets Manager can't find the specified secret.";
                return Err(Failure::new("NotFound", text));
            };
            secret.description = properties.description;
            secret.kms_key = key;
            secret.tags = request.all_tags(&properties.tags);
            if let Some(value) = value {
                secret.put(value);
            }
            Ok(created(physical_id))
        })
    }

    async fn delete(&self, cloud: &Arc<Cloud>, request: &Request, physical_id: &str) -> Result<(), Failure> {
        // CloudFormation deletes a secret without the recovery window.
        may(cloud, request, "secretsmanager:DeleteSecret", physical_id)?;
        cloud.secrets.state.write(|state| state.secrets.remove(physical_id));
        Ok(())
    }

    async fn read(
        &self,
        cloud: &Arc<Cloud>,
        _request: &Request,
        physical_id: &str,
    ) -> Result<Option<Value>, Failure> {
        Ok(cloud.secrets.state.read(|state| {
            let secret = state.secrets.get(physical_id)?;
            // The value is write-only.
            let mut live = json!({"Id": secret.arn, "Name": secret.name, "Tags": tags_json(&secret.tags)});
            if let Some(description) = &secret.description {
                live["Description"] = json!(description);
            }
            if let Some(key) = &secret.kms_key {
                live["KmsKeyId"] = json!(key);
            }
            Some(live)
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::super::value;
    use super::*;
    use crate::resource::testing::{cloud, request};

    fn current(cloud: &Arc<Cloud>, arn: &str) -> String {
        let secret = cloud.secrets.state.read(|state| state.find("us-east-1", arn).cloned()).unwrap();
        value(&secret, None, None).unwrap()["SecretString"].as_str().unwrap().to_owned()
    }

    #[tokio::test]
    async fn a_generated_secret_stays_until_its_recipe_changes() {
        let cloud = cloud();
        let properties = json!({"Name": "db", "GenerateSecretString": {"PasswordLength": 20}});
        let secret = SecretType.create(&cloud, &request("Secret", properties.clone())).await.unwrap();
        let first = current(&cloud, "db");
        assert_eq!(first.chars().count(), 20);
        let described = request(
            "Secret",
            json!({"Name": "db", "Description": "d",
            "GenerateSecretString": {"PasswordLength": 20}}),
        );
        SecretType.update(&cloud, &described, &secret.physical_id, &properties).await.unwrap();
        assert_eq!(current(&cloud, &secret.physical_id), first);
        let longer = request("Secret", json!({"Name": "db", "GenerateSecretString": {"PasswordLength": 24}}));
        SecretType.update(&cloud, &longer, &secret.physical_id, &properties).await.unwrap();
        assert_eq!(current(&cloud, "db").chars().count(), 24);
        let previous = cloud
            .secrets
            .state
            .read(|state| value(state.find("us-east-1", "db").unwrap(), None, Some("AWSPREVIOUS")).unwrap());
        assert_eq!(previous["SecretString"], first.as_str());
        let again = SecretType.create(&cloud, &longer).await.unwrap_err();
        assert_eq!(again.code, "AlreadyExists");
    }

    #[tokio::test]
    async fn a_secret_of_another_region_is_not_found_by_its_name() {
        let cloud = cloud();
        let properties = json!({"Name": "db", "SecretString": "s"});
        SecretType.create(&cloud, &request("Secret", properties)).await.unwrap();
        cloud.secrets.state.read(|state| {
            assert!(state.find("eu-central-1", "db").is_none());
            assert!(state.find("us-east-1", "db").is_some());
        });
    }
}
