//! AWS::IAM::OIDCProvider: whose tokens the account believes.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::Provider;
use super::may;
use crate::cloud::{ACCOUNT, Cloud, PARTITION};
use crate::resource::{Created, Failure, Handlers, Request, Tag, tags_json};

pub struct ProviderType;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Properties {
    url: Option<String>,
    #[serde(default)]
    client_id_list: Vec<String>,
    /// IAM trusts the certificate authorities of GitHub and others by itself and then ignores these.
    #[serde(default, rename = "ThumbprintList")]
    _thumbprints: Vec<String>,
    #[serde(default)]
    tags: Vec<Tag>,
}

impl Properties {
    fn provider(self, request: &Request) -> Provider {
        let tags: BTreeMap<String, String> = request.all_tags(&self.tags);
        Provider { url: self.url.unwrap_or_default(), client_ids: self.client_id_list, tags }
    }
}

fn created(arn: &str) -> Created {
    Created::new(arn, [("Arn", json!(arn))])
}

impl Handlers for ProviderType {
    const NAME: &'static str = "AWS::IAM::OIDCProvider";

    async fn create(&self, cloud: &Arc<Cloud>, request: &Request) -> Result<Created, Failure> {
        let provider = request.typed::<Properties>()?.provider(request);
        let host =
            provider.url.strip_prefix("https://").filter(|host| !host.is_empty()).ok_or_else(|| {
                Failure::new("InvalidRequest", "Invalid Open ID Connect Provider URL".to_owned())
            })?;
        let arn = format!("arn:{PARTITION}:iam::{ACCOUNT}:oidc-provider/{host}");
        may(cloud, request, &["iam:CreateOpenIDConnectProvider"], &arn)?;
        cloud.iam.state.write(|state| {
            if state.providers.contains_key(&arn) {
                let text = format!("Provider with url {} already exists.", provider.url);
                return Err(Failure::new("AlreadyExists", text));
            }
            state.providers.insert(arn.clone(), provider);
            Ok(created(&arn))
        })
    }

    async fn update(
        &self,
        cloud: &Arc<Cloud>,
        request: &Request,
        physical_id: &str,
        _previous: &Value,
    ) -> Result<Created, Failure> {
        let provider = request.typed::<Properties>()?.provider(request);
        let actions =
            ["iam:AddClientIDToOpenIDConnectProvider", "iam:RemoveClientIDFromOpenIDConnectProvider"];
        may(cloud, request, &actions, physical_id)?;
        cloud.iam.state.write(|state| state.providers.insert(physical_id.to_owned(), provider));
        Ok(created(physical_id))
    }

    async fn delete(&self, cloud: &Arc<Cloud>, request: &Request, physical_id: &str) -> Result<(), Failure> {
        may(cloud, request, &["iam:DeleteOpenIDConnectProvider"], physical_id)?;
        cloud.iam.state.write(|state| state.providers.remove(physical_id));
        Ok(())
    }

    async fn read(
        &self,
        cloud: &Arc<Cloud>,
        _request: &Request,
        physical_id: &str,
    ) -> Result<Option<Value>, Failure> {
        Ok(cloud.iam.state.read(|state| {
            let provider = state.providers.get(physical_id)?;
            Some(json!({
                "Arn": physical_id,
                "Url": provider.url,
                "ClientIdList": provider.client_ids,
                "Tags": tags_json(&provider.tags),
            }))
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::testing::{cloud, request};

    const GITHUB: &str = "token.actions.githubusercontent.com";

    #[tokio::test]
    async fn a_role_is_assumed_only_for_the_claims_that_its_trust_names() {
        let cloud = cloud();
        let properties = json!({"Url": format!("https://{GITHUB}"), "ClientIdList": ["sts.amazonaws.com"]});
        let provider = ProviderType.create(&cloud, &request("GitHub", properties.clone())).await.unwrap();
        let provider = provider.physical_id;
        let again = ProviderType.create(&cloud, &request("Second", properties)).await.unwrap_err();
        assert_eq!(again.code, "AlreadyExists");
        let role = request(
            "Role",
            json!({"RoleName": "pipeline", "AssumeRolePolicyDocument": {
            "Version": "2012-10-17", "Statement": [{"Effect": "Allow",
                "Principal": {"Federated": provider}, "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": {"StringEquals": {
                    format!("{GITHUB}:aud"): "sts.amazonaws.com",
                    format!("{GITHUB}:sub"): "repo:acme/shop:environment:dev"}}}]}}),
        );
        super::super::role::RoleType.create(&cloud, &role).await.unwrap();
        let assume = |provider: &str, audience: &str, subject: &str| {
            let claims = [(format!("{GITHUB}:aud"), audience), (format!("{GITHUB}:sub"), subject)];
            let claims: Vec<_> = claims.iter().map(|(key, value)| (key.as_str(), *value)).collect();
            let arn = cloud.iam.role_arn("pipeline");
            cloud
                .iam
                .assume_for_identity(provider, &claims, &arn, "run")
                .map(drop)
                .map_err(|error| error.code)
        };
        assert_eq!(assume(&provider, "sts.amazonaws.com", "repo:acme/shop:environment:dev"), Ok(()));
        for subject in [
            "repo:acme/shop:environment:prod",
            "repo:acme/shop:ref:refs/heads/main",
            "repo:evil/shop:environment:dev",
        ] {
            let refused = assume(&provider, "sts.amazonaws.com", subject);
            assert_eq!(refused, Err("AccessDenied".to_owned()), "{subject}");
        }
        let refused = assume(&provider, "https://github.com/acme", "repo:acme/shop:environment:dev");
        assert_eq!(refused, Err("AccessDenied".to_owned()));
        let unknown = assume("arn:aws:iam::000000000000:oidc-provider/evil", "sts.amazonaws.com", "x");
        assert_eq!(unknown, Err("InvalidIdentityToken".to_owned()));
    }
}
