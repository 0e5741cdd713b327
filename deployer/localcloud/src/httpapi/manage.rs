//! API Gateway's REST API, as far as one looks at what CloudFormation made.

use std::sync::Arc;

use axum::response::Response;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::endpoint;
use super::model::{Api, document};
use super::resources::permit;
use crate::cloud::Cloud;
use crate::wire::{AwsError, Call, json_response};

pub async fn handle(cloud: &Arc<Cloud>, call: Call) -> Response {
    match answer(cloud, &call) {
        Ok(body) => json_response(200, "application/json", &body, &call.request_id),
        Err(error) => error.json_response(&call.request_id),
    }
}

fn answer(cloud: &Cloud, call: &Call) -> Result<Value, AwsError> {
    let path = call.uri.path();
    let not_implemented = || AwsError::not_implemented(format_args!("API Gateway's {} {path}", call.method));
    let inside =
        path.strip_prefix("/v2").filter(|_| call.method == http::Method::GET).ok_or_else(not_implemented)?;
    permit(cloud, &call.principal, &call.region, "GET", inside)?;
    let segments: Vec<&str> = inside.split('/').filter(|segment| !segment.is_empty()).collect();
    let api = |id: &str| {
        cloud.httpapi.api(id).ok_or_else(|| {
            AwsError::new(404, "NotFoundException", format!("Invalid API identifier specified {id}"))
        })
    };
    match segments.as_slice() {
        ["apis"] => {
            let apis = cloud.httpapi.state.read(|state| {
                let here = state.apis.values().filter(|api| api.region == call.region);
                here.map(|api| shown(cloud, api)).collect::<Vec<_>>()
            });
            Ok(json!({"items": apis}))
        }
        ["apis", id] => Ok(shown(cloud, &api(id)?)),
        ["apis", id, "stages"] => Ok(items(api(id)?.stages.iter(), "stageName")),
        ["apis", id, "routes"] => Ok(items(api(id)?.routes.iter(), "routeId")),
        ["apis", id, "integrations"] => Ok(items(api(id)?.integrations.iter(), "integrationId")),
        ["apis", id, "authorizers"] => Ok(items(api(id)?.authorizers.iter(), "authorizerId")),
        _ => Err(not_implemented()),
    }
}

fn shown(cloud: &Cloud, api: &Api) -> Value {
    let mut shown = camel_case(document(&api.declared));
    if let Value::Object(map) = &mut shown {
        map.insert("apiId".into(), json!(api.id));
        map.insert("apiEndpoint".into(), json!(endpoint(cloud, &api.id)));
        map.insert("createdDate".into(), json!(api.created));
    }
    shown
}

fn items<'a, P: Serialize + 'a>(parts: impl Iterator<Item = (&'a String, &'a P)>, id_name: &str) -> Value {
    let items: Vec<Value> = parts
        .map(|(id, part)| {
            let mut shown = camel_case(document(part));
            if let Value::Object(map) = &mut shown {
                map.remove("apiId");
                map.insert(id_name.to_owned(), json!(id));
            }
            shown
        })
        .collect();
    json!({"items": items})
}

/// CloudFormation's names in the REST API's spelling. Maps with names of the user's own keep them.
fn camel_case(value: Value) -> Value {
    match value {
        Value::Object(map) => map
            .into_iter()
            .map(|(name, value)| {
                let own = matches!(name.as_str(), "Tags" | "StageVariables" | "RouteSettings");
                (lower_first(&name), if own { inner(value) } else { camel_case(value) })
            })
            .collect::<Map<_, _>>()
            .into(),
        other => other,
    }
}

fn inner(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            map.into_iter().map(|(name, value)| (name, camel_case(value))).collect::<Map<_, _>>().into()
        }
        other => other,
    }
}

fn lower_first(name: &str) -> String {
    let mut characters = name.chars();
    characters
        .next()
        .map_or_else(String::new, |first| first.to_ascii_lowercase().to_string() + characters.as_str())
}
