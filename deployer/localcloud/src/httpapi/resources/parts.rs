//! AWS::ApiGatewayV2::Stage, Route, Integration and Authorizer: what each may look like.

use std::collections::BTreeMap;

use super::bad_request;
use super::part::Part;
use crate::httpapi::model::{Api, Authorizer, Integration, Route, Stage};
use crate::httpapi::{access_log, route};
use crate::wire::AwsError;

impl Part for Stage {
    const TYPE: &'static str = "AWS::ApiGatewayV2::Stage";
    const COLLECTION: &'static str = "stages";
    const ATTRIBUTE: Option<&'static str> = None;

    fn api_id(&self) -> &str {
        &self.api_id
    }

    fn parts(api: &mut Api) -> &mut BTreeMap<String, Self> {
        &mut api.stages
    }

    fn new_id(&self) -> String {
        self.stage_name.clone()
    }

    fn check(&self, api: &Api, own: Option<&str>) -> Result<(), AwsError> {
        if own.is_none() && api.stages.contains_key(&self.stage_name) {
            return Err(AwsError::new(409, "ConflictException", "Stage already exists"));
        }
        let known = |key: &String| api.routes.values().any(|route| route.route_key == *key);
        if let Some(key) = self.route_settings.keys().find(|key| !known(key)) {
            let words = format!("Unable to find Route by key {key} within the provided RouteSettings");
            return Err(AwsError::new(404, "NotFoundException", words));
        }
        match &self.access_log_settings {
            Some(settings) if access_log::group(&settings.destination_arn).is_none() => {
                Err(AwsError::not_implemented(format_args!("access logs in {}", settings.destination_arn)))
            }
            Some(_) | None => Ok(()),
        }
    }
}

impl Part for Route {
    const TYPE: &'static str = "AWS::ApiGatewayV2::Route";
    const COLLECTION: &'static str = "routes";
    const ATTRIBUTE: Option<&'static str> = Some("RouteId");

    fn api_id(&self) -> &str {
        &self.api_id
    }

    fn parts(api: &mut Api) -> &mut BTreeMap<String, Self> {
        &mut api.routes
    }

    fn check(&self, api: &Api, own: Option<&str>) -> Result<(), AwsError> {
        if route::parse(&self.route_key).is_none() {
            return Err(bad_request(
                "The provided route key is not formatted properly for HTTP protocol. Format should be \"<HTTP METHOD> /<RESOURCE PATH>\" or \"$default\"",
            ));
        }
        let taken = api
            .routes
            .iter()
            .any(|(id, route)| Some(id.as_str()) != own && route.route_key == self.route_key);
        if taken {
            let words = format!("Route with key {} already exists for this API", self.route_key);
            return Err(AwsError::new(409, "ConflictException", words));
        }
        match &self.target {
            Some(target) => {
                let known =
                    target.strip_prefix("integrations/").is_some_and(|id| api.integrations.contains_key(id));
                if !known {
                    return Err(bad_request(format!("Invalid integration identifier specified: {target}")));
                }
            }
            None => return Err(bad_request("Routes of an HTTP API need a target here")),
        }
        match (self.authorization_type.as_deref().unwrap_or("NONE"), &self.authorizer_id) {
            ("NONE", None) if self.authorization_scopes.is_empty() => Ok(()),
            ("NONE", _) => {
                Err(bad_request("AuthorizationScopes and AuthorizerId need the AuthorizationType JWT"))
            }
            ("JWT", Some(id)) if api.authorizers.contains_key(id) => Ok(()),
            ("JWT", id) => Err(bad_request(format!(
                "Invalid authorizer ID specified: {}",
                id.as_deref().unwrap_or("none")
            ))),
            (other, _) => Err(AwsError::not_implemented(format_args!("the authorization type {other}"))),
        }
    }
}

impl Part for Integration {
    const TYPE: &'static str = "AWS::ApiGatewayV2::Integration";
    const COLLECTION: &'static str = "integrations";
    const ATTRIBUTE: Option<&'static str> = Some("IntegrationId");

    fn api_id(&self) -> &str {
        &self.api_id
    }

    fn parts(api: &mut Api) -> &mut BTreeMap<String, Self> {
        &mut api.integrations
    }

    fn check(&self, _api: &Api, _own: Option<&str>) -> Result<(), AwsError> {
        if self.integration_type != "AWS_PROXY" || self.function_arn().is_none() {
            return Err(AwsError::not_implemented(format_args!(
                "the integration {} of {}: only AWS_PROXY with a function's ARN",
                self.integration_type, self.integration_uri
            )));
        }
        if self.payload_format_version.as_deref() != Some("2.0") {
            let version = self.payload_format_version.as_deref().unwrap_or("1.0 (the default)");
            return Err(AwsError::not_implemented(format_args!("the payload format {version}")));
        }
        if self.connection_type.as_deref().is_some_and(|kind| kind != "INTERNET") {
            return Err(AwsError::not_implemented("integrations through a VPC link"));
        }
        match self.timeout_in_millis {
            Some(timeout) if !(50..=30_000).contains(&timeout) => {
                Err(bad_request("Timeout should be between 50 ms and 30000 ms"))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn check_delete(api: &Api, id: &str) -> Result<(), AwsError> {
        let target = format!("integrations/{id}");
        if api.routes.values().any(|route| route.target.as_ref() == Some(&target)) {
            let words = format!(
                "Cannot delete Integration '{id}'. Integration '{id}' is referenced by one or more Routes"
            );
            return Err(AwsError::new(409, "ConflictException", words));
        }
        Ok(())
    }
}

impl Part for Authorizer {
    const TYPE: &'static str = "AWS::ApiGatewayV2::Authorizer";
    const COLLECTION: &'static str = "authorizers";
    const ATTRIBUTE: Option<&'static str> = Some("AuthorizerId");

    fn api_id(&self) -> &str {
        &self.api_id
    }

    fn parts(api: &mut Api) -> &mut BTreeMap<String, Self> {
        &mut api.authorizers
    }

    fn check(&self, api: &Api, own: Option<&str>) -> Result<(), AwsError> {
        if self.authorizer_type != "JWT" {
            return Err(AwsError::not_implemented(format_args!("{} authorizers", self.authorizer_type)));
        }
        let sources = ["$request.header.", "$request.querystring."];
        let known = |source: &String| sources.iter().any(|prefix| source.starts_with(prefix));
        if self.identity_source.is_empty() || !self.identity_source.iter().all(known) {
            return Err(bad_request("Identity source should be a header or query string of the request"));
        }
        match &self.jwt_configuration {
            Some(jwt) if jwt.issuer.starts_with("https://") && !jwt.audience.is_empty() => {}
            Some(_) | None => {
                return Err(bad_request("JwtConfiguration needs an https issuer and at least one audience"));
            }
        }
        let taken = api.authorizers.iter().any(|(id, one)| Some(id.as_str()) != own && one.name == self.name);
        if taken {
            return Err(AwsError::new(409, "ConflictException", "Authorizer name must be unique"));
        }
        Ok(())
    }

    fn check_delete(api: &Api, id: &str) -> Result<(), AwsError> {
        if api.routes.values().any(|route| route.authorizer_id.as_deref() == Some(id)) {
            let words = format!("Cannot delete authorizer '{id}', is referenced in a route");
            return Err(AwsError::new(409, "ConflictException", words));
        }
        Ok(())
    }
}
