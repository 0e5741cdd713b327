//! A deterministic zip: a file called `bootstrap`, perhaps another beside it, no clock, no user.

use std::io::{self, Cursor, Write};

use sha2::{Digest, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

/// The certificate authorities of the stage's database, where the function looks for them.
const AUTHORITY: &str = "database-ca.pem";

/// Packs a binary as Lambda wants it, with `authority` beside it. cargo-lambda's own zips carry the build's time, so that the
/// same code would get another hash each time.
pub fn package(code: &[u8], authority: Option<&[u8]>, squeeze: bool) -> io::Result<Vec<u8>> {
    let method = if squeeze { CompressionMethod::Deflated } else { CompressionMethod::Stored };
    let options = SimpleFileOptions::default()
        .compression_method(method)
        .compression_level(squeeze.then_some(9))
        .last_modified_time(DateTime::default());
    let mut writer = ZipWriter::new(Cursor::new(Vec::with_capacity(code.len() / 2)));
    writer.start_file("bootstrap", options.unix_permissions(0o755)).map_err(io::Error::other)?;
    writer.write_all(code)?;
    if let Some(authority) = authority {
        writer.start_file(AUTHORITY, options.unix_permissions(0o644)).map_err(io::Error::other)?;
        writer.write_all(authority)?;
    }
    Ok(writer.finish().map_err(io::Error::other)?.into_inner())
}

/// Hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_binary_gives_the_same_bytes() {
        let code = b"\x7fELF and so on".repeat(1000);
        let package = |squeeze| package(&code, Some(b"authority"), squeeze).unwrap();
        assert_eq!(package(true), package(true));
        assert!(package(true).len() < package(false).len());
    }

    #[test]
    fn the_authority_is_a_plain_file_beside_the_binary() {
        let bytes = package(b"code", Some(b"authority"), true).unwrap();
        let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
        assert_eq!(archive.len(), 2);
        assert_eq!(archive.by_name(AUTHORITY).unwrap().unix_mode().unwrap() & 0o777, 0o644);
    }

    #[test]
    fn the_one_entry_is_an_executable_bootstrap_without_a_clock() {
        let bytes = package(b"code", None, true).unwrap();
        let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
        let entry = archive.by_index(0).unwrap();
        assert_eq!(entry.name().unwrap(), "bootstrap");
        assert_eq!(entry.unix_mode().unwrap() & 0o777, 0o755);
        assert_eq!(entry.last_modified(), Some(DateTime::default()));
    }
}
