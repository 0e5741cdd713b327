//! Browsers that signed in at the hosted pages, and the codes that they carry to applications.

use std::collections::HashMap;

use crate::cognito::state::Millis;
use crate::cognito::tokens::hashed;

/// A browser stays signed in for an hour (developer guide, managed login sessions).
const VISIT: Millis = 3_600_000;
/// An authorization code is good for five minutes.
const CODE: Millis = 300_000;

/// All by the hash of what the browser holds.
#[derive(Default)]
pub(in crate::cognito) struct Visits {
    visits: HashMap<String, Visit>,
    codes: HashMap<String, Authorization>,
}

/// One signed-in browser.
#[derive(Clone)]
pub(in crate::cognito) struct Visit {
    pub pool_id: String,
    /// The user's key in the pool.
    pub user: String,
    pub expires: Millis,
}

/// What an authorization code stands for.
#[derive(Clone)]
pub(in crate::cognito) struct Authorization {
    pub client_id: String,
    pub pool_id: String,
    pub user: String,
    pub redirect_uri: String,
    pub scopes: Vec<String>,
    pub challenge: Option<String>,
    pub nonce: Option<String>,
    pub expires: Millis,
}

impl Visits {
    pub fn begin(&mut self, cookie: &str, pool_id: &str, user: &str, now: Millis) {
        self.visits.retain(|_, visit| visit.expires > now);
        let visit = Visit { pool_id: pool_id.to_owned(), user: user.to_owned(), expires: now + VISIT };
        self.visits.insert(hashed(cookie), visit);
    }

    pub fn of(&self, cookie: &str, pool_id: &str, now: Millis) -> Option<&Visit> {
        self.visits.get(&hashed(cookie)).filter(|visit| visit.expires > now && visit.pool_id == pool_id)
    }

    pub fn end(&mut self, cookie: &str) {
        self.visits.remove(&hashed(cookie));
    }

    pub fn keep_code(&mut self, code: &str, mut authorization: Authorization, now: Millis) {
        self.codes.retain(|_, authorization| authorization.expires > now);
        authorization.expires = now + CODE;
        self.codes.insert(hashed(code), authorization);
    }

    /// A code works once, whatever comes of it.
    pub fn take_code(&mut self, code: &str, now: Millis) -> Option<Authorization> {
        self.codes.remove(&hashed(code)).filter(|authorization| authorization.expires > now)
    }
}
