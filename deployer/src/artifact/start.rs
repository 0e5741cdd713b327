//! Whether a function starts at all: tried here before anything is deployed. A function that ends or
//! reports an error before it asks for its first event would fail at its first user instead.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

use super::Error;
use crate::project::{Function, GrantTarget, upper_snake_case};

/// Lambda gives the init phase ten seconds.
const INIT: Duration = Duration::from_secs(10);
/// The last words of a function that are shown.
const LAST_WORDS: u64 = 8 * 1024;

/// Runs the binary until it asks for its first event, with placeholders for what AWS would give it.
pub async fn check(function: &Function, binary: &Path) -> Result<(), Error> {
    let cannot = |source| Error::CannotRun { program: binary.display().to_string(), source };
    let runtime = TcpListener::bind(("127.0.0.1", 0)).await.map_err(cannot)?;
    let address = runtime.local_addr().map_err(cannot)?.to_string();
    let mut child = command(function, binary, &address).spawn().map_err(cannot)?;
    let words = child.stderr.take();
    let why = tokio::select! {
        said = first_request(&runtime) => match said.map_err(cannot)? {
            Said::Ready => None,
            Said::Failed(error) => Some(error),
        },
        status = child.wait() => Some(match status {
            Ok(status) => format!("it ended before it asked for an event ({status})"),
            Err(error) => error.to_string(),
        }),
        () = tokio::time::sleep(INIT) => Some("it did not ask for an event within 10 s".to_owned()),
    };
    let Some(why) = why else { return Ok(()) };
    Err(Error::DoesNotStart { function: function.name.clone(), why, words: last_words(child, words).await })
}

/// Only what Lambda would give it: nothing of this machine's environment.
fn command(function: &Function, binary: &Path, runtime: &str) -> Command {
    let mut command = Command::new(binary);
    command.env_clear().envs(&function.environment);
    for grant in &function.grants {
        match &grant.target {
            GrantTarget::Table(table) | GrantTarget::Index { table, .. } => {
                command.env(format!("TABLE_{}", upper_snake_case(table.as_str())), "placeholder")
            }
            GrantTarget::UserPool => command.env("USER_POOL_ID", "us-east-1_placeholder"),
            GrantTarget::Database => {
                command.env("DATABASE_SECRET", "placeholder").env("DATABASE_SCHEMA", "placeholder")
            }
        };
    }
    command
        .env("AWS_LAMBDA_RUNTIME_API", runtime)
        .env("AWS_LAMBDA_FUNCTION_NAME", &function.function_name)
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", function.memory.to_string())
        .env("AWS_LAMBDA_LOG_GROUP_NAME", &function.log_group)
        .env("AWS_LAMBDA_LOG_STREAM_NAME", "start")
        .env("AWS_REGION", "us-east-1")
        .env("LAMBDA_TASK_ROOT", "/var/task")
        .env("_HANDLER", "bootstrap");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

enum Said {
    Ready,
    Failed(String),
}

/// The first thing that the function says to its runtime: `GET …/invocation/next`, or an init error.
async fn first_request(runtime: &TcpListener) -> std::io::Result<Said> {
    let (stream, _) = runtime.accept().await?;
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    stream.read_line(&mut line).await?;
    if line.contains("/runtime/init/error") { Ok(Said::Failed(body(stream).await?)) } else { Ok(Said::Ready) }
}

async fn body(mut stream: BufReader<TcpStream>) -> std::io::Result<String> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 || line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap_or_default();
        }
    }
    let mut text = String::new();
    stream.take(length).read_to_string(&mut text).await?;
    Ok(text)
}

async fn last_words(mut child: Child, stderr: Option<tokio::process::ChildStderr>) -> String {
    // Its end closes the pipe, whatever it waits for.
    let _ = child.kill().await;
    let mut text = Vec::new();
    if let Some(stderr) = stderr {
        let _ = stderr.take(LAST_WORDS).read_to_end(&mut text).await;
    }
    String::from_utf8_lossy(&text).trim().to_owned()
}
