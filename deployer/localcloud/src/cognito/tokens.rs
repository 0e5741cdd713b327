//! The tokens of a signed-in user: issued, refreshed, judged and revoked.

use aws_lc_rs::digest;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::state::{Client, Millis, Pool, Session, State, User};
use super::{errors, random};
use crate::wire::AwsError;

/// The scope of a token from the API's own flows; it opens the user's own operations.
pub(super) const ADMIN_SCOPE: &str = "aws.cognito.signin.user.admin";
const REFRESH_LENGTH: usize = 128;

pub(super) struct Tokens {
    pub access: String,
    /// Absent where the hosted pages were asked for no `openid`.
    pub id: Option<String>,
    /// Absent where an earlier one goes on.
    pub refresh: Option<String>,
    /// Of the access token, in seconds.
    pub expires_in: i64,
}

impl Tokens {
    /// What InitiateAuth and its kin answer.
    pub fn result(&self) -> Value {
        let mut result = json!({
            "AccessToken": self.access,
            "ExpiresIn": self.expires_in,
            "TokenType": "Bearer",
        });
        for (name, token) in [("IdToken", &self.id), ("RefreshToken", &self.refresh)] {
            if let Some(token) = token {
                result[name] = json!(token);
            }
        }
        json!({"AuthenticationResult": result, "ChallengeParameters": {}})
    }
}

/// How a user came in.
pub(super) struct SignIn<'a> {
    pub client_id: &'a str,
    /// The user's key in the pool.
    pub user: &'a str,
    pub scopes: Vec<String>,
    pub hosted: bool,
    pub nonce: Option<&'a str>,
}

impl<'a> SignIn<'a> {
    /// A sign-in through the API.
    pub fn api(client_id: &'a str, user: &'a str) -> Self {
        Self { client_id, user, scopes: vec![ADMIN_SCOPE.to_owned()], hosted: false, nonce: None }
    }
}

/// Begins a session and issues its tokens.
pub(super) fn sign_in(pool: &mut Pool, sign_in: &SignIn<'_>, now: Millis) -> Result<Tokens, AwsError> {
    pool.prune_sessions(now);
    let client = pool.client(sign_in.client_id)?;
    let user = pool.users.get(sign_in.user).ok_or_else(errors::user_not_found)?;
    let refresh = random::token(REFRESH_LENGTH)?;
    let session = Session {
        event_id: Uuid::new_v4().to_string(),
        origin_jti: Uuid::new_v4().to_string(),
        client_id: client.id.clone(),
        username: user.username.clone(),
        auth_time: now,
        scopes: sign_in.scopes.clone(),
        hosted: sign_in.hosted,
        refresh: hashed(&refresh),
        rotated: None,
        refresh_expires: now + client.settings.refresh_seconds() * 1000,
        revoked: false,
    };
    let mut tokens = issue(pool, client, user, &session, sign_in.nonce, now)?;
    tokens.refresh = Some(refresh);
    pool.sessions.insert(session.event_id.clone(), session);
    Ok(tokens)
}

/// New tokens for a refresh token; a new refresh token too where the client rotates them.
pub(super) fn refresh(
    pool: &mut Pool,
    client_id: &str,
    token: &str,
    now: Millis,
) -> Result<Tokens, AwsError> {
    let hash = hashed(token);
    let client = pool.client(client_id)?.clone();
    let session = pool
        .sessions
        .values()
        .find(|session| {
            session.client_id == client_id
                && (session.refresh == hash
                    || session.rotated.as_ref().is_some_and(|(old, until)| *old == hash && *until > now))
        })
        .cloned()
        .ok_or_else(|| errors::not_authorized("Invalid Refresh Token"))?;
    if session.revoked {
        return Err(errors::not_authorized("Refresh Token has been revoked"));
    }
    if session.refresh_expires <= now {
        return Err(errors::not_authorized("Refresh Token has expired"));
    }
    let user = pool.user(&session.username).ok_or_else(|| errors::not_authorized("Invalid Refresh Token"))?;
    if !user.enabled {
        return Err(errors::user_disabled());
    }
    let mut tokens = issue(pool, &client, user, &session, None, now)?;
    if client.settings.rotates() {
        let next = random::token(REFRESH_LENGTH)?;
        if let Some(session) = pool.sessions.get_mut(&session.event_id) {
            session.rotated = Some((hash, now + client.settings.rotation_grace()));
            session.refresh = hashed(&next);
        }
        tokens.refresh = Some(next);
    }
    Ok(tokens)
}

/// Ends the session of a refresh token. An unknown token is no error, as RFC 7009 has it.
pub(super) fn revoke(pool: &mut Pool, client_id: &str, token: &str) {
    let hash = hashed(token);
    let session =
        pool.sessions.values_mut().find(|session| session.client_id == client_id && session.refresh == hash);
    if let Some(session) = session {
        session.revoked = true;
    }
}

fn issue(
    pool: &Pool,
    client: &Client,
    user: &User,
    session: &Session,
    nonce: Option<&str>,
    now: Millis,
) -> Result<Tokens, AwsError> {
    let access_seconds = client.settings.access_seconds();
    let access = pool.keys.access.sign(&access_claims(pool, client, user, session, now))?;
    let with_id = !session.hosted || session.scopes.iter().any(|scope| scope == "openid");
    let id = if with_id {
        let mut claims = id_claims(pool, client, user, session, now);
        if session.hosted {
            claims.insert("at_hash".to_owned(), json!(at_hash(&access)));
        }
        if let Some(nonce) = nonce {
            claims.insert("nonce".to_owned(), json!(nonce));
        }
        Some(pool.keys.id.sign(&claims)?)
    } else {
        None
    };
    Ok(Tokens { access, id, refresh: None, expires_in: access_seconds })
}

fn common_claims(
    pool: &Pool,
    client: &Client,
    user: &User,
    session: &Session,
    now: Millis,
) -> Map<String, Value> {
    let mut claims = Map::new();
    let mut set = |name: &str, value: Value| claims.insert(name.to_owned(), value);
    set("sub", json!(user.sub));
    set("iss", json!(pool.issuer()));
    set("event_id", json!(session.event_id));
    set("auth_time", json!(session.auth_time / 1000));
    set("iat", json!(now / 1000));
    set("jti", json!(Uuid::new_v4().to_string()));
    if client.settings.revokes() {
        set("origin_jti", json!(session.origin_jti));
    }
    let groups = groups_by_precedence(pool, user);
    if !groups.is_empty() {
        set("cognito:groups", json!(groups));
    }
    claims
}

fn access_claims(
    pool: &Pool,
    client: &Client,
    user: &User,
    session: &Session,
    now: Millis,
) -> Map<String, Value> {
    let mut claims = common_claims(pool, client, user, session, now);
    let mut set = |name: &str, value: Value| claims.insert(name.to_owned(), value);
    set("token_use", json!("access"));
    set("client_id", json!(client.id));
    set("scope", json!(session.scopes.join(" ")));
    set("exp", json!(now / 1000 + client.settings.access_seconds()));
    set("username", json!(user.username));
    if session.hosted {
        set("version", json!(2));
    }
    claims
}

fn id_claims(
    pool: &Pool,
    client: &Client,
    user: &User,
    session: &Session,
    now: Millis,
) -> Map<String, Value> {
    let mut claims = common_claims(pool, client, user, session, now);
    for (name, value) in shown_attributes(client, user, session) {
        claims.entry(name).or_insert(value);
    }
    let mut set = |name: &str, value: Value| claims.insert(name.to_owned(), value);
    set("token_use", json!("id"));
    set("aud", json!(client.id));
    set("exp", json!(now / 1000 + client.settings.id_seconds()));
    set("cognito:username", json!(user.username));
    let roles: Vec<&str> = groups_by_precedence(pool, user)
        .iter()
        .filter_map(|name| pool.groups.get(*name).and_then(|group| group.role_arn.as_deref()))
        .collect();
    if let Some(preferred) = roles.first() {
        set("cognito:preferred_role", json!(preferred));
        set("cognito:roles", json!(roles));
    }
    claims
}

/// The attributes of a user as claims: what the client may read and the scopes ask for.
pub(super) fn shown_attributes(client: &Client, user: &User, session: &Session) -> Map<String, Value> {
    let readable = |name: &str| {
        client.settings.read_attributes.as_ref().is_none_or(|list| list.iter().any(|entry| entry == name))
    };
    let asked = |scope: &str| session.scopes.iter().any(|entry| entry == scope);
    // `openid` alone shows everything; other scopes beside it narrow it down (developer guide, scopes).
    let narrowed = session.hosted && ["email", "phone", "profile"].into_iter().any(asked);
    let in_scope = |name: &str| {
        !narrowed
            || match name {
                "email" | "email_verified" => asked("email"),
                "phone_number" | "phone_number_verified" => asked("phone"),
                _ => asked("profile"),
            }
    };
    user.attributes
        .iter()
        .filter(|(name, _)| readable(name) && in_scope(name))
        .map(|(name, value)| (name.clone(), claim_value(name, value)))
        .collect()
}

fn claim_value(name: &str, value: &str) -> Value {
    match name {
        "email_verified" | "phone_number_verified" => json!(value == "true"),
        "address" => json!({"formatted": value}),
        "updated_at" => value.parse::<i64>().map_or_else(|_| json!(value), |number| json!(number)),
        _ => json!(value),
    }
}

/// The lowest precedence first, as Cognito chooses the preferred role.
fn groups_by_precedence<'a>(pool: &Pool, user: &'a User) -> Vec<&'a str> {
    let mut groups: Vec<_> = user.groups.iter().map(String::as_str).collect();
    groups.sort_by_key(|name| pool.groups.get(*name).and_then(|group| group.precedence).unwrap_or(i64::MAX));
    groups
}

/// OpenID Connect Core 3.1.3.6: the left half of the access token's hash.
fn at_hash(access: &str) -> String {
    let hash = digest::digest(&digest::SHA256, access.as_bytes());
    URL_SAFE_NO_PAD.encode(&hash.as_ref()[..16])
}

/// How secrets that only need to be recognised are kept.
pub(super) fn hashed(token: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, token.as_bytes()).as_ref())
}

/// Whose access token this is.
#[derive(Debug)]
pub(super) struct Bearer {
    pub pool_id: String,
    /// The user's key in the pool.
    pub user: String,
    pub client_id: String,
    pub event_id: String,
}

/// Judges an access token: signature, kind, time, revocation, and that it has `scope`.
pub(super) fn authorize(state: &State, token: &str, scope: &str, now: Millis) -> Result<Bearer, AwsError> {
    let invalid = || errors::not_authorized("Invalid Access Token");
    let (pool, claims) = state
        .pools
        .values()
        .find_map(|pool| pool.keys.verified_claims(token).map(|claims| (pool, claims)))
        .ok_or_else(invalid)?;
    let text = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    if text("token_use") != "access" {
        return Err(invalid());
    }
    if claims.get("exp").and_then(Value::as_i64).is_none_or(|expires| expires * 1000 <= now) {
        return Err(errors::not_authorized("Access Token has expired"));
    }
    let event_id = text("event_id");
    if pool.sessions.get(&event_id).is_none_or(|session| session.revoked) {
        return Err(errors::not_authorized("Access Token has been revoked"));
    }
    if !text("scope").split(' ').any(|entry| entry == scope) {
        return Err(errors::not_authorized("Access Token does not have required scopes"));
    }
    let user = pool.find(&text("username")).ok_or_else(errors::user_not_found)?;
    if pool.users.get(&user).is_some_and(|user| !user.enabled) {
        return Err(errors::user_disabled());
    }
    Ok(Bearer { pool_id: pool.id.clone(), user, client_id: text("client_id"), event_id })
}
