//! Values of any text in the repository's own templates.
#![no_main]

use std::sync::LazyLock;

use deployer_fuzz::Values;

static ENTRY: LazyLock<Values> = LazyLock::new(Values::new);

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ENTRY.try_bytes(bytes));
