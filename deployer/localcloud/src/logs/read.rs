//! What is read of groups: descriptions and events, in pages.

use serde::Deserialize;
use serde_json::{Value, json};

use super::api::invalid;
use super::pattern::Filter;
use super::{Event, Group, State, Stored, Stream, not_found};
use crate::wire::AwsError;

/// The largest page of FilterLogEvents and GetLogEvents.
const EVENTS: usize = 10_000;
/// The largest page of the Describe operations.
const PAGE: usize = 50;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DescribeLogGroups {
    pub log_group_name_prefix: Option<String>,
    pub log_group_name_pattern: Option<String>,
    pub limit: Option<usize>,
    pub next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DescribeLogStreams {
    pub log_group_name: Option<String>,
    pub log_group_identifier: Option<String>,
    pub log_stream_name_prefix: Option<String>,
    pub order_by: Option<String>,
    #[serde(default)]
    pub descending: bool,
    pub limit: Option<usize>,
    pub next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FilterLogEvents {
    pub log_group_name: Option<String>,
    pub log_group_identifier: Option<String>,
    pub log_stream_names: Option<Vec<String>>,
    pub log_stream_name_prefix: Option<String>,
    pub start_time: Option<i64>,
    pub end_time: Option<i64>,
    pub filter_pattern: Option<String>,
    pub limit: Option<usize>,
    pub next_token: Option<String>,
    /// Deprecated by AWS: the answer is always interleaved.
    #[serde(rename = "interleaved")]
    _interleaved: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GetLogEvents {
    pub log_group_name: Option<String>,
    pub log_group_identifier: Option<String>,
    pub log_stream_name: String,
    pub start_time: Option<i64>,
    pub end_time: Option<i64>,
    pub limit: Option<usize>,
    pub next_token: Option<String>,
    #[serde(default)]
    pub start_from_head: bool,
}

pub fn describe_groups(state: &State, region: &str, input: &DescribeLogGroups) -> Result<Value, AwsError> {
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

pub fn describe_streams(state: &State, name: &str, input: &DescribeLogStreams) -> Result<Value, AwsError> {
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

pub fn filter_events(state: &State, name: &str, input: &FilterLogEvents) -> Result<Value, AwsError> {
    let group = state.group(name)?;
    let filter = Filter::parse(input.filter_pattern.as_deref().unwrap_or_default())?;
    if let Some(missing) =
        input.log_stream_names.iter().flatten().find(|name| !group.streams.contains_key(*name))
    {
        return Err(AwsError::new(
            400,
            not_found("stream").code,
            format!("The log stream {missing} does not exist."),
        ));
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

pub fn get_events(state: &State, name: &str, input: &GetLogEvents) -> Result<Value, AwsError> {
    let stream = state.group(name)?.streams.get(&input.log_stream_name).ok_or_else(|| not_found("stream"))?;
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
