//! The authorization request that a browser brings along: judged at every page, never trusted.

use std::collections::BTreeMap;

use super::html;
use crate::cognito::client_settings::OAuthFlow;
use crate::cognito::state::{Client, Pool};

/// A request that the client may make.
pub(super) struct AuthorizationRequest {
    pub client_id: String,
    pub redirect_uri: String,
    pub scopes: Vec<String>,
    pub state: Option<String>,
    pub challenge: Option<String>,
    pub nonce: Option<String>,
}

/// Why a request goes no further.
#[derive(Debug, PartialEq)]
pub(super) enum Refusal {
    /// Nobody to send back to: the browser stays on an error page.
    Page(String),
    /// The application is told: where to send the browser.
    Redirect(String),
}

impl AuthorizationRequest {
    pub fn judge(pool: &Pool, query: &BTreeMap<String, String>) -> Result<Self, Refusal> {
        let text = |name: &str| query.get(name).filter(|value| !value.is_empty()).cloned();
        let page = |message: &str| Refusal::Page(message.to_owned());
        let client_id =
            text("client_id").ok_or_else(|| page("Required parameter 'client_id' is not present."))?;
        let client = pool.clients.get(&client_id).ok_or_else(|| page("Client does not exist."))?;
        if !client.settings.allowed_oauth_flows_user_pool_client {
            return Err(page("This client is not allowed to use OAuth flows (unauthorized_client)."));
        }
        let redirect_uri = text("redirect_uri")
            .or_else(|| client.settings.default_redirect_uri.clone())
            .ok_or_else(|| page("Required parameter 'redirect_uri' is not present."))?;
        if !client.settings.callback_urls.contains(&redirect_uri) {
            return Err(page("An error was encountered with the requested page: redirect_mismatch"));
        }
        let state = text("state");
        let refuse =
            |error: &str| Refusal::Redirect(answer(&redirect_uri, &[("error", error)], state.as_deref()));
        if !client.settings.supported_identity_providers.iter().any(|name| name == "COGNITO") {
            return Err(page("Login option is not available: the client has no identity provider COGNITO."));
        }
        if text("identity_provider").is_some_and(|name| name != "COGNITO") {
            return Err(refuse("invalid_request"));
        }
        check_response_type(client, text("response_type").as_deref()).map_err(refuse)?;
        let challenge = check_challenge(text("code_challenge"), text("code_challenge_method").as_deref())
            .map_err(refuse)?;
        let scopes: Vec<String> = match text("scope") {
            None => client.settings.allowed_oauth_scopes.clone(),
            Some(scope) => scope.split_whitespace().map(str::to_owned).collect(),
        };
        if scopes.iter().any(|scope| !client.settings.allowed_oauth_scopes.contains(scope)) {
            return Err(refuse("invalid_scope"));
        }
        Ok(Self { client_id, scopes, state: state.clone(), challenge, nonce: text("nonce"), redirect_uri })
    }

    /// The redirect that answers the application.
    pub fn answer(&self, pairs: &[(&str, &str)]) -> String {
        answer(&self.redirect_uri, pairs, self.state.as_deref())
    }
}

fn check_response_type(client: &Client, response_type: Option<&str>) -> Result<(), &'static str> {
    match response_type {
        Some("code") if client.settings.allowed_oauth_flows.contains(&OAuthFlow::Code) => Ok(()),
        // The implicit flow is refused like any flow that a client does not have.
        Some("code" | "token") => Err("unauthorized_client"),
        Some(_) | None => Err("invalid_request"),
    }
}

/// PKCE, RFC 7636: Cognito takes S256 alone, and a challenge must name it.
fn check_challenge(challenge: Option<String>, method: Option<&str>) -> Result<Option<String>, &'static str> {
    match (challenge, method) {
        (None, None) => Ok(None),
        (Some(challenge), Some("S256")) if challenge.len() == 43 => Ok(Some(challenge)),
        _ => Err("invalid_request"),
    }
}

fn answer(redirect_uri: &str, pairs: &[(&str, &str)], state: Option<&str>) -> String {
    let pairs = pairs.iter().copied().chain(state.map(|state| ("state", state)));
    let separator = if redirect_uri.contains('?') { '&' } else { '?' };
    format!("{redirect_uri}{separator}{}", html::query(pairs))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_application_gets_its_state_back() {
        assert_eq!(
            answer("https://a.example/cb", &[("code", "x y")], Some("a&b")),
            "https://a.example/cb?code=x%20y&state=a%26b"
        );
        assert_eq!(answer("app://cb?k=v", &[("error", "e")], None), "app://cb?k=v&error=e");
    }

    #[test]
    fn a_challenge_is_s256_or_refused() {
        let challenge = || Some("a".repeat(43));
        assert_eq!(check_challenge(challenge(), Some("S256")), Ok(challenge()));
        assert_eq!(check_challenge(None, None), Ok(None));
        assert!(check_challenge(challenge(), None).is_err());
        assert!(check_challenge(challenge(), Some("plain")).is_err());
        assert!(check_challenge(None, Some("S256")).is_err());
        assert!(check_challenge(Some("short".to_owned()), Some("S256")).is_err());
    }
}
