//! The systems as their users meet them: local stages of a copy of this project, used over HTTP and the APIs of
//! Cognito, DynamoDB and Lambda alone. Prints a line a system.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/copy.rs"]
mod copy;
#[path = "systems/crowd.rs"]
mod crowd;
#[path = "systems/postgres.rs"]
mod postgres;

use std::collections::HashMap;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_cognitoidentityprovider::types::{AttributeType, AuthFlowType};
use aws_sdk_dynamodb::types::AttributeValue;
use deployer::aws::{HttpAnswer, http};
use serde_json::{Value, json};

use copy::Copy;

const PASSWORD: &str = "Correct-horse-battery-7";

type Row = HashMap<String, AttributeValue>;

/// A stage that is up.
struct Stage {
    endpoint: String,
    config: SdkConfig,
    outputs: Value,
}

/// Somebody who signed up, confirmed by the code that was mailed, and signed in.
struct Person {
    sub: String,
    access_token: String,
    id_token: String,
}

/// Status, JSON body, `ETag`.
type Answer = (u16, Value, String);

impl Stage {
    fn up(copy: &Copy, name: &str) -> Self {
        copy.succeed(&["up", "--stage", name]);
        let (outputs, _) = copy.succeed(&["outputs", "--format", "json", "--stage", name]);
        let endpoint = copy.endpoint();
        let credentials = Credentials::new("test", "test", None, None, "test");
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .endpoint_url(&endpoint)
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .build();
        Self { endpoint, config, outputs: serde_json::from_str(&outputs).unwrap() }
    }

    fn output(&self, name: &str) -> &str {
        self.outputs[name].as_str().unwrap_or_else(|| panic!("no {name} in {}", self.outputs))
    }

    fn cognito(&self) -> aws_sdk_cognitoidentityprovider::Client {
        aws_sdk_cognitoidentityprovider::Client::new(&self.config)
    }

    async fn person(&self, email: &str) -> Person {
        let client_id = self.output("UserPoolClientId");
        let attribute = |name, value| AttributeType::builder().name(name).value(value).build().unwrap();
        let call = self.cognito().sign_up().client_id(client_id).username(email).password(PASSWORD);
        let call = call.user_attributes(attribute("email", email));
        let call = call.user_attributes(attribute("given_name", "Lucas"));
        let call = call.user_attributes(attribute("family_name", "Lopez"));
        let sub = call.send().await.unwrap().user_sub().to_owned();
        let code = self.code(email).await;
        let call = self.cognito().confirm_sign_up().client_id(client_id).username(email);
        call.confirmation_code(code).send().await.unwrap();
        let (access_token, id_token) = self.sign_in(email).await;
        Person { sub, access_token, id_token }
    }

    async fn sign_in(&self, email: &str) -> (String, String) {
        let call = self.cognito().admin_initiate_auth().user_pool_id(self.output("UserPoolId"));
        let call = call.client_id(self.output("UserPoolClientId"));
        let call = call.auth_flow(AuthFlowType::AdminUserPasswordAuth);
        let call = call.auth_parameters("USERNAME", email).auth_parameters("PASSWORD", PASSWORD);
        let answer = call.send().await.unwrap();
        let tokens = answer.authentication_result().unwrap();
        (tokens.access_token().unwrap().to_owned(), tokens.id_token().unwrap().to_owned())
    }

    /// An access token of the hosted pages, signed in to as a browser does.
    async fn sign_in_by_pages(&self, email: &str) -> String {
        const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
        let header = |answer: &HttpAnswer, wanted: &str| {
            let found = answer.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
            found.unwrap_or_else(|| panic!("no {wanted} in {answer:?}")).1.clone()
        };
        let page = self.output("HostedSignInUrl");
        let cookie = header(&http("GET", page, &[], None).await.unwrap(), "set-cookie");
        let cookie = cookie.split(';').next().unwrap();
        let csrf = cookie.strip_prefix("XSRF-TOKEN=").unwrap();
        let email = email.replace('@', "%40");
        let fields = format!("_csrf={csrf}&username={email}&password={PASSWORD}").into_bytes();
        let answer = http("POST", page, &[FORM, ("cookie", cookie)], Some(fields)).await.unwrap();
        let location = header(&answer, "location");
        let code = location.split_once("code=").unwrap().1.split('&').next().unwrap();
        let redirect = page.split_once("&redirect_uri=").unwrap().1;
        let client_id = self.output("UserPoolClientId");
        let fields = format!(
            "grant_type=authorization_code&client_id={client_id}&code={code}&redirect_uri={redirect}"
        );
        let endpoint = format!("{}/oauth2/token", page.split_once("/login?").unwrap().0);
        let answer = http("POST", &endpoint, &[FORM], Some(fields.into_bytes())).await.unwrap();
        let tokens: Value = serde_json::from_slice(&answer.body).unwrap();
        tokens["access_token"].as_str().unwrap_or_else(|| panic!("{tokens}")).to_owned()
    }

    /// The code last mailed to an address.
    async fn code(&self, email: &str) -> String {
        let inbox = format!("{}/_local/inbox.json?to={}", self.endpoint, email.replace('@', "%40"));
        let mails: Value =
            serde_json::from_slice(&http("GET", &inbox, &[], None).await.unwrap().body).unwrap();
        mails[0]["code"].as_str().unwrap_or_else(|| panic!("no code for {email} in {mails}")).to_owned()
    }

    async fn call(&self, route: &str, token: &str, more: &[(&str, &str)], body: Option<Value>) -> Answer {
        let (method, path) = route.split_once(' ').unwrap();
        let url = format!("{}{path}", self.output("ApiUrl"));
        let bearer = format!("Bearer {token}");
        let mut headers = vec![("content-type", "application/json")];
        if !token.is_empty() {
            headers.push(("authorization", &bearer));
        }
        headers.extend(more);
        let body = body.map(|body| body.to_string().into_bytes());
        let answer = http(method, &url, &headers, body).await.unwrap();
        let tag = answer.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("etag"));
        let body = serde_json::from_slice(&answer.body).unwrap();
        (answer.status, body, tag.map(|(_, tag)| tag.clone()).unwrap_or_default())
    }

    async fn rows(&self, output: &str) -> Vec<Row> {
        let client = aws_sdk_dynamodb::Client::new(&self.config);
        let answer = client.scan().table_name(self.output(output)).consistent_read(true).send().await;
        answer.unwrap().items.unwrap_or_default()
    }

    /// The user's rows in `profiles`.
    async fn rows_of(&self, person: &Person) -> Vec<Row> {
        let key = AttributeValue::S(format!("USER#{}", person.sub));
        self.rows("TableProfiles").await.into_iter().filter(|row| row["pk"] == key).collect()
    }

    async fn delete_row(&self, person: &Person) {
        let client = aws_sdk_dynamodb::Client::new(&self.config);
        let call = client.delete_item().table_name(self.output("TableProfiles"));
        let call = call.key("pk", AttributeValue::S(format!("USER#{}", person.sub)));
        call.key("sk", AttributeValue::S("PROFILE".to_owned())).send().await.unwrap();
    }

    /// The address of a user as the pool has it, and whether it is verified.
    async fn pool_email(&self, person: &Person) -> (String, String) {
        let call = self.cognito().admin_get_user().user_pool_id(self.output("UserPoolId"));
        let user = call.username(&person.sub).send().await.unwrap();
        let of = |name: &str| {
            let attribute = user.user_attributes().iter().find(|attribute| attribute.name() == name);
            attribute.and_then(AttributeType::value).unwrap_or_default().to_owned()
        };
        (of("email"), of("email_verified"))
    }
}

fn text<'a>(row: &'a Row, name: &str) -> &'a str {
    row.get(name).and_then(|value| value.as_s().ok()).unwrap_or_else(|| panic!("no {name} in {row:?}"))
}

#[tokio::test]
async fn the_systems_run_in_local_stages() {
    let copy = Copy::new();
    let stage = Stage::up(&copy, "local");
    profile_service(&stage).await;
    println!("A  profile service behind the authorizer: ok");
    confirmation(&stage).await;
    println!("B  confirmation, one table: ok");
    let identities = Stage::up(&copy, "local-identities");
    confirmation_with_identities(&identities).await;
    println!("C  confirmation, two tables: ok");
    account(&stage).await;
    println!("E  account in DynamoDB and Cognito: ok");
    copy.succeed(&["down", "--stage", "local-identities"]);
    copy.succeed(&["down"]);
    assert!(!copy.path(".deployer").exists(), "nothing of either stage is left");
}

async fn profile_service(stage: &Stage) {
    const GET: &str = "GET /user/profile";
    let (ana, bea) = (stage.person("a-ana@example.com").await, stage.person("a-bea@example.com").await);
    for token in ["", "x", &ana.id_token] {
        assert_eq!(stage.call(GET, token, &[], None).await.0, 401, "{token}");
    }
    assert_eq!(stage.call(GET, &ana.access_token, &[], None).await.0, 404);
    let profile = json!({"name": "Ana", "since": 2019});
    assert_eq!(stage.call("POST /user/profile", &ana.access_token, &[], Some(profile.clone())).await.0, 200);
    assert_eq!(stage.call(GET, &ana.access_token, &[], None).await.1, profile);
    let (status, body, _) = stage.call(GET, &bea.access_token, &[], None).await;
    assert_eq!((status, &body["code"]), (404, &json!("profile_not_found")), "each has their own");
}

async fn confirmation(stage: &Stage) {
    let email = "b-lucas@example.com";
    let lucas = stage.person(email).await;
    let rows = stage.rows_of(&lucas).await;
    let [row] = rows.as_slice() else { panic!("{rows:?}") };
    assert_eq!((text(row, "sk"), text(row, "email")), ("PROFILE", email));
    assert_eq!((text(row, "given_name"), text(row, "family_name")), ("Lucas", "Lopez"));

    // The trigger fires for a replaced password too, and writes nothing then.
    stage.delete_row(&lucas).await;
    let client_id = stage.output("UserPoolClientId");
    stage.cognito().forgot_password().client_id(client_id).username(email).send().await.unwrap();
    let code = stage.code(email).await;
    let call = stage.cognito().confirm_forgot_password().client_id(client_id).username(email);
    call.confirmation_code(code).password(PASSWORD).send().await.unwrap();
    assert_eq!(stage.rows_of(&lucas).await, Vec::<Row>::new());
    // The first request makes the row that is missing.
    assert_eq!(stage.call("GET /user/profile", &lucas.access_token, &[], None).await.0, 404);
    assert_eq!(stage.rows_of(&lucas).await.len(), 1);
}

async fn confirmation_with_identities(stage: &Stage) {
    let lucas = stage.person("c-lucas@example.com").await;
    let (profiles, identities) = (stage.rows_of(&lucas).await, stage.rows("TableIdentities").await);
    let ([profile], [identity]) = (profiles.as_slice(), identities.as_slice()) else {
        panic!("{profiles:?} {identities:?}")
    };
    assert_eq!(text(profile, "id"), text(identity, "id"));
    assert_eq!(text(identity, "full_name"), "Lucas Lopez");
    assert_eq!(identity["id_number"], AttributeValue::Null(true));

    // Cognito tries again after a lost answer: the event comes back as it came, the rows stay.
    let event = format!(
        r#"{{"version": 1, "triggerSource": "PostConfirmation_ConfirmSignUp", "userName": "{0}", "later": [1.50],
            "request": {{"userAttributes": {{"sub": "{0}"}}}}, "response": {{}}}}"#,
        lucas.sub
    );
    let lambda = aws_sdk_lambda::Client::new(&stage.config);
    let call = lambda.invoke().function_name("profile-service-local-identities-post-confirmation-identities");
    let answer = call.payload(aws_sdk_lambda::primitives::Blob::new(event.as_bytes())).send().await.unwrap();
    assert_eq!(answer.function_error(), None);
    assert_eq!(String::from_utf8_lossy(answer.payload().unwrap().as_ref()), event);
    assert_eq!(stage.rows_of(&lucas).await, profiles);
    assert_eq!(stage.rows("TableIdentities").await, identities);
}

async fn account(stage: &Stage) {
    const PATCH: &str = "PATCH /user/account";
    const VERIFY: &str = "POST /user/account/email-verification";
    let (old, new) = ("e-ana@example.com", "e-ana.lopez@example.com");
    let ana = stage.person(old).await;
    let token = &ana.access_token;
    let foreign = json!({"userId": "11111111-2222-4333-8444-555555555555", "name": "Mallory"});
    assert_eq!(stage.call(PATCH, token, &[], Some(foreign)).await.0, 400);
    assert_eq!(stage.call(PATCH, token, &[], Some(json!({}))).await.0, 400);

    let both = json!({"name": "Ana Lopez", "email": new});
    let (status, body, tag) = stage.call(PATCH, token, &[("if-match", "\"0\"")], Some(both)).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(body["updated_attributes"], json!({"name": "Ana Lopez", "pending_email": new}));
    let stale = stage.call(PATCH, token, &[("if-match", "\"0\"")], Some(json!({"name": "Other"}))).await;
    assert_eq!((stale.0, &stale.1["code"]), (412, &json!("version_mismatch")));
    let shown = stage.call("GET /user/account", token, &[], None).await;
    assert_eq!((&shown.1["email"], shown.2), (&json!(old), tag));
    assert_eq!(stage.pool_email(&ana).await, (old.to_owned(), "true".to_owned()), "until it is verified");

    let code = Some(json!({"code": stage.code(new).await}));
    let by_pages = stage.sign_in_by_pages(old).await;
    assert_eq!(stage.call("GET /user/account", &by_pages, &[], None).await.0, 200);
    let refused = stage.call(VERIFY, &by_pages, &[], code.clone()).await;
    assert_eq!((refused.0, &refused.1["code"]), (403, &json!("sign_in_again")), "it lacks the scope");
    let verified = stage.call(VERIFY, token, &[], code).await;
    assert_eq!((verified.0, &verified.1["email"]), (200, &json!(new)));
    assert_eq!(stage.pool_email(&ana).await, (new.to_owned(), "true".to_owned()));
    assert_eq!(text(&stage.rows_of(&ana).await[0], "email"), new);
    stage.sign_in(new).await;

    let pool = stage.output("UserPoolId");
    stage.cognito().admin_delete_user().user_pool_id(pool).username(&ana.sub).send().await.unwrap();
    stage.delete_row(&ana).await;
    let gone = stage.call(PATCH, token, &[], Some(json!({"name": "Ghost"}))).await;
    assert_eq!((gone.0, &gone.1["code"]), (404, &json!("account_not_found")));
    assert_eq!(stage.rows_of(&ana).await, Vec::<Row>::new(), "an absent user gets no row");
}
