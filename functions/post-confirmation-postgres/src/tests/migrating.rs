//! Migrations on a real Postgres.

use std::time::SystemTime;

use super::server::Server;
use super::*;
use crate::migrations::{ALL, Failed, Migration, apply, status};

async fn ask(database: &Database, schema: &Schema, what: impl serde::Serialize) -> Value {
    let mut event = event(&json!({ "database": what }).to_string());
    let end = SystemTime::now() + Duration::from_secs(60);
    event.context.deadline =
        end.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis().try_into().unwrap();
    serde_json::from_str(answer(database, schema, event).await.unwrap().get()).unwrap()
}

#[tokio::test]
#[ignore = "needs a PostgreSQL server named by DATABASE_URL"]
async fn what_is_missing_is_applied_once_and_told() {
    let (server, bed, schema) = (Server::new().await, Bed::new().await, schema());
    let database = database(&bed, &server.secret(), server.authority.clone()).await;
    assert_eq!(refusal(&database, &schema, SIGN_UP).await.0, "SchemaNotMigrated");
    let before = ask(&database, &schema, "status").await;
    assert_eq!((&before["applied"], &before["new"]), (&json!([]), &json!([])));

    let after = ask(&database, &schema, "migrate").await;
    assert_eq!((&after["new"], &after["applied"][0]["name"]), (&json!([1]), &json!("users")));
    confirm(&database, &schema, SIGN_UP).await;
    assert_eq!(server.users(&schema).await.len(), 1);
    let again = ask(&database, &schema, "migrate").await;
    assert_eq!((&again["new"], &again["applied"]), (&json!([]), &after["applied"]));
    assert_eq!(ask(&database, &schema, "status").await, again);
    let drop = format!("drop schema {schema} cascade");
    server.client.batch_execute(&drop).await.unwrap();
}

#[tokio::test]
#[ignore = "needs a PostgreSQL server named by DATABASE_URL"]
async fn a_migration_that_fails_takes_the_others_with_it() {
    let (mut server, schema) = (Server::new().await, schema());
    let good = Migration { version: 1, name: "good", sql: "create table good (id integer)" };
    let bad = Migration {
        version: 2,
        name: "bad",
        sql: "create table bad (id integer); select nothing from nowhere",
    };
    let failed = apply(&mut server.client, &schema, &[good, bad]).await.unwrap_err();
    assert_eq!(
        failed.to_string(),
        "the migration 2 bad failed, and nothing was applied: 42P01: relation \"nowhere\" does not exist"
    );
    assert_eq!(status(&server.client, &schema).await.unwrap().applied, Vec::new());
    let there = "select from pg_namespace where nspname = $1";
    assert!(server.client.query_opt(there, &[&schema.name()]).await.unwrap().is_none());
}

#[tokio::test]
#[ignore = "needs a PostgreSQL server named by DATABASE_URL"]
async fn an_applied_migration_is_never_another_one() {
    let (mut server, schema) = (Server::new().await, schema());
    let migration = |sql| Migration { version: 1, name: "things", sql };
    apply(&mut server.client, &schema, &[migration("create table things (id integer)")]).await.unwrap();
    let changed =
        [migration("create table things (id bigint)"), Migration { version: 2, ..migration("select 1") }];
    let failed = apply(&mut server.client, &schema, &changed).await.unwrap_err();
    assert!(matches!(failed, Failed::Changed { version: 1, name: "things" }), "{failed}");
    assert_eq!(status(&server.client, &schema).await.unwrap().applied.len(), 1);
    // Code that is older than the database leaves it as it is.
    let report = apply(&mut server.client, &schema, &[]).await.unwrap();
    assert_eq!((report.applied.len(), report.new.len()), (1, 0));
    server.clear(&schema).await;
}

#[tokio::test]
#[ignore = "needs a PostgreSQL server named by DATABASE_URL"]
async fn two_that_migrate_at_the_same_time_apply_everything_once() {
    let (mut one, mut other, schema) = (Server::new().await, Server::new().await, schema());
    let (one, other) =
        tokio::join!(apply(&mut one.client, &schema, ALL), apply(&mut other.client, &schema, ALL));
    let new = [one.unwrap().new, other.unwrap().new].concat();
    assert_eq!(new, [1]);
    Server::new().await.clear(&schema).await;
}

#[tokio::test]
#[ignore = "needs a PostgreSQL server named by DATABASE_URL"]
async fn rows_that_confirmations_left_out_are_made_and_the_others_stay() {
    let (server, bed, schema) = (Server::new().await, Bed::new().await, schema());
    let database = database(&bed, &server.user_of(&schema).await, server.authority.clone()).await;
    confirm(&database, &schema, SIGN_UP).await;
    let listed = json!([
        {"username": "l", "attributes": {"sub": SUB, "email": "other@example.com"}},
        {"username": "a", "attributes": {"sub": "a", "name": "Ana", "email": "ana@example.com"}},
        {"username": "n", "attributes": {"email": "nobody@example.com"}},
    ]);
    let answer = ask(&database, &schema, json!({ "repair": listed })).await;
    assert_eq!(answer, json!({"made": 1, "unusable": 1}));
    assert_eq!(ask(&database, &schema, json!({ "repair": listed })).await["made"], json!(0));
    let users = server.users(&schema).await;
    assert_eq!(users[0][2].as_deref(), Some("lucas@example.com"));
    let ana = ["a", "Ana", "ana@example.com"].map(|text| Some(text.to_owned()));
    assert_eq!(users[1], [ana.as_slice(), &[None]].concat());
    assert_eq!(users.len(), 2);
    server.clear(&schema).await;
}
