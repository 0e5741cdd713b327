//! Functions' code: each zip is unpacked once, in a folder named by its hash, while somebody uses it.

use std::collections::{HashMap, HashSet};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::lock;
use super::model::Code;
use crate::auth::Principal;
use crate::cloud::{Cloud, PARTITION};
use crate::wire::AwsError;

/// 250 MB, Lambda's limit on unpacked code.
const UNPACKED_LIMIT: u64 = 262_144_000;

/// The folders of unpacked code below one root.
pub struct Codes {
    root: PathBuf,
    /// In memory mode the root goes when the cloud does.
    temporary: bool,
    /// How many functions and processes use each hash.
    pins: Mutex<HashMap<String, usize>>,
    /// While the cloud goes down pins are dropped but the code stays for the next start.
    closing: AtomicBool,
}

/// Keeps the folder of one hash alive.
pub struct Pin {
    codes: Arc<Codes>,
    sha256: String,
}

impl Codes {
    pub fn new(folder: Option<&Path>) -> Arc<Self> {
        let (root, temporary) = match folder {
            Some(folder) => (folder.join("functions"), false),
            None => (std::env::temp_dir().join(format!("localcloud-{}", uuid::Uuid::new_v4())), true),
        };
        Arc::new(Self { root, temporary, pins: Mutex::default(), closing: AtomicBool::new(false) })
    }

    /// Where the code of all functions is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A pin on code that was unpacked before, by an earlier run of this cloud.
    pub fn pin(self: &Arc<Self>, sha256: &str) -> Pin {
        *lock(&self.pins).entry(sha256.to_owned()).or_default() += 1;
        Pin { codes: Arc::clone(self), sha256: sha256.to_owned() }
    }

    /// Checks and unpacks a zip. Blocking: call it off the async workers.
    pub fn unpack(self: &Arc<Self>, zip: &[u8]) -> Result<(Pin, Code), AwsError> {
        let digest = Sha256::digest(zip);
        let sha256 = digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let code = Code {
            sha256: sha256.clone(),
            sha256_base64: STANDARD.encode(digest),
            size: u64::try_from(zip.len()).unwrap_or(u64::MAX),
        };
        let mut pins = lock(&self.pins);
        let target = self.root.join(&sha256);
        if !target.is_dir() {
            let fresh = self.root.join(format!("{sha256}.new"));
            let unpacked = remove(&fresh)
                .and_then(|()| std::fs::create_dir_all(&fresh))
                .map_err(|error| disk(&error))
                .and_then(|()| extract(zip, &fresh))
                .and_then(|()| std::fs::rename(&fresh, &target).map_err(|error| disk(&error)));
            if let Err(error) = unpacked {
                remove(&fresh).map_err(|error| disk(&error))?;
                return Err(error);
            }
        }
        *pins.entry(sha256.clone()).or_default() += 1;
        drop(pins);
        Ok((Pin { codes: Arc::clone(self), sha256 }, code))
    }

    /// Removes what an earlier run left and no function names any more.
    pub fn sweep(&self) -> io::Result<()> {
        let entries = match std::fs::read_dir(&self.root) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        let used: HashSet<String> = lock(&self.pins).keys().cloned().collect();
        for entry in entries {
            let entry = entry?;
            if !entry.file_name().to_str().is_some_and(|name| used.contains(name)) {
                remove(&entry.path())?;
            }
        }
        Ok(())
    }

    /// The cloud ends: from now on pins are dropped without removing code.
    pub fn close(&self) {
        self.closing.store(true, Ordering::Release);
        if self.temporary {
            warn_of(remove(&self.root), &self.root);
        }
    }
}

impl Drop for Codes {
    fn drop(&mut self) {
        if self.temporary {
            warn_of(remove(&self.root), &self.root);
        }
    }
}

impl Pin {
    /// The folder with `bootstrap`.
    pub fn folder(&self) -> PathBuf {
        self.codes.root.join(&self.sha256)
    }
}

impl Clone for Pin {
    fn clone(&self) -> Self {
        self.codes.pin(&self.sha256)
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        let mut pins = lock(&self.codes.pins);
        let Some(count) = pins.get_mut(&self.sha256) else { return };
        *count -= 1;
        if *count == 0 {
            pins.remove(&self.sha256);
            if !self.codes.closing.load(Ordering::Acquire) {
                let folder = self.folder();
                warn_of(remove(&folder), &folder);
            }
        }
    }
}

/// A zip from S3, read with the caller's rights.
pub(super) fn fetch(
    cloud: &Cloud,
    principal: &Principal,
    bucket: &str,
    key: &str,
    version: Option<&str>,
) -> Result<Bytes, AwsError> {
    let action = if version.is_some() { "s3:GetObjectVersion" } else { "s3:GetObject" };
    let object = format!("arn:{}:s3:::{bucket}/{key}", PARTITION);
    let refused = |error: AwsError| {
        invalid(format!(
            "Error occurred while GetObject. S3 Error Code: {}. S3 Error Message: {}",
            error.code, error.message
        ))
    };
    cloud.iam.authorize(principal, action, &object, &[]).map_err(refused)?;
    cloud.s3.object(bucket, key, version).map_err(refused)
}

/// Unpacks off the async workers: it hashes and writes megabytes.
pub(super) async fn unpack(cloud: &Arc<Cloud>, zip: Bytes) -> Result<(Pin, Code), AwsError> {
    let codes = Arc::clone(&cloud.lambda.codes);
    tokio::task::spawn_blocking(move || codes.unpack(&zip))
        .await
        .unwrap_or_else(|error| Err(AwsError::new(500, "ServiceException", error.to_string())))
}

fn extract(zip: &[u8], folder: &Path) -> Result<(), AwsError> {
    let mut archive = zip::ZipArchive::new(io::Cursor::new(zip)).map_err(|_| not_a_zip())?;
    let mut room = UNPACKED_LIMIT;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(|_| not_a_zip())?;
        let name = entry.name().map_err(|_| not_a_zip())?.into_owned();
        let path = folder.join(relative(&name)?);
        if entry.is_symlink() {
            return Err(AwsError::not_implemented(format_args!(
                "symbolic links in a function's zip ({name})"
            )));
        }
        if entry.is_dir() {
            std::fs::create_dir_all(&path).map_err(|error| disk(&error))?;
            continue;
        }
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(|error| disk(&error))?;
        }
        let mode = entry.unix_mode().map_or(0o644, |mode| mode & 0o777);
        // One byte more than fits shows that it does not fit; the size in the header may lie.
        let mut limited = entry.by_ref().take(room + 1);
        let mut file = std::fs::File::create(&path).map_err(|error| disk(&error))?;
        let written = io::copy(&mut limited, &mut file).map_err(|error| match error.kind() {
            // What reading a damaged entry ends in; everything else is the writing.
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::UnexpectedEof => {
                not_a_zip()
            }
            _ => disk(&error),
        })?;
        file.flush().map_err(|error| disk(&error))?;
        room = room
            .checked_sub(written)
            .ok_or_else(|| invalid(format!("Unzipped size must be smaller than {UNPACKED_LIMIT} bytes")))?;
        let mode = if name == "bootstrap" { 0o755 } else { mode | 0o444 };
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode))
            .map_err(|error| disk(&error))?;
    }
    Ok(())
}

/// A path that stays inside the folder whatever the zip says.
fn relative(name: &str) -> Result<PathBuf, AwsError> {
    let path = Path::new(name);
    let inside = !name.is_empty()
        && !name.contains(['\0', '\\'])
        && path.components().all(|part| matches!(part, Component::Normal(_)));
    if inside {
        Ok(path.to_owned())
    } else {
        Err(invalid(format!("The zip has an entry outside of its folder: {name:?}")))
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn warn_of(removed: io::Result<()>, path: &Path) {
    if let Err(error) = removed {
        tracing::warn!(%error, path = %path.display(), "a function's code could not be removed");
    }
}

fn not_a_zip() -> AwsError {
    invalid("Could not unzip uploaded file. Please check your file, then try to upload again.")
}

fn invalid(message: impl Into<String>) -> AwsError {
    AwsError::validation("InvalidParameterValueException", message)
}

fn disk(error: &io::Error) -> AwsError {
    AwsError::new(500, "ServiceException", format!("the function's code could not be stored: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zip_of(entries: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = zip::ZipWriter::new(io::Cursor::new(Vec::new()));
        for (name, content) in entries {
            writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
            writer.write_all(content).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    #[test]
    fn code_is_shared_by_hash_and_goes_with_its_last_user() {
        let codes = Codes::new(None);
        let zip = zip_of(&[("bootstrap", b"#!/bin/sh\n"), ("data/a.txt", b"a")]);
        let (first, code) = codes.unpack(&zip).unwrap();
        let (second, _) = codes.unpack(&zip).unwrap();
        let folder = first.folder();
        assert!(folder.ends_with(&code.sha256));
        assert_eq!(std::fs::metadata(folder.join("bootstrap")).unwrap().permissions().mode() & 0o777, 0o755);
        drop(first);
        assert!(folder.join("data/a.txt").exists());
        drop(second);
        assert!(!folder.exists());
    }

    #[test]
    fn entries_outside_of_the_folder_are_refused() {
        let codes = Codes::new(None);
        for name in ["../evil", "/etc/evil", "a/../../evil", "a/../b"] {
            let refused = codes.unpack(&zip_of(&[(name, b"x")])).err().unwrap();
            assert_eq!(refused.code, "InvalidParameterValueException", "{name}");
        }
    }

    #[test]
    fn what_is_not_a_zip_is_refused_and_leaves_nothing() {
        let codes = Codes::new(None);
        assert!(codes.unpack(b"garbage").err().unwrap().message.starts_with("Could not unzip"));
        assert_eq!(std::fs::read_dir(&codes.root).unwrap().count(), 0);
    }
}
