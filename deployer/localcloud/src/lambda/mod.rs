//! Lambda: functions whose `bootstrap` runs on this machine, each with its role's own credentials.
//!
//! - [`resources`]: the CloudFormation types; [`api`]: the wire; both change a [`model::Function`].
//! - [`code`]: unpacked zips; [`environment`]: what a process is told; [`process`]: one process,
//!   reached over its own [`runtime_api`] and heard through its [`journal`], on this [`host`];
//!   [`pool`]: the processes of one revision of a function.
//! - [`permission`]: who may invoke.
//!
//! The memory limit of a function is told to it but not enforced.

mod api;
mod code;
mod environment;
mod host;
mod journal;
pub mod model;
mod permission;
mod pool;
mod process;
pub mod resources;
mod runtime_api;

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::cloud::{Cloud, REGION};
use crate::iam::Credentials;
use crate::store::{Persisted, Store};
use crate::wire::AwsError;

use code::{Codes, Pin};
use host::Groups;
use model::Function;
use pool::Pool;

pub use api::handle;

/// Lambda's limit on the payload of a synchronous invocation: 6 MB.
const PAYLOAD_LIMIT: usize = 6_291_456;

pub struct Lambda {
    state: Persisted<State>,
    codes: Arc<Codes>,
    /// What keeps each function's code on disk, by the function's ARN.
    pins: Mutex<HashMap<String, Pin>>,
    /// The processes, by the function's ARN.
    pools: Mutex<HashMap<String, Arc<Pool>>>,
    groups: Arc<Groups>,
    /// The cloud goes down: no process starts any more.
    stopping: AtomicBool,
}

/// All functions, by ARN.
#[derive(Default, Serialize, Deserialize)]
struct State {
    functions: BTreeMap<String, Function>,
}

/// Who invokes a function.
#[derive(Debug, Clone)]
pub enum Invoker {
    /// A signed Invoke call: judged by identity policies (or the function's own policy).
    Principal(crate::auth::Principal),
    /// A service acting for a resource: judged by the function's resource policy
    /// (AWS::Lambda::Permission) with aws:SourceArn and aws:SourceAccount.
    Service { service: &'static str, source_arn: String },
}

/// One synchronous invocation.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// Name or ARN.
    pub function: String,
    pub payload: bytes::Bytes,
    pub invoker: Invoker,
    /// Gives up earlier than the function's own time-out (a Cognito trigger: 5 s). The function
    /// itself goes on, as on AWS.
    pub limit: Option<Duration>,
}

/// What the function answered.
#[derive(Debug, Clone)]
pub struct Answer {
    pub payload: bytes::Bytes,
    /// `Unhandled` where the function failed; the payload is then `{errorMessage, errorType}`.
    pub function_error: Option<String>,
    pub request_id: String,
    /// The last 4 KB of the invocation's log, in base64.
    pub log_tail: String,
}

impl Lambda {
    pub fn open(store: &Store) -> io::Result<Self> {
        let state: Persisted<State> = store.open("lambda")?;
        let codes = Codes::new(store.folder());
        let pins = state.read(|state| {
            let pin = |(arn, function): (&String, &Function)| (arn.clone(), codes.pin(&function.code.sha256));
            state.functions.iter().map(pin).collect()
        });
        host::end_left_behind(codes.root());
        codes.sweep()?;
        Ok(Self {
            state,
            codes,
            pins: Mutex::new(pins),
            pools: Mutex::default(),
            groups: Arc::default(),
            stopping: AtomicBool::new(false),
        })
    }

    /// The function of a name or ARN; a bare name is looked up in `region`.
    fn find(&self, reference: &str, region: &str) -> Result<Function, AwsError> {
        let arn = model::resolve(reference, region);
        let found = arn.as_ref().and_then(|arn| self.state.read(|state| state.functions.get(arn).cloned()));
        found.ok_or_else(|| {
            let arn = arn.unwrap_or_else(|| reference.to_owned());
            AwsError::new(404, "ResourceNotFoundException", format!("Function not found: {arn}"))
        })
    }

    fn list(&self, region: &str) -> Vec<Function> {
        self.state.read(|state| {
            state.functions.values().filter(|function| function.region == region).cloned().collect()
        })
    }

    /// Stores a function whose code or configuration is new: processes of the former revision end.
    fn put(&self, function: Function, pin: Pin) {
        let arn = function.arn();
        self.state.write(|state| state.functions.insert(arn.clone(), function));
        let former = lock(&self.pins).insert(arn.clone(), pin);
        self.retire(&arn);
        drop(former);
    }

    /// Changes what no process depends on: tags and the resource policy.
    fn amend<R>(&self, arn: &str, change: impl FnOnce(&mut Function) -> R) -> Result<R, AwsError> {
        self.state.write(|state| state.functions.get_mut(arn).map(change)).ok_or_else(|| {
            AwsError::new(404, "ResourceNotFoundException", format!("Function not found: {arn}"))
        })
    }

    fn remove(&self, arn: &str) {
        self.state.write(|state| state.functions.remove(arn));
        self.retire(arn);
        drop(lock(&self.pins).remove(arn));
    }

    fn retire(&self, arn: &str) {
        let pool = lock(&self.pools).remove(arn);
        if let Some(pool) = pool {
            pool.retire();
        }
    }

    /// The pool of the function's present revision.
    fn pool(&self, arn: &str) -> Result<Arc<Pool>, AwsError> {
        // Looked up under the lock: a change of the function retires what is here before or after.
        let mut pools = lock(&self.pools);
        if self.stopping.load(Ordering::Acquire) {
            return Err(AwsError::new(503, "ServiceException", "the cloud is stopping"));
        }
        let function = self.find(arn, REGION)?;
        if let Some(pool) = pools.get(arn)
            && pool.function.revision == function.revision
        {
            return Ok(Arc::clone(pool));
        }
        let pool = Pool::new(function.clone(), self.codes.pin(&function.code.sha256));
        if let Some(former) = pools.insert(arn.to_owned(), Arc::clone(&pool)) {
            former.retire();
        }
        Ok(pool)
    }

    fn groups(&self) -> Arc<Groups> {
        Arc::clone(&self.groups)
    }
}

/// Invokes a function. Errors: ResourceNotFoundException, AccessDeniedException (no permission),
/// RequestTooLargeException, TooManyRequestsException, ServiceException, and
/// RequestTimeoutException (504) where [`Invocation::limit`] passed.
pub async fn invoke(cloud: &Arc<Cloud>, invocation: Invocation) -> Result<Answer, AwsError> {
    let function = cloud.lambda.find(&invocation.function, REGION)?;
    permission::judge(cloud, &function, &invocation.invoker)?;
    let payload = accept(invocation.payload)?;
    // A task of its own: the function goes on when whoever asked goes away.
    let task = tokio::spawn(run(Arc::clone(cloud), function.arn(), payload));
    let joined = match invocation.limit {
        Some(limit) => tokio::time::timeout(limit, task).await.map_err(|_| {
            let words = format!("the function did not answer within {:.2} seconds", limit.as_secs_f64());
            AwsError::new(504, "RequestTimeoutException", words)
        })?,
        None => task.await,
    };
    joined.unwrap_or_else(|error| Err(AwsError::new(500, "ServiceException", error.to_string())))
}

/// A payload that may be handed to a function; none at all is an empty object.
fn accept(payload: bytes::Bytes) -> Result<bytes::Bytes, AwsError> {
    if payload.len() > PAYLOAD_LIMIT {
        return Err(AwsError::new(
            413,
            "RequestTooLargeException",
            format!("Request must be smaller than {PAYLOAD_LIMIT} bytes for the InvokeFunction operation"),
        ));
    }
    if payload.is_empty() {
        return Ok(bytes::Bytes::from_static(b"{}"));
    }
    match serde_json::from_slice::<serde::de::IgnoredAny>(&payload) {
        Ok(_) => Ok(payload),
        Err(error) => Err(AwsError::validation(
            "InvalidRequestContentException",
            format!("Could not parse request body into json: {error}"),
        )),
    }
}

async fn run(cloud: Arc<Cloud>, arn: String, payload: bytes::Bytes) -> Result<Answer, AwsError> {
    let request_id = uuid::Uuid::new_v4().to_string();
    loop {
        let pool = cloud.lambda.pool(&arn)?;
        let permit = pool.admit().await?;
        // The function may have changed while this waited for its turn.
        if pool.is_retired() {
            continue;
        }
        let answer = pool.run(&cloud, request_id, payload).await;
        drop(permit);
        return answer;
    }
}

/// Credentials of the function's role, if its trust policy lets Lambda assume it.
fn assume(cloud: &Cloud, function: &Function) -> Result<Credentials, AwsError> {
    let arn = function.arn();
    let context = [("aws:SourceArn", arn.as_str()), ("aws:SourceAccount", crate::cloud::ACCOUNT)];
    cloud.iam.assume_for_service(&function.role, "lambda.amazonaws.com", &function.name, &context).map_err(
        |error| {
            tracing::debug!(%error, role = function.role, "a role could not be assumed");
            AwsError::validation(
                "InvalidParameterValueException",
                "The role defined for the function cannot be assumed by Lambda.",
            )
        },
    )
}

/// Called once when the server is up. Processes start with the first invocation.
pub fn start(_cloud: &Arc<Cloud>) {}

/// Ends every function process.
pub async fn stop(cloud: &Arc<Cloud>) {
    let lambda = &cloud.lambda;
    lambda.stopping.store(true, Ordering::Release);
    lambda.codes.close();
    let pools: Vec<_> = lock(&lambda.pools).drain().map(|(_, pool)| pool).collect();
    for pool in pools {
        pool.end().await;
    }
    // Running invocations notice the end of their process; those that are just starting one follow.
    for _ in 0..100 {
        lambda.groups.end_all();
        if lambda.groups.is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    tracing::warn!("function processes were still running at the end");
}

/// A panic in one request must not take the state from the others.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
