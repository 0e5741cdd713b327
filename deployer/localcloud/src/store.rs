//! State that survives a restart: one JSON file a service, written behind the changes.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The files of one state folder. Without a folder everything lives in memory alone.
#[derive(Clone, Default)]
pub struct Store {
    folder: Option<PathBuf>,
    flushers: Arc<Mutex<Vec<Arc<dyn Flush>>>>,
    changed: Arc<tokio::sync::Notify>,
}

trait Flush: Send + Sync {
    fn flush(&self) -> io::Result<()>;
}

/// A value of one service, kept in `<folder>/<name>.json`.
pub struct Persisted<T>(Arc<Slot<T>>);

impl<T> Clone for Persisted<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

struct Slot<T> {
    value: Mutex<T>,
    path: Option<PathBuf>,
    dirty: AtomicBool,
    changed: Arc<tokio::sync::Notify>,
}

impl Store {
    pub fn new(folder: Option<PathBuf>) -> Self {
        Self { folder, ..Self::default() }
    }

    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// Opens the value called `name`, or starts from the default where there is none yet.
    pub fn open<T>(&self, name: &str) -> io::Result<Persisted<T>>
    where
        T: Serialize + DeserializeOwned + Default + Send + 'static,
    {
        let path = self.folder.as_ref().map(|folder| folder.join(format!("{name}.json")));
        let value = match &path {
            Some(path) => match std::fs::read(path) {
                Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| {
                    io::Error::new(io::ErrorKind::InvalidData, format!("{}: {error}", path.display()))
                })?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => T::default(),
                Err(error) => return Err(error),
            },
            None => T::default(),
        };
        let slot = Arc::new(Slot {
            value: Mutex::new(value),
            path,
            dirty: AtomicBool::new(false),
            changed: Arc::clone(&self.changed),
        });
        lock(&self.flushers).push(Arc::clone(&slot) as Arc<dyn Flush>);
        Ok(Persisted(slot))
    }

    /// Resolves when some value changed after the last flush.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Writes what changed, each file whole or not at all.
    pub fn flush(&self) -> io::Result<()> {
        let flushers = lock(&self.flushers).clone();
        flushers.iter().try_for_each(|flusher| flusher.flush())
    }
}

impl<T> Persisted<T> {
    /// Looks at the value. Never hold it across an await: the closure is synchronous.
    pub fn read<R>(&self, look: impl FnOnce(&T) -> R) -> R {
        look(&lock(&self.0.value))
    }

    /// Changes the value; the change is written soon after.
    pub fn write<R>(&self, change: impl FnOnce(&mut T) -> R) -> R {
        let result = change(&mut lock(&self.0.value));
        self.0.dirty.store(true, Ordering::Release);
        self.0.changed.notify_one();
        result
    }
}

impl<T: Serialize + Send> Flush for Slot<T> {
    fn flush(&self) -> io::Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        if !self.dirty.swap(false, Ordering::AcqRel) {
            return Ok(());
        }
        let bytes = serde_json::to_vec(&*lock(&self.value)).map_err(io::Error::other)?;
        let temporary = path.with_extension("json.new");
        std::fs::write(&temporary, bytes)
            .and_then(|()| std::fs::rename(&temporary, path))
            .inspect_err(|_| self.dirty.store(true, Ordering::Release))
    }
}

/// A panic in one request must not take the state from the others.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
