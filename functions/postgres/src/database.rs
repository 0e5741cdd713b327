//! The way to the database: one connection, kept between invocations, checked before it is used, and made anew
//! within the budget of one invocation.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use functions_shared::aws::Aws;
use functions_shared::config::{self, Missing};
use functions_shared::database_secret::DatabaseSecret;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout_at};
use tokio_postgres::error::{DbError, Severity};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Config, Connection, NoTls, Row};

use crate::authority;
use crate::credentials::Credentials;
use crate::error::Error;

/// Beside the binary in the zip: the certificate authorities that the stage trusts.
const AUTHORITY: &str = "database-ca.pem";

/// Everything that a confirmation may take; Cognito waits 5 s, cold start and answer included.
pub const BUDGET: Duration = Duration::from_millis(3500);
/// Host name, TCP, TLS and password together.
const CONNECT: Duration = Duration::from_secs(1);
/// A statement. The server is told the same, so that it does not go on without us.
const STATEMENT: Duration = Duration::from_millis(1500);
/// An answer of a connection that is still there; one that is not may give none at all.
const CHECK: Duration = Duration::from_millis(250);

/// A value of a statement, and Postgres' type for it.
pub type Typed<'a> = (&'a (dyn ToSql + Sync), Type);

/// The database.
#[derive(Debug)]
pub struct Database {
    secret: DatabaseSecret,
    authority: PathBuf,
    kept: Mutex<Kept>,
}

/// What the next invocation finds.
#[derive(Default)]
struct Kept {
    /// The secret's text that worked last.
    secret: Option<String>,
    client: Option<Client>,
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Kept").field("client", &self.client.is_some()).finish_non_exhaustive()
    }
}

impl Database {
    /// The database that the environment names.
    pub fn from_env(aws: &Arc<Aws>) -> Result<Self, Missing> {
        let package = config::required("LAMBDA_TASK_ROOT")?;
        Ok(Self::new(DatabaseSecret::from_env(aws)?, PathBuf::from(package).join(AUTHORITY)))
    }

    /// The database that `secret` leads to. Its certificate is one of the authorities in the PEM file `authority`.
    pub fn new(secret: DatabaseSecret, authority: PathBuf) -> Self {
        Self { secret, authority, kept: Mutex::default() }
    }

    /// Runs `statement` within the budget, with the types given, so that it is prepared and run in one round trip.
    /// It may run twice where a connection ends under it: a repeat must change nothing.
    pub async fn query(&self, statement: &str, values: &[Typed<'_>]) -> Result<Vec<Row>, Error> {
        let end = Instant::now() + BUDGET;
        let mut kept = self.kept.lock().await;
        if let Some(client) = alive(kept.client.take(), end).await {
            match timed(&client, statement, values, end).await {
                Err(Error::Statement(error)) if ends_connection(&error) => {}
                // Who knows what a connection still has to say that did not answer in time.
                Err(error @ Error::TimedOut { .. }) => return Err(error),
                ended => {
                    kept.client = Some(client);
                    return ended;
                }
            }
        }
        let client = self.connect(&mut kept, end).await?;
        let ended = timed(&client, statement, values, end).await;
        if !matches!(ended, Err(Error::TimedOut { .. })) {
            kept.client = Some(client);
        }
        ended
    }

    /// A connection of its own, with the secret as it is now, whose statements may take `limit` each.
    pub async fn fresh(&self, limit: Duration) -> Result<Client, Error> {
        let end = Instant::now() + BUDGET;
        let mut kept = self.kept.lock().await;
        *kept = Kept::default();
        let secret = self.read(end).await?;
        let client = self.open(&secret, limit, end).await?;
        kept.secret = Some(secret);
        Ok(client)
    }

    /// Connects with the secret that worked last; where that fails, the password may have been rotated or the
    /// database moved, so the secret is read once more.
    async fn connect(&self, kept: &mut Kept, end: Instant) -> Result<Client, Error> {
        let known = kept.secret.take();
        let mut refused = None;
        if let Some(secret) = &known {
            match self.open(secret, STATEMENT, end).await {
                Ok(client) => {
                    kept.secret = known;
                    return Ok(client);
                }
                Err(error) => refused = Some(error),
            }
        }
        let secret = self.read(end).await?;
        match refused {
            Some(error) if known.as_ref() == Some(&secret) => Err(error),
            Some(_) | None => {
                let client = self.open(&secret, STATEMENT, end).await?;
                kept.secret = Some(secret);
                Ok(client)
            }
        }
    }

    async fn read(&self, end: Instant) -> Result<String, Error> {
        match timeout_at(end, self.secret.get_secret_value()).await {
            Ok(read) => Ok(read?),
            Err(_) => Err(Error::TimedOut { doing: "reading the secret" }),
        }
    }

    async fn open(&self, secret: &str, limit: Duration, end: Instant) -> Result<Client, Error> {
        let credentials = Credentials::parse(secret)?;
        let config = credentials.config()?;
        let connecting = async {
            let client = if credentials.is_encrypted() {
                let connector = authority::trusting(&self.authority)
                    .map_err(|why| Error::Authority { file: self.authority.clone(), why })?;
                attach(config, connector).await?
            } else {
                attach(config, NoTls).await?
            };
            // Not as a start-up option: pools between us and the server refuse those.
            let limit = format!("set statement_timeout = {}", limit.as_millis());
            client.batch_execute(&limit).await.map_err(Error::Connect)?;
            Ok(client)
        };
        match timeout_at(end.min(Instant::now() + CONNECT), connecting).await {
            Ok(connected) => connected,
            Err(_) => Err(Error::TimedOut { doing: "connecting to the database" }),
        }
    }
}

/// Connects, and lets the connection run beside us until its client goes.
async fn attach<T>(config: Config, tls: T) -> Result<Client, Error>
where
    T: tokio_postgres::tls::MakeTlsConnect<tokio_postgres::Socket>,
    T::Stream: Send + 'static,
{
    let (client, connection) = config.connect(tls).await.map_err(Error::Connect)?;
    tokio::spawn(carry(connection));
    Ok(client)
}

async fn carry<S, T>(connection: Connection<S, T>)
where
    S: AsyncRead + AsyncWrite + Unpin,
    T: AsyncRead + AsyncWrite + Unpin,
{
    // Whoever uses it next learns of it; it is no failure of its own.
    if let Err(error) = connection.await {
        tracing::info!("a kept connection ended: {error}");
    }
}

/// The kept connection, if it still answers.
async fn alive(kept: Option<Client>, end: Instant) -> Option<Client> {
    let client = kept?;
    match timeout_at(end.min(Instant::now() + CHECK), client.check_connection()).await {
        Ok(Ok(())) => Some(client),
        Ok(Err(_)) | Err(_) => None,
    }
}

/// Whether an error is the last that its connection has to say. The client itself may learn of the end only later.
fn ends_connection(error: &tokio_postgres::Error) -> bool {
    let severity = error.as_db_error().and_then(DbError::parsed_severity);
    error.is_closed() || matches!(severity, Some(Severity::Fatal | Severity::Panic))
}

async fn timed(
    client: &Client,
    statement: &str,
    values: &[Typed<'_>],
    end: Instant,
) -> Result<Vec<Row>, Error> {
    match timeout_at(end.min(Instant::now() + STATEMENT), client.query_typed(statement, values)).await {
        Ok(ended) => ended.map_err(Error::Statement),
        Err(_) => Err(Error::TimedOut { doing: "the statement" }),
    }
}
