//! The linter on whole projects: the five original systems with their faults, the mended ones, and waivers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The originals as they were published, ported to Rust. `findings.txt` beside each is what must be found.
const ORIGINALS: [&str; 5] = [
    "profile-service",
    "post-confirmation",
    "post-confirmation-two-tables",
    "post-confirmation-postgres",
    "account-update",
];

/// The mistakes that the linter is for: each is made by one of the originals, or by a test of its own below.
const NAMED: [&str; 18] = [
    "access-log",
    "admin-scope",
    "id-token-accepted",
    "identity-from-request",
    "implicit-flow",
    "index-without-arn",
    "invoke-source",
    "log-retention",
    "open-route",
    "payload-1-claims",
    "random-key",
    "secret-in-environment",
    "split-write",
    "swallowed-error",
    "verified-by-hand",
    "wildcard-action",
    "wildcard-resource",
    "wrong-answer",
];

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Exit code, stdout and stderr.
fn run(project: &Path, arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_deployer"));
    command.args(arguments).arg("--project").arg(project).env("NO_COLOR", "1").env_remove("DEPLOYER_STAGE");
    let output = command.stdin(std::process::Stdio::null()).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

fn lines(text: &str) -> impl Iterator<Item = Value> + '_ {
    text.lines().map(|line| serde_json::from_str(line).unwrap())
}

/// The ids of all rules of the linter.
fn rules() -> BTreeSet<String> {
    let (_, listed, _) = run(&repository(), &["check", "--rules", "--format", "json"]);
    lines(&listed).map(|rule| rule["rule"].as_str().unwrap().to_owned()).collect()
}

/// What the linter finds in an original, as `rule file:line`. What else `check` finds is not the linter's.
fn found(original: &str) -> Vec<String> {
    let rules = rules();
    let project = repository().join("tests/originals").join(original);
    let (code, out, err) = run(&project, &["check", "--stage", "dev", "--format", "json"]);
    assert_eq!(code, 2, "{original}: {out}{err}");
    let problems = lines(&out).flat_map(|line| line["problems"].as_array().cloned().unwrap_or_default());
    problems
        .filter(|problem| rules.contains(problem["rule"].as_str().unwrap()))
        .map(|problem| {
            let text = |key: &str| problem[key].as_str().unwrap().to_owned();
            format!("{} {}:{}", text("rule"), text("file"), problem["line"])
        })
        .collect()
}

/// With `UPDATE_FINDINGS=1` the files are written anew, to be read in review.
#[test]
fn every_fault_of_the_originals_is_found_at_its_line() {
    for original in ORIGINALS {
        let file = repository().join("tests/originals").join(original).join("findings.txt");
        let found = found(original).join("\n") + "\n";
        if std::env::var_os("UPDATE_FINDINGS").is_some() {
            fs::write(&file, &found).unwrap();
        }
        assert_eq!(found, fs::read_to_string(&file).unwrap(), "{original}");
    }
}

/// The linter knows the rule, the derivation the whole grant and the way to the call.
#[test]
fn a_query_of_an_index_without_a_grant_is_told_once_with_the_grant_that_it_needs() {
    let project = repository().join("tests/originals/profile-service");
    let (_, out, _) = run(&project, &["check", "--stage", "dev", "--format", "json"]);
    let problems = lines(&out).flat_map(|line| line["problems"].as_array().cloned().unwrap_or_default());
    let told: Vec<Value> = problems.filter(|problem| problem.to_string().contains("sk-pk-index")).collect();
    let [told] = told.as_slice() else { panic!("{told:#?}") };
    assert_eq!((told["rule"].as_str(), told["line"].as_u64()), (Some("index-without-arn"), Some(48)));
    let help = told["help"].as_str().unwrap();
    assert!(
        help.contains("check --fix")
            && help.contains("\"profiles/index/sk-pk-index\" = [\"dynamodb:Query\"]"),
        "{help}"
    );
    assert!(help.contains("main -> get_profile -> latest"), "{help}");
}

#[test]
fn the_originals_make_each_of_the_named_mistakes() {
    let listed = ORIGINALS.map(|original| {
        fs::read_to_string(repository().join("tests/originals").join(original).join("findings.txt")).unwrap()
    });
    let made: BTreeSet<&str> =
        listed.iter().flat_map(|text| text.lines()).filter_map(|line| line.split(' ').next()).collect();
    let missing: Vec<&str> = NAMED.into_iter().filter(|rule| !made.contains(rule)).collect();
    assert_eq!(missing, Vec::<&str>::new());
}

#[test]
fn the_mended_systems_are_clean_and_waive_nothing() {
    let (code, out, err) = run(&repository(), &["check", "-v"]);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
}

#[test]
fn the_readme_names_each_rule_on_code() {
    let readme = fs::read_to_string(repository().join("README.md")).unwrap();
    let ids = deployer_source::rules::RULES.iter().map(|rule| rule.id);
    let missing: Vec<&str> = ids.filter(|id| !readme.contains(&format!("`{id}`"))).collect();
    assert_eq!(missing, Vec::<&str>::new());
}

/// A project with one function and one mistake: it logs its event.
struct Project(tempfile::TempDir);

impl Project {
    fn new(waivers: &str) -> Self {
        let project = Self(tempfile::tempdir().unwrap());
        project.write("Cargo.toml", "[workspace]\nresolver = \"3\"\nmembers = [\"functions/*\"]\n");
        let stage = "service: shop\nclass: ephemeral\ntarget: local\n\
                     user_pool:\n  callback_urls: [http://localhost:3000]\n";
        project.write("environments/local.yaml", stage);
        project.templates();
        project.write(
            "functions/greet/Cargo.toml",
            &format!(
                "[package]\nname = \"greet\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n\
                 [package.metadata.deployer]\ntrigger = \"PostAuthentication\"\n{waivers}"
            ),
        );
        project.write(
            "functions/greet/src/main.rs",
            "async fn greet(event: LambdaEvent<Value>) -> Result<Value, Error> {\n    \
             tracing::info!(\"hello {event:?}\");\n    Ok(event.payload)\n}\n\n\
             #[tokio::main]\nasync fn main() -> Result<(), Error> {\n    \
             lambda_runtime::run(service_fn(greet)).await\n}\n",
        );
        project
    }

    fn templates(&self) {
        for folder in ["", "function", "table"] {
            for entry in fs::read_dir(repository().join("templates").join(folder)).unwrap() {
                let path = entry.unwrap().path();
                if path.is_file() {
                    let name = format!("templates/{folder}/{}", path.file_name().unwrap().display());
                    self.write(&name, &fs::read_to_string(&path).unwrap());
                }
            }
        }
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.0.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Exit code, stdout and stderr as one readable text; sizes of templates change for other reasons.
    fn check(&self, arguments: &[&str]) -> String {
        let (code, out, err) = run(self.0.path(), &[&["check", "--stage", "local"], arguments].concat());
        let out = out.lines().map(|line| line.split(" (").next().unwrap().to_owned() + "\n");
        format!("exit {code}\n{}{err}", out.collect::<String>())
    }
}

fn waiver(rule: &str, until: &str, more: &str) -> String {
    format!(
        "\n[[package.metadata.deployer.waivers]]\nrule = \"{rule}\"\nreason = \"until the login bug is found\"\n\
         until = \"{until}\"\n{more}"
    )
}

/// A day within the year that a waiver may last.
fn next_month() -> String {
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    today.saturating_add(jiff::Span::new().days(30)).to_string()
}

#[test]
fn a_mistake_in_code_is_shown_with_its_line_and_the_way_to_mend_it() {
    insta::assert_snapshot!(Project::new("").check(&[]));
}

#[test]
fn a_waived_mistake_is_counted_and_named_when_asked() {
    let until = next_month();
    let project = Project::new(&waiver("logged-event", &until, "file = \"src/main.rs\"\n"));
    let (short, long) = (project.check(&[]), project.check(&["-v"]));
    insta::assert_snapshot!(format!("{short}\n{long}").replace(&until, "<until>"));
}

#[test]
fn a_waiver_that_has_ended_is_an_error_beside_its_finding() {
    insta::assert_snapshot!(Project::new(&waiver("logged-event", "2026-01-31", "")).check(&[]));
}

#[test]
fn a_waiver_that_waives_nothing_names_no_rule_or_has_no_reason_is_an_error() {
    let until = next_month();
    let stale = Project::new(&waiver("logged-event", &until, "file = \"src/other.rs\"\n")).check(&[]);
    let unknown = Project::new(&waiver("loged-event", &until, "")).check(&[]);
    let text = waiver("logged-event", &until, "").replace("until the login bug is found", " ");
    let silent = Project::new(&text).check(&[]);
    let far = Project::new(&waiver("logged-event", "2999-01-31", "")).check(&[]);
    insta::assert_snapshot!(format!("{stale}\n{unknown}\n{silent}\n{far}").replace(&until, "<until>"));
}

#[test]
fn a_mistake_in_a_template_is_waived_in_the_environment() {
    let project = Project::new("");
    project.write(
        "functions/greet/src/main.rs",
        "#[tokio::main]\nasync fn main() -> Result<(), Error> {\n    \
         lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| async { Ok(event.payload) })).await\n}\n",
    );
    project.write("templates/extra.yaml.j2", "Resources:\n  Extra:\n    Type: AWS::Logs::LogGroup\n");
    assert!(project.check(&[]).contains("log-retention"));
    let stage = fs::read_to_string(project.0.path().join("environments/local.yaml")).unwrap();
    let waive = |file: &str| {
        let waivers = format!(
            "waivers:\n  - rule: log-retention\n    file: {file}\n    reason: an experiment\n    until: {}\n",
            next_month()
        );
        project.write("environments/local.yaml", &format!("{stage}{waivers}"));
        project.check(&[])
    };
    let waived = waive("templates/extra.yaml.j2");
    assert!(waived.starts_with("exit 0\nlocal: ok\n1 waived"), "{waived}");
    let stale = waive("templates/other.yaml.j2");
    assert!(stale.contains("stale-waiver") && stale.contains("[environments/local.yaml:7:"), "{stale}");
}

#[test]
fn a_public_route_that_writes_is_found() {
    let project = Project::new("");
    let manifest = fs::read_to_string(project.0.path().join("functions/greet/Cargo.toml")).unwrap();
    let public = manifest
        .replace("trigger = \"PostAuthentication\"", "route = [\"GET /a\", \"POST /a\"]\npublic = true");
    project.write("functions/greet/Cargo.toml", &public);
    project.write("functions/greet/src/main.rs", "fn main() {}\n");
    let shown = project.check(&[]);
    assert!(shown.contains("public-write-route") && shown.contains("Cargo.toml:8:"), "{shown}");
    assert!(shown.contains("POST /a changes something and needs no token"), "{shown}");
    let read = public.replace("[\"GET /a\", \"POST /a\"]", "[\"GET /a\"]");
    project.write("functions/greet/Cargo.toml", &read);
    assert!(!project.check(&[]).contains("public-write-route"), "a public GET that only reads");
    let granted = |action: &str| {
        let grants = format!("[package.metadata.deployer.grants]\nuser_pool = [\"{action}\"]\n");
        project.write("functions/greet/Cargo.toml", &format!("{read}\n{grants}"));
        project.check(&[])
    };
    assert!(!granted("cognito-idp:AdminGetUser").contains("public-write-route"));
    let shown = granted("cognito-idp:AdminDeleteUser");
    assert!(
        shown.contains("GET /a needs no token, and its code calls cognito-idp:AdminDeleteUser"),
        "{shown}"
    );
}
