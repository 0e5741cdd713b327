//! The background process itself: serves the embedded cloud until it is told to stop.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::PathBuf;

use tokio::signal::unix::{SignalKind, signal};

use super::{DEFAULT_PORT, Folder, LAYOUT};

/// How the process was started.
#[derive(Debug, Clone, clap::Args)]
pub struct ServeArgs {
    /// The state folder
    #[arg(long)]
    folder: PathBuf,
    /// The one port to take; otherwise the last one, 4566 or any free one
    #[arg(long)]
    port: Option<u16>,
}

/// Serves until `POST /_local/stop`, SIGTERM or SIGINT. Errors are for the log.
pub async fn serve(args: ServeArgs) -> io::Result<()> {
    let folder = Folder(args.folder);
    fs::create_dir_all(&folder.0)?;
    let lock = File::options().create(true).truncate(false).write(true).open(folder.lock_file())?;
    lock.lock()?;
    fs::write(folder.version_file(), LAYOUT)?;
    let running = match bind(&folder, args.port).await {
        Ok(running) => running,
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            announce("port taken")?;
            return Err(error);
        }
        Err(error) => return Err(error),
    };
    fs::write(folder.endpoint_file(), running.endpoint())?;
    fs::write(folder.build_file(), super::build().unwrap_or_default())?;
    announce(&format!("ready {}", running.endpoint()))?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        () = running.stopping() => {}
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    running.stop().await;
    drop(lock);
    Ok(())
}

/// The port that was fixed, or the one that the state's addresses name, or the usual one, or any.
async fn bind(folder: &Folder, fixed: Option<u16>) -> io::Result<localcloud::Running> {
    let last = folder.endpoint().and_then(|endpoint| endpoint.rsplit(':').next()?.parse().ok());
    let wanted = match fixed {
        Some(port) => vec![port],
        None => vec![last.unwrap_or(DEFAULT_PORT), DEFAULT_PORT, 0],
    };
    let mut taken = io::Error::from(io::ErrorKind::AddrInUse);
    for port in wanted {
        let config = localcloud::Config { folder: Some(folder.0.join("state")), port, ..Default::default() };
        match localcloud::start(config).await {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => taken = error,
            other => return other,
        }
    }
    Err(taken)
}

/// One line to whoever started this process; it may have gone already.
fn announce(line: &str) -> io::Result<()> {
    match writeln!(io::stdout(), "{line}") {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}
