//! A deterministic zip: one file called `bootstrap`, no clock, no user.

use std::io::{self, Cursor, Write};

use sha2::{Digest, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

/// Packs a binary as Lambda wants it. cargo-lambda's own zips carry the build's time, so that the
/// same code would get another hash each time.
pub fn bootstrap(code: &[u8], squeeze: bool) -> io::Result<Vec<u8>> {
    let method = if squeeze { CompressionMethod::Deflated } else { CompressionMethod::Stored };
    let options = SimpleFileOptions::default()
        .compression_method(method)
        .compression_level(squeeze.then_some(9))
        .last_modified_time(DateTime::default())
        .unix_permissions(0o755);
    let mut writer = ZipWriter::new(Cursor::new(Vec::with_capacity(code.len() / 2)));
    writer.start_file("bootstrap", options).map_err(io::Error::other)?;
    writer.write_all(code)?;
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
        assert_eq!(bootstrap(&code, true).unwrap(), bootstrap(&code, true).unwrap());
        assert!(bootstrap(&code, true).unwrap().len() < bootstrap(&code, false).unwrap().len());
    }

    #[test]
    fn the_one_entry_is_an_executable_bootstrap_without_a_clock() {
        let bytes = bootstrap(b"code", true).unwrap();
        let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
        let entry = archive.by_index(0).unwrap();
        assert_eq!(entry.name().unwrap(), "bootstrap");
        assert_eq!(entry.unix_mode().unwrap() & 0o777, 0o755);
        assert_eq!(entry.last_modified(), Some(DateTime::default()));
    }
}
