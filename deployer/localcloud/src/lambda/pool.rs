//! The processes of one revision of a function: started under load, used again, ended when idle.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::code::Pin;
use super::environment::{self, Facts};
use super::journal::Journal;
use super::model::Function;
use super::process::{Ended, Process, Start};
use super::runtime_api::Event;
use super::{Answer, lock};
use crate::auth::Principal;
use crate::cloud::Cloud;
use crate::wire::AwsError;

/// Processes of one function where it reserves no concurrency: enough for a developer's machine.
const PROCESSES: usize = 10;
/// How long an invocation waits for one of them.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a process is kept without work.
const IDLE: Duration = Duration::from_secs(300);
/// A process is not given work that could outlast its credentials by less than this.
const CREDENTIALS_MARGIN: Duration = Duration::from_secs(60);

pub struct Pool {
    pub function: Function,
    code: Pin,
    /// Takes one permit an invocation.
    room: Arc<Semaphore>,
    idle: Mutex<Vec<(Process, Instant)>>,
    /// Whether a task is there that ends idle processes.
    watched: AtomicBool,
    /// Newer code or configuration took over: what still runs ends, nothing new starts.
    retired: AtomicBool,
}

impl Pool {
    pub fn new(function: Function, code: Pin) -> Arc<Self> {
        let room = function.reserved.unwrap_or(PROCESSES);
        Arc::new(Self {
            function,
            code,
            room: Arc::new(Semaphore::new(room)),
            idle: Mutex::default(),
            watched: AtomicBool::new(false),
            retired: AtomicBool::new(false),
        })
    }

    pub fn retire(&self) {
        drop(self.take_idle());
    }

    /// As [`Pool::retire`], and resolves when the idle processes are gone.
    pub async fn end(&self) {
        for (mut process, _) in self.take_idle() {
            process.finish().await;
        }
    }

    fn take_idle(&self) -> Vec<(Process, Instant)> {
        self.retired.store(true, Ordering::Release);
        std::mem::take(&mut *lock(&self.idle))
    }

    pub fn is_retired(&self) -> bool {
        self.retired.load(Ordering::Acquire)
    }

    /// A place to run in. Reserved concurrency refuses at once, as on AWS; the bound of this machine
    /// lets an invocation wait a while first.
    pub async fn admit(&self) -> Result<OwnedSemaphorePermit, AwsError> {
        let room = Arc::clone(&self.room);
        if self.function.reserved.is_some() {
            return room
                .try_acquire_owned()
                .map_err(|_| throttled("ReservedFunctionConcurrentInvocationLimitExceeded"));
        }
        match tokio::time::timeout(PATIENCE, room.acquire_owned()).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) | Err(_) => Err(throttled("ConcurrentInvocationLimitExceeded")),
        }
    }

    /// Runs one event on an idle process or a new one.
    pub async fn run(
        self: &Arc<Self>,
        cloud: &Arc<Cloud>,
        request_id: String,
        payload: Bytes,
    ) -> Result<Answer, AwsError> {
        let timeout = Duration::from_secs(self.function.timeout);
        let (journal, ended) = match self.process(cloud, &request_id, timeout).await? {
            Ok(mut process) => {
                let event = Event {
                    request_id: request_id.clone(),
                    deadline: after(timeout),
                    function_arn: self.function.arn(),
                    trace_id: trace_id(),
                    payload,
                };
                let ended = process.invoke(event, timeout, self.function.memory).await;
                let journal = Arc::clone(&process.journal);
                if ended.alive {
                    self.keep(process);
                }
                (journal, ended)
            }
            Err(broken) => broken,
        };
        Ok(Answer {
            payload: ended.payload,
            function_error: ended.failed.then(|| "Unhandled".to_owned()),
            request_id,
            log_tail: journal.tail(),
        })
    }

    /// An idle process that still lives and whose credentials last, or a new one. The inner error is
    /// a start that failed: an answer of the function, not of the service.
    async fn process(
        &self,
        cloud: &Arc<Cloud>,
        request_id: &str,
        timeout: Duration,
    ) -> Result<Result<Process, (Arc<Journal>, Ended)>, AwsError> {
        loop {
            let Some((mut process, _)) = lock(&self.idle).pop() else { break };
            if process.credentials_expire > after(timeout + CREDENTIALS_MARGIN) && process.lives() {
                process.journal.begin();
                return Ok(Ok(process));
            }
        }
        let start = self.prepare(cloud)?;
        let journal = Arc::clone(&start.journal);
        journal.begin();
        Ok(Process::start(start, request_id).await.map_err(|ended| (journal, ended)))
    }

    fn prepare(&self, cloud: &Arc<Cloud>) -> Result<Start, AwsError> {
        let function = &self.function;
        let credentials = super::assume(cloud, function)?;
        let principal = Principal::Role {
            role_arn: function.role.clone(),
            role_name: function.role.rsplit('/').next().unwrap_or(&function.role).to_owned(),
            session: function.name.clone(),
        };
        let journal = Journal::new(cloud, function.logging.clone(), function.region.clone(), principal);
        let variables = environment::variables(&Facts {
            function,
            credentials: &credentials,
            endpoint: cloud.endpoint(),
            log_stream: &journal.stream,
            task_root: &self.code.folder().to_string_lossy(),
        });
        Ok(Start {
            code: self.code.clone(),
            variables,
            journal,
            groups: cloud.lambda.groups(),
            credentials_expire: credentials.expires_at,
        })
    }

    fn keep(self: &Arc<Self>, process: Process) {
        let mut idle = lock(&self.idle);
        // Judged under the lock, so that retiring and keeping cannot miss each other.
        if self.is_retired() {
            return;
        }
        idle.push((process, Instant::now()));
        drop(idle);
        if !self.watched.swap(true, Ordering::AcqRel) {
            tokio::spawn(end_idle(Arc::downgrade(self)));
        }
    }
}

/// Ends processes that had no work for a while, and itself when none is left.
async fn end_idle(pool: Weak<Pool>) {
    loop {
        tokio::time::sleep(IDLE).await;
        let Some(pool) = pool.upgrade() else { return };
        let mut idle = lock(&pool.idle);
        idle.retain(|(_, since)| since.elapsed() < IDLE);
        if idle.is_empty() {
            // Still under the lock: whoever keeps a process next starts a new watch.
            pool.watched.store(false, Ordering::Release);
            return;
        }
    }
}

fn throttled(reason: &str) -> AwsError {
    AwsError::new(429, "TooManyRequestsException", format!("Rate Exceeded. ({reason})"))
}

fn after(time: Duration) -> i64 {
    jiff::Timestamp::now()
        .as_millisecond()
        .saturating_add(i64::try_from(time.as_millis()).unwrap_or(i64::MAX))
}

/// X-Ray's form; nothing is sampled.
fn trace_id() -> String {
    let id = uuid::Uuid::new_v4().simple().to_string();
    format!(
        "Root=1-{:08x}-{};Parent={};Sampled=0",
        jiff::Timestamp::now().as_second(),
        &id[..24],
        &uuid::Uuid::new_v4().simple().to_string()[..16]
    )
}
