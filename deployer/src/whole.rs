//! Files that are written whole or not at all: a full disk or a kill in the middle leaves what was there.

use std::io;
use std::path::Path;

/// Writes `bytes` to the file at `path`. What is no regular file, such as a pipe, is written as it is.
///
/// # Errors
/// The file cannot be written; a former one is untouched, and nothing is left beside it.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if std::fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        return std::fs::write(path, bytes);
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let fresh = path.with_file_name(name);
    let written = std::fs::write(&fresh, bytes).and_then(|()| std::fs::rename(&fresh, path));
    if written.is_err() {
        // What failed matters more than what could not be cleared away after it.
        let _ = std::fs::remove_file(&fresh);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_one_that_cannot_be_written_stays_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("plan.json");
        write(&file, b"one").unwrap();
        write(&file, b"two").unwrap();
        assert_eq!(std::fs::read(&file).unwrap(), b"two");
        // In the way of the file that is written first.
        std::fs::create_dir(folder.path().join("plan.json.new")).unwrap();
        assert!(write(&file, b"three").is_err());
        assert_eq!(std::fs::read(&file).unwrap(), b"two");
    }

    #[test]
    fn a_full_device_is_an_error_and_is_not_replaced() {
        let full = Path::new("/dev/full");
        assert_eq!(write(full, b"text").unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert!(!std::fs::metadata(full).unwrap().is_file());
    }
}
