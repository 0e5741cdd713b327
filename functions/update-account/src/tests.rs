//! The function on the embedded cloud's table and pool, also where it is ended between two steps.

use aws_sdk_cognitoidentityprovider::Client;
use aws_sdk_cognitoidentityprovider::types::{AttributeType, AuthFlowType};
use aws_sdk_dynamodb::types::AttributeValue;
use functions_shared::accounts::{Change, Pending, Written};
use functions_shared::user::Sub;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use bed::Bed;

#[path = "../../shared/tests/support/bed.rs"]
mod bed;

const OLD: &str = "ana@example.com";
/// The address in the events.
const NEW: &str = "ana.lopez@example.com";
const PASSWORD: &str = "Correct-horse-battery-7";

/// A cloud with a signed-in user whose row is there.
struct World {
    bed: Bed,
    function: UpdateAccount,
    pool: String,
    caller: Caller,
    token: String,
}

/// Status, body, and the version in the `ETag`.
type Answer = (u16, Value, Option<u64>);

impl World {
    async fn new() -> Self {
        let bed = Bed::new().await;
        let properties = json!({
            "UsernameAttributes": ["email"],
            "UsernameConfiguration": {"CaseSensitive": false},
            "AutoVerifiedAttributes": ["email"],
            "UserAttributeUpdateSettings": {"AttributesRequireVerificationBeforeUpdate": ["email"]},
        });
        let pool = bed.resource("AWS::Cognito::UserPool", properties).await;
        let aws = bed.administrator();
        let function = UpdateAccount {
            accounts: AccountsTable::new(bed.table.clone(), &aws),
            profiles: bed.profiles(),
            user_pool: UserPool::new(pool.clone(), &aws),
        };
        let nobody = Caller { sub: Sub::parse("nobody").unwrap(), username: "nobody".to_owned() };
        let mut world = Self { bed, function, pool, caller: nobody, token: String::new() };
        world.caller = world.user(OLD).await;
        world.token = world.sign_in(OLD).await;
        let user = world.function.user_pool.admin_get_user(&world.caller.username).await.unwrap().unwrap();
        world.bed.profiles().put_item(&user).await.unwrap();
        world
    }

    fn cognito(&self) -> Client {
        Client::new(self.bed.administrator().config())
    }

    /// A new user with that address, verified.
    async fn user(&self, email: &str) -> Caller {
        let attribute = |name, value| AttributeType::builder().name(name).value(value).build().unwrap();
        let made = self.cognito().admin_create_user().user_pool_id(&self.pool).username(email);
        let made = made.user_attributes(attribute("email", email));
        let made = made.user_attributes(attribute("email_verified", "true")).send().await.unwrap();
        let username = made.user().unwrap().username().unwrap().to_owned();
        let password = self.cognito().admin_set_user_password().user_pool_id(&self.pool).username(&username);
        password.password(PASSWORD).permanent(true).send().await.unwrap();
        Caller { sub: Sub::parse(&username).unwrap(), username }
    }

    /// An access token by password, which has the scope `aws.cognito.signin.user.admin`.
    async fn sign_in(&self, email: &str) -> String {
        let properties = json!({
            "UserPoolId": self.pool,
            "ExplicitAuthFlows": ["ALLOW_ADMIN_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
        });
        let client = self.bed.resource("AWS::Cognito::UserPoolClient", properties).await;
        let call = self.cognito().admin_initiate_auth().user_pool_id(&self.pool).client_id(client);
        let call = call.auth_flow(AuthFlowType::AdminUserPasswordAuth);
        let call = call.auth_parameters("USERNAME", email).auth_parameters("PASSWORD", PASSWORD);
        let answer = call.send().await.unwrap();
        answer.authentication_result().unwrap().access_token().unwrap().to_owned()
    }

    async fn send(&self, event: &str, tag: Option<&str>) -> Answer {
        let event = event
            .replace("0d6a3c1e-7b1f-4c55-9a53-0c2f5f0e4a11", &self.caller.username)
            .replace("ACCESS-TOKEN", &self.token);
        let mut request = lambda_http::request::from_str(&event).unwrap();
        if let Some(tag) = tag {
            request.headers_mut().insert(IF_MATCH, tag.parse().unwrap());
        }
        let Ok(response) = self.function.answer(request).await;
        let Body::Text(text) = response.body() else { panic!("{response:?}") };
        let version = response.headers().get(ETAG).map(|tag| tag.to_str().unwrap().trim_matches('"').parse());
        (response.status().as_u16(), serde_json::from_str(text).unwrap(), version.map(Result::unwrap))
    }

    async fn patch(&self, event: &str) -> Answer {
        self.send(event, None).await
    }

    async fn verify(&self, code: &str) -> Answer {
        self.send(&include_str!("../events/verification.json").replace("123456", code), None).await
    }

    /// Address and `email_verified` as the pool has them.
    async fn pool_email(&self) -> (String, String) {
        let call = self.cognito().admin_get_user().user_pool_id(&self.pool).username(&self.caller.username);
        let user = call.send().await.unwrap();
        let of = |name: &str| {
            let attribute = user.user_attributes().iter().find(|attribute| attribute.name() == name);
            attribute.and_then(|attribute| attribute.value()).unwrap_or_default().to_owned()
        };
        (of("email"), of("email_verified"))
    }

    /// An attribute of the row, as text.
    async fn row(&self, name: &str) -> Option<String> {
        let row = self.bed.row(&self.caller.sub).await.unwrap();
        row.get(name).and_then(|value| value.as_s().ok()).cloned()
    }

    async fn control(&self, method: &str, path: &str, body: &str) -> Value {
        let host = self.bed.cloud.endpoint().trim_start_matches("http://").to_owned();
        let mut stream = tokio::net::TcpStream::connect(&host).await.unwrap();
        let length = body.len();
        let request = format!(
            "{method} /_local/{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
    }

    /// The code last sent to an address.
    async fn code(&self, address: &str) -> Option<String> {
        let mails = self.control("GET", &format!("inbox.json?to={address}"), "").await;
        Some(mails.get(0)?["code"].as_str()?.to_owned())
    }

    /// The calls, service and operation, that fail from now on, with what happens to them.
    async fn faults(&self, faults: &[(&str, &str, u32, Value)]) {
        let list: Vec<Value> = faults
            .iter()
            .map(|(service, operation, count, kind)| {
                json!({"service": service, "operation": operation, "count": count, "kind": kind})
            })
            .collect();
        self.control("POST", "faults", &Value::from(list).to_string()).await;
    }
}

const READ: &str = include_str!("../events/read.json");
const NAME_EVENT: &str = include_str!("../events/name.json");
const EMAIL_EVENT: &str = include_str!("../events/email.json");
const BOTH_EVENT: &str = include_str!("../events/name-and-email.json");

#[tokio::test]
async fn a_name_is_changed_and_the_answer_has_what_was_updated() {
    let world = World::new().await;
    let (status, body, version) = world.patch(NAME_EVENT).await;
    assert_eq!((status, version), (200, Some(1)));
    assert_eq!(body["updated_attributes"], json!({"name": "Ana Lopez"}));
    assert_eq!(body["message"], "The account was updated.");
    assert_eq!(world.row("email").await.as_deref(), Some(OLD));
}

#[tokio::test]
async fn a_new_address_is_pending_until_its_code_came_back_and_the_old_one_stays_until_then() {
    let world = World::new().await;
    let (status, body, _) = world.patch(BOTH_EVENT).await;
    assert_eq!(
        (status, &body["updated_attributes"]),
        (200, &json!({"name": "Ana Lopez", "pending_email": NEW}))
    );
    assert_eq!(world.pool_email().await, (OLD.to_owned(), "true".to_owned()));
    assert_eq!(world.row("email").await.as_deref(), Some(OLD));

    let (status, body, _) = world.verify("000000x").await;
    assert_eq!((status, &body["code"]), (400, &json!("code_refused")));
    let code = world.code(NEW).await.unwrap();
    let (status, body, _) = world.verify(&code).await;
    assert_eq!((status, body), (200, json!({"name": "Ana Lopez", "email": NEW})));
    assert_eq!(world.pool_email().await, (NEW.to_owned(), "true".to_owned()));
    assert_eq!(world.row("email").await.as_deref(), Some(NEW));
    let (status, body, _) = world.verify(&code).await;
    assert_eq!((status, &body["email"]), (200, &json!(NEW)), "a repeat changes nothing");
}

#[tokio::test]
async fn a_body_that_names_somebody_else_changes_nobody() {
    let world = World::new().await;
    let (status, body, _) = world.patch(include_str!("../events/somebody-else.json")).await;
    assert_eq!((status, &body["code"]), (400, &json!("invalid_fields")));
    assert_eq!(world.row("pending_email").await, None);
}

#[tokio::test]
async fn an_absent_user_is_404_and_no_new_row() {
    let mut world = World::new().await;
    world.caller = Caller { sub: Sub::parse("gone").unwrap(), username: "gone".to_owned() };
    let (status, body, _) = world.patch(NAME_EVENT).await;
    assert_eq!((status, &body["code"]), (404, &json!("account_not_found")));
    assert_eq!(world.bed.row(&world.caller.sub).await, None);
}

#[tokio::test]
async fn a_row_that_the_confirmation_left_out_is_made_whole_before_it_is_changed() {
    let mut world = World::new().await;
    world.caller = world.user("bea@example.com").await;
    let (status, _, _) = world.patch(NAME_EVENT).await;
    assert_eq!(status, 200);
    let row = world.bed.row(&world.caller.sub).await.unwrap();
    assert_eq!(row["email"], AttributeValue::S("bea@example.com".to_owned()));
    assert!(row.contains_key("sk_shard") && row.contains_key("created_at"), "{row:?}");
}

#[tokio::test]
async fn a_version_that_is_not_there_any_more_is_412_but_a_repeat_of_what_was_done_is_not() {
    let world = World::new().await;
    assert_eq!(world.send(NAME_EVENT, Some("\"0\"")).await.2, Some(1));
    assert_eq!(world.send(NAME_EVENT, Some("\"0\"")).await.0, 200, "the answer to the first was lost");
    for tag in ["\"0\"", "\"x\"", "1"] {
        let (status, body, _) = world.send(EMAIL_EVENT, Some(tag)).await;
        assert_eq!((status, &body["code"]), (412, &json!("version_mismatch")), "{tag}");
    }
    assert_eq!(world.row("pending_email").await, None);
    assert_eq!(world.send(EMAIL_EVENT, Some("\"1\"")).await.0, 200);
}

#[tokio::test]
async fn of_two_changes_of_one_version_the_second_writes_nothing() {
    let world = World::new().await;
    let accounts = &world.function.accounts;
    let read = accounts.get_item(&world.caller.sub).await.unwrap().unwrap();
    let change = |name| Change { name: Some(name), ..Change::default() };
    let first = accounts.update_item(&world.caller.sub, &read, &change("first")).await.unwrap();
    assert!(matches!(first, Written::Done(_)), "{first:?}");
    let second = accounts.update_item(&world.caller.sub, &read, &change("second")).await.unwrap();
    assert!(matches!(second, Written::Lost(_)), "{second:?}");
    let own = accounts.update_item(&world.caller.sub, &read, &change("first")).await.unwrap();
    assert!(matches!(own, Written::Done(_)), "a repeat by the SDK: {own:?}");
    assert_eq!(world.row("name").await.as_deref(), Some("first"));
    let nobody = accounts.update_item(&Sub::parse("nobody").unwrap(), &read, &change("x")).await.unwrap();
    assert!(matches!(nobody, Written::NoRow), "{nobody:?}");
}

#[tokio::test]
async fn a_slow_request_leaves_the_pool_with_the_address_of_the_faster_one() {
    let world = World::new().await;
    let accounts = &world.function.accounts;
    let read = accounts.get_item(&world.caller.sub).await.unwrap().unwrap();
    let asked = |email| Change { pending: Some(Pending::Asked(email)), ..Change::default() };
    // The slow one wrote its address and is not at the pool yet; the fast one does all its steps.
    let slow = accounts.update_item(&world.caller.sub, &read, &asked("slow@example.com")).await.unwrap();
    let Written::Done(slow) = slow else { panic!("{slow:?}") };
    assert_eq!(world.patch(EMAIL_EVENT).await.0, 200);

    assert!(matches!(world.function.tell(&world.caller, slow).await.unwrap(), protocol::Told::Lost));
    let (slow, fast) = (world.code("slow@example.com").await.unwrap(), world.code(NEW).await.unwrap());
    assert_ne!(world.verify(&slow).await.0, 200);
    assert_eq!(world.verify(&fast).await.0, 200);
    assert_eq!(world.pool_email().await.0, NEW);
}

#[tokio::test]
async fn no_answer_tells_an_address_in_use_from_a_free_one() {
    let (free, taken) = (World::new().await, World::new().await);
    taken.user(NEW).await;
    assert_eq!(free.patch(EMAIL_EVENT).await, taken.patch(EMAIL_EVENT).await);
    assert_eq!(free.send(READ, None).await, taken.send(READ, None).await);
    let wrong = free.verify("000000x").await;
    let code = taken.code(NEW).await.unwrap();
    assert_eq!(taken.verify(&code).await, wrong);
    assert_eq!(taken.pool_email().await.0, OLD);
    assert_eq!(taken.row("email").await.as_deref(), Some(OLD));
}

#[tokio::test]
async fn a_token_that_may_not_verify_is_told_to_sign_in_again() {
    let mut world = World::new().await;
    world.patch(EMAIL_EVENT).await;
    world.token = "of.the.hosted-pages".to_owned();
    let (status, body, _) = world.verify("123456").await;
    assert_eq!((status, &body["code"]), (403, &json!("sign_in_again")));
}

#[tokio::test]
async fn a_lost_code_is_sent_anew_and_the_former_one_is_worth_nothing() {
    let world = World::new().await;
    let again = include_str!("../events/resend.json");
    let (status, body, _) = world.send(again, None).await;
    assert_eq!((status, &body["pending_email"]), (200, &Value::Null), "nothing is pending, nothing is sent");
    assert_eq!(world.code(NEW).await, None);

    world.patch(EMAIL_EVENT).await;
    let lost = world.code(NEW).await.unwrap();
    let (status, body, _) = world.send(again, None).await;
    assert_eq!((status, &body["pending_email"]), (200, &json!(NEW)));
    let code = world.code(NEW).await.unwrap();
    assert_ne!(code, lost);
    assert_eq!(world.verify(&lost).await.0, 400);
    assert_eq!(world.verify(&code).await.0, 200);
    assert_eq!(world.pool_email().await.0, NEW);
}

#[tokio::test]
async fn an_address_that_was_asked_for_can_be_taken_back() {
    let world = World::new().await;
    world.patch(EMAIL_EVENT).await;
    let (status, body, _) = world.patch(&EMAIL_EVENT.replace(NEW, OLD)).await;
    assert_eq!((status, &body["updated_attributes"]), (200, &json!({"email": OLD})));
    assert_eq!(world.row("pending_email").await, None);
}

/// The steps of a change and of its verification that can be the last one, and what the answer then says.
fn last_steps() -> Vec<(&'static str, &'static str, u32, &'static str)> {
    vec![
        ("dynamodb", "UpdateItem", 0, "account_not_updated"),
        ("cognito-idp", "AdminUpdateUserAttributes", 0, "email_not_requested"),
        ("dynamodb", "UpdateItem", 1, "email_not_recorded"),
    ]
}

/// The ways a step ends: nothing was done, or it was done and nobody heard of it.
fn ends() -> [Value; 2] {
    [
        json!({"error": {"status": 400, "code": "AccessDeniedException", "message": "on arn:aws:secret"}}),
        json!("drop-answer"),
    ]
}

#[tokio::test]
async fn ended_after_any_step_and_repeated_both_stores_agree() {
    for (service, operation, good, code) in last_steps() {
        for end in ends() {
            for next in [EMAIL_EVENT, READ] {
                let world = World::new().await;
                let fault = (service, operation, 9, end.clone());
                let passing = (service, operation, good.max(1), json!({"delay_ms": 0}));
                let faults = if good == 0 { vec![fault] } else { vec![passing, fault] };
                world.faults(&faults).await;
                let (status, body, _) = world.patch(EMAIL_EVENT).await;
                assert!(status >= 500, "{operation} {end}: {body}");
                assert_eq!(body["code"], code, "{operation} {end}");
                assert!(!body.to_string().contains("arn:"), "{body}");
                assert!(body["request_id"].is_string(), "{body}");

                world.faults(&[]).await;
                assert_eq!(world.send(next, None).await.0, 200);
                // A change that was not even stored is none that a read could complete.
                assert_eq!(world.patch(EMAIL_EVENT).await.0, 200);
                assert_eq!(world.row("pending_email").await.as_deref(), Some(NEW));
                assert_eq!(world.pool_email().await, (OLD.to_owned(), "true".to_owned()));
                let code = world.code(NEW).await.unwrap();
                assert_eq!(world.verify(&code).await.0, 200, "{operation} {end}");
                assert_eq!(world.pool_email().await.0, NEW);
                assert_eq!(world.row("email").await.as_deref(), Some(NEW));
                assert_eq!(world.row("pending_email").await, None);
            }
        }
    }
}

#[tokio::test]
async fn a_request_that_cannot_complete_an_earlier_one_says_so_and_does_nothing() {
    let world = World::new().await;
    let [refused, _] = ends();
    world.faults(&[("cognito-idp", "AdminUpdateUserAttributes", 9, refused)]).await;
    assert_eq!(world.patch(EMAIL_EVENT).await.1["code"], "email_not_requested");
    let (_, body, _) = world.patch(NAME_EVENT).await;
    assert_eq!(body["code"], "email_not_requested");
    assert!(body["detail"].as_str().unwrap().contains("nothing else was done"), "{body}");
    assert_eq!(world.row("name").await, None);
}

#[tokio::test]
async fn ended_after_the_verification_the_next_request_brings_the_table_along() {
    for next in [READ, NAME_EVENT, EMAIL_EVENT] {
        let world = World::new().await;
        world.patch(EMAIL_EVENT).await;
        let code = world.code(NEW).await.unwrap();
        let [refused, _] = ends();
        world.faults(&[("dynamodb", "UpdateItem", 9, refused)]).await;
        let (status, body, _) = world.verify(&code).await;
        assert_eq!((status, &body["code"]), (500, &json!("email_not_recorded")));
        assert_eq!(world.row("email").await.as_deref(), Some(OLD));

        world.faults(&[]).await;
        assert_eq!(world.send(next, None).await.0, 200);
        assert_eq!(world.row("email").await.as_deref(), Some(NEW));
        assert_eq!(world.row("pending_email").await, None);
        assert_eq!(world.pool_email().await, (NEW.to_owned(), "true".to_owned()));
    }
}
