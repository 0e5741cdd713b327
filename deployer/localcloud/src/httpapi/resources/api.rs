//! AWS::ApiGatewayV2::Api.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::{bad_request, id, permit, with_api};
use crate::cloud::Cloud;
use crate::httpapi::endpoint;
use crate::httpapi::model::{Api, ApiProperties, document};
use crate::resource::{Created, Failure, Handlers, Request};
use crate::wire::AwsError;

pub struct ApiType;

impl ApiType {
    fn declared(request: &Request) -> Result<ApiProperties, Failure> {
        let mut declared: ApiProperties = request.typed()?;
        if declared.protocol_type != "HTTP" {
            return Err(AwsError::not_implemented(format_args!("APIs of {}", declared.protocol_type)).into());
        }
        if let Some(cors) = &declared.cors_configuration
            && cors.allow_credentials == Some(true)
            && cors.allow_origins.iter().any(|origin| origin == "*")
        {
            return Err(bad_request(
                "Invalid CORS configuration: allowCredentials is not supported with the origin *",
            )
            .into());
        }
        let stack =
            request.tags.iter().filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())));
        declared.tags = stack.chain(declared.tags).collect();
        Ok(declared)
    }

    fn created(cloud: &Cloud, id: &str) -> Created {
        Created::new(id, [("ApiId", json!(id)), ("ApiEndpoint", json!(endpoint(cloud, id)))])
    }
}

impl Handlers for ApiType {
    const NAME: &'static str = "AWS::ApiGatewayV2::Api";

    async fn create(&self, cloud: &Arc<Cloud>, request: &Request) -> Result<Created, Failure> {
        let declared = Self::declared(request)?;
        permit(cloud, &request.principal, &request.region, "POST", "/apis")?;
        let id = id(10);
        let api = Api {
            id: id.clone(),
            region: request.region.clone(),
            created: jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            declared,
            stages: BTreeMap::new(),
            routes: BTreeMap::new(),
            integrations: BTreeMap::new(),
            authorizers: BTreeMap::new(),
        };
        cloud.httpapi.state.write(|state| state.apis.insert(id.clone(), api));
        Ok(Self::created(cloud, &id))
    }

    async fn update(
        &self,
        cloud: &Arc<Cloud>,
        request: &Request,
        physical_id: &str,
        _previous: &Value,
    ) -> Result<Created, Failure> {
        let declared = Self::declared(request)?;
        let path = format!("/apis/{physical_id}");
        permit(cloud, &request.principal, &request.region, "PATCH", &path)?;
        with_api(cloud, physical_id, |api| {
            api.declared = declared;
            Ok(())
        })?;
        Ok(Self::created(cloud, physical_id))
    }

    async fn delete(&self, cloud: &Arc<Cloud>, request: &Request, physical_id: &str) -> Result<(), Failure> {
        let path = format!("/apis/{physical_id}");
        permit(cloud, &request.principal, &request.region, "DELETE", &path)?;
        cloud.httpapi.state.write(|state| state.apis.remove(physical_id));
        cloud.httpapi.buckets.forget(physical_id);
        Ok(())
    }

    async fn read(
        &self,
        cloud: &Arc<Cloud>,
        request: &Request,
        physical_id: &str,
    ) -> Result<Option<Value>, Failure> {
        let path = format!("/apis/{physical_id}");
        permit(cloud, &request.principal, &request.region, "GET", &path)?;
        Ok(cloud.httpapi.api(physical_id).map(|mut api| {
            // The stack's own tags are not the template's.
            api.declared.tags.retain(|key, _| !request.tags.contains_key(key));
            document(&api.declared)
        }))
    }
}
