//! One function process: started with its environment, asked one event at a time, ended with its group.

use std::io;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::process::{Child, Command};

use super::code::Pin;
use super::host::{Groups, end, peak_memory, runnable, spawn_free};
use super::journal::{Figures, Journal, Output, Platform};
use super::runtime_api::{ANSWER_LIMIT, Event, Report, RuntimeApi, failure};

/// Lambda's limit on the initialisation.
const INIT_LIMIT: Duration = Duration::from_secs(10);

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
                    process.finish().await;
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
        start.groups.add(group);
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
            self.finish().await;
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
        let init = self.init.take().map(in_milliseconds);
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

    /// Ends the process and resolves when the system knows it no more.
    pub async fn finish(&mut self) {
        self.end();
        if let Err(error) = self.child.wait().await {
            tracing::warn!(%error, "a function's process could not be waited for");
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
        self.groups.remove(self.group);
    }
}

struct Heard {
    report: Option<Report>,
    exited: Option<ExitStatus>,
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
    in_milliseconds(since.elapsed())
}

/// To the microsecond.
fn in_milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1_000_000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

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
