//! The embedded cloud of a project: one background process, its folder and its endpoint.
//!
//! The folder is `.deployer/local/`: `endpoint` holds the address while the process runs, `lock` is
//! held by it, `version` says which layout the state has and `build` which program serves it, `log` is
//! what it wrote, `state/` is its own.

mod database;
mod serve;

use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tokio::io::{AsyncBufReadExt, BufReader};

use crate::aws;

pub use database::{DatabaseUrl, UrlError};
pub use serve::{ServeArgs, serve};

/// The layout of the state folder; another one is not read.
const LAYOUT: &str = "1";
/// Tried first.
pub const DEFAULT_PORT: u16 = 4566;

/// Why the embedded cloud cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{} was made by another version of the deployer (layout {found}, this one has {LAYOUT})", folder.display())]
    OtherLayout { folder: PathBuf, found: String },
    #[error("the stage fixes port {port} for the embedded cloud, and something else listens there")]
    PortTaken { port: u16 },
    #[error("could not {doing} {}", path.display())]
    File {
        doing: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the embedded cloud did not start: {why}")]
    DidNotStart { why: String, folder: PathBuf },
    #[error("the embedded cloud at {endpoint} does not answer, but its process holds {}", lock.display())]
    NoAnswer { endpoint: String, lock: PathBuf },
}

/// A cloud that answers.
#[derive(Debug, Clone)]
pub struct Cloud {
    pub endpoint: String,
    /// Whether it was started just now.
    pub started: bool,
}

/// `.deployer/local` of a project.
#[derive(Debug, Clone)]
pub struct Folder(PathBuf);

impl Folder {
    pub fn of(root: &Path) -> Self {
        Self(root.join(".deployer").join("local"))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn log(&self) -> PathBuf {
        self.0.join("log")
    }

    fn endpoint_file(&self) -> PathBuf {
        self.0.join("endpoint")
    }

    fn lock_file(&self) -> PathBuf {
        self.0.join("lock")
    }

    fn version_file(&self) -> PathBuf {
        self.0.join("version")
    }

    /// The address that the running process wrote, or the last one did.
    fn endpoint(&self) -> Option<String> {
        fs::read_to_string(self.endpoint_file()).ok().map(|text| text.trim().to_owned())
    }

    /// Whether some process serves this folder now.
    fn is_served(&self) -> Result<bool, Error> {
        let path = self.lock_file();
        match File::open(&path) {
            Ok(file) => match file.try_lock_shared() {
                Ok(()) => Ok(false),
                Err(TryLockError::WouldBlock) => Ok(true),
                Err(TryLockError::Error(source)) => Err(Error::File { doing: "lock", path, source }),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(source) => Err(Error::File { doing: "open", path, source }),
        }
    }

    fn build_file(&self) -> PathBuf {
        self.0.join("build")
    }

    /// Whether the process that serves this folder was started from this very program.
    fn is_served_by_this_build(&self) -> bool {
        build().is_some_and(|ours| fs::read_to_string(self.build_file()).is_ok_and(|theirs| theirs == ours))
    }

    fn check_layout(&self) -> Result<(), Error> {
        let path = self.version_file();
        match fs::read_to_string(&path) {
            Ok(found) if found.trim() == LAYOUT => Ok(()),
            Ok(found) => Err(Error::OtherLayout { folder: self.0.clone(), found: found.trim().to_owned() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // State without a version was made before there were any.
                if self.0.join("state").exists() {
                    return Err(Error::OtherLayout { folder: self.0.clone(), found: "none".to_owned() });
                }
                Ok(())
            }
            Err(source) => Err(Error::File { doing: "read", path, source }),
        }
    }
}

/// Whether this project has an embedded cloud, running or not.
pub fn exists(root: &Path) -> bool {
    Folder::of(root).0.exists()
}

/// The running cloud of this project; `None` where none runs.
pub async fn running(root: &Path) -> Result<Option<Cloud>, Error> {
    let folder = Folder::of(root);
    if !folder.is_served()? {
        return Ok(None);
    }
    let Some(endpoint) = folder.endpoint() else {
        return Err(Error::NoAnswer { endpoint: "an unknown address".to_owned(), lock: folder.lock_file() });
    };
    match aws::http("GET", &format!("{endpoint}/_local/health"), &[], None).await {
        Ok(answer) if answer.status == 200 => Ok(Some(Cloud { endpoint, started: false })),
        _ => Err(Error::NoAnswer { endpoint, lock: folder.lock_file() }),
    }
}

/// The running cloud of this project, started where none runs. `port` is the one that the stage fixes.
pub async fn ensure(root: &Path, port: Option<u16>) -> Result<Cloud, Error> {
    let folder = Folder::of(root);
    folder.check_layout()?;
    if let Some(cloud) = running(root).await? {
        if folder.is_served_by_this_build() {
            return Ok(cloud);
        }
        // The deployer was built or installed anew since: what it expects of the cloud is in the new
        // one. The state stays.
        stop(&folder, cloud).await?;
    }
    let new = !folder.0.exists();
    // The pools' signing keys and the inbox are in it: nobody else's business on this machine.
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder.0);
    made.map_err(|source| Error::File { doing: "make the folder", path: folder.0.clone(), source })?;
    let started = start(root, &folder, port).await;
    if new && matches!(started, Err(Error::PortTaken { .. })) {
        let _ = fs::remove_dir_all(&folder.0);
        remove_empty_parent(&folder);
    }
    started
}

/// Starts the deployer itself as the cloud, in a process group of its own: Ctrl-C in this terminal is
/// not meant for it. Its first line of output is its address.
async fn start(root: &Path, folder: &Folder, port: Option<u16>) -> Result<Cloud, Error> {
    let log_path = folder.log();
    let cannot_log = |source| Error::File { doing: "write", path: log_path.clone(), source };
    let log = File::options().create(true).append(true).open(&log_path).map_err(cannot_log)?;
    let program = std::env::current_exe().map_err(|source| Error::File {
        doing: "find",
        path: PathBuf::from("the deployer"),
        source,
    })?;
    let mut command = Command::new(&program);
    command.arg("local-cloud").arg("--folder").arg(&folder.0).stdin(Stdio::null()).stdout(Stdio::piped());
    command.stderr(log).process_group(0).current_dir(root);
    // The user's own AWS settings are none of its business.
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("AWS_")) {
        command.env_remove(name);
    }
    if let Some(port) = port {
        command.arg("--port").arg(port.to_string());
    }
    let mut child = tokio::process::Command::from(command).spawn().map_err(|source| Error::File {
        doing: "start",
        path: program,
        source,
    })?;
    let mut line = String::new();
    if let Some(stdout) = child.stdout.take() {
        BufReader::new(stdout).read_line(&mut line).await.map_err(cannot_log)?;
    }
    match line.trim().strip_prefix("ready ") {
        Some(endpoint) => Ok(Cloud { endpoint: endpoint.to_owned(), started: true }),
        None => Err(why_not(line.trim(), port, &log_path)),
    }
}

fn why_not(said: &str, port: Option<u16>, log: &Path) -> Error {
    match (said, port) {
        ("port taken", Some(port)) => Error::PortTaken { port },
        _ => {
            let text = fs::read_to_string(log).unwrap_or_default();
            let last = text.lines().last().unwrap_or("it said nothing");
            let folder = log.parent().unwrap_or(log).to_owned();
            Error::DidNotStart { why: format!("{last} (log: {})", log.display()), folder }
        }
    }
}

/// Names a program by the size and time of its file.
fn build() -> Option<String> {
    let metadata = fs::metadata(std::env::current_exe().ok()?).ok()?;
    let modified = metadata.modified().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(format!("{} {}", metadata.len(), modified.as_nanos()))
}

/// Asks the process to end, and waits until it has: it holds the lock to its end.
async fn stop(folder: &Folder, cloud: Cloud) -> Result<(), Error> {
    let asked = aws::http("POST", &format!("{}/_local/stop", cloud.endpoint), &[], None).await;
    let lock = folder.lock_file();
    asked.map_err(|_| Error::NoAnswer { endpoint: cloud.endpoint, lock: lock.clone() })?;
    let Ok(file) = File::open(&lock) else { return Ok(()) };
    let waited = tokio::task::spawn_blocking(move || file.lock()).await;
    waited.map_err(io::Error::other).and_then(|locked| locked).map_err(|source| Error::File {
        doing: "lock",
        path: lock,
        source,
    })
}

/// Ends the cloud and removes its folder: nothing of it stays on this machine.
pub async fn remove(root: &Path) -> Result<(), Error> {
    let folder = Folder::of(root);
    if let Some(cloud) = running(root).await? {
        stop(&folder, cloud).await?;
    }
    match fs::remove_dir_all(&folder.0) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(source) => return Err(Error::File { doing: "remove", path: folder.0, source }),
    }
    remove_empty_parent(&Folder::of(root));
    Ok(())
}

/// The folder above goes too where nothing else uses it.
fn remove_empty_parent(folder: &Folder) {
    if let Some(above) = folder.0.parent() {
        let _ = fs::remove_dir(above);
    }
}
