//! The pages that sign a browser up and in, and what happens when their forms come back.

use aws_lc_rs::constant_time;
use axum::response::Response;

use super::pages::{Asked, Notice};
use super::request::{AuthorizationRequest, Refusal};
use super::visits::Authorization;
use super::{CSRF_COOKIE, VISIT_COOKIE, Visitor, redirect};
use crate::cognito::settings::PasswordPolicy;
use crate::cognito::state::{Pool, State, Status};
use crate::cognito::{random, recovery, respond, sign_in, sign_up};
use crate::wire::AwsError;

/// A visit lasts an hour.
const VISIT_SECONDS: i64 = 3600;

/// A one-time code for the application, on behalf of a signed-in user.
pub(super) fn authorization_code(
    state: &mut State,
    visitor: &Visitor<'_>,
    request: &AuthorizationRequest,
    user: &str,
) -> Result<String, AwsError> {
    let code = uuid::Uuid::new_v4().to_string();
    let authorization = Authorization {
        client_id: request.client_id.clone(),
        pool_id: visitor.pool_id.clone(),
        user: user.to_owned(),
        redirect_uri: request.redirect_uri.clone(),
        scopes: request.scopes.clone(),
        challenge: request.challenge.clone(),
        nonce: request.nonce.clone(),
        expires: 0,
    };
    state.visits.keep_code(&code, authorization, jiff::Timestamp::now().as_millisecond());
    Ok(code)
}

/// What signing in came to.
enum SignedIn {
    /// The code for the application and the cookie for the browser.
    Yes { code: String, cookie: String },
    /// The session to replace a temporary password with.
    NewPassword(String),
}

impl Visitor<'_> {
    /// A page as it is first seen.
    pub(super) fn show(&self, page: &str) -> Result<Response, Refusal> {
        self.request()?;
        match page {
            "/login" => self.login_page(None),
            "/signup" => self.sign_up_page(None),
            "/confirm" => self.confirm_page("", None),
            "/forgotPassword" => self.forgot_page(None),
            _ => Err(Refusal::Page("There is no such page.".to_owned())),
        }
    }

    /// A form that came back.
    pub(super) async fn submit(&self, page: &str) -> Result<Response, Refusal> {
        let request = self.request()?;
        if !self.csrf_matches() {
            return Err(Refusal::Page(
                "The form is too old. Go back, reload the page and try again.".to_owned(),
            ));
        }
        match page {
            "/login" => self.log_in(&request).await,
            "/signup" => self.sign_up(&request).await,
            "/confirm" => self.confirm(&request).await,
            "/forgotPassword" => self.forgot(&request).await,
            "/confirmForgotPassword" => self.reset(&request).await,
            "/changePassword" => self.new_password(&request).await,
            _ => Err(Refusal::Page("There is no such page.".to_owned())),
        }
    }

    fn csrf_matches(&self) -> bool {
        match (self.cookie(CSRF_COOKIE), self.form.get("_csrf")) {
            (Some(cookie), Some(token)) => {
                constant_time::verify_slices_are_equal(cookie.as_bytes(), token.as_bytes()).is_ok()
            }
            _ => false,
        }
    }

    fn field(&self, name: &str) -> &str {
        self.form.get(name).map(String::as_str).unwrap_or_default()
    }

    fn by_email(&self) -> Result<bool, Refusal> {
        self.with_pool(|pool| pool.settings.email_is_username())
    }

    fn login_page(&self, notice: Option<Notice>) -> Result<Response, Refusal> {
        let by_email = self.by_email()?;
        let hint = self.query.get("login_hint").map(String::as_str).unwrap_or_default();
        self.page("Sign in", notice, |frame| frame.login(by_email, hint))
    }

    fn sign_up_page(&self, notice: Option<Notice>) -> Result<Response, Refusal> {
        let (by_email, asked, policy) = self.with_pool(|pool| {
            (
                pool.settings.email_is_username(),
                asked(pool),
                in_words(&pool.settings.policies.password_policy),
            )
        })?;
        self.page("Create an account", notice, |frame| frame.sign_up(by_email, &asked, &policy))
    }

    fn confirm_page(&self, username: &str, notice: Option<Notice>) -> Result<Response, Refusal> {
        self.page("Confirm your account", notice, |frame| frame.confirm(username))
    }

    fn forgot_page(&self, notice: Option<Notice>) -> Result<Response, Refusal> {
        let by_email = self.by_email()?;
        self.page("Forgot your password?", notice, |frame| frame.forgot(by_email))
    }

    async fn log_in(&self, request: &AuthorizationRequest) -> Result<Response, Refusal> {
        let (username, password) = (self.field("username"), self.field("password"));
        let ids = self.ids(request);
        let result = self
            .perform(|op| {
                let user = sign_in::check_password(op, &ids, username, password)?;
                let pool = op.pool(&ids.pool)?;
                if pool.users.get(&user).is_some_and(|user| user.status == Status::ForceChangePassword) {
                    return Ok(SignedIn::NewPassword(sign_in::new_password_session(op, &ids, &user)?));
                }
                sign_in::check_mfa(pool)?;
                self.begin(op.state, request, &user)
            })
            .await;
        match result {
            Ok(signed_in) => self.signed_in(request, signed_in),
            Err(error) if error.code == "UserNotConfirmedException" => {
                let notice = Notice::Hint("Enter the code that was sent to you.".to_owned());
                self.confirm_page(username, Some(notice))
            }
            Err(error) if error.code == "PasswordResetRequiredException" => {
                let notice = Notice::Hint(
                    "Your password must be reset. Enter the code that was sent to you.".to_owned(),
                );
                self.page("Choose a new password", Some(notice), |frame| frame.reset(username))
            }
            Err(error) => self.login_page(problem(error)),
        }
    }

    fn begin(
        &self,
        state: &mut State,
        request: &AuthorizationRequest,
        user: &str,
    ) -> Result<SignedIn, AwsError> {
        let cookie = random::token(64)?;
        state.visits.begin(&cookie, &self.pool_id, user, jiff::Timestamp::now().as_millisecond());
        Ok(SignedIn::Yes { code: authorization_code(state, self, request, user)?, cookie })
    }

    fn signed_in(&self, request: &AuthorizationRequest, signed_in: SignedIn) -> Result<Response, Refusal> {
        match signed_in {
            SignedIn::Yes { code, cookie } => {
                let mut response = redirect(&request.answer(&[("code", &code)]), self.call)?;
                self.set_cookie(&mut response, VISIT_COOKIE, &cookie, VISIT_SECONDS);
                Ok(response)
            }
            SignedIn::NewPassword(session) => {
                let notice = Notice::Hint("Your password was given to you for one time.".to_owned());
                self.page("New password", Some(notice), |frame| frame.new_password(&session))
            }
        }
    }

    async fn new_password(&self, request: &AuthorizationRequest) -> Result<Response, Refusal> {
        let (session, password) = (self.field("session"), self.field("password"));
        let ids = self.ids(request);
        let result = self
            .perform(|op| {
                let user = respond::set_new_password(op, &ids, None, session, password, Vec::new())?;
                sign_in::check_mfa(op.pool(&ids.pool)?)?;
                self.begin(op.state, request, &user)
            })
            .await;
        match result {
            Ok(signed_in) => self.signed_in(request, signed_in),
            Err(error) => self.page("New password", problem(error), |frame| frame.new_password(session)),
        }
    }

    async fn sign_up(&self, request: &AuthorizationRequest) -> Result<Response, Refusal> {
        let (username, password) = (self.field("username"), self.field("password"));
        let asked = self.with_pool(asked)?;
        let attributes: Vec<(String, String)> =
            asked.into_iter().map(|asked| (asked.name.clone(), self.field(&asked.name).to_owned())).collect();
        let ids = self.ids(request);
        let result = self.perform(|op| sign_up::register(op, &ids, username, password, attributes)).await;
        match result {
            Ok(answer) if answer.get("CodeDeliveryDetails").is_some() => {
                let notice =
                    Notice::Hint("A code was sent to you. Enter it to confirm your account.".to_owned());
                self.confirm_page(username, Some(notice))
            }
            Ok(_) => {
                let notice =
                    Notice::Hint("Your account waits for an administrator to confirm it.".to_owned());
                self.login_page(Some(notice))
            }
            Err(error) => self.sign_up_page(problem(error)),
        }
    }

    async fn confirm(&self, request: &AuthorizationRequest) -> Result<Response, Refusal> {
        let (username, code) = (self.field("username"), self.field("code"));
        let ids = self.ids(request);
        if self.field("action") == "resend" {
            let notice = match self.perform(|op| sign_up::resend(op, &ids, username)).await {
                Ok(_) => Some(Notice::Hint("A new code was sent.".to_owned())),
                Err(error) => problem(error),
            };
            return self.confirm_page(username, notice);
        }
        match self.perform(|op| sign_up::confirm(op, &ids, username, code, false, None)).await {
            Ok(_) => {
                let notice = Notice::Hint("Your account is confirmed. Sign in to go on.".to_owned());
                self.login_page(Some(notice))
            }
            Err(error) => self.confirm_page(username, problem(error)),
        }
    }

    async fn forgot(&self, request: &AuthorizationRequest) -> Result<Response, Refusal> {
        let username = self.field("username");
        let ids = self.ids(request);
        match self.perform(|op| recovery::begin(op, &ids, username)).await {
            Ok(_) => {
                let notice =
                    Notice::Hint("If the account exists, a code was sent to its address.".to_owned());
                self.page("Choose a new password", Some(notice), |frame| frame.reset(username))
            }
            Err(error) => self.forgot_page(problem(error)),
        }
    }

    async fn reset(&self, request: &AuthorizationRequest) -> Result<Response, Refusal> {
        let (username, code, password) = (self.field("username"), self.field("code"), self.field("password"));
        let ids = self.ids(request);
        match self.perform(|op| recovery::finish(op, &ids, username, code, password, None)).await {
            Ok(_) => {
                self.login_page(Some(Notice::Hint("Your password is changed. Sign in with it.".to_owned())))
            }
            Err(error) => self.page("Choose a new password", problem(error), |frame| frame.reset(username)),
        }
    }
}

fn problem(error: AwsError) -> Option<Notice> {
    Some(Notice::Problem(error.message))
}

/// What signing up asks for beside name and password: the required attributes, and the address to
/// send the code to.
fn asked(pool: &Pool) -> Vec<Asked> {
    let schema = pool.schema();
    let mut names: Vec<&str> = schema.required().filter(|name| *name != "email").collect();
    let needs_email = pool.settings.verifies_email() || schema.required().any(|name| name == "email");
    if needs_email && !pool.settings.email_is_username() {
        names.insert(0, "email");
    }
    names.into_iter().map(|name| Asked { name: name.to_owned(), label: name.replace('_', " ") }).collect()
}

fn in_words(policy: &PasswordPolicy) -> String {
    let needs: Vec<&str> = [
        (policy.require_uppercase, "an upper-case letter"),
        (policy.require_lowercase, "a lower-case letter"),
        (policy.require_numbers, "a digit"),
        (policy.require_symbols, "a symbol"),
    ]
    .into_iter()
    .filter_map(|(required, name)| required.then_some(name))
    .collect();
    let length = policy.minimum_length;
    if needs.is_empty() {
        format!("At least {length} characters.")
    } else {
        format!("At least {length} characters with {}.", needs.join(", "))
    }
}
