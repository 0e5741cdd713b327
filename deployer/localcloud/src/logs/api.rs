//! The Logs API (JSON 1.1).

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::response::Response;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::pattern::Filter;
use super::{Event, Group, State, Stored, Stream, already_exists, not_found, now};
use crate::cloud::{Cloud, arn};
use crate::wire::{AwsError, Call, json_response};

/// The largest page of FilterLogEvents and GetLogEvents.
const EVENTS: usize = 10_000;
/// The largest page of the Describe operations.
const PAGE: usize = 50;
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
            state.write(|state| delete_group(state, &input.log_group_name))?;
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
            state.write(|state| put_events(state, input))
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
            let input: DescribeLogGroups = input(call)?;
            may(input.log_group_name_prefix.as_deref().unwrap_or_default(), "")?;
            state.read(|state| describe_groups(state, &call.region, &input))
        }
        "DescribeLogStreams" => {
            let input: DescribeLogStreams = input(call)?;
            let name = group_name(input.log_group_name.as_deref(), input.log_group_identifier.as_deref())?;
            may(name, "")?;
            state.read(|state| describe_streams(state, name, &input))
        }
        "FilterLogEvents" => {
            let input: FilterLogEvents = input(call)?;
            let name = group_name(input.log_group_name.as_deref(), input.log_group_identifier.as_deref())?;
            may(name, "")?;
            state.read(|state| filter_events(state, name, &input))
        }
        "GetLogEvents" => {
            let input: GetLogEvents = input(call)?;
            let name = group_name(input.log_group_name.as_deref(), input.log_group_identifier.as_deref())?;
            may(name, &input.log_stream_name)?;
            state.read(|state| get_events(state, name, &input))
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

fn invalid(text: impl Into<String>) -> AwsError {
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

pub(super) fn delete_group(state: &mut State, name: &str) -> Result<(), AwsError> {
    if state.group(name)?.deletion_protection {
        return Err(AwsError::new(
            400,
            "ValidationException",
            "The log group cannot be deleted because deletion protection is enabled.",
        ));
    }
    state.groups.remove(name);
    Ok(())
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
    let bytes: usize =
        gone.events.iter().map(|stored| stored.event.message.len() + super::EVENT_OVERHEAD).sum();
    group.bytes = group.bytes.saturating_sub(bytes);
    Ok(())
}

fn put_events(state: &mut State, input: PutLogEvents) -> Result<Value, AwsError> {
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
    state.append(&input.log_group_name, &input.log_stream_name, accepted)?;
    let mut answer = json!({"nextSequenceToken": state.next_id.to_string()});
    if !rejected.is_empty() {
        answer["rejectedLogEventsInfo"] = Value::Object(rejected);
    }
    Ok(answer)
}

fn describe_groups(state: &State, region: &str, input: &DescribeLogGroups) -> Result<Value, AwsError> {
    let prefix = input.log_group_name_prefix.as_deref().unwrap_or_default();
    let pattern = input.log_group_name_pattern.as_deref().unwrap_or_default();
    let after = input.next_token.as_deref().unwrap_or_default();
    let limit = page(input.limit, PAGE)?;
    let mut found: Vec<(&String, &Group)> = state
        .groups
        .iter()
        .filter(|(name, group)| {
            group.region == region
                && name.starts_with(prefix)
                && name.contains(pattern)
                && name.as_str() > after
        })
        .take(limit + 1)
        .collect();
    let more = found.len() > limit;
    found.truncate(limit);
    let groups: Vec<Value> = found.iter().map(|(name, group)| group_json(name, group)).collect();
    let mut answer = json!({"logGroups": groups});
    if let (true, Some((name, _))) = (more, found.last()) {
        answer["nextToken"] = json!(name);
    }
    Ok(answer)
}

fn group_json(name: &str, group: &Group) -> Value {
    let group_arn = group.arn(name);
    let mut value = json!({
        "logGroupName": name,
        "creationTime": group.created_at,
        "metricFilterCount": 0,
        "arn": format!("{group_arn}:*"),
        "logGroupArn": group_arn,
        "storedBytes": group.bytes,
        "logGroupClass": group.class.as_deref().unwrap_or("STANDARD"),
        "deletionProtectionEnabled": group.deletion_protection,
    });
    if let Some(days) = group.retention_days {
        value["retentionInDays"] = json!(days);
    }
    if let Some(key) = &group.kms_key {
        value["kmsKeyId"] = json!(key);
    }
    value
}

fn describe_streams(state: &State, name: &str, input: &DescribeLogStreams) -> Result<Value, AwsError> {
    let group = state.group(name)?;
    let prefix = input.log_stream_name_prefix.as_deref().unwrap_or_default();
    let by_time = match input.order_by.as_deref() {
        None | Some("LogStreamName") => false,
        Some("LastEventTime") if prefix.is_empty() => true,
        Some("LastEventTime") => {
            return Err(invalid("Cannot order by LastEventTime with a logStreamNamePrefix."));
        }
        Some(other) => return Err(invalid(format!("Value '{other}' at 'orderBy' is not known"))),
    };
    let mut streams: Vec<(&String, &Stream)> =
        group.streams.iter().filter(|(name, _)| name.starts_with(prefix)).collect();
    if by_time {
        streams.sort_by_key(|(_, stream)| stream.events.back().map(|stored| stored.event.timestamp));
    }
    if input.descending {
        streams.reverse();
    }
    let start = match &input.next_token {
        Some(token) => token.parse().map_err(|_| invalid("The specified nextToken is invalid."))?,
        None => 0,
    };
    let limit = page(input.limit, PAGE)?;
    let page: Vec<Value> = streams
        .iter()
        .skip(start)
        .take(limit)
        .map(|(stream_name, stream)| {
            let mut value = json!({
                "logStreamName": stream_name,
                "creationTime": stream.created_at,
                "arn": format!("{}:log-stream:{stream_name}", group.arn(name)),
                "storedBytes": 0,
            });
            if let (Some(first), Some(last)) = (stream.events.front(), stream.events.back()) {
                value["firstEventTimestamp"] = json!(first.event.timestamp);
                value["lastEventTimestamp"] = json!(last.event.timestamp);
                value["lastIngestionTime"] = json!(stream.last_ingestion);
            }
            value
        })
        .collect();
    let end = start + page.len();
    let mut answer = json!({"logStreams": page});
    if end < streams.len() {
        answer["nextToken"] = json!(end.to_string());
    }
    Ok(answer)
}

fn filter_events(state: &State, name: &str, input: &FilterLogEvents) -> Result<Value, AwsError> {
    let group = state.group(name)?;
    let filter = Filter::parse(input.filter_pattern.as_deref().unwrap_or_default())?;
    if let Some(missing) =
        input.log_stream_names.iter().flatten().find(|name| !group.streams.contains_key(*name))
    {
        return Err(AwsError::new(400, not_found("stream").code, format!("The log stream {missing} does not exist.")));
    }
    let after = match &input.next_token {
        Some(token) => {
            let parsed = token
                .split_once('/')
                .and_then(|(time, id)| Some((time.parse::<i64>().ok()?, id.parse::<u64>().ok()?)));
            Some(parsed.ok_or_else(|| invalid("The specified nextToken is invalid."))?)
        }
        None => None,
    };
    let limit = page(input.limit, EVENTS)?;
    let mut found: Vec<(&String, &Stored)> = group
        .streams
        .iter()
        .filter(|(name, _)| input.log_stream_names.as_ref().is_none_or(|names| names.contains(name)))
        .filter(|(name, _)| {
            input.log_stream_name_prefix.as_ref().is_none_or(|prefix| name.starts_with(prefix))
        })
        .flat_map(|(name, stream)| stream.events.iter().map(move |stored| (name, stored)))
        .filter(|(_, stored)| within(&stored.event, input.start_time, input.end_time, true))
        .filter(|(_, stored)| after.is_none_or(|after| (stored.event.timestamp, stored.id) > after))
        .filter(|(_, stored)| filter.matches(&stored.event.message))
        .collect();
    found.sort_by_key(|(_, stored)| (stored.event.timestamp, stored.id));
    let more = found.len() > limit;
    found.truncate(limit);
    let events: Vec<Value> = found
        .iter()
        .map(|(name, stored)| {
            let mut value = event_json(stored);
            value["logStreamName"] = json!(name);
            value["eventId"] = json!(format!("{:056}", stored.id));
            value
        })
        .collect();
    let mut answer = json!({"events": events, "searchedLogStreams": []});
    if let (true, Some((_, last))) = (more, found.last()) {
        answer["nextToken"] = json!(format!("{}/{}", last.event.timestamp, last.id));
    }
    Ok(answer)
}

fn get_events(state: &State, name: &str, input: &GetLogEvents) -> Result<Value, AwsError> {
    let stream =
        state.group(name)?.streams.get(&input.log_stream_name).ok_or_else(|| not_found("stream"))?;
    let limit = page(input.limit, EVENTS)?;
    let events: Vec<&Stored> = stream
        .events
        .iter()
        .filter(|stored| within(&stored.event, input.start_time, input.end_time, false))
        .collect();
    // A token is a place between two events: the id of the event that follows it.
    let place = |id: u64| events.partition_point(|stored| stored.id < id);
    let range = match input.next_token.as_deref().map(|token| (token.get(..2), token.get(2..))) {
        Some((Some("f/"), Some(id))) => {
            let start = place(id.parse().map_err(|_| invalid("The specified nextToken is invalid."))?);
            start..events.len().min(start + limit)
        }
        Some((Some("b/"), Some(id))) => {
            let end = place(id.parse().map_err(|_| invalid("The specified nextToken is invalid."))?);
            end.saturating_sub(limit)..end
        }
        Some(_) => return Err(invalid("The specified nextToken is invalid.")),
        None if input.start_from_head => 0..events.len().min(limit),
        None => events.len().saturating_sub(limit)..events.len(),
    };
    let id_at = |at: usize| events.get(at).map_or(state.next_id, |stored| stored.id);
    let (backward, forward) = (id_at(range.start), id_at(range.end));
    let page: Vec<Value> = events[range].iter().map(|stored| event_json(stored)).collect();
    Ok(json!({
        "events": page,
        "nextForwardToken": format!("f/{forward}"),
        "nextBackwardToken": format!("b/{backward}"),
    }))
}

/// FilterLogEvents includes its end, GetLogEvents does not (API reference).
fn within(event: &Event, start: Option<i64>, end: Option<i64>, with_end: bool) -> bool {
    start.is_none_or(|start| event.timestamp >= start)
        && end.is_none_or(|end| event.timestamp < end || (with_end && event.timestamp == end))
}

fn event_json(stored: &Stored) -> Value {
    json!({
        "timestamp": stored.event.timestamp,
        "message": stored.event.message,
        "ingestionTime": stored.ingested_at,
    })
}

fn page(limit: Option<usize>, most: usize) -> Result<usize, AwsError> {
    match limit {
        None => Ok(most),
        Some(limit) if (1..=most).contains(&limit) => Ok(limit),
        Some(limit) => Err(invalid(format!("Value '{limit}' at 'limit' must be between 1 and {most}"))),
    }
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
struct DescribeLogGroups {
    log_group_name_prefix: Option<String>,
    log_group_name_pattern: Option<String>,
    limit: Option<usize>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DescribeLogStreams {
    log_group_name: Option<String>,
    log_group_identifier: Option<String>,
    log_stream_name_prefix: Option<String>,
    order_by: Option<String>,
    #[serde(default)]
    descending: bool,
    limit: Option<usize>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct FilterLogEvents {
    log_group_name: Option<String>,
    log_group_identifier: Option<String>,
    log_stream_names: Option<Vec<String>>,
    log_stream_name_prefix: Option<String>,
    start_time: Option<i64>,
    end_time: Option<i64>,
    filter_pattern: Option<String>,
    limit: Option<usize>,
    next_token: Option<String>,
    /// Deprecated by AWS: the answer is always interleaved.
    #[serde(rename = "interleaved")]
    _interleaved: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct GetLogEvents {
    log_group_name: Option<String>,
    log_group_identifier: Option<String>,
    log_stream_name: String,
    start_time: Option<i64>,
    end_time: Option<i64>,
    limit: Option<usize>,
    next_token: Option<String>,
    #[serde(default)]
    start_from_head: bool,
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
