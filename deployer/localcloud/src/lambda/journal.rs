//! A process's log: what it prints and the platform's own lines, in CloudWatch Logs and as a tail.

use std::collections::VecDeque;
use std::io::{self, PipeWriter, Write};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, Weak};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::unix::pipe;
use tokio::sync::mpsc;

use super::lock;
use super::model::Logging;
use crate::auth::Principal;
use crate::cloud::{Cloud, arn};
use crate::logs::Event;

/// `X-Amz-Log-Result` holds the last 4 KB.
const TAIL: usize = 4096;
/// CloudWatch Logs' limit on one event; longer lines are cut into several.
const LINE_LIMIT: u64 = 256 * 1024;

/// One log stream.
pub struct Journal {
    cloud: Weak<Cloud>,
    logging: Logging,
    pub stream: String,
    region: String,
    principal: Principal,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Whether the role may write, judged anew for each invocation.
    permitted: bool,
    tail: VecDeque<u8>,
}

/// What the platform says about an invocation.
pub enum Platform<'a> {
    Start {
        request_id: &'a str,
    },
    Report {
        request_id: &'a str,
        status: &'a str,
        figures: Figures,
    },
    /// A line that has no form of its own in JSON: a time-out, an exit.
    Fault {
        request_id: &'a str,
        line: &'a str,
    },
}

/// The numbers of a REPORT line, in milliseconds and MB.
#[derive(Debug, Clone, Copy)]
pub struct Figures {
    pub duration: f64,
    pub init: Option<f64>,
    pub memory_size: u64,
    pub max_memory: Option<u64>,
}

impl Journal {
    /// A stream of its own for a process: `YYYY/MM/DD/[$LATEST]<32 hex digits>`.
    pub fn new(cloud: &Arc<Cloud>, logging: Logging, region: String, principal: Principal) -> Arc<Self> {
        let day = jiff::Timestamp::now().strftime("%Y/%m/%d").to_string();
        let stream = format!("{day}/[$LATEST]{}", uuid::Uuid::new_v4().simple());
        Arc::new(Self {
            cloud: Arc::downgrade(cloud),
            logging,
            stream,
            region,
            principal,
            state: Mutex::default(),
        })
    }

    /// A new invocation: its tail is empty, and the role's rights are judged as they are now. Without
    /// the rights to create the stream and to write there are silently no logs, as on AWS.
    pub fn begin(&self) {
        let permitted = self.cloud.upgrade().is_some_and(|cloud| {
            let stream = arn(
                "logs",
                &self.region,
                &format!("log-group:{}:log-stream:{}", self.logging.group, self.stream),
            );
            let may = |action| cloud.iam.authorize(&self.principal, action, &stream, &[]).is_ok();
            let group = cloud.logs.group_exists(&self.logging.group) || self.create_group(&cloud);
            group && may("logs:CreateLogStream") && may("logs:PutLogEvents")
        });
        *lock(&self.state) = State { permitted, tail: VecDeque::new() };
    }

    /// Lambda creates an absent group where the role may do so.
    fn create_group(&self, cloud: &Cloud) -> bool {
        let group = arn("logs", &self.region, &format!("log-group:{}", self.logging.group));
        cloud.iam.authorize(&self.principal, "logs:CreateLogGroup", &group, &[]).is_ok()
            && cloud.logs.create_group(&self.logging.group).is_ok()
    }

    /// The last 4 KB of this invocation, in base64.
    pub fn tail(&self) -> String {
        let state = lock(&self.state);
        STANDARD.encode(state.tail.iter().copied().collect::<Vec<u8>>())
    }

    pub fn platform(&self, said: &Platform<'_>) {
        let lines = if self.logging.format == "JSON" { self.in_json(said) } else { in_text(said) };
        for line in lines {
            self.write(line);
        }
    }

    fn in_json(&self, said: &Platform<'_>) -> Vec<String> {
        let (kind, record) = match said {
            Platform::Start { request_id } => {
                ("platform.start", json!({"requestId": request_id, "version": "$LATEST"}))
            }
            Platform::Report { request_id, status, figures } => {
                let mut metrics = json!({
                    "durationMs": figures.duration,
                    "billedDurationMs": figures.duration.ceil(),
                    "memorySizeMB": figures.memory_size,
                });
                if let Value::Object(metrics) = &mut metrics {
                    if let Some(memory) = figures.max_memory {
                        metrics.insert("maxMemoryUsedMB".into(), json!(memory));
                    }
                    if let Some(init) = figures.init {
                        metrics.insert("initDurationMs".into(), json!(init));
                    }
                }
                let record = json!({"requestId": request_id, "status": status, "metrics": metrics});
                ("platform.report", record)
            }
            Platform::Fault { request_id, line } => {
                ("platform.fault", json!({"requestId": request_id, "message": line}))
            }
        };
        // Start and report are of level INFO; faults pass at every level.
        let quiet = self.logging.system_level.as_deref() == Some("WARN");
        if quiet && !matches!(said, Platform::Fault { .. }) {
            return Vec::new();
        }
        vec![json!({"time": now(), "type": kind, "record": record}).to_string()]
    }

    fn write(&self, line: String) {
        let mut state = lock(&self.state);
        state.tail.extend(line.as_bytes());
        state.tail.push_back(b'\n');
        let over = state.tail.len().saturating_sub(TAIL);
        state.tail.drain(..over);
        let permitted = state.permitted;
        drop(state);
        if let Some(cloud) = self.cloud.upgrade().filter(|_| permitted) {
            let event = Event { timestamp: jiff::Timestamp::now().as_millisecond(), message: line };
            // The group may go while its function still runs: then there is nowhere to log to.
            if let Err(error) = cloud.logs.append(&self.logging.group, &self.stream, vec![event]) {
                tracing::debug!(%error, group = self.logging.group, "a function's line was not logged");
            }
        }
    }
}

fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

fn in_text(said: &Platform<'_>) -> Vec<String> {
    match said {
        Platform::Start { request_id } => vec![format!("START RequestId: {request_id} Version: $LATEST")],
        Platform::Report { request_id, status, figures } => {
            let mut report = format!(
                "REPORT RequestId: {request_id}\tDuration: {:.2} ms\tBilled Duration: {} ms\tMemory Size: {} MB",
                figures.duration,
                figures.duration.ceil(),
                figures.memory_size
            );
            if let Some(memory) = figures.max_memory {
                report.push_str(&format!("\tMax Memory Used: {memory} MB"));
            }
            if let Some(init) = figures.init {
                report.push_str(&format!("\tInit Duration: {init:.2} ms"));
            }
            if *status != "success" {
                report.push_str(&format!("\tStatus: {status}"));
            }
            vec![format!("END RequestId: {request_id}"), report]
        }
        Platform::Fault { line, .. } => vec![(*line).to_owned()],
    }
}

/// The pipe that a process prints into. The cloud keeps a pen of its own: a mark written with it
/// comes out behind everything that the process printed before, which is how one knows, without
/// waiting a while, that an invocation's lines are complete.
pub struct Output {
    pen: Arc<PipeWriter>,
    mark: String,
    marks: mpsc::UnboundedReceiver<()>,
}

impl Output {
    /// The output, and two ends for the process's stdout and stderr.
    pub fn open(journal: Arc<Journal>) -> io::Result<(Self, PipeWriter, PipeWriter)> {
        let (reader, writer) = io::pipe()?;
        let reader = pipe::Receiver::from_owned_fd(OwnedFd::from(reader))?;
        let (stdout, stderr) = (writer.try_clone()?, writer.try_clone()?);
        let mark = format!("\u{1}{}\n", uuid::Uuid::new_v4().simple());
        let (reached, marks) = mpsc::unbounded_channel();
        tokio::spawn(read(reader, mark.clone(), journal, reached));
        Ok((Self { pen: Arc::new(writer), mark, marks }, stdout, stderr))
    }

    /// Resolves when everything printed so far is in the journal.
    pub async fn settle(&mut self) {
        let (pen, mark) = (Arc::clone(&self.pen), self.mark.clone());
        // A full pipe blocks until the reader made room, so this is no work for an async worker.
        let written = tokio::task::spawn_blocking(move || (&*pen).write_all(mark.as_bytes())).await;
        if matches!(written, Ok(Ok(()))) {
            self.marks.recv().await;
        }
    }
}

async fn read(
    reader: pipe::Receiver,
    mark: String,
    journal: Arc<Journal>,
    reached: mpsc::UnboundedSender<()>,
) {
    let mut reader = BufReader::new(reader);
    let mut line = Vec::new();
    loop {
        line.clear();
        match (&mut reader).take(LINE_LIMIT).read_until(b'\n', &mut line).await {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(%error, "a function's output could not be read");
                return;
            }
        }
        // The mark may follow text that the process did not end with a new line.
        let marked = line.ends_with(mark.as_bytes());
        let text = if marked { &line[..line.len() - mark.len()] } else { &line[..] };
        let text = String::from_utf8_lossy(text);
        let text = text.trim_end_matches(['\n', '\r']);
        if !text.is_empty() {
            journal.write(text.to_owned());
        }
        if marked && reached.send(()).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIGURES: Figures =
        Figures { duration: 1.234, init: Some(7.0), memory_size: 128, max_memory: Some(9) };

    #[test]
    fn the_report_line_reads_as_lambdas_does() {
        let lines = in_text(&Platform::Report { request_id: "id", status: "success", figures: FIGURES });
        assert_eq!(
            lines,
            [
                "END RequestId: id",
                "REPORT RequestId: id\tDuration: 1.23 ms\tBilled Duration: 2 ms\tMemory Size: 128 MB\tMax Memory Used: 9 MB\tInit Duration: 7.00 ms",
            ]
        );
    }
}
