//! The main job, end to end: the real binary brings the local stage up from a copy of this project,
//! a signed-up user calls the API, a source changes, a resource fails, and `down` leaves nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/copy.rs"]
mod copy;

use std::fs;
use std::process::Command;

use serde_json::Value;

use copy::{Copy, texts};

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
    every_function_answers_the_events_of_its_crate(&copy);
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

fn every_function_answers_the_events_of_its_crate(copy: &Copy) {
    let mut invoked = 0;
    for function in ["post-confirmation", "get-profile", "put-profile", "update-account"] {
        for entry in fs::read_dir(copy.path(&format!("functions/{function}/events"))).unwrap() {
            let file = entry.unwrap().path();
            let event: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
            let name = file.file_stem().unwrap().to_str().unwrap();
            let (answer, _) = copy.succeed(&["invoke", function, "--event", name]);
            let answer: Value = serde_json::from_str(&answer).unwrap();
            if function == "post-confirmation" {
                assert_eq!(answer, event, "{name}: a trigger gives its event back");
            } else {
                // The user of the events is none of the pool's; the trigger made their row.
                let status = answer["statusCode"].as_u64().unwrap();
                assert!((200..500).contains(&status), "{function} {name}: {answer}");
            }
            invoked += 1;
        }
    }
    assert!(invoked > 12, "{invoked}");
    let unknown = copy.run(&["invoke", "get-profil", "--event", "access-token"]);
    assert!(texts(&unknown).1.contains("did you mean get-profile?"), "{unknown:?}");
    let absent = copy.run(&["invoke", "get-profile", "--event", "nothing"]);
    assert!(texts(&absent).1.contains("access-token, id-token, no-authorizer"), "{absent:?}");
    assert_eq!((unknown.status.code(), absent.status.code()), (Some(2), Some(2)));
}

fn a_second_up_changes_nothing(copy: &Copy) {
    let (stdout, stderr) = copy.succeed(&["up"]);
    // Another cargo on this machine may make this one wait, and it says so first.
    let last = stderr.trim().lines().last().unwrap();
    assert_eq!(last, "profile-service-local is up to date: nothing changed, nothing uploaded");
    assert!(stdout.contains("/user/profile"), "it says again where the API is: {stdout}");
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

    let crash =
        "if true {\n        eprintln!(\"no configuration\");\n        std::process::exit(3);\n    }\n    ";
    let crashes = good.replacen("logging::start", &format!("{crash}logging::start"), 1);
    assert_ne!(crashes, good);
    fs::write(&main, crashes).unwrap();
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

#[test]
fn two_runs_side_by_side_take_turns() {
    let copy = Copy::new();
    let outputs = std::thread::scope(|scope| {
        [scope.spawn(|| copy.run(&["up"])), scope.spawn(|| copy.run(&["up"]))].map(|run| run.join().unwrap())
    });
    for output in &outputs {
        assert!(output.status.success(), "{output:?}");
    }
    let waited =
        outputs.iter().filter(|output| texts(output).1.contains("another deployer is at work")).count();
    let unchanged = outputs.iter().filter(|output| texts(output).1.contains("nothing changed")).count();
    assert_eq!((waited, unchanged), (1, 1), "one deploys, the other waits and finds nothing to do");
}

#[test]
fn a_result_that_cannot_be_written_is_a_failure() {
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let status = Command::new(env!("CARGO_BIN_EXE_deployer"))
        .args(["render", "--stage", "local", "--project", concat!(env!("CARGO_MANIFEST_DIR"), "/..")])
        .stdout(full)
        .stderr(std::process::Stdio::null())
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(1));
}

/// No file may grow over a megabyte: the write fails, as on a disk that is full.
const FULL_DISK: &str = "trap '' XFSZ; ulimit -f 2048";
/// The same, but who writes is killed in the middle (setrlimit(2), RLIMIT_FSIZE).
const KILLED_WRITING: &str = "ulimit -c 0; ulimit -f 2048";

fn left_half_done(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|extension| extension == "new")).collect()
}

#[test]
fn a_full_disk_is_named_with_its_file_and_a_kill_while_writing_is_mended_by_the_next_run() {
    let copy = Copy::new();
    // Cargo's own files are none of this test's business.
    copy.succeed(&["build"]);
    let artifacts = copy.path(".deployer/local/artifacts");
    fs::remove_dir_all(&artifacts).unwrap();

    for command in ["build", "up"] {
        let full = copy.run_after(FULL_DISK, &[command]);
        let (_, stderr) = texts(&full);
        assert_eq!(full.status.code(), Some(1), "{stderr}");
        assert!(stderr.contains(".zip") && stderr.contains("File too large"), "{stderr}");
        assert_eq!(left_half_done(&artifacts), Vec::<std::path::PathBuf>::new());
        assert!(
            !copy.path(".deployer/local/endpoint").exists(),
            "no cloud was started for nothing: {stderr}"
        );
    }

    // Not `up`: the embedded cloud that it starts would live on with the same limit.
    let killed = copy.run_after(KILLED_WRITING, &["build"]);
    assert_eq!(killed.status.code(), None, "ended by a signal: {}", texts(&killed).1);
    assert_ne!(left_half_done(&artifacts), Vec::<std::path::PathBuf>::new(), "it died while writing");
    copy.succeed(&["up"]);
    assert_eq!(left_half_done(&artifacts), Vec::<std::path::PathBuf>::new());
    copy.succeed(&["down", "--yes"]);
    assert!(!copy.path(".deployer").exists());
}
