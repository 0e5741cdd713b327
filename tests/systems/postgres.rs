//! People in Postgres: a local stage whose confirmations go into a real server, named by `DATABASE_URL`.

use aws_sdk_cognitoidentityprovider::error::ProvideErrorMetadata;
use serde_json::{Value, json};
use tokio_postgres::Client;

use crate::{AttributeType, Copy, PASSWORD, Stage, crowd};

const STAGE: &str = "local-postgres";
const SCHEMA: &str = "profile_service_local_postgres";
const FUNCTION: &str = "profile-service-local-postgres-post-confirmation-postgres";

/// The server, by another way than the function's: its own client, and the certificate verified all the same.
async fn server() -> Client {
    let url = std::env::var("DATABASE_URL").expect("DATABASE_URL names a Postgres");
    let (place, options) = url.split_once('?').expect("it has sslrootcert");
    let file = options
        .split('&')
        .find_map(|option| option.strip_prefix("sslrootcert="))
        .expect("it has sslrootcert");
    let config: tokio_postgres::Config = place.parse().unwrap();
    let pem = std::fs::read(file).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    for certificate in
        <rustls::pki_types::CertificateDer as rustls::pki_types::pem::PemObject>::pem_slice_iter(&pem)
    {
        roots.add(certificate.unwrap()).unwrap();
    }
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls =
        rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let tls = tls.with_root_certificates(roots).with_no_client_auth();
    let (client, connection) =
        config.connect(tokio_postgres_rustls::MakeRustlsConnect::new(tls)).await.unwrap();
    tokio::spawn(connection);
    client
}

/// `[cognito_user_id, display_name, email, handle]` of everybody.
async fn rows(server: &Client) -> Vec<Vec<Option<String>>> {
    let all = format!("select cognito_user_id, display_name, email, handle from {SCHEMA}.users order by id");
    let rows = server.query(&all, &[]).await.unwrap();
    rows.iter().map(|row| (0..4).map(|at| row.get(at)).collect()).collect()
}

/// Signs up with a name and a handle, and confirms by the code that was mailed: the sub, and what the caller of the
/// confirmation was told where it was an error.
async fn sign_up(stage: &Stage, email: &str) -> (String, Option<String>) {
    let client_id = stage.output("UserPoolClientId");
    let attribute = |name, value| AttributeType::builder().name(name).value(value).build().unwrap();
    let call = stage.cognito().sign_up().client_id(client_id).username(email).password(PASSWORD);
    let call =
        call.user_attributes(attribute("email", email)).user_attributes(attribute("name", "Lucas Lopez"));
    let call = call.user_attributes(attribute("preferred_username", "lucas"));
    let sub = call.send().await.unwrap().user_sub().to_owned();
    let call = stage.cognito().confirm_sign_up().client_id(client_id).username(email);
    let told = call.confirmation_code(stage.code(email).await).send().await;
    (sub, told.err().map(|error| error.message().unwrap_or_default().to_owned()))
}

async fn invoke(stage: &Stage, event: &str) -> (Option<String>, String) {
    let lambda = aws_sdk_lambda::Client::new(&stage.config);
    let payload = aws_sdk_lambda::primitives::Blob::new(event.as_bytes());
    let answer = lambda.invoke().function_name(FUNCTION).payload(payload).send().await.unwrap();
    let payload = String::from_utf8_lossy(answer.payload().unwrap().as_ref()).into_owned();
    (answer.function_error().map(str::to_owned), payload)
}

/// What is said on standard error by a command that wrong input ends.
fn refused(copy: &Copy, arguments: &[&str]) -> String {
    let output = copy.run(arguments);
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{words}");
    words
}

/// The password is in the secret and nowhere else that the stage shows.
async fn password_is_nowhere(copy: &Copy, stage: &Stage) {
    let url = std::env::var("DATABASE_URL").unwrap();
    let config: tokio_postgres::Config = url.split('?').next().unwrap().parse().unwrap();
    let password = String::from_utf8(config.get_password().unwrap().to_vec()).unwrap();
    let lambda = aws_sdk_lambda::Client::new(&stage.config);
    let function = lambda.get_function_configuration().function_name(FUNCTION).send().await.unwrap();
    let variables = format!("{:?}", function.environment().and_then(|environment| environment.variables()));
    assert!(variables.contains("DATABASE_SECRET"), "{variables}");
    let shown = [
        variables,
        copy.succeed(&["render", "--stage", STAGE]).0,
        copy.succeed(&["logs", "--stage", STAGE]).0,
        copy.succeed(&["status", "--format", "json", "--stage", STAGE]).0,
    ];
    for text in shown {
        assert!(!text.contains(&password), "the password is in {text}");
        assert!(!text.contains("lucas@example.com"), "an address is in {text}");
    }
}

#[tokio::test]
#[ignore = "needs a PostgreSQL server named by DATABASE_URL"]
async fn people_are_kept_in_postgres() {
    let server = server().await;
    // The stage's turn, and so the schema's too.
    let copy = Copy::new();
    server.batch_execute(&format!("drop schema if exists {SCHEMA} cascade")).await.unwrap();
    let (_, planned) = copy.succeed(&["plan", "--stage", STAGE]);
    assert!(planned.contains("its migrations are unknown until the stage is deployed"), "{planned}");
    let stage = Stage::up(&copy, STAGE);
    let (_, planned) = copy.succeed(&["plan", "--stage", STAGE]);
    assert!(planned.contains("no migration is pending"), "{planned}");
    let (status, _) = copy.succeed(&["db", "status", "--format", "json", "--stage", STAGE]);
    let status: Value = serde_json::from_str(&status).unwrap();
    assert_eq!(status["migrations"], json!([{"version": 1, "name": "users", "state": "applied"}]));

    let (lucas, told) = sign_up(&stage, "lucas@example.com").await;
    assert_eq!(told, None);
    let row = [lucas.as_str(), "Lucas Lopez", "lucas@example.com", "lucas"].map(|text| Some(text.to_owned()));
    assert_eq!(rows(&server).await, [row.to_vec()]);

    // Cognito tries again after a lost answer: the event comes back as it came, the row stays.
    let event = format!(
        r#"{{"version": 1, "triggerSource": "PostConfirmation_ConfirmSignUp", "userName": "{lucas}", "later": [1.50],
            "request": {{"userAttributes": {{"sub": "{lucas}"}}}}, "response": {{}}}}"#
    );
    assert_eq!(invoke(&stage, &event).await, (None, event));
    assert_eq!(rows(&server).await, [row.to_vec()]);

    // A database that refuses is an error for whoever confirms; the user is confirmed, and has a row as soon as they
    // ask for it, or somebody repairs them all.
    let rename = |from: &str, to: &str| format!("alter table {SCHEMA}.{from} rename to {to}");
    server.batch_execute(&rename("users", "elsewhere")).await.unwrap();
    let (ana, told) = sign_up(&stage, "ana@example.com").await;
    let told = told.expect("the error is not swallowed");
    assert!(told.contains("the user's row was not written: SchemaNotMigrated"), "{told}");
    let (dora, _) = sign_up(&stage, "dora@example.com").await;
    server.batch_execute(&rename("elsewhere", "users")).await.unwrap();
    assert_eq!(rows(&server).await.len(), 1);
    let (token, _) = stage.sign_in("ana@example.com").await;
    let (status, body, _) = stage.call("GET /user", &token, &[], None).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(body, json!({"display_name": "Lucas Lopez", "email": "ana@example.com", "handle": "lucas"}));
    assert_eq!(rows(&server).await[1][0], Some(ana));
    let (repaired, _) = copy.succeed(&["db", "repair", "--stage", STAGE]);
    assert_eq!(repaired.trim(), "3 confirmed users, 1 rows made");
    assert_eq!(rows(&server).await[2][0], Some(dora));

    // Connections that ended meanwhile are nobody's concern.
    assert_eq!(sign_up(&stage, "bea@example.com").await.1, None);
    let end = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1";
    assert!(server.execute(end, &[&FUNCTION]).await.unwrap() > 0);
    assert_eq!(sign_up(&stage, "cem@example.com").await.1, None);
    assert_eq!(rows(&server).await.len(), 5);

    // A migration that is not deployed yet is pending, and a changed one is refused.
    let folder = copy.path("functions/post-confirmation-postgres/migrations");
    std::fs::write(folder.join("0002_more.sql"), "create table more (id integer)").unwrap();
    let (status, _) = copy.succeed(&["db", "migrate", "--stage", STAGE]);
    assert_eq!(status, "0001 users  applied\n0002 more  pending\n");
    let words = refused(&copy, &["check", "--stage", STAGE]);
    assert!(words.contains("the code does not include migrations/0002_more.sql"), "{words}");
    std::fs::remove_file(folder.join("0002_more.sql")).unwrap();
    let change = format!("update {SCHEMA}.migrations set checksum = 'other'");
    server.batch_execute(&change).await.unwrap();
    let words = refused(&copy, &["db", "migrate", "--stage", STAGE]);
    assert!(words.contains("was changed after it was applied"), "{words}");
    let file = copy.path("environments/local-postgres.yaml");
    let environment = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{environment}\ntags:\n  team: shop\n")).unwrap();
    let words = refused(&copy, &["up", "--yes", "--stage", STAGE]);
    assert!(words.contains("was changed after it was applied, and nothing was deployed"), "{words}");
    let (planned, _) = copy.succeed(&["plan", "--stage", STAGE]);
    assert!(planned.contains("Tags"), "the tag is still to come: {planned}");

    password_is_nowhere(&copy, &stage).await;
    copy.succeed(&["down", "--stage", STAGE]);
    assert!(!copy.path(".deployer").exists(), "nothing of the stage is left");
    assert_eq!(rows(&server).await.len(), 5, "the database is not the stage's");
    server.batch_execute(&format!("drop schema {SCHEMA} cascade")).await.unwrap();
    println!("D  confirmation, Postgres: ok");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a PostgreSQL server named by DATABASE_URL"]
async fn of_a_crowd_that_confirms_while_functions_are_killed_nobody_is_lost_or_there_twice() {
    let server = server().await;
    let drop_schema = format!("drop schema if exists {SCHEMA} cascade");
    let copy = Copy::new();
    server.batch_execute(&drop_schema).await.unwrap();
    let stage = Stage::up(&copy, STAGE);
    let (crowd, killed) = crowd::under_fire(&copy, &stage).await;
    let told = crowd.iter().filter(|user| user.told.is_some()).count();
    let subs = async || -> Vec<String> {
        rows(&server).await.into_iter().filter_map(|row| row.into_iter().next().flatten()).collect()
    };
    let of = |subs: &[String], sub: &str| subs.iter().filter(|found| *found == sub).count();
    let found = subs().await;
    for user in &crowd {
        let rows = of(&found, &user.sub);
        assert!(
            rows == 1 || (rows == 0 && user.told.is_some()),
            "{}: {rows} rows, {:?}",
            user.sub,
            user.told
        );
    }
    copy.succeed(&["db", "repair", "--stage", STAGE]);
    let found = subs().await;
    assert!(crowd.iter().all(|user| of(&found, &user.sub) == 1) && found.len() == crowd::USERS);
    println!(
        "{} confirmed at once, {killed} functions killed: {told} told of an error, one row each in Postgres",
        crowd.len()
    );
    copy.succeed(&["down", "--stage", STAGE]);
    server.batch_execute(&drop_schema).await.unwrap();
}
