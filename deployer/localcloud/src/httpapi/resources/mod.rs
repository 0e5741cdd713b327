//! The CloudFormation types of HTTP APIs.

mod api;
mod part;
mod parts;

use std::marker::PhantomData;

use super::model::{Api, Authorizer, Integration, Route, Stage};
use crate::auth::Principal;
use crate::cloud::{Cloud, PARTITION};
use crate::resource::Types;
use crate::wire::AwsError;

use api::ApiType;
use part::PartType;

pub const TYPES: Types = &[
    &ApiType,
    &PartType::<Stage>(PhantomData),
    &PartType::<Route>(PhantomData),
    &PartType::<Integration>(PhantomData),
    &PartType::<Authorizer>(PhantomData),
];

/// API Gateway's rights are HTTP methods on paths: `apigateway:POST` on `arn:aws:apigateway:<region>::/apis`.
pub(super) fn permit(
    cloud: &Cloud,
    principal: &Principal,
    region: &str,
    method: &str,
    path: &str,
) -> Result<(), AwsError> {
    let resource = format!("arn:{PARTITION}:apigateway:{region}::{path}");
    cloud
        .iam
        .authorize(principal, &format!("apigateway:{method}"), &resource, &[])
        .map_err(|error| AwsError::new(403, "AccessDeniedException", error.message))
}

/// `length` characters of those that API Gateway makes ids of.
fn id(length: usize) -> String {
    const ALPHABET: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let random = uuid::Uuid::new_v4();
    let characters = random.as_bytes().iter().take(length);
    characters.map(|byte| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()])).collect()
}

fn bad_request(message: impl Into<String>) -> AwsError {
    AwsError::new(400, "BadRequestException", message)
}

fn with_api<R>(
    cloud: &Cloud,
    id: &str,
    change: impl FnOnce(&mut Api) -> Result<R, AwsError>,
) -> Result<R, AwsError> {
    cloud.httpapi.state.write(|state| match state.apis.get_mut(id) {
        Some(api) => change(api),
        None => {
            Err(AwsError::new(404, "NotFoundException", format!("Invalid API identifier specified {id}")))
        }
    })
}
