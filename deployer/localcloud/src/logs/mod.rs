//! CloudWatch Logs: groups, streams and their events.

mod api;
mod journal;
mod pattern;
mod read;
pub mod resources;

use std::collections::{BTreeMap, VecDeque};
use std::io;

pub use api::handle;

use crate::cloud::{REGION, arn};
use crate::store::{Persisted, Store};
use crate::wire::AwsError;
use journal::Journal;

/// What a group keeps: older events go first. AWS keeps all; this is a person's machine.
const GROUP_LIMIT: usize = 10 * 1024 * 1024;
/// What AWS counts for an event beside its message ("PutLogEvents" in the API reference).
const EVENT_OVERHEAD: usize = 26;
const DAY: i64 = 24 * 60 * 60 * 1000;

pub struct Logs {
    state: Persisted<State>,
    journal: Journal,
}

#[derive(Debug, Default, serde::Serialize, serde::Deserialize)]
struct State {
    groups: BTreeMap<String, Group>,
    /// The id of the next event: ids grow with the order of arrival.
    next_id: u64,
}

#[derive(Debug, Clone, Default, serde::Serialize, serde::Deserialize)]
struct Group {
    /// The name of its events' file.
    journal: String,
    region: String,
    created_at: i64,
    retention_days: Option<i64>,
    kms_key: Option<String>,
    class: Option<String>,
    deletion_protection: bool,
    tags: BTreeMap<String, String>,
    streams: BTreeMap<String, Stream>,
    /// Of all events.
    #[serde(skip)]
    bytes: usize,
}

#[derive(Debug, Clone, Default, serde::Serialize, serde::Deserialize)]
struct Stream {
    created_at: i64,
    last_ingestion: Option<i64>,
    /// In the order of arrival. They are kept in the group's journal.
    #[serde(skip)]
    events: VecDeque<Stored>,
}

#[derive(Debug, Clone)]
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
        let logs = Self { state: store.open("logs")?, journal: Journal::open(store)? };
        let journals = logs.state.read(|state| {
            state.groups.iter().map(|(name, group)| (name.clone(), group.journal.clone())).collect::<Vec<_>>()
        });
        for (name, journal) in journals {
            let events = logs.journal.read(&journal)?;
            logs.state.write(|state| state.restore(&name, events));
        }
        Ok(logs)
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
            let journal = uuid::Uuid::new_v4().to_string();
            state.groups.insert(name.to_owned(), Group { journal, created_at: now(), ..group });
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
            self.record(state, group, stream, events)
        })
    }

    /// Appends to a stream that is there.
    fn record(
        &self,
        state: &mut State,
        group: &str,
        stream: &str,
        events: Vec<Event>,
    ) -> Result<(), AwsError> {
        let now = now();
        let group = state.groups.get_mut(group).ok_or_else(|| not_found("group"))?;
        let kept = group.streams.get_mut(stream).ok_or_else(|| not_found("stream"))?;
        kept.last_ingestion = Some(now);
        let events: Vec<Stored> =
            (state.next_id..).zip(events).map(|(id, event)| Stored { id, ingested_at: now, event }).collect();
        state.next_id += events.len() as u64;
        let full = self.journal.append(&group.journal, stream, &events).map_err(unwritable)?;
        group.bytes += events.iter().map(Stored::size).sum::<usize>();
        kept.events.extend(events);
        group.trim(now);
        if full {
            self.journal.rewrite(&group.journal, group.events()).map_err(unwritable)?;
        }
        Ok(())
    }

    /// Errors: ResourceNotFoundException; ValidationException where it is protected.
    fn delete_group(&self, name: &str) -> Result<(), AwsError> {
        self.state.write(|state| {
            let group = state.group(name)?;
            if group.deletion_protection {
                return Err(AwsError::new(
                    400,
                    "ValidationException",
                    "The log group cannot be deleted because deletion protection is enabled.",
                ));
            }
            self.journal.delete(&group.journal).map_err(unwritable)?;
            state.groups.remove(name);
            Ok(())
        })
    }
}

impl Stored {
    fn size(&self) -> usize {
        self.event.message.len() + EVENT_OVERHEAD
    }
}

fn unwritable(error: io::Error) -> AwsError {
    AwsError::new(500, "ServiceUnavailableException", error.to_string())
}

impl State {
    fn group(&self, name: &str) -> Result<&Group, AwsError> {
        self.groups.get(name).ok_or_else(|| not_found("group"))
    }

    fn group_mut(&mut self, name: &str) -> Result<&mut Group, AwsError> {
        self.groups.get_mut(name).ok_or_else(|| not_found("group"))
    }

    /// Puts the journal's events back into their streams; those of deleted streams are left out.
    fn restore(&mut self, group: &str, events: Vec<(String, Stored)>) {
        let Some(group) = self.groups.get_mut(group) else { return };
        for (stream, stored) in events {
            self.next_id = self.next_id.max(stored.id + 1);
            if let Some(stream) = group.streams.get_mut(&stream) {
                group.bytes += stored.size();
                stream.events.push_back(stored);
            }
        }
        group.trim(now());
    }
}

impl Group {
    /// Drops what is past the retention, and the oldest arrivals past the limit.
    fn trim(&mut self, now: i64) {
        let oldest = self.retention_days.map_or(i64::MIN, |days| now - days * DAY);
        for stream in self.streams.values_mut() {
            while stream.events.front().is_some_and(|stored| stored.event.timestamp < oldest) {
                if let Some(gone) = stream.events.pop_front() {
                    self.bytes = self.bytes.saturating_sub(gone.size());
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
                    self.bytes = self.bytes.saturating_sub(gone.size());
                }
                None => return,
            }
        }
    }

    fn events(&self) -> impl Iterator<Item = (&String, &Stored)> {
        self.streams.iter().flat_map(|(name, stream)| stream.events.iter().map(move |event| (name, event)))
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

    #[test]
    fn events_survive_a_restart_and_a_line_cut_by_a_kill_does_not_matter() {
        let folder = tempfile::tempdir().unwrap();
        let open = || {
            let store = Store::new(Some(folder.path().to_owned()));
            let logs = Logs::open(&store).unwrap();
            (store, logs)
        };
        let (store, logs) = open();
        logs.create_group("g").unwrap();
        logs.append("g", "s", vec![event(now(), 1), event(now(), 2)]).unwrap();
        store.flush().unwrap();
        let journal = folder.path().join("logs").read_dir().unwrap().next().unwrap().unwrap().path();
        let mut text = std::fs::read(&journal).unwrap();
        text.extend(b"{\"stream\":\"s\",");
        std::fs::write(&journal, text).unwrap();
        let (_store, logs) = open();
        logs.state.read(|state| {
            let sizes: Vec<usize> =
                state.groups["g"].streams["s"].events.iter().map(|e| e.event.message.len()).collect();
            assert_eq!(sizes, [1, 2]);
            assert_eq!(state.next_id, 2);
        });
        logs.delete_group("g").unwrap();
        assert!(!journal.exists());
    }
}
