//! Confirmations on a real Postgres.

use super::server::Server;
use super::way::Way;
use super::*;

fn row(values: [Option<&str>; 4]) -> Vec<Option<String>> {
    values.into_iter().map(|value| value.map(str::to_owned)).collect()
}

const LUCAS: [Option<&str>; 4] = [Some(SUB), Some("Lucas Lopez"), Some("lucas@example.com"), Some("lucas")];

#[tokio::test]
#[ignore = "needs a PostgreSQL server named by DATABASE_URL"]
async fn a_confirmed_sign_up_makes_one_row_however_often_it_is_told() {
    let (server, bed, schema) = (Server::new().await, Bed::new().await, schema());
    let database = database(&bed, &server.user_of(&schema).await, server.authority.clone()).await;
    for _ in 0..3 {
        confirm(&database, &schema, SIGN_UP).await;
    }
    assert_eq!(server.users(&schema).await, [row(LUCAS)]);
    assert_eq!(server.backends(&schema).await.len(), 1, "the connection is kept");
    server.clear(&schema).await;
}

#[tokio::test]
#[ignore = "needs a PostgreSQL server named by DATABASE_URL"]
async fn attributes_that_are_not_there_are_null() {
    let (server, bed, schema) = (Server::new().await, Bed::new().await, schema());
    let database = database(&bed, &server.user_of(&schema).await, server.authority.clone()).await;
    confirm(&database, &schema, include_str!("../../events/unknown-fields-no-email.json")).await;
    assert_eq!(server.users(&schema).await, [row([Some(SUB), None, None, None])]);
    server.clear(&schema).await;
}

#[tokio::test]
#[ignore = "needs a PostgreSQL server named by DATABASE_URL"]
async fn a_database_that_refuses_fails_the_confirmation_and_nobody_is_quoted() {
    let (server, bed, schema) = (Server::new().await, Bed::new().await, schema());
    let secret = server.user_of(&schema).await;
    let database = database(&bed, &secret, server.authority.clone()).await;
    let change =
        format!("alter table {schema}.users add constraint not_lucas check (email <> 'lucas@example.com')");
    server.client.batch_execute(&change).await.unwrap();
    assert_eq!(refusal(&database, &schema, SIGN_UP).await.0, "DatabaseError23514");
    let statement =
        format!("insert into {schema}.users (cognito_user_id, email) values ('a', 'lucas@example.com')");
    let error = database.query(&statement, &[]).await.unwrap_err();
    assert_eq!(error.to_string(), "23514, table users, constraint not_lucas");

    server.client.batch_execute(&format!("drop table {schema}.users")).await.unwrap();
    assert_eq!(refusal(&database, &schema, SIGN_UP).await.0, "SchemaNotMigrated");
    server.clear(&schema).await;
}

#[tokio::test]
#[ignore = "needs a PostgreSQL server named by DATABASE_URL"]
async fn a_connection_that_ended_between_two_invocations_is_made_anew() {
    let (server, bed, schema) = (Server::new().await, Bed::new().await, schema());
    let database = database(&bed, &server.user_of(&schema).await, server.authority.clone()).await;
    confirm(&database, &schema, SIGN_UP).await;
    server.end_backends(&schema).await;
    confirm(&database, &schema, &sign_up_of("b")).await;
    assert_eq!(server.users(&schema).await.len(), 2);
    server.clear(&schema).await;
}

#[tokio::test]
#[ignore = "needs a PostgreSQL server named by DATABASE_URL"]
async fn a_connection_that_fell_silent_is_made_anew_within_the_budget() {
    let (server, bed, schema) = (Server::new().await, Bed::new().await, schema());
    let way = Way::new("127.0.0.1", &server).await;
    let mut secret = server.user_of(&schema).await;
    secret["host"] = json!(way.address.ip());
    secret["port"] = json!(way.address.port());
    let database = database(&bed, &secret, server.authority.clone()).await;
    confirm(&database, &schema, SIGN_UP).await;
    way.fall_silent();
    let start = Instant::now();
    confirm(&database, &schema, &sign_up_of("b")).await;
    assert!(start.elapsed() < database::BUDGET, "{:?}", start.elapsed());
    assert_eq!(way.taken.load(std::sync::atomic::Ordering::Relaxed), 2);
    assert_eq!(server.users(&schema).await.len(), 2);
    server.clear(&schema).await;
}

#[tokio::test]
#[ignore = "needs a PostgreSQL server named by DATABASE_URL"]
async fn a_rotated_password_is_read_again() {
    let (server, bed, schema) = (Server::new().await, Bed::new().await, schema());
    let mut value = server.user_of(&schema).await;
    let id = secret(&bed, &value).await;
    let aws = bed.administrator();
    let database = Database::new(DatabaseSecret::new(id.clone(), &aws), server.authority.clone());
    confirm(&database, &schema, SIGN_UP).await;

    let rotate = format!("alter role {} password 'second'", schema.name());
    server.client.batch_execute(&rotate).await.unwrap();
    server.end_backends(&schema).await;
    // Between the two halves of a rotation: refused, and not for ever.
    assert_eq!(refusal(&database, &schema, &sign_up_of("b")).await.0, "DatabaseRefused28P01");
    value["password"] = json!("second");
    let secrets = aws_sdk_secretsmanager::Client::new(aws.config());
    secrets.put_secret_value().secret_id(id).secret_string(value.to_string()).send().await.unwrap();
    confirm(&database, &schema, &sign_up_of("b")).await;
    assert_eq!(server.users(&schema).await.len(), 2);
    server.clear(&schema).await;
}

#[tokio::test]
#[ignore = "needs a PostgreSQL server named by DATABASE_URL"]
async fn a_statement_that_hangs_ends_within_the_budget_at_both_ends() {
    let (mut server, bed, schema) = (Server::new().await, Bed::new().await, schema());
    let database = database(&bed, &server.user_of(&schema).await, server.authority.clone()).await;
    let lock = server.client.transaction().await.unwrap();
    lock.batch_execute(&format!("lock table {schema}.users in access exclusive mode")).await.unwrap();
    let (code, took) = refusal(&database, &schema, SIGN_UP).await;
    assert_eq!(code, "DatabaseTimedOut");
    assert!(took < database::BUDGET, "{took:?}");
    // The server gives up too: what waits for the lock would still make the row otherwise.
    let waiting = "select from pg_stat_activity where usename = $1 and state = 'active'";
    let end = Instant::now() + database::BUDGET;
    while !lock.query(waiting, &[&schema.name()]).await.unwrap().is_empty() {
        assert!(Instant::now() < end, "the statement goes on without us");
        // A transaction sees what was going on when it first looked, until it forgets that.
        lock.batch_execute("select pg_stat_clear_snapshot()").await.unwrap();
    }
    lock.commit().await.unwrap();
    assert_eq!(server.users(&schema).await, Vec::<Vec<Option<String>>>::new());
    confirm(&database, &schema, SIGN_UP).await;
    assert_eq!(server.users(&schema).await, [row(LUCAS)]);
    server.clear(&schema).await;
}

#[tokio::test]
#[ignore = "needs a PostgreSQL server named by DATABASE_URL"]
async fn only_the_named_host_with_a_certificate_of_the_named_authority_is_believed() {
    let (server, bed, schema) = (Server::new().await, Bed::new().await, schema());
    let secret = server.user_of(&schema).await;
    let stranger = concat!(env!("CARGO_MANIFEST_DIR"), "/../postgres/tests/support/somebody-else.pem");
    let distrusting = database(&bed, &secret, stranger.into()).await;
    assert_eq!(refusal(&distrusting, &schema, SIGN_UP).await.0, "DatabaseUnreachable");
    let error = distrusting.fresh(database::BUDGET).await.unwrap_err();
    assert!(error.to_string().contains("invalid peer certificate"), "{error}");

    // The same server under an address that its certificate does not have.
    let bed = Bed::new().await;
    let way = Way::new("127.0.0.2", &server).await;
    let mut elsewhere = secret.clone();
    elsewhere["host"] = json!(way.address.ip());
    elsewhere["port"] = json!(way.address.port());
    let elsewhere = database(&bed, &elsewhere, server.authority.clone()).await;
    assert_eq!(refusal(&elsewhere, &schema, SIGN_UP).await.0, "DatabaseUnreachable");
    let error = elsewhere.fresh(database::BUDGET).await.unwrap_err();
    assert!(error.to_string().contains("invalid peer certificate"), "{error}");
    assert_eq!(server.users(&schema).await, Vec::<Vec<Option<String>>>::new());
    server.clear(&schema).await;
}

#[tokio::test]
#[ignore = "needs a PostgreSQL server named by DATABASE_URL"]
async fn a_connection_that_ends_under_a_statement_is_made_anew_once() {
    let (server, bed, schema) = (Server::new().await, Bed::new().await, schema());
    let database = database(&bed, &server.user_of(&schema).await, server.authority.clone()).await;
    confirm(&database, &schema, SIGN_UP).await;
    // It does so once: a sequence counts on, whatever becomes of the statement.
    server.client.batch_execute(&format!("create sequence {schema}.tries")).await.unwrap();
    let grant = format!("grant usage on sequence {schema}.tries to {}", schema.name());
    server.client.batch_execute(&grant).await.unwrap();
    let end = format!("select pg_terminate_backend(pg_backend_pid()) where nextval('{schema}.tries') = 1");
    assert_eq!(database.query(&end, &[]).await.unwrap().len(), 0);
    let tries = format!("select last_value from {schema}.tries");
    assert_eq!(server.client.query_one(&tries, &[]).await.unwrap().get::<_, i64>(0), 2);
    server.clear(&schema).await;
}

#[tokio::test]
#[ignore = "needs a PostgreSQL server named by DATABASE_URL"]
async fn a_server_that_falls_silent_under_a_statement_is_given_up_and_not_asked_again() {
    let (server, bed, schema) = (Server::new().await, Bed::new().await, schema());
    let way = Way::new("127.0.0.1", &server).await;
    let mut secret = server.user_of(&schema).await;
    secret["host"] = json!(way.address.ip());
    secret["port"] = json!(way.address.port());
    let database = database(&bed, &secret, server.authority.clone()).await;
    let start = Instant::now();
    let cut = async {
        let running = "select from pg_stat_activity where usename = $1 and state = 'active'";
        while server.client.query(running, &[&schema.name()]).await.unwrap().is_empty() {}
        way.fall_silent();
    };
    let (ended, ()) = tokio::join!(database.query("select pg_sleep(60)", &[]), cut);
    assert!(matches!(ended, Err(functions_postgres::error::Error::TimedOut { .. })), "{ended:?}");
    assert!(start.elapsed() < Duration::from_millis(2500), "{:?}", start.elapsed());
    confirm(&database, &schema, SIGN_UP).await;
    server.clear(&schema).await;
}
