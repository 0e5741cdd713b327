//! The Logs API (JSON 1.1).

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::response::Response;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::{Event, Group, Logs, State, Stored, Stream, already_exists, not_found, now, read};
use crate::cloud::{Cloud, arn};
use crate::wire::{AwsError, Call, json_response};

/// The most events of one PutLogEvents.
const EVENTS: usize = 10_000;
/// An event may lie this far in the future, or this far in the past.
const FUTURE: i64 = 2 * 60 * 60 * 1000;
const PAST: i64 = 14 * super::DAY;

pub async fn handle(cloud: &Arc<Cloud>, call: Call) -> Response {
    match answer(cloud, &call) {
        Ok(body) => json_response(200, "application/x-amz-json-1.1", &body, &call.request_id),
        Err(error) => error.of_json_service().json_response(&call.request_id),
    }
}

fn answer(cloud: &Cloud, call: &Call) -> Result<Value, AwsError> {
    let operation = call.target().unwrap_or_default().to_owned();
    let may = |group: &str, stream: &str| {
        let resource = arn("logs", &call.region, &format!("log-group:{group}:log-stream:{stream}"));
        cloud.iam.authorize(&call.principal, &format!("logs:{operation}"), &resource, &[])
    };
    let state = &cloud.logs.state;
    match operation.as_str() {
        "CreateLogGroup" => {
            let input: CreateLogGroup = input(call)?;
            may(&input.log_group_name, "")?;
            valid_name(&input.log_group_name)?;
            cloud.logs.insert_group(
                &input.log_group_name,
                Group {
                    region: call.region.clone(),
                    kms_key: input.kms_key_id,
                    class: input.log_group_class,
                    tags: input.tags,
                    ..Group::default()
                },
            )?;
            Ok(json!({}))
        }
        "DeleteLogGroup" => {
            let input: OfGroup = input(call)?;
            may(&input.log_group_name, "")?;
            cloud.logs.delete_group(&input.log_group_name)?;
            Ok(json!({}))
        }
        "CreateLogStream" | "DeleteLogStream" => {
            let input: OfStream = input(call)?;
            may(&input.log_group_name, &input.log_stream_name)?;
            state.write(|state| change_stream(state, &operation, &input))?;
            Ok(json!({}))
        }
        "PutLogEvents" => {
            let input: PutLogEvents = input(call)?;
            may(&input.log_group_name, &input.log_stream_name)?;
            state.write(|state| put_events(&cloud.logs, state, input))
        }
        "PutRetentionPolicy" | "DeleteRetentionPolicy" => {
            let input: Retention = input(call)?;
            may(&input.log_group_name, "")?;
            if operation == "PutRetentionPolicy" && input.retention_in_days.is_none_or(|days| days < 1) {
                return Err(invalid("retentionInDays must be a positive number of days"));
            }
            state.write(|state| {
                let group = state.group_mut(&input.log_group_name)?;
                group.retention_days = input.retention_in_days;
                group.trim(now());
                Ok::<_, AwsError>(())
            })?;
            Ok(json!({}))
        }
        "DescribeLogGroups" => {
            let input: read::DescribeLogGroups = input(call)?;
            may(input.log_group_name_prefix.as_deref().unwrap_or_default(), "")?;
            state.read(|state| read::describe_groups(state, &call.region, &input))
        }
        "DescribeLogStreams" => {
            let input: read::DescribeLogStreams = input(call)?;
            let name = group_name(input.log_group_name.as_deref(), input.log_group_identifier.as_deref())?;
            may(name, "")?;
            state.read(|state| read::describe_streams(state, name, &input))
        }
        "FilterLogEvents" => {
            let input: read::FilterLogEvents = input(call)?;
            let name = group_name(input.log_group_name.as_deref(), input.log_group_identifier.as_deref())?;
            may(name, "")?;
            state.read(|state| read::filter_events(state, name, &input))
        }
        "GetLogEvents" => {
            let input: read::GetLogEvents = input(call)?;
            let name = group_name(input.log_group_name.as_deref(), input.log_group_identifier.as_deref())?;
            may(name, &input.log_stream_name)?;
            state.read(|state| read::get_events(state, name, &input))
        }
        "TagResource" | "UntagResource" | "ListTagsForResource" => {
            let input: Tagging = input(call)?;
            let name = group_name(None, Some(&input.resource_arn))?;
            let operation = format!("logs:{operation}");
            cloud.iam.authorize(&call.principal, &operation, &input.resource_arn, &[])?;
            state.write(|state| {
                let tags = &mut state.group_mut(name)?.tags;
                if operation == "logs:ListTagsForResource" {
                    return Ok(json!({"tags": tags}));
                }
                tags.extend(input.tags);
                tags.retain(|key, _| !input.tag_keys.contains(key));
                Ok(json!({}))
            })
        }
        other => Err(AwsError::not_implemented(format_args!("logs:{other}"))),
    }
}

/// Unknown members are refused: what is not implemented is not ignored.
fn input<T: DeserializeOwned>(call: &Call) -> Result<T, AwsError> {
    serde_json::from_value(Value::Object(call.json()?)).map_err(|error| invalid(error.to_string()))
}

pub(super) fn invalid(text: impl Into<String>) -> AwsError {
    AwsError::new(400, "InvalidParameterException", text)
}

/// A group by its name, or by its name or ARN.
fn group_name<'a>(name: Option<&'a str>, identifier: Option<&'a str>) -> Result<&'a str, AwsError> {
    let text = name.or(identifier).ok_or_else(|| invalid("logGroupName or logGroupIdentifier is needed"))?;
    Ok(match text.split_once(":log-group:") {
        Some((_, name)) => name.strip_suffix(":*").unwrap_or(name),
        None => text,
    })
}

pub(super) fn valid_name(name: &str) -> Result<(), AwsError> {
    let legal = name.chars().all(|c| c.is_ascii_alphanumeric() || "_-/.#".contains(c));
    if legal && (1..=512).contains(&name.len()) {
        return Ok(());
    }
    Err(invalid(format!(
        "1 validation error detected: Value '{name}' at 'logGroupName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\.\\-_/#A-Za-z0-9]+"
    )))
}

fn change_stream(state: &mut State, operation: &str, input: &OfStream) -> Result<(), AwsError> {
    let group = state.group_mut(&input.log_group_name)?;
    let name = &input.log_stream_name;
    if operation == "CreateLogStream" {
        if name.is_empty() || name.len() > 512 || name.contains([':', '*']) {
            return Err(invalid(format!("Value '{name}' at 'logStreamName' is not a legal name")));
        }
        if group.streams.contains_key(name) {
            return Err(already_exists("stream"));
        }
        group.streams.insert(name.clone(), Stream { created_at: now(), ..Stream::default() });
        return Ok(());
    }
    let gone = group.streams.remove(name).ok_or_else(|| not_found("stream"))?;
    group.bytes = group.bytes.saturating_sub(gone.events.iter().map(Stored::size).sum());
    Ok(())
}

fn put_events(logs: &Logs, state: &mut State, input: PutLogEvents) -> Result<Value, AwsError> {
    let events = input.log_events;
    if events.is_empty() || events.len() > EVENTS {
        return Err(invalid("logEvents must hold between 1 and 10000 events"));
    }
    if events.windows(2).any(|pair| pair[1].timestamp < pair[0].timestamp) {
        return Err(invalid("Log events in a single PutLogEvents request must be in chronological order."));
    }
    let now = now();
    let old = events.iter().take_while(|event| event.timestamp < now - PAST).count();
    let new = events.iter().position(|event| event.timestamp > now + FUTURE);
    let mut rejected = Map::new();
    if old > 0 {
        rejected.insert("tooOldLogEventEndIndex".to_owned(), json!(old));
    }
    if let Some(new) = new {
        rejected.insert("tooNewLogEventStartIndex".to_owned(), json!(new));
    }
    let end = new.unwrap_or(events.len());
    let accepted = events.into_iter().take(end).skip(old).collect();
    logs.record(state, &input.log_group_name, &input.log_stream_name, accepted)?;
    let mut answer = json!({"nextSequenceToken": state.next_id.to_string()});
    if !rejected.is_empty() {
        answer["rejectedLogEventsInfo"] = Value::Object(rejected);
    }
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct CreateLogGroup {
    log_group_name: String,
    kms_key_id: Option<String>,
    log_group_class: Option<String>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct OfGroup {
    log_group_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct OfStream {
    log_group_name: String,
    log_stream_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PutLogEvents {
    log_group_name: String,
    log_stream_name: String,
    log_events: Vec<Event>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Retention {
    log_group_name: String,
    retention_in_days: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Tagging {
    resource_arn: String,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    #[serde(default)]
    tag_keys: Vec<String>,
}
