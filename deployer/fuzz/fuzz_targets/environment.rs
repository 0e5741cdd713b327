//! Environment files of any bytes.
#![no_main]

use std::sync::LazyLock;

use deployer_fuzz::Environment;

static ENTRY: LazyLock<Environment> = LazyLock::new(Environment::new);

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ENTRY.try_bytes(bytes));
