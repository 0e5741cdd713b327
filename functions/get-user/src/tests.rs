//! The function on a real Postgres and the embedded cloud's pool.

use functions_shared::database_secret::DatabaseSecret;
use serde_json::{Value, json};

use super::*;
use bed::Bed;
use pool::EMAIL;
use server::Server;

#[path = "../../shared/tests/support/bed.rs"]
#[expect(dead_code, reason = "the pool is enough here")]
mod bed;
#[path = "../../shared/tests/support/pool.rs"]
#[expect(dead_code, reason = "the pool's id is enough here")]
mod pool;
#[path = "../../shared/tests/support/role.rs"]
mod role;
#[path = "../../postgres/tests/support/server.rs"]
mod server;

const ACCESS: &str = include_str!("../events/access-token.json");

/// The function, by one who may do everything.
async fn function(bed: &Bed, secret: &Value, server: &Server, schema: &Schema) -> (GetUser, Caller) {
    let (secret, (pool, caller)) = (stored(bed, secret).await, bed.pool_id().await);
    (function_of(&bed.administrator(), secret, pool, server, schema), caller)
}

fn function_of(aws: &Arc<Aws>, secret: String, pool: String, server: &Server, schema: &Schema) -> GetUser {
    let database = Database::new(DatabaseSecret::new(secret, aws), server.authority.clone());
    GetUser { database, schema: schema.clone(), user_pool: UserPool::new(pool, aws) }
}

/// A secret in the cloud; gives its ARN.
async fn stored(bed: &Bed, secret: &Value) -> String {
    let secrets = aws_sdk_secretsmanager::Client::new(bed.administrator().config());
    let call = secrets.create_secret().name("db").secret_string(secret.to_string());
    call.send().await.unwrap().arn.unwrap()
}

async fn answer(function: &GetUser, caller: &Caller, event: &str) -> (u16, Value) {
    let event = event.replace("0d6a3c1e-7b1f-4c55-9a53-0c2f5f0e4a11", &caller.username);
    let Ok(response) = function.answer(lambda_http::request::from_str(&event).unwrap()).await;
    let Body::Text(text) = response.body() else { panic!("{response:?}") };
    (response.status().as_u16(), serde_json::from_str(text).unwrap())
}

fn schema(name: &str) -> Schema {
    Schema::parse(&format!("{name}_{}", std::process::id())).unwrap()
}

#[tokio::test]
#[ignore = "needs a PostgreSQL server named by DATABASE_URL"]
async fn a_row_that_a_failed_confirmation_left_out_is_made_by_the_first_request_and_stays() {
    let (server, bed, schema) = (Server::new().await, Bed::new().await, schema("left_out"));
    let (function, caller) = function(&bed, &server.user_of(&schema).await, &server, &schema).await;
    let expected = (200, json!({"display_name": null, "email": EMAIL, "handle": null}));
    assert_eq!(answer(&function, &caller, ACCESS).await, expected);
    let change = format!("update {schema}.users set handle = 'ana'");
    assert_eq!(server.client.execute(&change, &[]).await.unwrap(), 1);
    let (_, again) = answer(&function, &caller, ACCESS).await;
    assert_eq!(again["handle"], json!("ana"));
    server.clear(&schema).await;
}

#[tokio::test]
#[ignore = "needs a PostgreSQL server named by DATABASE_URL"]
async fn nobody_but_a_living_user_with_an_access_token_gets_a_row() {
    let (server, bed, schema) = (Server::new().await, Bed::new().await, schema("nobody"));
    let (function, caller) = function(&bed, &server.user_of(&schema).await, &server, &schema).await;
    let (status, problem) = answer(&function, &caller, include_str!("../events/id-token.json")).await;
    assert_eq!((status, &problem["code"]), (401, &json!("access_token_required")));
    let gone = Caller { username: "11111111-2222-4333-8444-555555555555".to_owned(), ..caller };
    let (status, problem) = answer(&function, &gone, ACCESS).await;
    assert_eq!((status, &problem["code"]), (401, &json!("user_gone")));
    assert_eq!(server.users(&schema).await, Vec::<Vec<Option<String>>>::new());
    server.clear(&schema).await;
}

#[tokio::test]
#[ignore = "needs a PostgreSQL server named by DATABASE_URL"]
async fn a_database_that_cannot_be_reached_is_worth_another_try_and_one_without_the_table_is_not() {
    let (server, bed, schema) = (Server::new().await, Bed::new().await, schema("unreached"));
    let mut secret = server.user_of(&schema).await;
    secret["port"] = json!(1);
    let (unreached, caller) = function(&bed, &secret, &server, &schema).await;
    let (status, problem) = answer(&unreached, &caller, ACCESS).await;
    assert_eq!((status, &problem["code"]), (503, &json!("unavailable")));

    let bed = Bed::new().await;
    let (function, caller) = function(&bed, &server.secret(), &server, &schema).await;
    server.client.batch_execute(&format!("drop table {schema}.users")).await.unwrap();
    let (status, problem) = answer(&function, &caller, ACCESS).await;
    assert_eq!((status, &problem["code"]), (500, &json!("internal_error")));
    server.clear(&schema).await;
}

#[tokio::test]
#[ignore = "needs a PostgreSQL server named by DATABASE_URL"]
async fn without_either_of_its_rights_the_first_request_is_denied_exactly_that() {
    let (server, bed, schema) = (Server::new().await, Bed::new().await, schema("denied"));
    let secret = stored(&bed, &server.user_of(&schema).await).await;
    let (pool, caller) = bed.pool_id().await;
    let pool_arn = format!("arn:aws:cognito-idp:us-east-1:000000000000:userpool/{pool}");
    let read = ("secretsmanager:GetSecretValue", secret.as_str());
    let ask = ("cognito-idp:AdminGetUser", pool_arn.as_str());
    for (kept, taken) in [(read, ask), (ask, read)] {
        let aws = bed.role(&[kept]).await;
        let function = function_of(&aws, secret.clone(), pool.clone(), &server, &schema);
        assert_eq!(answer(&function, &caller, ACCESS).await.0, 500, "without {taken:?}");
        let (action, resource) = bed.denied().pop().unwrap();
        assert_eq!((action.as_str(), resource.as_str()), taken);
    }
    let function = function_of(&bed.role(&[read, ask]).await, secret.clone(), pool, &server, &schema);
    assert_eq!(answer(&function, &caller, ACCESS).await.0, 200);
    assert_eq!(bed.denied().len(), 2);
    server.clear(&schema).await;
}
