//! The hosted pages as a browser uses them, and the OAuth endpoints as an application does.

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::{Answer, EMAIL, PASSWORD, Pool, claims, http, pool_with};
use crate::lambda::make;

const CALLBACK: &str = "http://localhost:3000/callback";
const VERIFIER: &str = "a-verifier-of-at-least-forty-three-characters-in-all";

async fn pool() -> Pool {
    let client = json!({
        "AllowedOAuthFlowsUserPoolClient": true,
        "AllowedOAuthFlows": ["code"],
        "AllowedOAuthScopes": ["openid", "email"],
        "CallbackURLs": [CALLBACK],
        "LogoutURLs": ["http://localhost:3000/bye"],
        "SupportedIdentityProviders": ["COGNITO"],
    });
    let pool = pool_with(json!({}), client).await;
    let domain = json!({"UserPoolId": pool.id, "Domain": "pages"});
    make(&pool.cloud, "AWS::Cognito::UserPoolDomain", "Domain", domain).await.unwrap();
    pool
}

/// A browser: it keeps cookies and knows one pool's pages.
struct Browser<'a> {
    pool: &'a Pool,
    cookies: Vec<(String, String)>,
}

impl<'a> Browser<'a> {
    fn new(pool: &'a Pool) -> Self {
        Self { pool, cookies: Vec::new() }
    }

    async fn request(&mut self, method: &str, path: &str, body: &str) -> Answer {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let cookies = cookies.join("; ");
        let headers = [("cookie", cookies.as_str()), ("content-type", "application/x-www-form-urlencoded")];
        let answer = http(&self.pool.cloud, method, path, &headers, body).await;
        for (_, value) in answer.headers.iter().filter(|(name, _)| name == "set-cookie") {
            let (name, value) = value.split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.retain(|(kept, _)| kept != name);
            self.cookies.push((name.to_owned(), value.to_owned()));
        }
        answer
    }

    async fn get(&mut self, page: &str, query: &str) -> Answer {
        self.request("GET", &format!("/_hosted/pages/{page}?{query}"), "").await
    }

    /// Sends a form with the token of the cookie that the page set.
    async fn post(&mut self, page: &str, query: &str, fields: &str) -> Answer {
        let csrf = self.cookies.iter().find(|(name, _)| name == "XSRF-TOKEN").unwrap().1.clone();
        let body = format!("_csrf={csrf}&{fields}");
        self.request("POST", &format!("/_hosted/pages/{page}?{query}"), &body).await
    }
}

fn challenge() -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, VERIFIER.as_bytes()).as_ref())
}

fn query(pool: &Pool) -> String {
    format!(
        "client_id={}&response_type=code&redirect_uri=http%3A%2F%2Flocalhost%3A3000%2Fcallback&scope=openid+email\
         &state=a%26b&nonce=n-1&code_challenge={}&code_challenge_method=S256",
        pool.client,
        challenge()
    )
}

/// The value of a parameter of a redirect.
fn parameter(answer: &Answer, name: &str) -> Option<String> {
    let (_, query) = answer.header("location")?.split_once('?')?;
    query.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}="))).map(str::to_owned)
}

async fn sign_in(browser: &mut Browser<'_>, password: &str) -> Answer {
    let query = query(browser.pool);
    browser.get("login", &query).await;
    let fields = format!("username=someone%40example.com&password={password}");
    browser.post("login", &query, &fields).await
}

async fn token(pool: &Pool, fields: &str) -> Answer {
    let headers =
        [("content-type", "application/x-www-form-urlencoded"), ("origin", "http://localhost:3000")];
    http(&pool.cloud, "POST", "/_hosted/pages/oauth2/token", &headers, fields).await
}

fn exchange(pool: &Pool, code: &str, verifier: &str) -> String {
    format!(
        "grant_type=authorization_code&client_id={}&code={code}&redirect_uri=http%3A%2F%2Flocalhost%3A3000%2Fcallback\
         &code_verifier={verifier}",
        pool.client
    )
}

#[tokio::test]
async fn a_person_signs_up_confirms_signs_in_and_the_application_gets_tokens() {
    let pool = pool().await;
    let mut browser = Browser::new(&pool);
    let query = query(&pool);
    let sent = browser.get("oauth2/authorize", &query).await;
    assert_eq!(sent.status, 302);
    assert!(sent.header("location").unwrap().starts_with("/_hosted/pages/login?"));
    let page = browser.get("signup", &query).await;
    assert!(page.header("content-security-policy").unwrap().contains("default-src 'none'"));
    assert!(!page.body.contains("<script"));
    let fields = format!("username=someone%40example.com&password={PASSWORD}");
    let confirm = browser.post("signup", &query, &fields).await;
    assert!(confirm.body.contains("Confirm your account"), "{}", confirm.body);
    let fields = format!("username=someone%40example.com&action=confirm&code={}", pool.code(EMAIL).await);
    let confirmed = browser.post("confirm", &query, &fields).await;
    assert!(confirmed.body.contains("Your account is confirmed"), "{}", confirmed.body);
    let back = sign_in(&mut browser, PASSWORD).await;
    assert_eq!(back.status, 302);
    assert!(back.header("location").unwrap().starts_with(CALLBACK));
    assert_eq!(parameter(&back, "state").as_deref(), Some("a%26b"));
    assert!(back.header("set-cookie").unwrap().contains("HttpOnly; SameSite=Lax"));

    let code = parameter(&back, "code").unwrap();
    let answer = token(&pool, &exchange(&pool, &code, VERIFIER)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    let tokens = answer.json();
    let access = claims(tokens["access_token"].as_str().unwrap());
    assert_eq!((&access["scope"], &access["version"]), (&json!("openid email"), &json!(2)));
    let id = claims(tokens["id_token"].as_str().unwrap());
    assert_eq!((&id["nonce"], &id["email"]), (&json!("n-1"), &json!(EMAIL)));
    assert!(id.get("at_hash").is_some());

    let again = token(&pool, &exchange(&pool, &code, VERIFIER)).await;
    assert_eq!((again.status, again.json()), (400, json!({"error": "invalid_grant"})), "a code works once");

    let bearer = format!("Bearer {}", tokens["access_token"].as_str().unwrap());
    let info =
        http(&pool.cloud, "GET", "/_hosted/pages/oauth2/userInfo", &[("authorization", &bearer)], "").await;
    assert_eq!((&info.json()["email"], &info.json()["email_verified"]), (&json!(EMAIL), &json!("true")));
    let api = pool.api.get_user().access_token(tokens["access_token"].as_str().unwrap()).send().await;
    assert_eq!(
        api.map_err(super::refusal).unwrap_err().1,
        "Access Token does not have required scopes",
        "hosted tokens have no aws.cognito.signin.user.admin here"
    );

    let refresh = tokens["refresh_token"].as_str().unwrap();
    let fields = format!("grant_type=refresh_token&client_id={}&refresh_token={refresh}", pool.client);
    let renewed = token(&pool, &fields).await.json();
    assert_eq!(claims(renewed["access_token"].as_str().unwrap())["scope"], "openid email");
    assert_eq!(renewed.get("refresh_token"), None);
    let fields = format!("client_id={}&token={refresh}", pool.client);
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    let revoked = http(&pool.cloud, "POST", "/_hosted/pages/oauth2/revoke", &headers, &fields).await;
    assert_eq!(revoked.status, 200);
    let fields = format!("grant_type=refresh_token&client_id={}&refresh_token={refresh}", pool.client);
    assert_eq!(token(&pool, &fields).await.json()["error"], "invalid_grant");
    pool.cloud.stop().await;
}

#[tokio::test]
async fn a_signed_in_browser_goes_straight_back_until_it_logs_out() {
    let pool = pool().await;
    pool.user(EMAIL).await;
    let mut browser = Browser::new(&pool);
    sign_in(&mut browser, PASSWORD).await;
    let query = query(&pool);
    let straight = browser.get("oauth2/authorize", &query).await;
    assert!(parameter(&straight, "code").is_some(), "{:?}", straight.header("location"));
    let bye = format!("client_id={}&logout_uri=http%3A%2F%2Flocalhost%3A3000%2Fbye", pool.client);
    let out = browser.get("logout", &bye).await;
    assert_eq!(out.header("location"), Some("http://localhost:3000/bye"));
    let silent = browser.get("oauth2/authorize", &format!("{query}&prompt=none")).await;
    assert_eq!(parameter(&silent, "error").as_deref(), Some("login_required"));
    let elsewhere = format!("client_id={}&logout_uri=http%3A%2F%2Fevil.example%2F", pool.client);
    assert_eq!(browser.get("logout", &elsewhere).await.status, 400);
    pool.cloud.stop().await;
}

#[tokio::test]
async fn a_code_is_bound_to_its_verifier_client_and_address() {
    let pool = pool().await;
    pool.user(EMAIL).await;
    let mut browser = Browser::new(&pool);
    let wrong = exchange(&pool, "CODE", "another-verifier-of-forty-three-characters-or-more");
    let elsewhere = exchange(&pool, "CODE", VERIFIER).replace("callback", "other");
    let without = exchange(&pool, "CODE", VERIFIER).replace(&format!("&code_verifier={VERIFIER}"), "");
    for fields in [wrong, elsewhere, without] {
        let code = parameter(&sign_in(&mut browser, PASSWORD).await, "code").unwrap();
        let answer = token(&pool, &fields.replace("CODE", &code)).await;
        assert_eq!((answer.status, answer.json()), (400, json!({"error": "invalid_grant"})));
    }
    let fields = exchange(&pool, "nothing", VERIFIER).replace("authorization_code", "password");
    assert_eq!(token(&pool, &fields).await.json()["error"], "unsupported_grant_type");
    pool.cloud.stop().await;
}

#[tokio::test]
async fn a_request_that_must_not_be_is_refused_where_it_may_be_told() {
    let pool = pool().await;
    let mut browser = Browser::new(&pool);
    let good = query(&pool);
    // Nobody trustworthy to tell: an error page.
    for wrong in [
        good.replace("callback", "other"),
        good.replace(&pool.client, "nosuchclient"),
        format!("{good}&redirect_uri=http%3A%2F%2Fevil.example%2F"),
    ] {
        let answer = browser.get("oauth2/authorize", &wrong).await;
        assert_eq!((answer.status, answer.header("location")), (400, None), "{wrong}");
    }
    for (wrong, error) in [
        (good.replace("response_type=code", "response_type=token"), "unauthorized_client"),
        (good.replace("response_type=code", "response_type=x"), "invalid_request"),
        (good.replace("S256", "plain"), "invalid_request"),
        (good.replace("openid+email", "openid+phone"), "invalid_scope"),
    ] {
        let answer = browser.get("oauth2/authorize", &wrong).await;
        assert!(answer.header("location").unwrap().starts_with(CALLBACK));
        assert_eq!(parameter(&answer, "error").as_deref(), Some(error), "{wrong}");
        assert_eq!(parameter(&answer, "state").as_deref(), Some("a%26b"));
    }
    assert_eq!(http(&pool.cloud, "GET", "/_hosted/nothing/login", &[], "").await.status, 404);
    pool.cloud.stop().await;
}

#[tokio::test]
async fn a_form_from_elsewhere_is_refused() {
    let pool = pool().await;
    pool.user(EMAIL).await;
    let mut browser = Browser::new(&pool);
    let query = query(&pool);
    browser.get("login", &query).await;
    let fields = format!("_csrf=forged&username=someone%40example.com&password={PASSWORD}");
    let answer = browser.request("POST", &format!("/_hosted/pages/login?{query}"), &fields).await;
    assert_eq!((answer.status, answer.header("location")), (400, None));
    pool.cloud.stop().await;
}

#[tokio::test]
async fn what_a_person_typed_is_shown_escaped() {
    let pool = pool().await;
    let mut browser = Browser::new(&pool);
    let query = query(&pool);
    let page = browser.get("login", &format!("{query}&login_hint=%22%3E%3Cscript%3E")).await;
    assert!(!page.body.contains("<script>") && page.body.contains("&lt;script&gt;"), "{}", page.body);
    let fields = "username=%22%3E%3Cscript%3E&action=confirm&code=1";
    let page = browser.post("confirm", &query, fields).await;
    assert!(!page.body.contains("<script>"), "{}", page.body);
    pool.cloud.stop().await;
}

#[tokio::test]
async fn a_wrong_password_and_an_unconfirmed_user_stay_on_the_pages() {
    let pool = pool().await;
    pool.sign_up(EMAIL).await;
    let mut browser = Browser::new(&pool);
    let wrong = sign_in(&mut browser, "Wrong-Horse-1").await;
    assert!(wrong.status == 400 && wrong.body.contains("Incorrect username or password."), "{}", wrong.body);
    let page = sign_in(&mut browser, PASSWORD).await;
    assert!(page.body.contains("Confirm your account"), "{}", page.body);
    pool.cloud.stop().await;
}

#[tokio::test]
async fn a_temporary_password_is_replaced_on_the_way() {
    let pool = pool().await;
    pool.api.admin_create_user().user_pool_id(&pool.id).username(EMAIL).send().await.unwrap();
    let temporary = pool.code(EMAIL).await.replace('!', "%21");
    let mut browser = Browser::new(&pool);
    let page = sign_in(&mut browser, &temporary).await;
    let session = page.body.split("name=\"session\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let fields = format!("session={session}&password={PASSWORD}");
    let back = browser.post("changePassword", &query(&pool), &fields).await;
    assert!(parameter(&back, "code").is_some(), "{}", back.body);
    pool.cloud.stop().await;
}

#[tokio::test]
async fn a_forgotten_password_is_replaced_on_the_pages() {
    let pool = pool().await;
    pool.user(EMAIL).await;
    let mut browser = Browser::new(&pool);
    let query = query(&pool);
    browser.get("forgotPassword", &query).await;
    let page = browser.post("forgotPassword", &query, "username=someone%40example.com").await;
    assert!(page.body.contains("Choose a new password"), "{}", page.body);
    let code = pool.code(EMAIL).await;
    let fields = format!("username=someone%40example.com&code={code}&password=Another-Horse-2");
    let page = browser.post("confirmForgotPassword", &query, &fields).await;
    assert!(page.body.contains("Your password is changed"), "{}", page.body);
    assert!(parameter(&sign_in(&mut browser, "Another-Horse-2").await, "code").is_some());
    pool.cloud.stop().await;
}

#[tokio::test]
async fn a_client_with_a_secret_authenticates_at_the_token_endpoint() {
    let pool = pool().await;
    pool.user(EMAIL).await;
    let properties = json!({
        "UserPoolId": pool.id, "GenerateSecret": true, "AllowedOAuthFlowsUserPoolClient": true,
        "AllowedOAuthFlows": ["code"], "AllowedOAuthScopes": ["openid"], "CallbackURLs": [CALLBACK],
        "SupportedIdentityProviders": ["COGNITO"],
    });
    let made = make(&pool.cloud, "AWS::Cognito::UserPoolClient", "C", properties).await.unwrap();
    let secret = made.attributes["ClientSecret"].as_str().unwrap();
    let confidential = made.physical_id.as_str();
    let request = query(&pool).replace(&pool.client, confidential).replace("openid+email", "openid");
    let mut browser = Browser::new(&pool);
    let mut statuses = Vec::new();
    for given in ["wrong", secret] {
        browser.get("login", &request).await;
        let fields = format!("username=someone%40example.com&password={PASSWORD}");
        let code = parameter(&browser.post("login", &request, &fields).await, "code").unwrap();
        let fields = exchange(&pool, &code, VERIFIER).replace(&pool.client, confidential);
        let basic = base64::engine::general_purpose::STANDARD.encode(format!("{confidential}:{given}"));
        let headers = [
            ("content-type", "application/x-www-form-urlencoded"),
            ("authorization", &format!("Basic {basic}")),
        ];
        let answer = http(&pool.cloud, "POST", "/_hosted/pages/oauth2/token", &headers, &fields).await;
        let body: Value = answer.json();
        statuses.push((answer.status, body.get("error").cloned()));
    }
    assert_eq!(statuses, [(400, Some(json!("invalid_client"))), (200, None)]);
    pool.cloud.stop().await;
}
