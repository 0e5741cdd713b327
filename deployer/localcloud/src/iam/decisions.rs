//! What was asked and answered: the last judgements, for tests and for people (`/_local/decisions`).

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use axum::response::Response;
use serde_json::json;

use crate::auth::Principal;
use crate::cloud::Cloud;
use crate::wire::{Call, json_response};

/// How many are kept.
const KEPT: usize = 4096;

/// One judgement.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Decision {
    pub at: jiff::Timestamp,
    /// The principal's ARN.
    pub principal: String,
    pub action: String,
    pub resource: String,
    pub allowed: bool,
}

#[derive(Default)]
pub struct Decisions(Mutex<VecDeque<Decision>>);

impl Decisions {
    pub fn record(&self, principal: &Principal, action: &str, resource: &str, allowed: bool) {
        let mut ring = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if ring.len() == KEPT {
            ring.pop_front();
        }
        ring.push_back(Decision {
            at: jiff::Timestamp::now(),
            principal: principal.arn(),
            action: action.to_owned(),
            resource: resource.to_owned(),
            allowed,
        });
    }

    pub fn all(&self) -> Vec<Decision> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

/// `/_local/decisions`: the last judgements, oldest first.
pub fn decisions(cloud: &Arc<Cloud>, call: &Call) -> Response {
    let body = json!({"decisions": cloud.iam.decisions()});
    json_response(200, "application/json", &body, &call.request_id)
}
