//! Bad input: each a clear error with its place and what to do next, exit 2, and nothing changed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/project.rs"]
mod project;

use std::process::Command;

use project::Project;

fn check(project: &Project) -> String {
    project.run(&["check", "--stage", "local"])
}

#[test]
fn an_unknown_stage_names_the_nearest_and_all() {
    insta::assert_snapshot!(Project::new().run(&["check", "--stage", "locale"]));
}

#[test]
fn a_local_stage_with_a_database_that_the_shell_does_not_name() {
    let project = Project::new();
    project.write(
        "environments/local.yaml",
        "extends: base\nclass: ephemeral\ntarget: local\ndatabase:\n  url_from: DATABASE_THAT_NOBODY_SET\n",
    );
    insta::assert_snapshot!(project.run(&["up", "--stage", "local"]));
    assert!(!project.root().join(".deployer").exists(), "nothing was started");
}

#[test]
fn no_stage_at_all() {
    insta::assert_snapshot!(Project::new().run(&["up"]));
}

#[test]
fn an_unknown_key_shows_file_line_and_text() {
    let project = Project::new();
    project.write(
        "environments/local.yaml",
        "extends: base\nclass: ephemeral\ntarget: local\nregoin: us-east-1\n",
    );
    insta::assert_snapshot!(check(&project));
}

#[test]
fn a_duplicate_key() {
    let project = Project::new();
    project.write(
        "environments/local.yaml",
        "extends: base\nclass: ephemeral\nclass: production\ntarget: local\n",
    );
    insta::assert_snapshot!(check(&project));
}

#[test]
fn a_value_of_the_wrong_type() {
    let project = Project::new();
    project
        .write("environments/local.yaml", "extends: base\nclass: ephemeral\ntarget: local\ntags: [a, b]\n");
    insta::assert_snapshot!(check(&project));
}

#[test]
fn text_that_is_no_yaml() {
    let project = Project::new();
    project.write("environments/local.yaml", "extends: base\nclass: [ephemeral\ntarget: local\n");
    insta::assert_snapshot!(check(&project));
}

#[test]
fn a_missing_class() {
    let project = Project::new();
    project.write("environments/local.yaml", "extends: base\ntarget: local\n");
    insta::assert_snapshot!(check(&project));
}

#[test]
fn a_file_over_64_kib() {
    let project = Project::new();
    project.write("environments/local.yaml", &format!("extends: base\n# {}\n", "x".repeat(70_000)));
    insta::assert_snapshot!(check(&project));
}

#[test]
fn two_functions_on_one_route() {
    let project = Project::new();
    project.function("other", "route = [\"GET /user/profile\"]", "profiles = [\"dynamodb:GetItem\"]");
    insta::assert_snapshot!(check(&project));
}

#[test]
fn two_functions_on_one_trigger() {
    let project = Project::new();
    project.function("one", "trigger = \"PostConfirmation\"", "profiles = [\"dynamodb:PutItem\"]");
    project.function("two", "trigger = \"PostConfirmation\"", "profiles = [\"dynamodb:PutItem\"]");
    insta::assert_snapshot!(check(&project));
}

#[test]
fn a_grant_on_an_unknown_table() {
    let project = Project::new();
    project.function("get-profile", "route = [\"GET /user/profile\"]", "profile = [\"dynamodb:GetItem\"]");
    insta::assert_snapshot!(check(&project));
}

#[test]
fn names_past_their_limits() {
    let project = Project::new();
    let long = "a-function-with-a-name-that-is-much-too-long-for-lambda-and-iam";
    project.function(long, "route = [\"GET /long\"]", "profiles = [\"dynamodb:GetItem\"]");
    insta::assert_snapshot!(check(&project));
}

#[test]
fn an_aws_stage_without_a_region() {
    insta::assert_snapshot!(Project::new().run(&["status", "--stage", "dev"]));
}

#[test]
fn a_state_folder_of_another_version() {
    let project = Project::new();
    project.write(".deployer/local/version", "0\n");
    insta::assert_snapshot!(project.run(&["up", "--stage", "local"]));
}

#[test]
fn a_port_that_the_stage_fixes_and_somebody_has() {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let project = Project::new();
    let stage = format!(
        "extends: base\nclass: ephemeral\ntarget: local\nregion: us-east-1\nendpoint: http://127.0.0.1:{port}\n"
    );
    project.write("environments/local.yaml", &stage);
    let text = project.run(&["up", "--stage", "local"]).replace(&port.to_string(), "<port>");
    insta::assert_snapshot!(text);
}

#[test]
fn a_folder_that_is_no_project() {
    let empty = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_deployer"))
        .args(["check", "--project"])
        .arg(empty.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("is no project"));
}

#[test]
fn machines_get_the_same_error_as_one_json_line() {
    let text = Project::new().run(&["check", "--stage", "locale", "--format", "json"]);
    let line = text.lines().nth(1).unwrap();
    let error: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!((error["type"].as_str(), error["exit_code"].as_u64()), (Some("error"), Some(2)));
    assert_eq!(error["problems"][0]["rule"], "unknown-stage");
}

#[test]
fn a_mistake_of_a_crate_is_told_once_for_all_stages() {
    let project = Project::new();
    project.function("other", "route = [\"GET /other\"]\npubic = true", "");
    let said = project.run(&["check"]);
    assert!(said.starts_with("exit 2"), "{said}");
    assert_eq!(said.matches("unknown key \"pubic\"").count(), 1, "{said}");
}
