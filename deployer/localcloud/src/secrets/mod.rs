//! TODO

pub mod resources;

use std::io;
use std::sync::Arc;

use axum::response::Response;

use crate::cloud::Cloud;
use crate::store::Store;
use crate::wire::{AwsError, Call};

pub struct Secrets {}

impl Secrets {
    pub fn open(_store: &Store) -> io::Result<Self> {
        Ok(Self {})
    }
}

pub async fn handle(_cloud: &Arc<Cloud>, call: Call) -> Response {
    AwsError::not_implemented("secrets").json_response(&call.request_id)
}
