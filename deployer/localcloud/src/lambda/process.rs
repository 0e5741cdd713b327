//! One function process: started with its environment, asked one event at a time, ended with its group.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};

use super::code::Pin;
use super::journal::{Figures, Journal, Output, Platform};
use super::lock;
use super::runtime_api::{ANSWER_LIMIT, Event, Report, RuntimeApi, failure};

/// Lambda's limit on the initialisation.
const INIT_LIMIT: Duration = Duration::from_secs(10);

/// The process groups that live, so that the cloud can end them all.
#[derive(Default)]
pub struct Groups(Mutex<BTreeSet<i32>>);

impl Groups {
    pub fn end_all(&self) {
        for group in lock(&self.0).iter().copied() {
            end(group);
        }
    }

    pub fn is_empty(&self) -> bool {
        lock(&self.0).is_empty()
    }
}

/// A process that nothing has been asked yet, or that answered and waits.
pub struct Process {
    child: Child,
    group: i32,
    groups: Arc<Groups>,
    api: RuntimeApi,
    output: Output,
    pub journal: Arc<Journal>,
    /// How long the start took; taken by the first invocation's report.
    init: Option<Duration>,
    /// Milliseconds since the epoch.
    pub credentials_expire: i64,
    /// The code it runs stays on disk as long as it does.
    _code: Pin,
}

/// How to start one.
pub struct Start {
    pub code: Pin,
    pub variables: Vec<(String, String)>,
    pub journal: Arc<Journal>,
    pub groups: Arc<Groups>,
    pub credentials_expire: i64,
}

/// How an invocation ended.
pub struct Ended {
    pub payload: Bytes,
    /// Whether the payload is an error.
    pub failed: bool,
    /// Whether the process can take another event.
    pub alive: bool,
}

impl Ended {
    fn broken(kind: &str, message: &str) -> Self {
        Self { payload: failure(kind, message), failed: true, alive: false }
    }
}

impl Process {
    /// Starts the bootstrap and waits until it asks for its first event. The error is the answer
    /// of the invocation that needed the process.
    pub async fn start(start: Start, request_id: &str) -> Result<Self, Ended> {
        let began = Instant::now();
        let journal = Arc::clone(&start.journal);
        let started = match Self::spawn(start).await {
            Ok(mut process) => match process.initialise(request_id).await {
                Ok(()) => {
                    process.init = Some(began.elapsed());
                    Ok(process)
                }
                Err(ended) => {
                    process.end();
                    process.output.settle().await;
                    Err(ended)
                }
            },
            Err(error) => {
                let words = format!("RequestId: {request_id} Error: {error}");
                Err(Ended::broken("Runtime.InvalidEntrypoint", &words))
            }
        };
        if let Err(ended) = &started {
            let report = format!(
                "INIT_REPORT Init Duration: {:.2} ms\tPhase: init\tStatus: error",
                milliseconds(began)
            );
            for line in message_of(&ended.payload).into_iter().chain([report]) {
                journal.platform(&Platform::Fault { request_id, line: &line });
            }
        }
        started
    }

    async fn spawn(start: Start) -> io::Result<Self> {
        let folder = start.code.folder();
        let bootstrap = folder.join("bootstrap");
        runnable(&bootstrap)?;
        let api = RuntimeApi::listen().await?;
        let (output, stdout, stderr) = Output::open(Arc::clone(&start.journal))?;
        let mut command = Command::new(&bootstrap);
        command
            .env_clear()
            .envs(start.variables)
            .env("AWS_LAMBDA_RUNTIME_API", api.address.to_string())
            .current_dir(&folder)
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(stderr)
            .process_group(0)
            .kill_on_drop(true);
        let child = spawn_free(&mut command).await?;
        // A child that was not waited for yet has an id.
        let group = child.id().and_then(|id| i32::try_from(id).ok()).unwrap_or_default();
        lock(&start.groups.0).insert(group);
        Ok(Self {
            child,
            group,
            groups: start.groups,
            api,
            output,
            journal: start.journal,
            init: None,
            credentials_expire: start.credentials_expire,
            _code: start.code,
        })
    }

    async fn initialise(&mut self, request_id: &str) -> Result<(), Ended> {
        let Heard { report, exited } = self.hear(INIT_LIMIT).await;
        match (report, exited) {
            (Some(Report::Waiting), _) => Ok(()),
            (Some(Report::InitFailed(payload)), _) => Err(Ended { payload, failed: true, alive: false }),
            (Some(Report::Answered(_) | Report::Failed(_) | Report::TooLarge), _) => Err(Ended::broken(
                "Runtime.InvalidResponse",
                &format!("RequestId: {request_id} Error: the runtime answered before it was asked"),
            )),
            (None, Some(status)) => Err(Ended::broken("Runtime.ExitError", &exit_words(request_id, status))),
            (None, None) => Err(Ended::broken(
                "Sandbox.Timedout",
                &format!(
                    "RequestId: {request_id} Error: initialisation timed out after {:.2} seconds",
                    INIT_LIMIT.as_secs_f64()
                ),
            )),
        }
    }

    /// Whether an idle process still lives.
    pub fn lives(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// One invocation, with its lines in the journal.
    pub async fn invoke(&mut self, event: Event, timeout: Duration, memory_size: u64) -> Ended {
        let request_id = event.request_id.clone();
        let began = Instant::now();
        self.journal.platform(&Platform::Start { request_id: &request_id });
        let ended = self.exchange(event, timeout).await;
        let duration = milliseconds(began);
        let max_memory = self.child.id().and_then(peak_memory);
        if !ended.alive {
            self.end();
        }
        self.output.settle().await;
        let status = match &ended {
            Ended { alive: true, failed: false, .. } => "success",
            Ended { alive: false, .. } if duration >= timeout.as_secs_f64() * 1000.0 => "timeout",
            Ended { .. } => "error",
        };
        if let Some(line) = message_of(&ended.payload).filter(|_| ended.failed && !ended.alive) {
            self.journal.platform(&Platform::Fault { request_id: &request_id, line: &line });
        }
        let init = self.init.take().map(|init| init.as_secs_f64() * 1000.0);
        let figures = Figures { duration, init, memory_size, max_memory };
        self.journal.platform(&Platform::Report { request_id: &request_id, status, figures });
        ended
    }

    async fn exchange(&mut self, event: Event, timeout: Duration) -> Ended {
        let request_id = event.request_id.clone();
        let deadline = Instant::now() + timeout;
        if self.api.send(event).await.is_err() {
            return Ended::broken("Runtime.Unknown", "the process's Runtime API ended");
        }
        let Heard { report, exited } = self.hear(timeout).await;
        let mut ended = match (report, exited) {
            (Some(Report::Answered(payload)), _) => answered(payload),
            (Some(Report::Failed(payload)), _) => Ended { payload, failed: true, alive: true },
            (Some(Report::TooLarge), _) => Ended {
                payload: failure(
                    "Function.ResponseSizeTooLarge",
                    &format!(
                        "Response payload size exceeded maximum allowed payload size ({ANSWER_LIMIT} bytes)."
                    ),
                ),
                failed: true,
                alive: true,
            },
            (Some(Report::Waiting | Report::InitFailed(_)), _) => Ended::broken(
                "Runtime.InvalidResponse",
                &format!("RequestId: {request_id} Error: the runtime asked for an event before it answered"),
            ),
            (None, Some(status)) => Ended::broken("Runtime.ExitError", &exit_words(&request_id, status)),
            (None, None) => Ended::broken("Sandbox.Timedout", &timeout_words(&request_id, timeout)),
        };
        if ended.alive {
            // It is free again once it asks for the next event, and not after its time.
            let left = deadline.saturating_duration_since(Instant::now());
            ended.alive = matches!(self.hear(left).await.report, Some(Report::Waiting));
        }
        ended
    }

    /// The next word of the process, its exit, or neither within the limit.
    async fn hear(&mut self, limit: Duration) -> Heard {
        let exited = tokio::select! {
            biased;
            report = self.api.reports.recv() => return Heard { report, exited: None },
            status = self.child.wait() => status,
            () = tokio::time::sleep(limit) => return Heard { report: None, exited: None },
        };
        match exited {
            // It may have answered just before it went.
            Ok(status) => Heard { report: self.api.reports.try_recv().ok(), exited: Some(status) },
            Err(error) => {
                tracing::error!(%error, "a function's process could not be waited for");
                Heard { report: None, exited: Some(ExitStatus::default()) }
            }
        }
    }

    /// Ends the process and whatever it started.
    fn end(&mut self) {
        end(self.group);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
        lock(&self.groups.0).remove(&self.group);
    }
}

struct Heard {
    report: Option<Report>,
    exited: Option<ExitStatus>,
}

fn end(group: i32) {
    if let Some(group) = Pid::from_raw(group) {
        match kill_process_group(group, Signal::KILL) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => {}
            Err(error) => tracing::warn!(%error, "a function's process could not be ended"),
        }
    }
}

/// Starts the command. A file that was just written can be busy for a moment: another thread that
/// forks in between holds it open until it runs its own program.
async fn spawn_free(command: &mut Command) -> io::Result<Child> {
    for _ in 0..50 {
        match command.spawn() {
            Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy => {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            spawned => return spawned,
        }
    }
    command.spawn()
}

/// Whether the host can run the file. Asked before the start, since exec falls back to the shell for
/// a program of another machine.
fn runnable(bootstrap: &Path) -> io::Result<()> {
    let mut head = [0_u8; 20];
    let mut file = std::fs::File::open(bootstrap).map_err(|_| {
        io::Error::other("Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]")
    })?;
    let read = io::Read::read(&mut file, &mut head)?;
    if fits(&head[..read]) {
        Ok(())
    } else {
        Err(io::Error::other("fork/exec /var/task/bootstrap: exec format error"))
    }
}

fn fits(head: &[u8]) -> bool {
    if head.starts_with(b"#!") {
        return true;
    }
    if cfg!(target_os = "macos") {
        return head.starts_with(&[0xcf, 0xfa, 0xed, 0xfe]) || head.starts_with(&[0xca, 0xfe, 0xba, 0xbe]);
    }
    // e_machine of the ELF header: EM_X86_64 is 62, EM_AARCH64 is 183.
    let machine = if cfg!(target_arch = "aarch64") { 183 } else { 62 };
    head.starts_with(b"\x7fELF") && head.get(18..20) == Some(&u16::to_le_bytes(machine)[..])
}

fn answered(payload: Bytes) -> Ended {
    Ended { payload, failed: false, alive: true }
}

fn exit_words(request_id: &str, status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    let how = match (status.code(), status.signal()) {
        (Some(0), _) => {
            return format!("RequestId: {request_id} Error: Runtime exited without providing a reason");
        }
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(9)) => "signal: killed".to_owned(),
        (None, Some(signal)) => format!("signal: {signal}"),
        (None, None) => "unknown".to_owned(),
    };
    format!("RequestId: {request_id} Error: Runtime exited with error: {how}")
}

fn timeout_words(request_id: &str, timeout: Duration) -> String {
    let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.%3fZ");
    format!("{now} {request_id} Task timed out after {:.2} seconds", timeout.as_secs_f64())
}

fn message_of(payload: &Bytes) -> Option<String> {
    let error: serde_json::Value = serde_json::from_slice(payload).ok()?;
    Some(error.get("errorMessage")?.as_str()?.to_owned())
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1000.0
}

/// MB; only Linux tells. The memory limit itself is not enforced.
fn peak_memory(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kilobytes| kilobytes.div_ceil(1024))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_of_another_machine_is_told_by_its_elf_header() {
        let elf = |machine: u16| {
            let mut head = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0".to_vec();
            head.extend(machine.to_le_bytes());
            head
        };
        if cfg!(target_os = "linux") {
            assert_eq!(fits(&elf(62)), cfg!(target_arch = "x86_64"));
            assert_eq!(fits(&elf(183)), cfg!(target_arch = "aarch64"));
        }
        assert!(fits(b"#!/bin/sh\n"));
        assert!(!fits(b"plain text"));
        assert!(!fits(b""));
    }

    #[test]
    fn exits_are_worded_as_lambda_words_them() {
        use std::os::unix::process::ExitStatusExt;
        assert_eq!(
            exit_words("id", ExitStatus::from_raw(1 << 8)),
            "RequestId: id Error: Runtime exited with error: exit status 1"
        );
        assert_eq!(
            exit_words("id", ExitStatus::from_raw(0)),
            "RequestId: id Error: Runtime exited without providing a reason"
        );
        assert_eq!(
            exit_words("id", ExitStatus::from_raw(9)),
            "RequestId: id Error: Runtime exited with error: signal: killed"
        );
    }
}
