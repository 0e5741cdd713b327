//! The entry points of the fuzz targets with random bytes, on the stable compiler: no panic, and no
//! input takes a second.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../deployer/fuzz/src/lib.rs"]
mod entries;

use std::time::{Duration, Instant};

use entries::{Answers, Environment, Values};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

/// Of one input, in an unoptimised build on a busy machine.
const LONGEST: Duration = Duration::from_secs(1);

/// Random bytes, and random pieces of what makes sense there.
fn bytes(words: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    let word = prop::sample::select(words).prop_map(|word| word.as_bytes().to_vec());
    let noise = prop::collection::vec(any::<u8>(), 0..24);
    let text = any::<String>().prop_map(String::into_bytes);
    let pieces = prop::collection::vec(prop_oneof![4 => word, 1 => noise, 1 => text], 0..24);
    pieces.prop_map(|pieces| pieces.concat())
}

fn run(cases: u32, words: &'static [&'static str], mut entry: impl FnMut(&[u8])) {
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let entry = std::cell::RefCell::new(&mut entry);
    let tried = TestRunner::new(config).run(&bytes(words), |bytes| {
        let time = || {
            let start = Instant::now();
            (entry.borrow_mut())(&bytes);
            start.elapsed()
        };
        // The machine may have been busy with something else: what is slow is slow twice.
        let took = time();
        prop_assert!(took < LONGEST || time() < LONGEST, "{took:?} for {bytes:?}");
        Ok(())
    });
    tried.unwrap();
}

#[test]
fn environment_files_of_any_bytes_are_read_or_refused() {
    let words = &[
        "extends: base\n",
        "class: development\n",
        "class",
        ": ",
        "\n",
        "  ",
        "- ",
        "tags:\n",
        "tables:\n",
        "{",
        "}",
        "[",
        "]",
        "&a ",
        "*a",
        "!Sub ",
        "|\n",
        "\"",
        "'",
        "#",
        "? ",
        "<<: ",
        "%YAML 1.2\n",
        "---\n",
        "...\n",
        "ttl: 48h",
        "functions:\n",
        "stages: pr-*\n",
        "\t",
        "\u{feff}",
        "0x",
        ".nan",
        "~",
    ];
    let environment = Environment::new();
    run(400, words, |bytes| environment.try_bytes(bytes));
}

#[test]
fn values_of_any_text_never_change_which_resources_a_template_has() {
    let words = &[
        "\"",
        "'",
        "\n",
        "  X:\n    Type: AWS::IAM::User\n",
        "${",
        "}",
        "{{",
        "}}",
        "{%",
        "!Ref ",
        "#",
        ": ",
        "\u{2028}",
        "\\",
        "%",
        "https://a.example/",
        "&",
        "*",
        "- ",
        "\r",
        "\0",
    ];
    let values = Values::new();
    run(64, words, |bytes| values.try_bytes(bytes));
}

#[test]
fn answers_of_any_bytes_are_understood_or_refused() {
    let words = &[
        "UPDATE_COMPLETE",
        "_IN_PROGRESS",
        "ValidationError",
        "does not exist",
        "<",
        ">",
        "&",
        "</member>",
        "]]>",
        "<Code>",
        "<?xml version=\"1.0\"?>",
        "<!DOCTYPE a [<!ENTITY b \"c\">]>",
        "arn:aws:",
        "True",
        "Add",
        "[WARN]",
    ];
    let answers = Answers::new();
    run(200, words, |bytes| answers.try_bytes(bytes));
}
