//! The Postgres that `DATABASE_URL` names.

use std::path::PathBuf;

use serde_json::{Value, json};
use tokio_postgres::{Client, Config};

use functions_postgres::authority;
use functions_postgres::schema::Schema;

/// A user of the tests' own makes their connections known.
pub struct Server {
    config: Config,
    pub authority: PathBuf,
    pub host: String,
    pub port: u16,
    /// By the administrator.
    pub client: Client,
}

impl Server {
    pub async fn new() -> Self {
        let url = std::env::var("DATABASE_URL").expect("DATABASE_URL names a Postgres");
        let (place, options) = url.split_once('?').expect("it has sslrootcert");
        let config: Config = place.parse().unwrap();
        let file = options.split('&').find_map(|option| option.strip_prefix("sslrootcert="));
        let authority = PathBuf::from(file.expect("it has sslrootcert"));
        let tokio_postgres::config::Host::Tcp(host) = &config.get_hosts()[0] else { panic!("no host") };
        let (host, port) = (host.clone(), config.get_ports()[0]);
        let (client, connection) = config.connect(authority::trusting(&authority).unwrap()).await.unwrap();
        tokio::spawn(connection);
        Self { config, authority, host, port, client }
    }

    /// The secret of the administrator.
    pub fn secret(&self) -> Value {
        let password = String::from_utf8(self.config.get_password().unwrap().to_vec()).unwrap();
        self.secret_of(self.config.get_user().unwrap(), &password)
    }

    pub fn secret_of(&self, user: &str, password: &str) -> Value {
        json!({
            "engine": "postgres", "host": self.host, "port": self.port, "username": user, "password": password,
            "dbname": self.config.get_dbname().unwrap(),
        })
    }

    /// A migrated schema, and its one user, called like it.
    pub async fn user_of(&self, schema: &Schema) -> Value {
        let first = include_str!("../../../post-confirmation-postgres/migrations/0001_users.sql");
        let migrate =
            format!("create schema {schema}; set search_path to {schema}; {first}; reset search_path");
        self.client.batch_execute(&migrate).await.unwrap();
        let user = schema.name();
        self.client
            .batch_execute(&format!(
                "create role {user} login password 'first'; grant usage on schema {schema} to {user}; \
                 grant insert, select on {schema}.users to {user}"
            ))
            .await
            .unwrap();
        self.secret_of(user, "first")
    }

    /// What the table `users` holds.
    pub async fn users(&self, schema: &Schema) -> Vec<Vec<Option<String>>> {
        let all =
            format!("select cognito_user_id, display_name, email, handle from {schema}.users order by id");
        let rows = self.client.query(&all, &[]).await.unwrap();
        rows.iter().map(|row| (0..4).map(|at| row.get(at)).collect()).collect()
    }

    /// The processes that serve the connections of the schema's user.
    pub async fn backends(&self, schema: &Schema) -> Vec<i32> {
        let query = "select pid from pg_stat_activity where usename = $1 order by pid";
        let rows = self.client.query(query, &[&schema.name()]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }

    /// Ends them, and waits until they are gone.
    pub async fn end_backends(&self, schema: &Schema) {
        let query = "select pg_terminate_backend(pid, 5000) from pg_stat_activity where usename = $1";
        self.client.execute(query, &[&schema.name()]).await.unwrap();
        assert_eq!(self.backends(schema).await, Vec::<i32>::new());
    }

    /// Takes the schema and its user away again.
    pub async fn clear(&self, schema: &Schema) {
        self.end_backends(schema).await;
        self.client
            .batch_execute(&format!("drop schema {schema} cascade; drop role if exists {}", schema.name()))
            .await
            .unwrap();
    }
}
