//! The OAuth endpoints that applications call: token, userInfo and revoke.

use aws_lc_rs::{constant_time, digest};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::{HeaderValue, header};
use serde_json::{Value, json};

use super::visits::Authorization;
use super::{Visitor, html};
use crate::cognito::account::check_revocable;
use crate::cognito::client_settings::AuthFlow;
use crate::cognito::state::{Client, Millis, State};
use crate::cognito::tokens::{self, SignIn, Tokens};
use crate::wire::{AwsError, json_response, plain_response};

/// RFC 6749, 5.2: one word.
type OAuthError = &'static str;

/// Browser applications call these from their own origin.
pub(super) fn cors(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn failed(visitor: &Visitor<'_>, error: OAuthError) -> Response {
    json_response(400, "application/json", &json!({"error": error}), &visitor.call.request_id)
}

pub(super) fn token(visitor: &Visitor<'_>) -> Response {
    let now = jiff::Timestamp::now().as_millisecond();
    match visitor.cloud.cognito.state.write(|state| grant(state, visitor, now)) {
        Ok(tokens) => {
            let mut body = json!({
                "access_token": tokens.access,
                "expires_in": tokens.expires_in,
                "token_type": "Bearer",
            });
            for (name, token) in [("id_token", tokens.id), ("refresh_token", tokens.refresh)] {
                if let Some(token) = token {
                    body[name] = json!(token);
                }
            }
            json_response(200, "application/json", &body, &visitor.call.request_id)
        }
        Err(error) => failed(visitor, error),
    }
}

fn grant(state: &mut State, visitor: &Visitor<'_>, now: Millis) -> Result<Tokens, OAuthError> {
    let field = |name: &str| visitor.form.get(name).filter(|value| !value.is_empty()).map(String::as_str);
    match field("grant_type") {
        Some("authorization_code") => {
            let client = authenticated(state, visitor)?;
            let code = field("code").ok_or("invalid_request")?;
            // Used up before anything else is judged: a code works once, also when it is misused.
            let authorization = state.visits.take_code(code, now).ok_or("invalid_grant")?;
            check_code(&authorization, &client, field("redirect_uri"), field("code_verifier"))?;
            let sign_in = SignIn {
                client_id: &client.id,
                user: &authorization.user,
                scopes: authorization.scopes.clone(),
                hosted: true,
                nonce: authorization.nonce.as_deref(),
            };
            let pool = state.pools.get_mut(&authorization.pool_id).ok_or("invalid_grant")?;
            if pool.users.get(&authorization.user).is_none_or(|user| !user.enabled) {
                return Err("invalid_grant");
            }
            tokens::sign_in(pool, &sign_in, now).map_err(|_| "invalid_grant")
        }
        Some("refresh_token") => {
            let client = authenticated(state, visitor)?;
            if !client.settings.allows(AuthFlow::AllowRefreshToken) && !client.settings.rotates() {
                return Err("unauthorized_client");
            }
            let token = field("refresh_token").ok_or("invalid_request")?;
            let pool = state.pools.get_mut(&visitor.pool_id).ok_or("invalid_grant")?;
            tokens::refresh(pool, &client.id, token, now).map_err(|_| "invalid_grant")
        }
        Some(_) => Err("unsupported_grant_type"),
        None => Err("invalid_request"),
    }
}

fn check_code(
    authorization: &Authorization,
    client: &Client,
    redirect_uri: Option<&str>,
    verifier: Option<&str>,
) -> Result<(), OAuthError> {
    let proved = match (&authorization.challenge, verifier) {
        (None, None) => true,
        (Some(challenge), Some(verifier)) => {
            let hash = digest::digest(&digest::SHA256, verifier.as_bytes());
            let expected = URL_SAFE_NO_PAD.encode(hash.as_ref());
            constant_time::verify_slices_are_equal(expected.as_bytes(), challenge.as_bytes()).is_ok()
        }
        // A verifier without a challenge is a request whose challenge was taken out (RFC 9700, 4.8.2).
        (Some(_), None) | (None, Some(_)) => false,
    };
    let same =
        authorization.client_id == client.id && redirect_uri == Some(authorization.redirect_uri.as_str());
    if proved && same { Ok(()) } else { Err("invalid_grant") }
}

/// The client of the request, and its secret where it has one: by HTTP Basic or in the form.
fn authenticated(state: &State, visitor: &Visitor<'_>) -> Result<Client, OAuthError> {
    let basic = visitor.call.header("authorization").map(|value| basic(value).ok_or("invalid_client"));
    let (id, secret) = match basic.transpose()? {
        Some((id, secret)) => (id, Some(secret)),
        None => {
            let id = visitor.form.get("client_id").cloned().ok_or("invalid_request")?;
            (id, visitor.form.get("client_secret").cloned())
        }
    };
    let pool = state.pools.get(&visitor.pool_id).ok_or("invalid_client")?;
    let client = pool.clients.get(&id).ok_or("invalid_client")?;
    if visitor.form.get("client_id").is_some_and(|named| *named != id) || client.secret != secret {
        return Err("invalid_client");
    }
    Ok(client.clone())
}

fn basic(header: &str) -> Option<(String, String)> {
    let encoded = header.strip_prefix("Basic ")?;
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}

/// The user's attributes that the token's scopes show. Booleans are text here, as Cognito writes them.
pub(super) fn user_info(visitor: &Visitor<'_>) -> Response {
    let now = jiff::Timestamp::now().as_millisecond();
    let token = visitor.call.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    let found = visitor.cloud.cognito.state.read(|state| match token {
        Some(token) => info(state, visitor, token, now),
        None => Err(AwsError::new(401, "invalid_request", "Access token is missing")),
    });
    match found {
        Ok(body) => json_response(200, "application/json", &body, &visitor.call.request_id),
        Err(error) => {
            let body = json!({"error": "invalid_token", "error_description": error.message});
            let mut response = json_response(401, "application/json", &body, &visitor.call.request_id);
            let challenge = format!(
                "Bearer error=\"invalid_token\", error_description=\"{}\"",
                html::escape(&error.message)
            );
            if let Ok(challenge) = challenge.parse() {
                response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
            }
            response
        }
    }
}

fn info(state: &State, visitor: &Visitor<'_>, token: &str, now: Millis) -> Result<Value, AwsError> {
    let bearer = tokens::authorize(state, token, "openid", now)?;
    let invalid = || AwsError::new(401, "invalid_token", "Access token is invalid");
    if bearer.pool_id != visitor.pool_id {
        return Err(invalid());
    }
    let pool = state.pool(&bearer.pool_id)?;
    let user = pool.users.get(&bearer.user).ok_or_else(invalid)?;
    let session = pool.sessions.get(&bearer.event_id).ok_or_else(invalid)?;
    let mut shown = tokens::shown_attributes(pool.client(&bearer.client_id)?, user, session);
    for value in shown.values_mut() {
        if let Value::Bool(flag) = value {
            *value = json!(flag.to_string());
        }
    }
    shown.insert("sub".to_owned(), json!(user.sub));
    shown.insert("username".to_owned(), json!(user.username));
    Ok(Value::Object(shown))
}

pub(super) fn revoke(visitor: &Visitor<'_>) -> Response {
    let revoked = visitor.cloud.cognito.state.write(|state| {
        let client = authenticated(state, visitor)?;
        let token = visitor.form.get("token").ok_or("invalid_request")?;
        check_revocable(&client, token).map_err(|error| {
            if error.code == "UnsupportedTokenTypeException" {
                "unsupported_token_type"
            } else {
                "invalid_request"
            }
        })?;
        let pool = state.pools.get_mut(&visitor.pool_id).ok_or("invalid_client")?;
        tokens::revoke(pool, &client.id, token);
        Ok(())
    });
    match revoked {
        Ok(()) => plain_response(200, "application/json", "", &visitor.call.request_id),
        Err(error) => failed(visitor, error),
    }
}
