//! CloudWatch Logs: groups, streams and their events.

mod api;
mod pattern;
pub mod resources;

use std::collections::{BTreeMap, VecDeque};
use std::io;

pub use api::handle;

use crate::cloud::{REGION, arn};
use crate::store::{Persisted, Store};
use crate::wire::AwsError;

/// What a group keeps: older events go first. AWS keeps all; this is a person's machine.
const GROUP_LIMIT: usize = 10 * 1024 * 1024;
/// What AWS counts for an event beside its message ("PutLogEvents" in the API reference).
const EVENT_OVERHEAD: usize = 26;
const DAY: i64 = 24 * 60 * 60 * 1000;

pub struct Logs {
    state: Persisted<State>,
}

#[derive(Debug, Default, serde::Serialize, serde::Deserialize)]
struct State {
    groups: BTreeMap<String, Group>,
    /// The id of the next event: ids grow with the order of arrival.
    next_id: u64,
}

#[derive(Debug, Clone, Default, serde::Serialize, serde::Deserialize)]
struct Group {
    region: String,
    created_at: i64,
    retention_days: Option<i64>,
    kms_key: Option<String>,
    class: Option<String>,
    deletion_protection: bool,
    tags: BTreeMap<String, String>,
    streams: BTreeMap<String, Stream>,
    bytes: usize,
}

#[derive(Debug, Clone, Default, serde::Serialize, serde::Deserialize)]
struct Stream {
    created_at: i64,
    last_ingestion: Option<i64>,
    /// In the order of arrival.
    events: VecDeque<Stored>,
}

#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
struct Stored {
    id: u64,
    ingested_at: i64,
    event: Event,
}

/// One log event.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Event {
    /// Milliseconds since the epoch.
    pub timestamp: i64,
    pub message: String,
}

impl Logs {
    pub fn open(store: &Store) -> io::Result<Self> {
        Ok(Self { state: store.open("logs")? })
    }

    pub fn group_exists(&self, group: &str) -> bool {
        self.state.read(|state| state.groups.contains_key(group))
    }

    /// ResourceAlreadyExistsException where the group is there.
    pub fn create_group(&self, group: &str) -> Result<(), AwsError> {
        self.insert_group(group, Group { region: REGION.to_owned(), ..Group::default() })
    }

    fn insert_group(&self, name: &str, group: Group) -> Result<(), AwsError> {
        self.state.write(|state| {
            if state.groups.contains_key(name) {
                return Err(already_exists("group"));
            }
            state.groups.insert(name.to_owned(), Group { created_at: now(), ..group });
            Ok(())
        })
    }

    /// Creates the stream where absent and appends. ResourceNotFoundException without the group.
    /// Rights are the caller's business.
    pub fn append(&self, group: &str, stream: &str, events: Vec<Event>) -> Result<(), AwsError> {
        self.state.write(|state| {
            let found = state.groups.get_mut(group).ok_or_else(|| not_found("group"))?;
            let now = now();
            found
                .streams
                .entry(stream.to_owned())
                .or_insert_with(|| Stream { created_at: now, ..Stream::default() });
            state.append(group, stream, events)
        })
    }
}

impl State {
    fn group(&self, name: &str) -> Result<&Group, AwsError> {
        self.groups.get(name).ok_or_else(|| not_found("group"))
    }

    fn group_mut(&mut self, name: &str) -> Result<&mut Group, AwsError> {
        self.groups.get_mut(name).ok_or_else(|| not_found("group"))
    }

    fn append(&mut self, group: &str, stream: &str, events: Vec<Event>) -> Result<(), AwsError> {
        let now = now();
        let group = self.groups.get_mut(group).ok_or_else(|| not_found("group"))?;
        let kept = group.streams.get_mut(stream).ok_or_else(|| not_found("stream"))?;
        kept.last_ingestion = Some(now);
        for event in events {
            group.bytes += event.message.len() + EVENT_OVERHEAD;
            kept.events.push_back(Stored { id: self.next_id, ingested_at: now, event });
            self.next_id += 1;
        }
        group.trim(now);
        Ok(())
    }
}

impl Group {
    /// Drops what is past the retention, and the oldest arrivals past the limit.
    fn trim(&mut self, now: i64) {
        let oldest = self.retention_days.map_or(i64::MIN, |days| now - days * DAY);
        for stream in self.streams.values_mut() {
            while stream.events.front().is_some_and(|stored| stored.event.timestamp < oldest) {
                if let Some(gone) = stream.events.pop_front() {
                    self.bytes = self.bytes.saturating_sub(gone.event.message.len() + EVENT_OVERHEAD);
                }
            }
        }
        while self.bytes > GROUP_LIMIT {
            let first = self
                .streams
                .values_mut()
                .filter(|stream| !stream.events.is_empty())
                .min_by_key(|stream| stream.events.front().map(|stored| stored.id));
            match first.and_then(|stream| stream.events.pop_front()) {
                Some(gone) => {
                    self.bytes = self.bytes.saturating_sub(gone.event.message.len() + EVENT_OVERHEAD);
                }
                None => return,
            }
        }
    }

    fn arn(&self, name: &str) -> String {
        arn("logs", &self.region, &format!("log-group:{name}"))
    }
}

fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

fn not_found(what: &str) -> AwsError {
    AwsError::new(400, "ResourceNotFoundException", format!("The specified log {what} does not exist."))
}

fn already_exists(what: &str) -> AwsError {
    AwsError::new(400, "ResourceAlreadyExistsException", format!("The specified log {what} already exists"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(timestamp: i64, length: usize) -> Event {
        Event { timestamp, message: "x".repeat(length) }
    }

    #[test]
    fn a_group_never_grows_past_its_limit_and_loses_its_oldest_events() {
        let logs = Logs::open(&Store::default()).unwrap();
        logs.create_group("g").unwrap();
        for number in 0..12 {
            logs.append("g", &format!("s{}", number % 2), vec![event(now(), 1024 * 1024)]).unwrap();
        }
        logs.state.read(|state| {
            let group = &state.groups["g"];
            assert!(group.bytes <= GROUP_LIMIT);
            let mut ids: Vec<u64> =
                group.streams.values().flat_map(|s| s.events.iter().map(|e| e.id)).collect();
            ids.sort_unstable();
            assert_eq!(ids, (3..12).collect::<Vec<_>>());
        });
    }

    #[test]
    fn events_past_the_retention_go() {
        let logs = Logs::open(&Store::default()).unwrap();
        logs.create_group("g").unwrap();
        logs.state.write(|state| state.group_mut("g").unwrap().retention_days = Some(1));
        logs.append("g", "s", vec![event(now() - 2 * DAY, 1), event(now(), 1)]).unwrap();
        assert_eq!(logs.state.read(|state| state.groups["g"].streams["s"].events.len()), 1);
    }

    #[test]
    fn appending_needs_the_group() {
        let logs = Logs::open(&Store::default()).unwrap();
        assert_eq!(logs.append("g", "s", Vec::new()).unwrap_err().code, "ResourceNotFoundException");
        logs.create_group("g").unwrap();
        assert_eq!(logs.create_group("g").unwrap_err().code, "ResourceAlreadyExistsException");
    }
}
