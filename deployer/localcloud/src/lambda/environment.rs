//! The environment of a function's process: what AWS documents, what the function declares, no more.

use crate::iam::Credentials;

use super::model::Function;

/// Names that a function cannot declare.
/// Source: Lambda developer guide, "Defined runtime environment variables".
const RESERVED: [&str; 18] = [
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_DEFAULT_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
];

pub fn is_reserved(name: &str) -> bool {
    RESERVED.contains(&name)
}

/// What one process is told. The Runtime API's address is added by the process itself.
pub struct Facts<'a> {
    pub function: &'a Function,
    pub credentials: &'a Credentials,
    /// The cloud's own address, so that the SDKs in the function reach it and nothing else.
    pub endpoint: &'a str,
    pub log_stream: &'a str,
    pub task_root: &'a str,
}

pub fn variables(facts: &Facts<'_>) -> Vec<(String, String)> {
    let Facts { function, credentials, endpoint, log_stream, task_root } = facts;
    let memory = function.memory.to_string();
    let execution = format!("AWS_Lambda_{}", function.runtime);
    let mut variables = vec![
        ("_HANDLER", function.handler.as_str()),
        ("AWS_ACCESS_KEY_ID", &credentials.access_key_id),
        ("AWS_DEFAULT_REGION", &function.region),
        ("AWS_ENDPOINT_URL", endpoint),
        ("AWS_EXECUTION_ENV", &execution),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", &memory),
        ("AWS_LAMBDA_FUNCTION_NAME", &function.name),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
        ("AWS_LAMBDA_LOG_FORMAT", &function.logging.format),
        ("AWS_LAMBDA_LOG_GROUP_NAME", &function.logging.group),
        ("AWS_LAMBDA_LOG_STREAM_NAME", log_stream),
        ("AWS_REGION", &function.region),
        ("AWS_SECRET_ACCESS_KEY", &credentials.secret_access_key),
        ("AWS_SESSION_TOKEN", &credentials.session_token),
        ("LAMBDA_RUNTIME_DIR", "/var/runtime"),
        ("LAMBDA_TASK_ROOT", task_root),
        ("LANG", "en_US.UTF-8"),
        ("PATH", "/usr/local/bin:/usr/bin:/bin:/opt/bin"),
        ("TZ", ":UTC"),
    ];
    if let Some(level) = &function.logging.application_level {
        variables.push(("AWS_LAMBDA_LOG_LEVEL", level));
    }
    let own = variables.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
    let declared = function.environment.iter().map(|(name, value)| (name.clone(), value.clone()));
    // A declared PATH or TZ wins, as on AWS: those names are not reserved.
    own.chain(declared).collect()
}
