//! Sign-ins that wait for the answer to a challenge.

use std::collections::HashMap;

use super::srp::Exchange;
use super::state::Millis;

/// More than this at once is somebody's loop: the oldest go.
const MOST: usize = 10_000;

/// By the session (or the secret block) that the client sends back.
#[derive(Default)]
pub(super) struct Challenges(HashMap<String, Waiting>);

pub(super) struct Waiting {
    pub client_id: String,
    /// The user's name, or the name that was tried where there is no such user.
    pub username: String,
    pub expires: Millis,
    pub kind: Kind,
}

pub(super) enum Kind {
    /// PASSWORD_VERIFIER.
    Srp(Box<Exchange>),
    /// NEW_PASSWORD_REQUIRED.
    NewPassword,
}

impl Challenges {
    pub fn keep(&mut self, session: String, waiting: Waiting, now: Millis) {
        self.0.retain(|_, waiting| waiting.expires > now);
        if self.0.len() >= MOST {
            let oldest =
                self.0.iter().min_by_key(|(_, waiting)| waiting.expires).map(|(session, _)| session.clone());
            oldest.map(|session| self.0.remove(&session));
        }
        self.0.insert(session, waiting);
    }

    /// A session answers once; an expired one is gone.
    pub fn take(&mut self, session: &str, client_id: &str, now: Millis) -> Option<Waiting> {
        let mine = self.0.get(session).is_some_and(|waiting| waiting.client_id == client_id);
        let waiting = if mine { self.0.remove(session) } else { None };
        waiting.filter(|waiting| waiting.expires > now)
    }
}
