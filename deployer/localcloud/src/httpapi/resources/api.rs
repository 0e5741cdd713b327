//! AWS::ApiGatewayV2::Api.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::{Map, Value, json};

use super::{bad_request, id, permit, with_api};
use crate::cloud::Cloud;
use crate::httpapi::endpoint;
use crate::httpapi::model::{Api, ApiProperties, document};
use crate::lambda::resources::properties;
use crate::resource::{Created, Failure, Request, ResourceType};
use crate::wire::AwsError;

pub struct ApiType;

impl ApiType {
    fn declared(request: &Request) -> Result<ApiProperties, Failure> {
        let mut declared: ApiProperties = properties("AWS::ApiGatewayV2::Api", &request.properties)?;
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
        let attributes = Map::from_iter([
            ("ApiId".to_owned(), json!(id)),
            ("ApiEndpoint".to_owned(), json!(endpoint(cloud, id))),
        ]);
        Created { physical_id: id.to_owned(), attributes }
    }
}

impl ResourceType for ApiType {
    fn name(&self) -> &'static str {
        "AWS::ApiGatewayV2::Api"
    }

    fn create<'a>(
        &'a self,
        cloud: &'a Arc<Cloud>,
        request: &'a Request,
    ) -> BoxFuture<'a, Result<Created, Failure>> {
        async move {
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
        .boxed()
    }

    fn update<'a>(
        &'a self,
        cloud: &'a Arc<Cloud>,
        request: &'a Request,
        physical_id: &'a str,
        _previous: &'a Value,
    ) -> BoxFuture<'a, Result<Created, Failure>> {
        async move {
            let declared = Self::declared(request)?;
            let path = format!("/apis/{physical_id}");
            permit(cloud, &request.principal, &request.region, "PATCH", &path)?;
            with_api(cloud, physical_id, |api| {
                api.declared = declared;
                Ok(())
            })?;
            Ok(Self::created(cloud, physical_id))
        }
        .boxed()
    }

    fn delete<'a>(
        &'a self,
        cloud: &'a Arc<Cloud>,
        request: &'a Request,
        physical_id: &'a str,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        async move {
            let path = format!("/apis/{physical_id}");
            permit(cloud, &request.principal, &request.region, "DELETE", &path)?;
            cloud.httpapi.state.write(|state| state.apis.remove(physical_id));
            cloud.httpapi.buckets.forget(physical_id);
            Ok(())
        }
        .boxed()
    }

    fn read<'a>(
        &'a self,
        cloud: &'a Arc<Cloud>,
        request: &'a Request,
        physical_id: &'a str,
    ) -> BoxFuture<'a, Result<Option<Value>, Failure>> {
        async move {
            let path = format!("/apis/{physical_id}");
            permit(cloud, &request.principal, &request.region, "GET", &path)?;
            Ok(cloud.httpapi.api(physical_id).map(|mut api| {
                // The stack's own tags are not the template's.
                api.declared.tags.retain(|key, _| !request.tags.contains_key(key));
                document(&api.declared)
            }))
        }
        .boxed()
    }
}
