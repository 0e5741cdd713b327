//! The hosted pages and OAuth endpoints of a pool's domain: `/_hosted/<domain>/<path>`.
//!
//! [`request`] judges what an application asks for, [`forms`] signs a browser in, [`oauth`] gives the
//! application its tokens; [`pages`] and [`html`] are the look; [`visits`] is who is signed in.

mod forms;
pub(super) mod html;
mod oauth;
mod pages;
mod request;
pub(super) mod visits;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::response::Response;
use http::{HeaderValue, Method, header};

use self::pages::{Frame, Notice};
use self::request::{AuthorizationRequest, Refusal};
use super::operation::{Ids, Operation};
use super::random;
use super::state::Pool;
use crate::cloud::Cloud;
use crate::wire::{AwsError, Call, plain_response};

/// The cookie of a signed-in browser, and the one that forms must match.
const VISIT_COOKIE: &str = "cognito";
const CSRF_COOKIE: &str = "XSRF-TOKEN";

/// One request of a browser or an application to a domain.
struct Visitor<'a> {
    cloud: &'a Arc<Cloud>,
    call: &'a Call,
    domain: &'a str,
    pool_id: String,
    query: BTreeMap<String, String>,
    form: BTreeMap<String, String>,
    cookies: BTreeMap<String, String>,
}

/// Pages and OAuth endpoints of a pool's domain: `/_hosted/<domain>/<path>`.
pub async fn hosted(cloud: &Arc<Cloud>, domain: &str, path: &str, call: Call) -> Response {
    let pool_id = cloud.cognito.state.read(|state| state.pool_of_domain(domain).map(|pool| pool.id.clone()));
    let Some(pool_id) = pool_id else {
        return error_page(404, "There is no user pool with this domain.", &call);
    };
    if path.starts_with("/oauth2/") && call.method == Method::OPTIONS {
        return super::preflight(&call);
    }
    let visitor = match Visitor::new(cloud, domain, pool_id, &call) {
        Ok(visitor) => visitor,
        Err(error) => return error_page(400, &error.message, &call),
    };
    let answered = match (path, &call.method) {
        ("/oauth2/token", &Method::POST) => return oauth::cors(oauth::token(&visitor)),
        ("/oauth2/userInfo", &Method::GET | &Method::POST) => return oauth::cors(oauth::user_info(&visitor)),
        ("/oauth2/revoke", &Method::POST) => return oauth::cors(oauth::revoke(&visitor)),
        ("/oauth2/authorize", &Method::GET) => visitor.authorize(),
        ("/logout", &Method::GET) => visitor.log_out(),
        ("/error", &Method::GET) => {
            Ok(error_page(400, "An error was encountered with the requested page.", &call))
        }
        (page, &Method::GET) => visitor.show(page),
        (page, &Method::POST) => visitor.submit(page).await,
        _ => return error_page(405, "This method is not allowed here.", &call),
    };
    answered.unwrap_or_else(|refusal| visitor.refuse(refusal))
}

fn error_page(status: u16, message: &str, call: &Call) -> Response {
    html::page(status, "Error", &pages::dead_end(message), &call.request_id)
}

fn redirect(to: &str, call: &Call) -> Result<Response, Refusal> {
    let mut response = plain_response(302, "text/plain", "", &call.request_id);
    let location =
        HeaderValue::from_str(to).map_err(|_| Refusal::Page("The address is not valid.".to_owned()))?;
    response.headers_mut().insert(header::LOCATION, location);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

impl<'a> Visitor<'a> {
    fn new(
        cloud: &'a Arc<Cloud>,
        domain: &'a str,
        pool_id: String,
        call: &'a Call,
    ) -> Result<Self, AwsError> {
        let is_form = call
            .header("content-type")
            .is_some_and(|kind| kind.to_ascii_lowercase().starts_with("application/x-www-form-urlencoded"));
        let form = if is_form { html::parse_form(&call.body)? } else { BTreeMap::new() };
        let cookies = call
            .headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let query = html::parse_form(call.uri.query().unwrap_or_default().as_bytes())?;
        Ok(Self { cloud, call, domain, pool_id, query, form, cookies })
    }

    fn with_pool<R>(&self, look: impl FnOnce(&Pool) -> R) -> Result<R, Refusal> {
        self.cloud
            .cognito
            .state
            .read(|state| state.pools.get(&self.pool_id).map(look))
            .ok_or_else(|| Refusal::Page("The user pool is gone.".to_owned()))
    }

    fn request(&self) -> Result<AuthorizationRequest, Refusal> {
        self.with_pool(|pool| AuthorizationRequest::judge(pool, &self.query))?
    }

    fn ids(&self, request: &AuthorizationRequest) -> Ids {
        Ids { pool: self.pool_id.clone(), client: request.client_id.clone() }
    }

    async fn perform<R>(
        &self,
        operation: impl FnOnce(&mut Operation<'_>) -> Result<R, AwsError>,
    ) -> Result<R, AwsError> {
        super::perform(self.cloud, self.call, operation).await
    }

    fn base(&self) -> String {
        format!("/_hosted/{}", self.domain)
    }

    fn query_text(&self) -> String {
        html::query(self.query.iter().map(|(name, value)| (name.as_str(), value.as_str())))
    }

    fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    fn set_cookie(&self, response: &mut Response, name: &str, value: &str, seconds: i64) {
        let cookie =
            format!("{name}={value}; Path={}/; Max-Age={seconds}; HttpOnly; SameSite=Lax", self.base());
        if let Ok(cookie) = cookie.parse() {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
    }

    fn refuse(&self, refusal: Refusal) -> Response {
        match refusal {
            Refusal::Page(message) => error_page(400, &message, self.call),
            Refusal::Redirect(to) => redirect(&to, self.call)
                .unwrap_or_else(|_| error_page(400, "The address is not valid.", self.call)),
        }
    }

    /// A form page; it sets the cookie that the form's token must match.
    fn page(
        &self,
        title: &str,
        notice: Option<Notice>,
        content: impl FnOnce(&Frame<'_>) -> String,
    ) -> Result<Response, Refusal> {
        let csrf = match self.cookie(CSRF_COOKIE) {
            Some(csrf) => csrf.to_owned(),
            None => random::token(43).map_err(|error| Refusal::Page(error.message))?,
        };
        let status = if matches!(notice, Some(Notice::Problem(_))) { 400 } else { 200 };
        let (base, query) = (self.base(), self.query_text());
        let frame = Frame { base: &base, query: &query, csrf: &csrf, notice };
        let mut response = html::page(status, title, &content(&frame), &self.call.request_id);
        self.set_cookie(&mut response, CSRF_COOKIE, &csrf, 3600);
        Ok(response)
    }

    /// `/oauth2/authorize`: a browser that is signed in goes straight back, another one signs in first.
    fn authorize(&self) -> Result<Response, Refusal> {
        let request = self.request()?;
        let prompt = self.query.get("prompt").map(String::as_str);
        let signed_in = self.cookie(VISIT_COOKIE).and_then(|cookie| {
            let now = jiff::Timestamp::now().as_millisecond();
            self.cloud.cognito.state.read(|state| {
                let visit = state.visits.of(cookie, &self.pool_id, now)?;
                let user = state.pools.get(&self.pool_id)?.users.get(&visit.user)?;
                user.enabled.then(|| visit.user.clone())
            })
        });
        match (signed_in, prompt) {
            (Some(user), None | Some("none")) => {
                let code = self
                    .cloud
                    .cognito
                    .state
                    .write(|state| forms::authorization_code(state, self, &request, &user));
                let code = code.map_err(|error| Refusal::Page(error.message))?;
                redirect(&request.answer(&[("code", &code)]), self.call)
            }
            (None, Some("none")) => Err(Refusal::Redirect(request.answer(&[("error", "login_required")]))),
            (_, _) => redirect(&format!("{}/login?{}", self.base(), self.query_text()), self.call),
        }
    }

    /// `/logout`: ends the visit, then goes to a listed address or back to sign in.
    fn log_out(&self) -> Result<Response, Refusal> {
        let text = |name: &str| self.query.get(name).filter(|value| !value.is_empty());
        let page = |message: &str| Refusal::Page(message.to_owned());
        let client_id =
            text("client_id").ok_or_else(|| page("Required parameter 'client_id' is not present."))?;
        let to = match text("logout_uri") {
            Some(uri) => {
                let listed = self.with_pool(|pool| {
                    pool.clients.get(client_id).map(|client| client.settings.logout_urls.contains(uri))
                })?;
                match listed {
                    Some(true) => uri.clone(),
                    Some(false) => {
                        return Err(page(
                            "An error was encountered with the requested page: redirect_mismatch",
                        ));
                    }
                    None => return Err(page("Client does not exist.")),
                }
            }
            None => {
                self.request()?;
                format!("{}/login?{}", self.base(), self.query_text())
            }
        };
        if let Some(cookie) = self.cookie(VISIT_COOKIE) {
            self.cloud.cognito.state.write(|state| state.visits.end(cookie));
        }
        let mut response = redirect(&to, self.call)?;
        self.set_cookie(&mut response, VISIT_COOKIE, "", 0);
        Ok(response)
    }
}
