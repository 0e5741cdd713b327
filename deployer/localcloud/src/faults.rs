//! Failures that tests switch on through `/_local/faults`.

/// The faults that are switched on. Empty outside tests.
#[derive(Default)]
pub struct Faults {}

pub async fn handle(
    _cloud: &std::sync::Arc<crate::Cloud>,
    call: crate::wire::Call,
) -> axum::response::Response {
    crate::wire::AwsError::not_implemented("faults").json_response(&call.request_id)
}
