//! The schema's migrations: files of `migrations/`, each applied once, in their order, all that are missing in
//! one transaction.

use serde::Serialize;
use sha2::{Digest, Sha256};
use tokio_postgres::{Client, Transaction};

use functions_postgres::error::Error;
use functions_postgres::schema::Schema;

/// A file of `migrations/`.
#[derive(Debug)]
pub struct Migration {
    /// The number that its name begins with.
    pub version: i32,
    /// The rest of its name.
    pub name: &'static str,
    pub sql: &'static str,
}

/// All of them. What was applied somewhere is never changed again: its checksum is kept.
pub const ALL: &[Migration] =
    &[Migration { version: 1, name: "users", sql: include_str!("../migrations/0001_users.sql") }];

impl Migration {
    fn checksum(&self) -> String {
        Sha256::digest(self.sql.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// A migration that the database has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Applied {
    pub version: i32,
    pub name: String,
    /// SHA-256 of the file, hexadecimal.
    pub checksum: String,
}

/// What became of the schema.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    pub schema: String,
    /// All that the database has now, in their order.
    pub applied: Vec<Applied>,
    /// The versions of those that this very call applied.
    pub new: Vec<i32>,
}

/// Why nothing was migrated.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    #[error(transparent)]
    Database(#[from] Error),
    #[error("the migration {version} {name} failed, and nothing was applied: {source}")]
    Migration { version: i32, name: &'static str, source: Error },
    #[error(
        "the migration {version} {name} was changed after it was applied: write what shall change into a new one"
    )]
    Changed { version: i32, name: &'static str },
}

impl From<tokio_postgres::Error> for Failed {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Database(Error::Statement(error))
    }
}

/// What the database has, without changing anything.
pub async fn status(client: &Client, schema: &Schema) -> Result<Report, Failed> {
    let table = format!("{schema}.migrations");
    let there = client.query_one("select to_regclass($1) is not null", &[&table]).await?;
    let applied = if there.get(0) { applied(client, schema).await? } else { Vec::new() };
    Ok(Report { schema: schema.name().to_owned(), applied, new: Vec::new() })
}

/// Applies those of `migrations` that the database does not have, or none.
pub async fn apply(client: &mut Client, schema: &Schema, migrations: &[Migration]) -> Result<Report, Failed> {
    let transaction = client.transaction().await?;
    // Whoever migrates the same schema at the same time waits, and finds nothing to do.
    transaction
        .execute(
            "select pg_advisory_xact_lock(hashtextextended($1, 0))",
            &[&format!("migrations of {schema}")],
        )
        .await?;
    prepare(&transaction, schema).await?;
    let before = applied(&transaction, schema).await?;
    let mut new = Vec::new();
    for migration in migrations {
        let Migration { version, name, sql } = *migration;
        match before.iter().find(|applied| applied.version == version) {
            Some(applied) if applied.checksum != migration.checksum() => {
                return Err(Failed::Changed { version, name });
            }
            Some(_) => {}
            None => {
                let ran = transaction.batch_execute(sql).await;
                ran.map_err(|error| Failed::Migration { version, name, source: Error::Statement(error) })?;
                let record =
                    format!("insert into {schema}.migrations (version, name, checksum) values ($1, $2, $3)");
                transaction.execute(&record, &[&version, &name, &migration.checksum()]).await?;
                new.push(version);
            }
        }
    }
    let applied = applied(&transaction, schema).await?;
    transaction.commit().await?;
    Ok(Report { schema: schema.name().to_owned(), applied, new })
}

/// The schema and its list of migrations, and unqualified names that mean it.
async fn prepare(transaction: &Transaction<'_>, schema: &Schema) -> Result<(), tokio_postgres::Error> {
    // Asked first: `create schema if not exists` needs the right to make one even where it exists.
    let there = transaction
        .query_opt("select from pg_catalog.pg_namespace where nspname = $1", &[&schema.name()])
        .await?;
    if there.is_none() {
        transaction.batch_execute(&format!("create schema {schema}")).await?;
    }
    transaction
        .batch_execute(&format!(
            "create table if not exists {schema}.migrations (version integer primary key, name text not null, \
             checksum text not null, applied_at timestamptz not null default now()); \
             set local search_path to {schema}"
        ))
        .await
}

async fn applied(
    client: &impl tokio_postgres::GenericClient,
    schema: &Schema,
) -> Result<Vec<Applied>, tokio_postgres::Error> {
    let list = format!("select version, name, checksum from {schema}.migrations order by version");
    let rows = client.query(&list, &[]).await?;
    rows.iter()
        .map(|row| Ok(Applied { version: row.try_get(0)?, name: row.try_get(1)?, checksum: row.try_get(2)? }))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_folder_is_a_migration_in_its_order() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        files.sort();
        let all = ALL.iter().map(|migration| format!("{:04}_{}.sql", migration.version, migration.name));
        assert_eq!(files, all.collect::<Vec<_>>());
    }
}
