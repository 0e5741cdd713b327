//! A local stage's database: where the shell says it is.

use std::net::IpAddr;
use std::path::PathBuf;

use percent_encoding::percent_decode_str;
use serde_json::json;

/// Postgres' own port.
const PORT: u16 = 5432;

/// What a connection URI of libpq says ("Connection URIs" in Postgres' documentation). Without `Debug`: it holds a
/// password.
pub struct DatabaseUrl {
    host: String,
    port: u16,
    user: String,
    password: String,
    name: String,
    /// Whom to trust; `None` for a database of this machine that is spoken to in the clear.
    pub authority: Option<PathBuf>,
}

/// Why a URI cannot be used, in words that show nothing of it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    #[error("it is not postgres://user:password@host:port/database")]
    Shape,
    #[error("its option {0} means nothing here: there are sslmode and sslrootcert")]
    Option(String),
    #[error(
        "it says not whom to trust: add ?sslmode=verify-full&sslrootcert=FILE, or, for a database of this machine, \
         ?sslmode=disable"
    )]
    Trust,
    #[error("only a database of this machine is spoken to in the clear: write sslmode=verify-full")]
    Plaintext,
}

impl DatabaseUrl {
    /// From a URI; `authority` is whom the stage trusts where the URI names no file.
    pub fn parse(url: &str, authority: Option<PathBuf>) -> Result<Self, UrlError> {
        let rest = url.strip_prefix("postgres://").or_else(|| url.strip_prefix("postgresql://"));
        let (place, options) =
            rest.map(|rest| rest.split_once('?').unwrap_or((rest, ""))).ok_or(UrlError::Shape)?;
        let (user, place) = place.rsplit_once('@').ok_or(UrlError::Shape)?;
        let (user, password) = user.split_once(':').unwrap_or((user, ""));
        let (address, name) = place.split_once('/').unwrap_or((place, ""));
        let (host, port) = host_and_port(address).ok_or(UrlError::Shape)?;
        let user = decoded(user)?;
        if user.is_empty() || host.is_empty() {
            return Err(UrlError::Shape);
        }
        let name = match decoded(name)? {
            name if name.is_empty() => user.clone(),
            name => name,
        };
        let authority = trust(options, host, authority)?;
        Ok(Self { host: host.to_owned(), port, user, password: decoded(password)?, name, authority })
    }

    /// As the function reads it, in the form of RDS's secrets, and with libpq's word for the encryption.
    pub fn secret(&self) -> String {
        let Self { host, port, user, password, name, authority } = self;
        let sslmode = if authority.is_some() { "verify-full" } else { "disable" };
        json!({
            "engine": "postgres", "host": host, "port": port, "username": user, "password": password,
            "dbname": name, "sslmode": sslmode,
        })
        .to_string()
    }
}

fn host_and_port(address: &str) -> Option<(&str, u16)> {
    // An IPv6 address stands in brackets.
    let (host, port) = match address.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map(|(host, rest)| (host, rest.strip_prefix(':')))?,
        None => match address.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (address, None),
        },
    };
    Some((host, port.map_or(Ok(PORT), str::parse).ok()?))
}

fn trust(options: &str, host: &str, authority: Option<PathBuf>) -> Result<Option<PathBuf>, UrlError> {
    let (mut mode, mut file) = (None, None);
    for option in options.split('&').filter(|option| !option.is_empty()) {
        match option.split_once('=') {
            Some(("sslmode", value)) => mode = Some(value),
            Some(("sslrootcert", value)) => file = Some(PathBuf::from(decoded(value)?)),
            Some((name, _)) => return Err(UrlError::Option(name.to_owned())),
            None => return Err(UrlError::Shape),
        }
    }
    let here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    match (mode, file.or(authority)) {
        (Some("verify-full"), Some(file)) => Ok(Some(file)),
        (Some("disable"), _) if here => Ok(None),
        (Some("disable"), _) => Err(UrlError::Plaintext),
        _ => Err(UrlError::Trust),
    }
}

fn decoded(text: &str) -> Result<String, UrlError> {
    percent_decode_str(text).decode_utf8().map(|text| text.into_owned()).map_err(|_| UrlError::Shape)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn secret(url: &str) -> Result<Value, UrlError> {
        DatabaseUrl::parse(url, None).map(|url| serde_json::from_str(&url.secret()).unwrap())
    }

    #[test]
    fn a_uri_becomes_the_secret_of_rds() {
        let url =
            "postgres://app:p%40ss@db.example.com:5433/shop?sslmode=verify-full&sslrootcert=/etc/ca.pem";
        assert_eq!(
            secret(url).unwrap(),
            json!({"engine": "postgres", "host": "db.example.com", "port": 5433, "username": "app",
                   "password": "p@ss", "dbname": "shop", "sslmode": "verify-full"})
        );
        let short = secret("postgresql://app@[::1]?sslmode=disable").unwrap();
        assert_eq!(
            (&short["host"], &short["port"], &short["dbname"]),
            (&json!("::1"), &json!(5432), &json!("app"))
        );
    }

    #[test]
    fn nothing_is_sent_in_the_clear_to_another_machine_and_nobody_is_trusted_unasked() {
        let refused =
            |options: &str| secret(&format!("postgres://u:p@db.example.com/d{options}")).unwrap_err();
        assert_eq!(refused("?sslmode=disable"), UrlError::Plaintext);
        for options in ["", "?sslmode=require", "?sslmode=prefer", "?sslmode=verify-full"] {
            assert_eq!(refused(options), UrlError::Trust, "{options}");
        }
        assert_eq!(secret("postgres://u:p@localhost/d").unwrap_err(), UrlError::Trust);
        let trusted = DatabaseUrl::parse("postgres://u:p@h/d?sslmode=verify-full", Some("ca.pem".into()));
        assert_eq!(trusted.unwrap_or_else(|error| panic!("{error}")).authority, Some("ca.pem".into()));
    }

    #[test]
    fn an_error_shows_nothing_of_the_uri() {
        for url in ["hunter2", "postgres://u:hunter2@h:x/d", "postgres://hunter2", "postgres://:hunter2@h/d"]
        {
            let error = secret(url).unwrap_err();
            assert_eq!(error, UrlError::Shape, "{url}");
            assert!(!error.to_string().contains("hunter2"));
        }
        assert_eq!(
            secret("postgres://u:p@h/d?connect_timeout=3").unwrap_err(),
            UrlError::Option("connect_timeout".to_owned())
        );
    }
}
