//! Logs: one JSON object a line, with the request id, never with an address, a token or an event.

use std::env;
use std::str::FromStr;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Starts logging to stdout, which Lambda keeps. `AWS_LAMBDA_LOG_LEVEL` (Lambda's own setting) moves the
/// level of our own lines (those of the crate `function` and of this one); the libraries stay at warnings, because at finer levels the SDK writes requests
/// and the runtime writes events.
pub fn start(function: &str) {
    let level = env::var("AWS_LAMBDA_LOG_LEVEL")
        .ok()
        .and_then(|level| LevelFilter::from_str(&level).ok())
        .unwrap_or(LevelFilter::INFO);
    let targets = Targets::new()
        .with_default(LevelFilter::WARN)
        // The span that carries the request id is at this level.
        .with_target("lambda_runtime", LevelFilter::INFO)
        .with_target("functions_shared", level)
        .with_target(function, level);
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false);
    tracing_subscriber::registry().with(targets).with(lines).init();
}
