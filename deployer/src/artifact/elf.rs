//! Whether a binary can run on Lambda at all: found here, not by the first user.

use std::fmt;
use std::sync::LazyLock;

use regex::bytes::Regex;

use crate::project::Architecture;

/// Why a binary does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Misfit {
    NotElf,
    /// The ELF machine is another one than the template says.
    Machine {
        wanted: Architecture,
    },
    /// provided.al2023 has glibc 2.34.
    Glibc {
        minor: u32,
    },
    /// Lambda unpacks at most 250 MB.
    Size {
        bytes: usize,
    },
}

impl fmt::Display for Misfit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotElf => write!(formatter, "it is no Linux binary"),
            Self::Machine { wanted } => write!(formatter, "it is not built for {}", wanted.as_str()),
            Self::Glibc { minor } => {
                write!(formatter, "it needs glibc 2.{minor}, and provided.al2023 has 2.34")
            }
            Self::Size { bytes } => write!(formatter, "{} MB are more than 250", bytes / 1_000_000),
        }
    }
}

/// Amazon Linux 2023's glibc.
const GLIBC_MINOR: u32 = 34;
const UNPACKED_LIMIT: usize = 250 * 1024 * 1024;

/// `e_machine` of the ELF header (System V ABI).
fn machine(architecture: Architecture) -> u16 {
    match architecture {
        Architecture::Arm64 => 0xB7,
        Architecture::X8664 => 0x3E,
    }
}

pub fn check(code: &[u8], architecture: Architecture, local: bool) -> Result<(), Misfit> {
    let found = match (code.get(..4), code.get(18..20)) {
        (Some(b"\x7fELF"), Some([low, high])) => u16::from_le_bytes([*low, *high]),
        _ => return Err(Misfit::NotElf),
    };
    if found != machine(architecture) {
        return Err(Misfit::Machine { wanted: architecture });
    }
    if code.len() > UNPACKED_LIMIT {
        return Err(Misfit::Size { bytes: code.len() });
    }
    // Locally it runs on this machine's own libraries.
    match highest_glibc(code) {
        Some(minor) if !local && minor > GLIBC_MINOR => Err(Misfit::Glibc { minor }),
        _ => Ok(()),
    }
}

/// The highest `GLIBC_2.x` that the dynamic symbol versions name.
fn highest_glibc(code: &[u8]) -> Option<u32> {
    static VERSION: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"GLIBC_2\.(\d+)").ok());
    VERSION
        .as_ref()?
        .captures_iter(code)
        .filter_map(|found| std::str::from_utf8(found.get(1)?.as_bytes()).ok()?.parse().ok())
        .max()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binary(machine: u16, rest: &str) -> Vec<u8> {
        let mut code = b"\x7fELF".to_vec();
        code.resize(18, 0);
        code.extend(machine.to_le_bytes());
        code.extend(rest.as_bytes());
        code
    }

    #[test]
    fn the_machine_must_be_the_templates() {
        assert_eq!(check(&binary(0xB7, ""), Architecture::Arm64, false), Ok(()));
        let wrong = check(&binary(0x3E, ""), Architecture::Arm64, false);
        assert_eq!(wrong, Err(Misfit::Machine { wanted: Architecture::Arm64 }));
        assert_eq!(check(b"#!/bin/sh", Architecture::Arm64, false), Err(Misfit::NotElf));
    }

    #[test]
    fn provided_al2023_has_glibc_2_34_and_nothing_newer_runs() {
        let fits = binary(0x3E, "GLIBC_2.2.5\0GLIBC_2.34\0");
        assert_eq!(check(&fits, Architecture::X8664, false), Ok(()));
        let newer = binary(0x3E, "GLIBC_2.34\0GLIBC_2.39\0");
        assert_eq!(check(&newer, Architecture::X8664, false), Err(Misfit::Glibc { minor: 39 }));
        assert_eq!(check(&newer, Architecture::X8664, true), Ok(()));
    }
}
