//! The events of a group on disk: one line an event, written as they come.
//!
//! The rest of the state is rewritten whole at each change; events are too many for that.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::PathBuf;

use super::{EVENT_OVERHEAD, Event, GROUP_LIMIT, Stored};
use crate::store::Store;

/// A file may hold this much of what the group has dropped before it is written anew.
const FILE_LIMIT: u64 = 2 * GROUP_LIMIT as u64;

/// The files; without a state folder there are none.
pub struct Journal {
    folder: Option<PathBuf>,
}

/// One line.
#[derive(serde::Serialize, serde::Deserialize)]
struct Line {
    stream: String,
    id: u64,
    ingested_at: i64,
    timestamp: i64,
    message: String,
}

impl Line {
    fn of(stream: &str, stored: &Stored) -> Self {
        Self {
            stream: stream.to_owned(),
            id: stored.id,
            ingested_at: stored.ingested_at,
            timestamp: stored.event.timestamp,
            message: stored.event.message.clone(),
        }
    }

    fn write(&self, text: &mut Vec<u8>) -> io::Result<()> {
        serde_json::to_writer(&mut *text, self)?;
        text.push(b'\n');
        Ok(())
    }
}

impl Journal {
    pub fn open(store: &Store) -> io::Result<Self> {
        let folder = store.folder().map(|folder| folder.join("logs"));
        if let Some(folder) = &folder {
            fs::create_dir_all(folder)?;
        }
        Ok(Self { folder })
    }

    fn path(&self, id: &str) -> Option<PathBuf> {
        Some(self.folder.as_ref()?.join(format!("{id}.jsonl")))
    }

    /// Adds events; answers whether the file should be written anew.
    pub fn append(&self, id: &str, stream: &str, events: &[Stored]) -> io::Result<bool> {
        let Some(path) = self.path(id) else { return Ok(false) };
        let size = events.iter().map(|stored| stored.event.message.len() + EVENT_OVERHEAD).sum();
        let mut text = Vec::with_capacity(size);
        for stored in events {
            Line::of(stream, stored).write(&mut text)?;
        }
        let mut file = OpenOptions::new().create(true).append(true).open(path)?;
        file.write_all(&text)?;
        Ok(file.metadata()?.len() > FILE_LIMIT)
    }

    /// Writes what is left of a group, whole or not at all.
    pub fn rewrite<'a>(
        &self,
        id: &str,
        events: impl Iterator<Item = (&'a String, &'a Stored)>,
    ) -> io::Result<()> {
        let Some(path) = self.path(id) else { return Ok(()) };
        let mut text = Vec::new();
        for (stream, stored) in events {
            Line::of(stream, stored).write(&mut text)?;
        }
        let temporary = path.with_extension("new");
        File::create(&temporary)?.write_all(&text)?;
        fs::rename(temporary, path)
    }

    /// The events of a group by stream, in the order of their arrival.
    pub fn read(&self, id: &str) -> io::Result<Vec<(String, Stored)>> {
        let Some(path) = self.path(id) else { return Ok(Vec::new()) };
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other?,
        };
        let mut events = Vec::new();
        // A line without its end was being written when the process was killed.
        for line in text.split_inclusive('\n').filter(|line| line.ends_with('\n')) {
            let line: Line = serde_json::from_str(line).map_err(|error| {
                io::Error::new(io::ErrorKind::InvalidData, format!("{}: {error}", path.display()))
            })?;
            let event = Event { timestamp: line.timestamp, message: line.message };
            events.push((line.stream, Stored { id: line.id, ingested_at: line.ingested_at, event }));
        }
        Ok(events)
    }

    pub fn delete(&self, id: &str) -> io::Result<()> {
        match self.path(id).map(fs::remove_file) {
            Some(Err(error)) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Some(_) | None => Ok(()),
        }
    }
}
