//! Everything that the service remembers: pools with their clients, users, groups and sessions.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::challenges::Challenges;
use super::client_settings::ClientSettings;
use super::hosted::visits::Visits;
use super::keys::Keys;
use super::mail::Inbox;
use super::settings::PoolSettings;
use super::srp::Verifier;
use super::{errors, schema};
use crate::cloud::arn;
use crate::wire::AwsError;

/// Milliseconds since the epoch.
pub(super) type Millis = i64;

#[derive(Default, Serialize, Deserialize)]
pub(super) struct State {
    pub pools: BTreeMap<String, Pool>,
    pub inbox: Inbox,
    /// Half-done sign-ins live for minutes: a restart ends them.
    #[serde(skip)]
    pub challenges: Challenges,
    /// Browser sessions and authorization codes of the hosted pages: a restart ends them too.
    #[serde(skip)]
    pub visits: Visits,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Pool {
    pub id: String,
    pub region: String,
    pub settings: PoolSettings,
    pub created: Millis,
    pub modified: Millis,
    pub keys: Keys,
    /// Hexadecimal; makes the simulated answers for absent users steady and unguessable.
    pub secret: String,
    /// The prefix of its hosted pages.
    pub domain: Option<String>,
    pub clients: BTreeMap<String, Client>,
    /// By user name, folded where the pool does not tell cases apart.
    pub users: BTreeMap<String, User>,
    pub groups: BTreeMap<String, Group>,
    /// By the event id that all tokens of one sign-in share.
    pub sessions: BTreeMap<String, Session>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Client {
    pub id: String,
    pub name: String,
    pub secret: Option<String>,
    pub settings: ClientSettings,
    pub created: Millis,
    pub modified: Millis,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct User {
    pub username: String,
    pub sub: String,
    /// Without `sub`. Values are text, as Cognito's.
    pub attributes: BTreeMap<String, String>,
    pub status: Status,
    pub enabled: bool,
    pub created: Millis,
    pub modified: Millis,
    pub password: Option<Verifier>,
    /// Until when a password that an administrator gave may be used.
    pub temporary_until: Option<Millis>,
    pub groups: BTreeSet<String>,
    /// Codes that were sent and not used, by what they are for.
    pub codes: BTreeMap<Purpose, Code>,
    /// New values that wait for their verification.
    pub pending: BTreeMap<String, String>,
    pub failures: Failures,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum Status {
    Unconfirmed,
    Confirmed,
    ResetRequired,
    ForceChangePassword,
}

impl Status {
    pub fn name(self) -> &'static str {
        match self {
            Self::Unconfirmed => "UNCONFIRMED",
            Self::Confirmed => "CONFIRMED",
            Self::ResetRequired => "RESET_REQUIRED",
            Self::ForceChangePassword => "FORCE_CHANGE_PASSWORD",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Purpose {
    SignUp,
    Password,
    Email,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Code {
    pub code: String,
    pub expires: Millis,
    pub failures: u32,
}

/// Wrong passwords in a row, and until when the next try is refused.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Failures {
    pub count: u32,
    pub locked_until: Millis,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Group {
    pub name: String,
    pub description: Option<String>,
    pub role_arn: Option<String>,
    pub precedence: Option<i64>,
    pub created: Millis,
    pub modified: Millis,
}

/// One sign-in and what it may still do.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Session {
    pub event_id: String,
    pub origin_jti: String,
    pub client_id: String,
    pub username: String,
    pub auth_time: Millis,
    pub scopes: Vec<String>,
    /// Whether it began at the hosted pages.
    pub hosted: bool,
    /// Hashes: a token itself is never kept.
    pub refresh: String,
    pub rotated: Option<(String, Millis)>,
    pub refresh_expires: Millis,
    pub revoked: bool,
}

/// The longest life of an access token: what a session must outlive to be able to revoke it.
const LONGEST_ACCESS: Millis = 86_400_000;

impl State {
    pub fn pool(&self, id: &str) -> Result<&Pool, AwsError> {
        self.pools.get(id).ok_or_else(|| errors::pool_not_found(id))
    }

    pub fn pool_mut(&mut self, id: &str) -> Result<&mut Pool, AwsError> {
        self.pools.get_mut(id).ok_or_else(|| errors::pool_not_found(id))
    }

    /// The pool that has the client, and the client.
    pub fn client(&self, client_id: &str) -> Result<(&Pool, &Client), AwsError> {
        self.pools
            .values()
            .find_map(|pool| pool.clients.get(client_id).map(|client| (pool, client)))
            .ok_or_else(|| errors::client_not_found(client_id))
    }

    pub fn pool_of_domain(&self, domain: &str) -> Option<&Pool> {
        self.pools.values().find(|pool| pool.domain.as_deref() == Some(domain))
    }
}

impl Pool {
    pub fn arn(&self) -> String {
        arn("cognito-idp", &self.region, &format!("userpool/{}", self.id))
    }

    /// `cognito-idp.<region>.amazonaws.com/<pool id>`.
    pub fn provider_name(&self) -> String {
        format!("cognito-idp.{}.amazonaws.com/{}", self.region, self.id)
    }

    /// The issuer of its tokens.
    pub fn issuer(&self) -> String {
        format!("https://{}", self.provider_name())
    }

    /// The part of the id after `_`, which SRP mixes in.
    pub fn suffix(&self) -> &str {
        self.id.rsplit_once('_').map_or(self.id.as_str(), |(_, suffix)| suffix)
    }

    pub fn client(&self, id: &str) -> Result<&Client, AwsError> {
        self.clients.get(id).ok_or_else(|| errors::client_not_found(id))
    }

    /// Names and aliases are compared in this form.
    pub fn fold(&self, name: &str) -> String {
        if self.settings.case_sensitive() { name.to_owned() } else { name.to_lowercase() }
    }

    /// The key in `users` of the user that signs in by `name`: a user name, a `sub` or an alias.
    pub fn find(&self, name: &str) -> Option<String> {
        let folded = self.fold(name);
        if self.users.contains_key(&folded) {
            return Some(folded);
        }
        let key = |matches: &dyn Fn(&User) -> bool| {
            self.users.iter().find(|(_, user)| matches(user)).map(|(key, _)| key.clone())
        };
        key(&|user| user.sub == name).or_else(|| key(&|user| self.is_alias_of(user, &folded)))
    }

    fn is_alias_of(&self, user: &User, folded: &str) -> bool {
        let is = |attribute: &str| user.attribute(attribute).is_some_and(|value| self.fold(value) == folded);
        // An address that is the user's name signs in before it is verified; an alias only after.
        (self.settings.email_is_username() && is("email"))
            || (self.settings.has_alias(super::settings::Alias::Email)
                && user.email_verified()
                && is("email"))
            || (self.settings.has_alias(super::settings::Alias::PreferredUsername)
                && is("preferred_username"))
    }

    pub fn user(&self, name: &str) -> Option<&User> {
        self.find(name).and_then(|key| self.users.get(&key))
    }

    pub fn user_mut(&mut self, name: &str) -> Option<&mut User> {
        let key = self.find(name)?;
        self.users.get_mut(&key)
    }

    /// Another user than `own` (a key) who signs in by this address.
    pub fn email_taken(&self, email: &str, own: Option<&str>) -> bool {
        let folded = self.fold(email);
        self.settings.email_signs_in()
            && self.users.iter().any(|(key, user)| {
                own != Some(key.as_str())
                    && (self.settings.email_is_username() || user.email_verified())
                    && user.attribute("email").is_some_and(|value| self.fold(value) == folded)
            })
    }

    pub fn schema(&self) -> schema::Schema {
        schema::Schema::of(&self.settings)
    }

    pub fn revoke_sessions_of(&mut self, username: &str) {
        for session in self.sessions.values_mut().filter(|session| session.username == username) {
            session.revoked = true;
        }
    }

    /// Forgets the sessions that no living token belongs to.
    pub fn prune_sessions(&mut self, now: Millis) {
        self.sessions.retain(|_, session| session.refresh_expires + LONGEST_ACCESS > now);
    }
}

impl User {
    pub fn attribute(&self, name: &str) -> Option<&str> {
        if name == "sub" { Some(&self.sub) } else { self.attributes.get(name).map(String::as_str) }
    }

    pub fn email_verified(&self) -> bool {
        self.attribute("email_verified") == Some("true")
    }

    /// `[{"Name": …, "Value": …}]`, `sub` first.
    pub fn attribute_list(&self, keep: impl Fn(&str) -> bool) -> Value {
        std::iter::once(("sub", self.sub.as_str()))
            .chain(self.attributes.iter().map(|(name, value)| (name.as_str(), value.as_str())))
            .filter(|(name, _)| keep(name))
            .map(|(name, value)| json!({"Name": name, "Value": value}))
            .collect()
    }
}

/// JSON 1.1 writes times as seconds with a fraction.
pub(super) fn seconds(time: Millis) -> f64 {
    // Exact: the milliseconds of this age fit a double's 53 bits.
    time as f64 / 1000.0
}
