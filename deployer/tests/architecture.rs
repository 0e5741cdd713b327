//! Who may import whom (ARCHITECTURE.md), read off the `use` lines and paths of the source.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::{Path, PathBuf};

/// Every source line of a module, with its file, without comments.
fn lines(module: &str) -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(module);
    let mut found = Vec::new();
    let mut folders = vec![root];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                for line in fs::read_to_string(&path).unwrap().lines() {
                    if !line.trim_start().starts_with("//") {
                        found.push((path.clone(), line.to_owned()));
                    }
                }
            }
        }
    }
    assert!(!found.is_empty(), "{module} has no source");
    found
}

/// Lines of `module` that name one of `forbidden`.
fn offences(module: &str, forbidden: &[&str]) -> Vec<String> {
    lines(module)
        .into_iter()
        .filter(|(_, line)| forbidden.iter().any(|name| line.contains(name)))
        .map(|(path, line)| format!("{}: {}", path.display(), line.trim()))
        .collect()
}

const ALL: [&str; 10] =
    ["aws", "artifact", "bootstrap", "cli", "deploy", "lint", "local", "policy", "project", "template"];

#[test]
fn nobody_imports_the_command_line() {
    for module in ALL.into_iter().filter(|module| *module != "cli") {
        assert_eq!(offences(module, &["crate::cli"]), Vec::<String>::new());
    }
}

#[test]
fn the_pure_modules_know_nothing_of_the_outside() {
    for module in ["bootstrap", "project", "template", "policy", "lint"] {
        let outside = [
            "crate::aws",
            "crate::artifact",
            "crate::deploy",
            "crate::local",
            "aws_",
            "println!",
            "eprintln!",
        ];
        let found: Vec<String> = offences(module, &outside)
            .into_iter()
            .filter(|line| !line.contains("aws_lambda") && !line.contains('"'))
            .collect();
        assert_eq!(found, Vec::<String>::new());
    }
}

#[test]
fn only_one_module_names_the_sdk() {
    for module in ALL.into_iter().filter(|module| *module != "aws") {
        let sdk = ["aws_sdk_", "aws_config::", "aws_smithy_", "aws_credential_types"];
        assert_eq!(offences(module, &sdk), Vec::<String>::new());
    }
}

#[test]
fn the_engine_never_prints() {
    for module in ["deploy", "aws", "artifact"] {
        assert_eq!(
            offences(module, &["println!", "print!(", "eprint", "stdout()", "stderr()"]),
            Vec::<String>::new()
        );
    }
}
