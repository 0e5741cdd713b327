//! The JWT authorizer, with the rules that AWS documents.
//! Source: API Gateway developer guide, "Controlling access to HTTP APIs with JWT authorizers".

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderMap;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::{Map, Value};

use super::model::{Authorizer, JwtConfiguration, Route};
use crate::cloud::Cloud;

/// What a token brings into the event.
#[derive(Debug, Clone, PartialEq)]
pub struct Grant {
    /// Every value as text: lists as `[a b]`, numbers and booleans as they read.
    pub claims: Map<String, Value>,
    /// The token's scopes among the route's; `None` where the route asks for none.
    pub scopes: Option<Vec<String>>,
}

/// Why a request does not pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// 401. The reason is for the `www-authenticate` header; `None` without any token.
    Unauthorized(Option<&'static str>),
    /// 403: a good token without any of the route's scopes.
    Forbidden,
}

impl Refusal {
    /// The `www-authenticate` header.
    pub fn challenge(&self, route: &Route) -> String {
        let scope = route.authorization_scopes.join(" ");
        match self {
            Self::Unauthorized(None) => "Bearer".to_owned(),
            Self::Unauthorized(Some(why)) => {
                format!("Bearer scope=\"{scope}\" error=\"invalid_token\" error_description=\"{why}\"")
            }
            Self::Forbidden => format!(
                "Bearer scope=\"{scope}\" error=\"insufficient_scope\" error_description=\"the token does not have any of the scopes\""
            ),
        }
    }

    /// For access logs.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Unauthorized(None) => "no token was found at the identity source",
            Self::Unauthorized(Some(why)) => why,
            Self::Forbidden => "insufficient scope",
        }
    }
}

/// Judges a request's token at `now`, in seconds since the epoch.
pub fn authorize(
    cloud: &Cloud,
    authorizer: &Authorizer,
    route: &Route,
    headers: &HeaderMap,
    query: &[(String, String)],
    now: i64,
) -> Result<Grant, Refusal> {
    let token = token(authorizer, headers, query).ok_or(Refusal::Unauthorized(None))?;
    let configuration = authorizer.jwt_configuration.clone().unwrap_or_default();
    let jwks = pool_of(&configuration.issuer).and_then(|pool| cloud.cognito.jwks(pool));
    let claims = verify(&token, jwks.as_ref())?;
    judge(&configuration, &claims, now)?;
    let scopes = scopes(route, &claims)?;
    let claims = claims.into_iter().map(|(name, value)| (name, Value::String(as_text(&value)))).collect();
    Ok(Grant { claims, scopes })
}

/// The token at the first identity source that has one, with or without `Bearer`.
fn token(authorizer: &Authorizer, headers: &HeaderMap, query: &[(String, String)]) -> Option<String> {
    let found = authorizer.identity_source.iter().find_map(|source| {
        if let Some(name) = source.strip_prefix("$request.header.") {
            headers.get(name)?.to_str().ok().map(str::to_owned)
        } else {
            let name = source.strip_prefix("$request.querystring.")?;
            query.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
        }
    })?;
    let found = found.trim();
    let bare = match found.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        _ => found,
    };
    (!bare.is_empty()).then(|| bare.to_owned())
}

/// The local pool that an issuer names: `https://cognito-idp.<region>.amazonaws.com/<pool id>`.
fn pool_of(issuer: &str) -> Option<&str> {
    let (region, pool) = issuer.strip_prefix("https://cognito-idp.")?.split_once(".amazonaws.com/")?;
    (pool.split_once('_')?.0 == region && !pool.contains('/')).then_some(pool)
}

/// The claims of a token whose signature is the issuer's. RS256 alone: a token chooses neither no
/// algorithm nor one that would take the public key for a secret.
fn verify(token: &str, jwks: Option<&Value>) -> Result<Map<String, Value>, Refusal> {
    let malformed = Refusal::Unauthorized(Some("the token is malformed"));
    let (message, signature) = token.rsplit_once('.').ok_or(malformed.clone())?;
    let (header, payload) = message.split_once('.').ok_or(malformed.clone())?;
    let part = |part: &str| -> Option<Map<String, Value>> {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
    };
    let header = part(header).ok_or(malformed.clone())?;
    let claims = part(payload).ok_or(malformed)?;
    if header.get("alg").and_then(Value::as_str) != Some("RS256") {
        return Err(Refusal::Unauthorized(Some("signing method is invalid")));
    }
    let unknown = Refusal::Unauthorized(Some("unable to find the key of the token"));
    let kid = header.get("kid").and_then(Value::as_str).ok_or(unknown.clone())?;
    let key = jwks
        .and_then(|jwks| jwks.get("keys")?.as_array())
        .and_then(|keys| keys.iter().find(|key| key.get("kid").and_then(Value::as_str) == Some(kid)))
        .ok_or(unknown.clone())?;
    let component = |name: &str| key.get(name).and_then(Value::as_str).unwrap_or_default();
    let key = DecodingKey::from_rsa_components(component("n"), component("e")).map_err(|_| unknown)?;
    match jsonwebtoken::crypto::verify(signature, message.as_bytes(), &key, Algorithm::RS256) {
        Ok(true) => Ok(claims),
        Ok(false) | Err(_) => Err(Refusal::Unauthorized(Some("signature verification failed"))),
    }
}

/// Issuer, audience and times. Pure.
fn judge(configuration: &JwtConfiguration, claims: &Map<String, Value>, now: i64) -> Result<(), Refusal> {
    let refuse = |why| Err(Refusal::Unauthorized(Some(why)));
    if claims.get("iss").and_then(Value::as_str) != Some(configuration.issuer.as_str()) {
        return refuse("the token has an invalid issuer");
    }
    let listed = |name: &Value| {
        name.as_str().is_some_and(|name| configuration.audience.iter().any(|audience| audience == name))
    };
    let audience = match (claims.get("aud"), claims.get("client_id")) {
        (Some(Value::Array(names)), _) => names.iter().any(listed),
        (Some(name), _) => listed(name),
        (None, Some(client)) => listed(client),
        (None, None) => false,
    };
    if !audience {
        return refuse("the token does not have a valid audience");
    }
    // A time that is not a whole number of seconds is no time.
    let past = |name: &str| claims.get(name).is_none_or(|time| time.as_i64().is_some_and(|time| time <= now));
    if claims.get("exp").and_then(Value::as_i64).is_none_or(|expires| expires <= now) {
        return refuse("the token has expired");
    }
    if !past("nbf") {
        return refuse("the token is not valid yet");
    }
    if !past("iat") {
        return refuse("the token was issued in the future");
    }
    Ok(())
}

/// At least one of the route's scopes must be in `scope` or `scp`.
fn scopes(route: &Route, claims: &Map<String, Value>) -> Result<Option<Vec<String>>, Refusal> {
    if route.authorization_scopes.is_empty() {
        return Ok(None);
    }
    let granted: Vec<&str> = match claims.get("scope").or_else(|| claims.get("scp")) {
        Some(Value::String(scopes)) => scopes.split_whitespace().collect(),
        Some(Value::Array(scopes)) => scopes.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let shared: Vec<String> = route
        .authorization_scopes
        .iter()
        .filter(|scope| granted.contains(&scope.as_str()))
        .cloned()
        .collect();
    if shared.is_empty() { Err(Refusal::Forbidden) } else { Ok(Some(shared)) }
}

fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => format!("[{}]", values.iter().map(as_text).collect::<Vec<_>>().join(" ")),
        Value::Null => String::new(),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ISSUER: &str = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_abc";

    fn claims(changes: Value) -> Map<String, Value> {
        let mut claims = json!({"iss": ISSUER, "client_id": "c", "exp": 2000, "iat": 1000});
        for (name, value) in changes.as_object().unwrap() {
            match value {
                Value::Null => claims.as_object_mut().unwrap().remove(name),
                value => claims.as_object_mut().unwrap().insert(name.clone(), value.clone()),
            };
        }
        claims.as_object().unwrap().clone()
    }

    fn verdict(changes: Value) -> Result<(), Refusal> {
        let configuration =
            JwtConfiguration { audience: vec!["c".into(), "d".into()], issuer: ISSUER.into() };
        judge(&configuration, &claims(changes), 1500)
    }

    #[test]
    fn a_token_of_the_issuer_for_the_audience_in_its_time_passes() {
        for good in [json!({}), json!({"aud": "d"}), json!({"aud": ["x", "c"]}), json!({"nbf": 1500})] {
            assert_eq!(verdict(good.clone()), Ok(()), "{good}");
        }
    }

    #[test]
    fn each_rule_refuses_alone() {
        for bad in [
            json!({"iss": format!("{ISSUER}/")}),
            json!({"iss": null}),
            json!({"client_id": "x"}),
            json!({"client_id": null}),
            // client_id counts only where there is no aud.
            json!({"aud": "x"}),
            json!({"exp": 1500}),
            json!({"exp": null}),
            json!({"exp": "9999"}),
            json!({"nbf": 1501}),
            json!({"iat": 1501}),
        ] {
            assert!(matches!(verdict(bad.clone()), Err(Refusal::Unauthorized(Some(_)))), "{bad}");
        }
    }

    #[test]
    fn any_one_of_the_routes_scopes_is_enough() {
        let route = |scopes: &[&str]| Route {
            api_id: String::new(),
            route_key: "GET /".into(),
            target: None,
            authorization_type: Some("JWT".into()),
            authorizer_id: None,
            authorization_scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            operation_name: None,
        };
        let token = claims(json!({"scope": "openid email"}));
        assert_eq!(scopes(&route(&[]), &token), Ok(None));
        assert_eq!(scopes(&route(&["email", "phone"]), &token), Ok(Some(vec!["email".into()])));
        assert_eq!(scopes(&route(&["phone"]), &token), Err(Refusal::Forbidden));
        assert_eq!(
            scopes(&route(&["phone"]), &claims(json!({"scp": ["phone"]}))),
            Ok(Some(vec!["phone".into()]))
        );
    }

    #[test]
    fn no_algorithm_but_rs256_is_looked_at() {
        for algorithm in ["none", "None", "HS256", "RS384", ""] {
            let header = URL_SAFE_NO_PAD.encode(json!({"alg": algorithm, "kid": "k"}).to_string());
            let payload = URL_SAFE_NO_PAD.encode(json!({"iss": ISSUER}).to_string());
            for token in [format!("{header}.{payload}."), format!("{header}.{payload}.AAAA")] {
                let refused = verify(&token, None).unwrap_err();
                assert_eq!(refused, Refusal::Unauthorized(Some("signing method is invalid")), "{algorithm}");
            }
        }
        for token in ["", "a", "a.b", "a.b.c.d", "..", "!.!.!"] {
            assert!(verify(token, None).is_err(), "{token}");
        }
    }

    #[test]
    fn claims_become_text() {
        assert_eq!(as_text(&json!(["a", "b"])), "[a b]");
        assert_eq!(as_text(&json!(true)), "true");
        assert_eq!(as_text(&json!(1700000000)), "1700000000");
        assert_eq!(as_text(&json!("x")), "x");
    }

    #[test]
    fn an_issuer_names_a_local_pool_only_in_its_exact_form() {
        assert_eq!(pool_of(ISSUER), Some("us-east-1_abc"));
        for other in [
            "http://cognito-idp.us-east-1.amazonaws.com/us-east-1_abc",
            "https://cognito-idp.us-east-1.amazonaws.com/eu-west-1_abc",
            "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_abc/",
            "https://example.com/us-east-1_abc",
        ] {
            assert_eq!(pool_of(other), None, "{other}");
        }
    }
}
