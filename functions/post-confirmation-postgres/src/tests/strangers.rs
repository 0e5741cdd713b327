//! Servers that are no Postgres, or do not answer: none of them keeps anybody waiting.

use aws_credential_types::Credentials;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

fn nowhere() -> PathBuf {
    concat!(env!("CARGO_MANIFEST_DIR"), "/../postgres/tests/support/somebody-else.pem").into()
}

fn secret_for(listener: &TcpListener) -> Value {
    let port = listener.local_addr().unwrap().port();
    json!({"host": "localhost", "port": port, "username": "u", "password": "hunter2", "dbname": "d"})
}

#[tokio::test]
async fn an_event_about_something_else_goes_back_as_it_came_and_no_secret_is_read() {
    let bed = Bed::new().await;
    let database = Database::new(DatabaseSecret::new("none".to_owned(), &bed.administrator()), nowhere());
    let came = include_str!("../../events/confirm-forgot-password.json");
    confirm(&database, &schema(), came).await;
}

#[tokio::test]
async fn a_secret_that_may_not_be_read_or_says_nothing_useful_is_a_cause_of_its_own() {
    let bed = Bed::new().await;
    let absent = Database::new(DatabaseSecret::new("none".to_owned(), &bed.administrator()), nowhere());
    assert_eq!(refusal(&absent, &schema(), SIGN_UP).await.0, "ResourceNotFoundException");
    let useless = database(&bed, &json!({"username": "u", "password": "hunter2"}), nowhere()).await;
    assert_eq!(refusal(&useless, &schema(), SIGN_UP).await.0, "DatabaseSecretUnusable");
    let error = useless.fresh(database::BUDGET).await.unwrap_err();
    assert!(!error.to_string().contains("hunter2"), "{error}");
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_given_up_after_a_second() {
    let bed = Bed::new().await;
    // The kernel takes the connection; nobody ever reads it.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let database = database(&bed, &secret_for(&listener), nowhere()).await;
    let (code, took) = refusal(&database, &schema(), SIGN_UP).await;
    assert_eq!(code, "DatabaseTimedOut");
    assert!(took < Duration::from_millis(2000), "{took:?}");
}

#[tokio::test]
async fn a_secrets_manager_that_does_not_answer_uses_up_the_budget_and_no_more() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let aws = bed::at(&endpoint, Credentials::new("test", "test", None, None, "test"));
    let database = Database::new(DatabaseSecret::new("db".to_owned(), &aws), nowhere());
    let (code, took) = refusal(&database, &schema(), SIGN_UP).await;
    assert_eq!(code, "DatabaseTimedOut");
    assert!(took < database::BUDGET + Duration::from_millis(250), "{took:?}");
}

#[tokio::test]
async fn a_server_without_tls_is_not_given_the_password() {
    let bed = Bed::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let database = database(&bed, &secret_for(&listener), nowhere()).await;
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 8];
        stream.read_exact(&mut request).await.unwrap();
        // "SSLRequest": this server has no TLS.
        stream.write_all(b"N").await.unwrap();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.unwrap();
        rest
    });
    assert_eq!(refusal(&database, &schema(), SIGN_UP).await.0, "DatabaseUnreachable");
    assert_eq!(server.await.unwrap(), b"", "not a word after the refusal");
}

#[tokio::test]
async fn without_the_right_to_read_its_secret_a_confirmation_is_denied_exactly_that() {
    let bed = Bed::new().await;
    let id = secret(&bed, &json!({"username": "u", "password": "hunter2"})).await;
    for (action, code) in [
        ("secretsmanager:GetSecretValue", "DatabaseSecretUnusable"),
        ("secretsmanager:DescribeSecret", "AccessDeniedException"),
    ] {
        let aws = bed.role(&[(action, id.as_str())]).await;
        let database = Database::new(DatabaseSecret::new(id.clone(), &aws), nowhere());
        assert_eq!(refusal(&database, &schema(), SIGN_UP).await.0, code, "granted {action}");
    }
    assert_eq!(bed.denied(), [("secretsmanager:GetSecretValue".to_owned(), id)]);
}
