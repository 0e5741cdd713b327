//! S3: buckets and their objects.

mod body;
mod bucket;
mod list;
mod object;
pub mod resources;
mod route;
mod xml;

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use serde_json::Value;

pub use route::handle;
pub use xml::error_response;

use crate::store::{Persisted, Store};
use crate::wire::AwsError;

pub struct S3 {
    state: Persisted<State>,
    blobs: Blobs,
}

#[derive(Debug, Default, serde::Serialize, serde::Deserialize)]
struct State {
    buckets: BTreeMap<String, Bucket>,
}

#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
struct Bucket {
    region: String,
    created_at: jiff::Timestamp,
    versioning: Versioning,
    policy: Option<Value>,
    /// As CloudFormation's `BucketEncryption` writes it; `None` is AES256.
    encryption: Option<Value>,
    /// As CloudFormation's `PublicAccessBlockConfiguration` writes it.
    public_access_block: Option<Value>,
    ownership: Option<Value>,
    lifecycle: Option<Value>,
    tags: BTreeMap<String, String>,
    /// The versions of each key, newest last.
    objects: BTreeMap<String, Vec<Version>>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
enum Versioning {
    /// Never switched on.
    #[default]
    Off,
    Enabled,
    Suspended,
}

/// One version of an object, or the mark of its deletion.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
struct Version {
    /// `null` where it was written without versioning.
    id: String,
    modified: jiff::Timestamp,
    /// `None` for a delete marker.
    content: Option<Content>,
}

#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
struct Content {
    blob: String,
    size: usize,
    etag: String,
    content_type: String,
    /// Headers given with the object that come back with it: `cache-control`, `x-amz-meta-…`.
    headers: BTreeMap<String, String>,
    /// Algorithm and value.
    checksum: Option<(String, String)>,
}

/// The bytes of objects: files of the state folder, or memory without one.
enum Blobs {
    Files(PathBuf),
    Memory(Mutex<HashMap<String, Bytes>>),
}

impl S3 {
    pub fn open(store: &Store) -> io::Result<Self> {
        let blobs = match store.folder() {
            Some(folder) => {
                let folder = folder.join("s3");
                std::fs::create_dir_all(&folder)?;
                Blobs::Files(folder)
            }
            None => Blobs::Memory(Mutex::default()),
        };
        Ok(Self { state: store.open("s3")?, blobs })
    }

    /// An object's bytes, for the other services (function code, template URLs). Errors:
    /// NoSuchBucket, NoSuchKey, NoSuchVersion. Rights are the caller's business.
    pub fn object(&self, bucket: &str, key: &str, version: Option<&str>) -> Result<Bytes, AwsError> {
        let found = self.state.read(|state| {
            object::find(state.bucket(bucket)?, key, version).map(|(_, content)| content.blob.clone())
        })?;
        self.blobs.read(&found).map_err(internal)
    }

    /// The bucket's own policy, for those who judge a call on it.
    pub fn policy(&self, bucket: &str) -> Option<Value> {
        self.state.read(|state| state.buckets.get(bucket).and_then(|bucket| bucket.policy.clone()))
    }
}

impl State {
    fn bucket(&self, name: &str) -> Result<&Bucket, AwsError> {
        self.buckets.get(name).ok_or_else(no_such_bucket)
    }

    fn bucket_mut(&mut self, name: &str) -> Result<&mut Bucket, AwsError> {
        self.buckets.get_mut(name).ok_or_else(no_such_bucket)
    }
}

fn no_such_bucket() -> AwsError {
    AwsError::new(404, "NoSuchBucket", "The specified bucket does not exist")
}

fn internal(error: io::Error) -> AwsError {
    AwsError::new(500, "InternalError", error.to_string())
}

impl Blobs {
    fn read(&self, id: &str) -> io::Result<Bytes> {
        match self {
            Self::Files(folder) => std::fs::read(folder.join(id)).map(Bytes::from),
            Self::Memory(blobs) => blobs
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .get(id)
                .cloned()
                .ok_or_else(|| io::ErrorKind::NotFound.into()),
        }
    }

    fn write(&self, id: &str, bytes: Bytes) -> io::Result<()> {
        match self {
            Self::Files(folder) => std::fs::write(folder.join(id), bytes),
            Self::Memory(blobs) => {
                blobs.lock().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned(), bytes);
                Ok(())
            }
        }
    }

    /// A blob that nothing names any more is only wasted room: failing to delete it fails nothing.
    fn delete(&self, id: &str) {
        match self {
            Self::Files(folder) => {
                if let Err(error) = std::fs::remove_file(folder.join(id)) {
                    tracing::warn!(%error, blob = id, "an object's bytes could not be deleted");
                }
            }
            Self::Memory(blobs) => {
                blobs.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
            }
        }
    }
}
