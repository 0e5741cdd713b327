//! The main job, end to end: the real binary brings the local stage up from a copy of this project,
//! a signed-up user calls the API, a source changes, a resource fails, and `down` leaves nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;

/// A copy of the project in a folder of its own, so that nobody's running local stage is touched.
/// It shares the target folder: the compiled dependencies are the same.
struct Copy {
    folder: tempfile::TempDir,
    target: PathBuf,
    // Dropped last: the next copy may build only when this one's stage is down.
    _turn: MutexGuard<'static, ()>,
}

/// Copies share the target folder, and so the names of the functions' binaries: one at a time.
static TURN: Mutex<()> = Mutex::new(());

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

impl Copy {
    fn new() -> Self {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let repository = repository();
        let folder = tempfile::tempdir().unwrap();
        for name in ["functions", "templates", "environments", "deployer"] {
            copy_tree(&repository.join(name), &folder.path().join(name));
        }
        copy_tree(&repository.join("tests"), &folder.path().join("tests"));
        fs::copy(repository.join("Cargo.lock"), folder.path().join("Cargo.lock")).unwrap();
        // Cargo knows a workspace's own crates by their version and their place in it, so that the
        // copy's would pass for the original's in a shared target folder, changed sources and all.
        let manifest = fs::read_to_string(repository.join("Cargo.toml")).unwrap();
        let renamed = manifest.replacen("\nversion = \"0.1.0\"\n", "\nversion = \"0.0.0-copy\"\n", 1);
        assert_ne!(renamed, manifest, "the workspace's version has moved");
        fs::write(folder.path().join("Cargo.toml"), renamed).unwrap();
        // The test binary runs from <target>/<profile>/deps.
        let target = std::env::current_exe().unwrap().ancestors().nth(3).unwrap().to_owned();
        Self { folder, target, _turn: turn }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_deployer"))
            .args(arguments)
            .args(["--stage", "local", "--project"])
            .arg(self.folder.path())
            .env("CARGO_TARGET_DIR", &self.target)
            .env("NO_COLOR", "1")
            // The user's own AWS settings are none of the local stage's business.
            .env("AWS_PROFILE", "does-not-exist")
            .env("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
            .output()
            .unwrap()
    }

    fn succeed(&self, arguments: &[&str]) -> (String, String) {
        let output = self.run(arguments);
        let (stdout, stderr) = texts(&output);
        assert!(output.status.success(), "{arguments:?} ended with {}\n{stdout}\n{stderr}", output.status);
        (stdout, stderr)
    }

    fn endpoint(&self) -> String {
        fs::read_to_string(self.path(".deployer/local/endpoint")).unwrap()
    }
}

/// A failing test must not leave a background process behind.
impl Drop for Copy {
    fn drop(&mut self) {
        self.run(&["down", "--yes"]);
    }
}

fn texts(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

#[test]
fn the_profile_service_lives_from_up_to_down() {
    let copy = Copy::new();
    let (summary, _) = copy.succeed(&["up"]);
    for part in [
        "service    profile-service",
        "GET    http://127.0.0.1:",
        "/user/profile",
        "sign-in    http://127.0.0.1:",
    ] {
        assert!(summary.contains(part), "{part} is missing in\n{summary}");
    }
    signed_up_users_store_and_read_their_profile(&copy);
    a_second_up_changes_nothing(&copy);
    a_changed_source_updates_its_function_alone(&copy);
    a_failing_resource_goes_back_and_names_its_line(&copy);
    down_leaves_nothing(&copy);
}

fn signed_up_users_store_and_read_their_profile(copy: &Copy) {
    const USER: [&str; 2] = ["--user", "ana@example.com"];
    let call = |arguments: &[&str]| copy.run(&[&["call"], arguments].concat());
    let none = call(&["GET", "/user/profile"]);
    assert_eq!(none.status.code(), Some(2), "without a token");
    assert!(texts(&none).1.contains("401"), "{none:?}");
    let absent = call(&[&["GET", "/user/profile"][..], &USER].concat());
    assert!(texts(&absent).1.contains("404"), "{absent:?}");
    let stored = call(&[&["POST", "/user/profile", "--data", r#"{"name":"Ana"}"#][..], &USER].concat());
    assert!(stored.status.success(), "{stored:?}");
    let read = call(&[&["GET", "/user/profile"][..], &USER].concat());
    let body: Value = serde_json::from_slice(&read.stdout).unwrap();
    assert_eq!(body, serde_json::json!({"name": "Ana"}));
    let other = call(&["GET", "/user/profile", "--user", "bea@example.com"]);
    assert!(texts(&other).1.contains("404"), "another user has a profile of her own: {other:?}");
}

fn a_second_up_changes_nothing(copy: &Copy) {
    let (stdout, stderr) = copy.succeed(&["up"]);
    assert_eq!(
        (stdout.as_str(), stderr.trim()),
        ("", "profile-service-local is up to date: nothing changed, nothing uploaded")
    );
    let planned = copy.run(&["plan", "--exit-code"]);
    assert_eq!(planned.status.code(), Some(0), "{planned:?}");
}

fn a_changed_source_updates_its_function_alone(copy: &Copy) {
    let main = copy.path("functions/get-profile/src/main.rs");
    let text = fs::read_to_string(&main).unwrap();
    fs::write(&main, format!("{text}\n#[used]\nstatic CHANGED: &str = \"changed\";\n")).unwrap();
    let (_, stderr) = copy.succeed(&["up"]);
    let uploaded: Vec<&str> = stderr.lines().filter(|line| line.contains("uploaded")).collect();
    assert!(matches!(uploaded.as_slice(), [one] if one.contains("/get-profile/")), "{stderr}");
    let updated: Vec<&str> = stderr.lines().filter(|line| line.contains("updated")).collect();
    assert!(matches!(updated.as_slice(), [one] if one.contains("GetProfileFunction")), "{stderr}");
}

fn a_failing_resource_goes_back_and_names_its_line(copy: &Copy) {
    let fragment = copy.path("templates/clash.yaml.j2");
    let taken = "Resources:\n  Clash:\n    Type: AWS::Logs::LogGroup\n    Properties:\n      RetentionInDays: 3\n      \
         LogGroupName: /aws/lambda/profile-service-local-get-profile\n";
    fs::write(&fragment, taken).unwrap();
    let failed = copy.run(&["up"]);
    let (_, stderr) = texts(&failed);
    assert_eq!(failed.status.code(), Some(3), "{stderr}");
    assert!(stderr.contains("Clash") && stderr.contains("already exists"), "{stderr}");
    assert!(stderr.contains("templates/clash.yaml.j2:2"), "{stderr}");
    fs::remove_file(&fragment).unwrap();
    a_second_up_changes_nothing(copy);
}

fn down_leaves_nothing(copy: &Copy) {
    let endpoint = copy.endpoint();
    copy.succeed(&["down"]);
    assert!(!copy.path(".deployer").exists(), "no file of the stage is left");
    let port = endpoint.rsplit(':').next().unwrap().parse::<u16>().unwrap();
    assert!(std::net::TcpListener::bind(("127.0.0.1", port)).is_ok(), "its port is free");
    let (_, stderr) = copy.succeed(&["down"]);
    assert!(stderr.contains("nothing to delete"), "{stderr}");
}

#[test]
fn what_cannot_run_is_found_before_anything_changes() {
    let copy = Copy::new();
    let main = copy.path("functions/put-profile/src/main.rs");
    let good = fs::read_to_string(&main).unwrap();

    fs::write(&main, format!("{good}\nfn broken( {{\n")).unwrap();
    let broken = copy.run(&["up"]);
    let (_, stderr) = texts(&broken);
    assert_eq!(broken.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("unclosed delimiter") && stderr.contains("do not compile"), "{stderr}");

    fs::write(&main, "fn main() {\n    eprintln!(\"no configuration\");\n    std::process::exit(3);\n}\n")
        .unwrap();
    let crashing = copy.run(&["up"]);
    let (_, stderr) = texts(&crashing);
    assert_eq!(crashing.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("put-profile does not start") && stderr.contains("no configuration"), "{stderr}");
    assert!(!copy.path(".deployer/local").exists(), "the cloud that was started for nothing is gone again");
    let nothing = texts(&copy.run(&["status"])).1;
    assert!(nothing.contains("is not up"), "{nothing}");
}

#[test]
fn a_stage_of_another_account_is_refused_before_anything_changes() {
    let copy = Copy::new();
    let stage = copy.path("environments/local.yaml");
    let text = fs::read_to_string(&stage).unwrap();
    fs::write(&stage, format!("{text}account: \"123456789012\"\n")).unwrap();
    let refused = copy.run(&["up"]);
    let (_, stderr) = texts(&refused);
    assert_eq!(refused.status.code(), Some(2), "{stderr}");
    assert!(
        stderr.contains("belongs to account 123456789012") && stderr.contains("000000000000"),
        "{stderr}"
    );
    assert!(!copy.path(".deployer/local").exists());
}
