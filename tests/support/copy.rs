//! A copy of the project that the real binary brings up, for tests of whole stages.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A copy of the project in a folder of its own, so that nobody's running local stage is touched.
/// It shares the target folder: the compiled dependencies are the same.
pub struct Copy {
    folder: tempfile::TempDir,
    target: PathBuf,
    /// The stages that were asked for, to be taken down in the end.
    stages: Mutex<BTreeSet<String>>,
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
    pub fn new() -> Self {
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
        Self { folder, target, stages: Mutex::default(), _turn: turn }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs the deployer on the stage `local`, or the one that the arguments name.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.run_after(":", arguments)
    }

    /// Runs it from a shell that did this before.
    pub fn run_after(&self, prelude: &str, arguments: &[&str]) -> Output {
        let named = arguments.windows(2).find(|pair| pair[0] == "--stage").map(|pair| pair[1]);
        self.stages.lock().unwrap().insert(named.unwrap_or("local").to_owned());
        let default: &[&str] = if named.is_some() { &[] } else { &["--stage", "local"] };
        Command::new("sh")
            .args(["-c", &format!("{prelude}; exec \"$@\""), "sh", env!("CARGO_BIN_EXE_deployer")])
            .args(arguments)
            .args(default)
            .arg("--project")
            .arg(self.folder.path())
            .env("CARGO_TARGET_DIR", &self.target)
            .env("NO_COLOR", "1")
            // The user's own AWS settings are none of the local stage's business.
            .env("AWS_PROFILE", "does-not-exist")
            .env("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
            .output()
            .unwrap()
    }

    pub fn succeed(&self, arguments: &[&str]) -> (String, String) {
        let output = self.run(arguments);
        let (stdout, stderr) = texts(&output);
        assert!(output.status.success(), "{arguments:?} ended with {}\n{stdout}\n{stderr}", output.status);
        (stdout, stderr)
    }

    pub fn endpoint(&self) -> String {
        fs::read_to_string(self.path(".deployer/local/endpoint")).unwrap()
    }
}

/// A failing test must not leave a background process behind.
impl Drop for Copy {
    fn drop(&mut self) {
        let stages = std::mem::take(&mut *self.stages.lock().unwrap());
        for stage in stages {
            self.run(&["down", "--yes", "--stage", &stage]);
        }
    }
}

pub fn texts(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}
