//! Remembers which zip a binary gave, so that nothing is read, packed or hashed where nothing changed.

use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

use super::Artifact;
use crate::whole;

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    binary: PathBuf,
    modified: u128,
    length: u64,
    /// The hash of what lies beside the binary.
    authority: Option<String>,
    sha256: String,
    bytes: u64,
}

/// The artefact that this very binary gave before. A hint: without it the work is done again.
pub fn look(function: &str, binary: &Path, authority: Option<&str>, zipped: &Path) -> Option<Artifact> {
    let entry: Entry = serde_json::from_slice(&std::fs::read(beside(zipped)).ok()?).ok()?;
    let (modified, length) = stamp(&std::fs::metadata(binary).ok()?)?;
    let same = entry.binary == binary
        && entry.modified == modified
        && entry.length == length
        && entry.authority.as_deref() == authority;
    let there = std::fs::metadata(zipped).is_ok_and(|zipped| zipped.len() == entry.bytes);
    (same && there).then(|| Artifact {
        function: function.to_owned(),
        file: zipped.to_owned(),
        sha256: entry.sha256,
        bytes: entry.bytes,
    })
}

/// Failing to remember costs time at the next run and nothing else.
pub fn keep(binary: &Path, authority: Option<&str>, artifact: &Artifact) {
    let stamped = std::fs::metadata(binary).ok().as_ref().and_then(stamp);
    let Some((modified, length)) = stamped else { return };
    let entry = Entry {
        binary: binary.to_owned(),
        modified,
        length,
        authority: authority.map(str::to_owned),
        sha256: artifact.sha256.clone(),
        bytes: artifact.bytes,
    };
    if let Err(error) = serde_json::to_vec(&entry).map(|text| whole::write(&beside(&artifact.file), &text)) {
        tracing::debug!(%error, "the build cache was not written");
    }
}

fn stamp(metadata: &Metadata) -> Option<(u128, u64)> {
    let modified = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some((modified.as_nanos(), metadata.len()))
}

fn beside(zipped: &Path) -> PathBuf {
    zipped.with_extension("json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zip_is_known_by_its_binary_and_by_what_lies_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let (binary, zipped) = (folder.path().join("f"), folder.path().join("f.zip"));
        std::fs::write(&binary, "code").unwrap();
        std::fs::write(&zipped, "zip").unwrap();
        let artifact =
            Artifact { function: "f".to_owned(), file: zipped.clone(), sha256: "h".to_owned(), bytes: 3 };
        keep(&binary, Some("a"), &artifact);
        assert_eq!(look("f", &binary, Some("a"), &zipped), Some(artifact));
        assert_eq!(look("f", &binary, Some("b"), &zipped), None);
        assert_eq!(look("f", &binary, None, &zipped), None);
    }
}
