//! Lambda's REST-JSON API, as far as a deployer and its users call it.

use std::sync::Arc;

use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::code::{fetch, unpack};
use super::model::{Function, resolve};
use super::permission::{Grant, add, authorize, withdraw};
use super::{Invocation, Invoker, accept, invoke, permission};
use crate::cloud::Cloud;
use crate::wire::{AwsError, Call, json_response, plain_response};

/// The event of an asynchronous invocation is at most 1 MB.
const EVENT_LIMIT: usize = 1_048_576;
/// Lambda tries a failed event again after one and after two more minutes.
const RETRIES: [u64; 2] = [60, 120];

pub async fn handle(cloud: &Arc<Cloud>, call: Call) -> Response {
    let request_id = Arc::clone(&call.request_id);
    match route(cloud, call).await {
        Ok(response) => response,
        Err(error) => error.json_response(&request_id),
    }
}

async fn route(cloud: &Arc<Cloud>, call: Call) -> Result<Response, AwsError> {
    let path = call.uri.path().to_owned();
    let segments: Vec<String> =
        path.split('/').filter(|segment| !segment.is_empty()).map(percent_decode).collect();
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    match (call.method.as_str(), segments.as_slice()) {
        ("GET", ["2015-03-31", "functions"]) => list(cloud, &call),
        ("GET", ["2015-03-31", "functions", name]) => get_function(cloud, &call, name),
        ("GET", ["2015-03-31", "functions", name, "configuration"]) => configuration(cloud, &call, name),
        ("PUT", ["2015-03-31", "functions", name, "code"]) => update_code(cloud, &call, name).await,
        ("POST", ["2015-03-31", "functions", name, "invocations"]) => invocations(cloud, &call, name).await,
        ("GET", ["2015-03-31", "functions", name, "policy"]) => get_policy(cloud, &call, name),
        ("POST", ["2015-03-31", "functions", name, "policy"]) => add_permission(cloud, &call, name),
        ("DELETE", ["2015-03-31", "functions", name, "policy", id]) => {
            remove_permission(cloud, &call, name, id)
        }
        ("GET", ["2017-03-31", "tags", arn]) => list_tags(cloud, &call, arn),
        ("POST", ["2017-03-31", "tags", arn]) => tag(cloud, &call, arn),
        ("DELETE", ["2017-03-31", "tags", arn]) => untag(cloud, &call, arn),
        (method, _) => Err(AwsError::not_implemented(format_args!("Lambda's {method} {path}"))),
    }
}

/// The function that a path names, for a caller who may do `action` on it.
fn permitted(cloud: &Cloud, call: &Call, name: &str, action: &str) -> Result<Function, AwsError> {
    if let Some(qualifier) = query(call, "Qualifier").filter(|qualifier| qualifier != "$LATEST") {
        let words = format!("Function not found: {name}:{qualifier}");
        return Err(AwsError::new(404, "ResourceNotFoundException", words));
    }
    let arn = resolve(name, &call.region).unwrap_or_else(|| name.to_owned());
    authorize(cloud, &call.principal, action, &arn)?;
    cloud.lambda.find(name, &call.region)
}

fn list(cloud: &Cloud, call: &Call) -> Result<Response, AwsError> {
    authorize(cloud, &call.principal, "lambda:ListFunctions", "*")?;
    let after = query(call, "Marker").unwrap_or_default();
    let limit = match query(call, "MaxItems") {
        Some(limit) => limit
            .parse::<usize>()
            .ok()
            .filter(|limit| (1..=10_000).contains(limit))
            .ok_or_else(|| invalid(format!("MaxItems must be between 1 and 10000, not {limit}")))?,
        None => 50,
    }
    // A page of ListFunctions holds at most 50, whatever is asked.
    .min(50);
    let mut functions = cloud.lambda.list(&call.region);
    functions.retain(|function| function.name > after);
    let more = functions.len() > limit;
    functions.truncate(limit);
    let next = functions.last().filter(|_| more).map(|function| function.name.clone());
    let shown: Vec<Value> = functions.iter().map(Function::configuration).collect();
    Ok(answer(call, 200, &json!({"Functions": shown, "NextMarker": next})))
}

fn get_function(cloud: &Cloud, call: &Call, name: &str) -> Result<Response, AwsError> {
    let function = permitted(cloud, call, name, "lambda:GetFunction")?;
    let mut shown = json!({
        "Configuration": function.configuration(),
        // The zip itself is not kept, so there is no Location to fetch it from.
        "Code": {"RepositoryType": "S3"},
    });
    if let Value::Object(map) = &mut shown {
        if !function.tags.is_empty() {
            map.insert("Tags".into(), json!(function.tags));
        }
        if let Some(reserved) = function.reserved {
            map.insert("Concurrency".into(), json!({"ReservedConcurrentExecutions": reserved}));
        }
    }
    Ok(answer(call, 200, &shown))
}

fn configuration(cloud: &Cloud, call: &Call, name: &str) -> Result<Response, AwsError> {
    let function = permitted(cloud, call, name, "lambda:GetFunctionConfiguration")?;
    Ok(answer(call, 200, &function.configuration()))
}

async fn update_code(cloud: &Arc<Cloud>, call: &Call, name: &str) -> Result<Response, AwsError> {
    let mut function = permitted(cloud, call, name, "lambda:UpdateFunctionCode")?;
    let body = call.json()?;
    only(
        &body,
        &[
            "ZipFile",
            "S3Bucket",
            "S3Key",
            "S3ObjectVersion",
            "Architectures",
            "Publish",
            "DryRun",
            "RevisionId",
        ],
    )?;
    if body.get("Publish").and_then(Value::as_bool) == Some(true) {
        return Err(AwsError::not_implemented("UpdateFunctionCode with Publish: there are no versions"));
    }
    if text(&body, "RevisionId").is_some_and(|revision| revision != function.revision) {
        return Err(AwsError::new(
            412,
            "PreconditionFailedException",
            "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id",
        ));
    }
    if let Some(architectures) = body.get("Architectures") {
        function.architecture = super::resources::architecture(architectures)?;
    }
    let (pin, code) = match (text(&body, "ZipFile"), text(&body, "S3Bucket"), text(&body, "S3Key")) {
        (Some(zip), None, None) => {
            let zip =
                STANDARD.decode(zip).map_err(|error| invalid(format!("ZipFile is not base64: {error}")))?;
            unpack(cloud, zip.into()).await?
        }
        (None, Some(bucket), Some(key)) => {
            let zip = fetch(cloud, &call.principal, bucket, key, text(&body, "S3ObjectVersion"))?;
            unpack(cloud, zip).await?
        }
        _ => {
            return Err(invalid(
                "Please provide a source for function code: ZipFile, or S3Bucket and S3Key.",
            ));
        }
    };
    function.code = code;
    function.touch();
    let shown = function.configuration();
    if body.get("DryRun").and_then(Value::as_bool) != Some(true) {
        cloud.lambda.put(function, pin);
    }
    Ok(answer(call, 200, &shown))
}

async fn invocations(cloud: &Arc<Cloud>, call: &Call, name: &str) -> Result<Response, AwsError> {
    if let Some(qualifier) = query(call, "Qualifier").filter(|qualifier| qualifier != "$LATEST") {
        let words = format!("Function not found: {name}:{qualifier}");
        return Err(AwsError::new(404, "ResourceNotFoundException", words));
    }
    let invoker = Invoker::Principal(call.principal.clone());
    // An unknown function is refused to whoever may not invoke it before it is said to be unknown.
    let arn = resolve(name, &call.region).unwrap_or_else(|| name.to_owned());
    let function = match cloud.lambda.find(name, &call.region) {
        Ok(function) => function,
        Err(unknown) => {
            authorize(cloud, &call.principal, "lambda:InvokeFunction", &arn)?;
            return Err(unknown);
        }
    };
    if call.header("x-amz-client-context").is_some() {
        return Err(AwsError::not_implemented("a client context in Invoke"));
    }
    match call.header("x-amz-invocation-type").unwrap_or("RequestResponse") {
        "RequestResponse" => {
            let invocation =
                Invocation { function: function.arn(), payload: call.body.clone(), invoker, limit: None };
            let answered = invoke(cloud, invocation).await?;
            let tail = (call.header("x-amz-log-type") == Some("Tail")).then_some(answered.log_tail);
            let mut response =
                plain_response(200, "application/json", answered.payload, &answered.request_id);
            let headers = [
                ("x-amz-executed-version", Some("$LATEST".to_owned())),
                ("x-amz-function-error", answered.function_error),
                ("x-amz-log-result", tail),
            ];
            for (name, value) in headers {
                if let Some(value) = value.and_then(|value| value.parse().ok()) {
                    response.headers_mut().insert(name, value);
                }
            }
            Ok(response)
        }
        "Event" => {
            permission::judge(cloud, &function, &invoker)?;
            if call.body.len() > EVENT_LIMIT {
                let words = format!(
                    "Request must be smaller than {EVENT_LIMIT} bytes for the InvokeFunction operation"
                );
                return Err(AwsError::new(413, "RequestTooLargeException", words));
            }
            let payload = accept(call.body.clone())?;
            let invocation = Invocation { function: function.arn(), payload, invoker, limit: None };
            // Weak: an event that waits for its next try does not keep a stopped cloud.
            tokio::spawn(deliver(Arc::downgrade(cloud), invocation));
            Ok(plain_response(202, "application/json", "", &call.request_id))
        }
        "DryRun" => {
            permission::judge(cloud, &function, &invoker)?;
            Ok(plain_response(204, "application/json", "", &call.request_id))
        }
        other => Err(invalid(format!("Unknown invocation type {other}"))),
    }
}

/// An asynchronous invocation with its retries; there is nobody to tell but the function's log.
async fn deliver(cloud: std::sync::Weak<Cloud>, invocation: Invocation) {
    for pause in RETRIES.into_iter().map(Some).chain([None]) {
        let Some(cloud) = cloud.upgrade() else { return };
        match invoke(&cloud, invocation.clone()).await {
            Ok(answer) if answer.function_error.is_none() => return,
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(%error, function = invocation.function, "an event was not delivered")
            }
        }
        drop(cloud);
        let Some(pause) = pause else { return };
        tokio::time::sleep(std::time::Duration::from_secs(pause)).await;
    }
}

fn get_policy(cloud: &Cloud, call: &Call, name: &str) -> Result<Response, AwsError> {
    let function = permitted(cloud, call, name, "lambda:GetPolicy")?;
    let policy = function.policy_document().ok_or_else(|| {
        AwsError::new(404, "ResourceNotFoundException", "The resource you requested does not exist.")
    })?;
    Ok(answer(call, 200, &json!({"Policy": policy.to_string(), "RevisionId": function.revision})))
}

fn add_permission(cloud: &Cloud, call: &Call, name: &str) -> Result<Response, AwsError> {
    let function = permitted(cloud, call, name, "lambda:AddPermission")?;
    let body = call.json()?;
    only(&body, &["StatementId", "Action", "Principal", "SourceArn", "SourceAccount"])?;
    let required = |name: &str| {
        text(&body, name).map(str::to_owned).ok_or_else(|| {
            AwsError::validation(
                "ValidationException",
                format!("Value null at '{name}' failed to satisfy constraint: Member must not be null"),
            )
        })
    };
    let grant = Grant {
        statement_id: required("StatementId")?,
        action: required("Action")?,
        principal: required("Principal")?,
        source_arn: text(&body, "SourceArn").map(str::to_owned),
        source_account: text(&body, "SourceAccount").map(str::to_owned),
    };
    let statement = add(cloud, &function, &grant)?;
    Ok(answer(call, 201, &json!({"Statement": statement.to_string()})))
}

fn remove_permission(cloud: &Cloud, call: &Call, name: &str, id: &str) -> Result<Response, AwsError> {
    let function = permitted(cloud, call, name, "lambda:RemovePermission")?;
    if withdraw(cloud, &function, id)? {
        return Ok(plain_response(204, "application/json", "", &call.request_id));
    }
    Err(AwsError::new(
        404,
        "ResourceNotFoundException",
        format!("Statement {id} is not found in resource policy."),
    ))
}

fn list_tags(cloud: &Cloud, call: &Call, arn: &str) -> Result<Response, AwsError> {
    let function = permitted(cloud, call, arn, "lambda:ListTags")?;
    Ok(answer(call, 200, &json!({"Tags": function.tags})))
}

fn tag(cloud: &Cloud, call: &Call, arn: &str) -> Result<Response, AwsError> {
    let function = permitted(cloud, call, arn, "lambda:TagResource")?;
    let body = call.json()?;
    let Some(Value::Object(tags)) = body.get("Tags") else { return Err(invalid("Tags must be a map")) };
    let tags = tags.iter().filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())));
    cloud.lambda.amend(&function.arn(), |function| function.tags.extend(tags))?;
    Ok(plain_response(204, "application/json", "", &call.request_id))
}

fn untag(cloud: &Cloud, call: &Call, arn: &str) -> Result<Response, AwsError> {
    let function = permitted(cloud, call, arn, "lambda:UntagResource")?;
    let keys: Vec<String> = queries(call).filter(|(name, _)| name == "tagKeys").map(|(_, key)| key).collect();
    cloud.lambda.amend(&function.arn(), |function| function.tags.retain(|key, _| !keys.contains(key)))?;
    Ok(plain_response(204, "application/json", "", &call.request_id))
}

fn answer(call: &Call, status: u16, body: &Value) -> Response {
    json_response(status, "application/json", body, &call.request_id)
}

fn invalid(message: impl Into<String>) -> AwsError {
    AwsError::validation("InvalidParameterValueException", message)
}

fn text<'a>(body: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    body.get(name).and_then(Value::as_str)
}

/// Refuses members that this cloud does not have.
fn only(body: &Map<String, Value>, known: &[&str]) -> Result<(), AwsError> {
    match body.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(AwsError::not_implemented(format_args!("Lambda's parameter {name}"))),
        None => Ok(()),
    }
}

fn queries(call: &Call) -> impl Iterator<Item = (String, String)> {
    form_urlencoded::parse(call.uri.query().unwrap_or_default().as_bytes()).into_owned()
}

fn query(call: &Call, name: &str) -> Option<String> {
    queries(call).find(|(known, _)| known == name).map(|(_, value)| value)
}

/// ARNs come with their colons encoded.
fn percent_decode(segment: &str) -> String {
    percent_encoding::percent_decode_str(segment).decode_utf8_lossy().into_owned()
}
