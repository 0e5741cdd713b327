//! What the secret says: where the database is, and who may use it.

use std::env;
use std::net::IpAddr;

use serde::Deserialize;
use tokio_postgres::Config;
use tokio_postgres::config::SslMode;

/// Postgres' own port, for a secret that names none.
const PORT: u16 = 5432;
/// Where a secret names no database ("JSON structure of AWS Secrets Manager secrets", Amazon RDS for PostgreSQL).
const DATABASE: &str = "postgres";

/// The JSON of a database's secret, as Secrets Manager's rotation functions write it. Without `Debug`: nothing of
/// it may end up in a log.
#[derive(Deserialize)]
pub struct Credentials {
    host: String,
    port: Option<Port>,
    username: String,
    password: String,
    dbname: Option<String>,
    sslmode: Option<Mode>,
}

/// A number, or, as some tools write it, its text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Port {
    Number(u16),
    Text(String),
}

/// libpq's words for the two ways there are here.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
enum Mode {
    Disable,
    VerifyFull,
}

/// Why a secret cannot be used, in words that show nothing of it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    #[error("is not JSON with the texts host, username and password")]
    Shape,
    #[error("has a port that is none")]
    Port,
    #[error("says sslmode disable for a host that is not this machine")]
    Plaintext,
}

impl Credentials {
    /// From the secret's text.
    pub fn parse(secret: &str) -> Result<Self, Unusable> {
        // serde's own message would quote what it found.
        let credentials: Self = serde_json::from_str(secret).map_err(|_| Unusable::Shape)?;
        if !credentials.is_encrypted() && !is_this_machine(&credentials.host) {
            return Err(Unusable::Plaintext);
        }
        credentials.port()?;
        Ok(credentials)
    }

    /// Whether the connection is encrypted and the server's certificate verified: always, but for a database of
    /// this machine whose secret says otherwise.
    pub fn is_encrypted(&self) -> bool {
        self.sslmode != Some(Mode::Disable)
    }

    /// For the driver.
    pub fn config(&self) -> Result<Config, Unusable> {
        let mut config = Config::new();
        config
            .host(&self.host)
            .port(self.port()?)
            .user(&self.username)
            .password(&self.password)
            .dbname(self.dbname.as_deref().unwrap_or(DATABASE))
            .ssl_mode(if self.is_encrypted() { SslMode::Require } else { SslMode::Disable });
        // So that the server's list of connections says whose they are; Lambda sets it.
        if let Ok(function) = env::var("AWS_LAMBDA_FUNCTION_NAME") {
            config.application_name(function);
        }
        Ok(config)
    }

    fn port(&self) -> Result<u16, Unusable> {
        match &self.port {
            None => Ok(PORT),
            Some(Port::Number(port)) => Ok(*port),
            Some(Port::Text(text)) => text.parse().map_err(|_| Unusable::Port),
        }
    }
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(secret: &str) -> Result<Config, Unusable> {
        Credentials::parse(secret).and_then(|credentials| credentials.config())
    }

    #[test]
    fn a_secret_as_rds_rotates_it_is_a_verified_connection() {
        let config = parse(
            r#"{"engine": "postgres", "host": "db.example.com", "port": 5433, "username": "app",
                "password": "p", "dbname": "shop", "masterarn": "arn:…"}"#,
        )
        .unwrap();
        assert_eq!((config.get_ports(), config.get_dbname()), ([5433].as_slice(), Some("shop")));
        assert_eq!(config.get_ssl_mode(), SslMode::Require);
    }

    #[test]
    fn port_and_database_have_postgres_own_defaults_and_a_port_may_be_a_text() {
        let config = parse(r#"{"host": "h", "username": "u", "password": "p"}"#).unwrap();
        assert_eq!((config.get_ports(), config.get_dbname()), ([5432].as_slice(), Some("postgres")));
        let config = parse(r#"{"host": "h", "username": "u", "password": "p", "port": "6000"}"#).unwrap();
        assert_eq!(config.get_ports(), [6000]);
        let refused = parse(r#"{"host": "h", "username": "u", "password": "p", "port": "x"}"#);
        assert_eq!(refused.err(), Some(Unusable::Port));
    }

    #[test]
    fn only_a_database_of_this_machine_is_spoken_to_in_the_clear() {
        let secret = |host: &str, mode: &str| {
            format!(r#"{{"host": "{host}", "username": "u", "password": "p", "sslmode": "{mode}"}}"#)
        };
        for host in ["localhost", "127.0.0.1", "::1"] {
            assert_eq!(parse(&secret(host, "disable")).unwrap().get_ssl_mode(), SslMode::Disable, "{host}");
        }
        for host in ["db.example.com", "10.0.0.5", "localhost.example.com"] {
            assert_eq!(parse(&secret(host, "disable")).err(), Some(Unusable::Plaintext), "{host}");
        }
        assert_eq!(parse(&secret("localhost", "prefer")).err(), Some(Unusable::Shape));
        assert_eq!(parse(&secret("localhost", "verify-full")).unwrap().get_ssl_mode(), SslMode::Require);
    }

    #[test]
    fn an_error_shows_nothing_of_the_secret() {
        for text in ["hunter2", r#"{"host": "h", "username": "u", "password": ["hunter2"]}"#] {
            let error = parse(text).unwrap_err();
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }
}
