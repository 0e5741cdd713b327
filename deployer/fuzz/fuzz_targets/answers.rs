//! Anything that CloudFormation, or what pretends to be it, may answer.
#![no_main]

use std::sync::LazyLock;

use deployer_fuzz::Answers;

static ENTRY: LazyLock<Answers> = LazyLock::new(Answers::new);

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| ENTRY.try_bytes(bytes));
