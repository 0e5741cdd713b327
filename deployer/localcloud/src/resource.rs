//! What CloudFormation asks of a resource type. Each service implements its own types.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::{BoxFuture, FutureExt as _};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::auth::Principal;
use crate::cloud::Cloud;
use crate::wire::AwsError;

/// One step of a stack operation on one resource. All intrinsic functions are already resolved,
/// and the properties have passed the type's registry schema (numbers and booleans are of their
/// schema's type, unknown properties were refused).
#[derive(Debug, Clone)]
pub struct Request {
    pub stack_id: String,
    pub stack_name: String,
    pub logical_id: String,
    pub region: String,
    /// Whose rights this step needs: the stack's service role, or the caller. A provider asks
    /// [`crate::iam::Iam::authorize`] for each API action that AWS's own handler would call.
    pub principal: Principal,
    /// The stack's tags with the `aws:cloudformation:*` ones, for resources that take tags.
    pub tags: Map<String, Value>,
    pub properties: Value,
}

/// One entry of a `Tags` property.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Tag {
    pub key: String,
    pub value: String,
}

impl Request {
    /// The properties as a type of the service. Let it deny unknown fields: what the registry's
    /// schema knows and this cloud does not is then a failure that names the property.
    pub fn typed<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        typed(&self.properties)
    }

    /// The condition keys of the tags that a resource gets from its stack: as asked for, and as it has them.
    pub fn tag_keys(&self) -> Vec<(String, String)> {
        let pairs = ["aws:RequestTag", "aws:ResourceTag"].into_iter().flat_map(|key| {
            self.all_tags(&[]).into_iter().map(move |(name, value)| (format!("{key}/{name}"), value))
        });
        pairs.filter(|(key, _)| !key.contains("/aws:")).collect()
    }

    /// As [`crate::iam::Iam::authorize`] for the principal of this step, with its tags as context.
    pub fn may(&self, cloud: &Cloud, action: &str, resource: &str) -> Result<(), AwsError> {
        let context = self.tag_keys();
        let context: Vec<_> = context.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        cloud.iam.authorize(&self.principal, action, resource, &context)
    }

    /// The stack's tags with the resource's own over them.
    pub fn all_tags(&self, own: &[Tag]) -> BTreeMap<String, String> {
        let of_stack = self
            .tags
            .iter()
            .filter_map(|(key, value)| value.as_str().map(|value| (key.clone(), value.to_owned())));
        of_stack.chain(own.iter().map(|tag| (tag.key.clone(), tag.value.clone()))).collect()
    }
}

/// See [`Request::typed`].
pub fn typed<T: DeserializeOwned>(properties: &Value) -> Result<T, Failure> {
    T::deserialize(properties)
        .map_err(|error| Failure::new("InvalidRequest", format!("localcloud does not take this: {error}")))
}

/// Tags in the form of the `Tags` property, without those of CloudFormation itself.
pub fn tags_json(tags: &BTreeMap<String, String>) -> Value {
    tags.iter()
        .filter(|(key, _)| !key.starts_with("aws:"))
        .map(|(key, value)| serde_json::json!({"Key": key, "Value": value}))
        .collect()
}

/// What a create answers: the value of `Ref` and of each `Fn::GetAtt`.
#[derive(Debug, Clone, Default)]
pub struct Created {
    pub physical_id: String,
    /// By attribute name as in `Fn::GetAtt`; nested names with their dots (`Endpoint.Address`).
    pub attributes: Map<String, Value>,
}

impl Created {
    pub fn new<const N: usize>(physical_id: impl Into<String>, attributes: [(&str, Value); N]) -> Self {
        let attributes = attributes.into_iter().map(|(name, value)| (name.to_owned(), value));
        Self { physical_id: physical_id.into(), attributes: attributes.collect() }
    }
}

/// How a step fails. `reason` becomes the event's ResourceStatusReason, worded as AWS words it:
/// `<text> (Service: <service>, Status Code: <status>, Request ID: <id>)` is added for API errors
/// by [`Failure::from`].
#[derive(Debug, Clone)]
pub struct Failure {
    pub reason: String,
    /// CloudFormation's HandlerErrorCode: `AlreadyExists`, `NotFound`, `InvalidRequest`, `AccessDenied`, …
    pub code: &'static str,
}

impl Failure {
    pub fn new(code: &'static str, reason: impl Into<String>) -> Self {
        Self { code, reason: reason.into() }
    }
}

impl From<AwsError> for Failure {
    fn from(error: AwsError) -> Self {
        let code = match error.code.as_str() {
            "AccessDenied" | "AccessDeniedException" => "AccessDenied",
            code if code.contains("NotFound") => "NotFound",
            code if code.contains("Exists") || code.contains("InUse") => "AlreadyExists",
            _ => "InvalidRequest",
        };
        Self { code, reason: error.message }
    }
}

/// What CloudFormation's registry runs for one type of resource. Replacement is decided by CloudFormation before
/// (create-only properties of the registry's schema), so `update` always keeps the physical id.
pub trait Handlers: Send + Sync + 'static {
    /// `AWS::Service::Type`.
    const NAME: &'static str;

    fn create(
        &self,
        cloud: &Arc<Cloud>,
        request: &Request,
    ) -> impl Future<Output = Result<Created, Failure>> + Send;

    /// Changes the resource in place to `request.properties`; `previous` are the properties before.
    fn update(
        &self,
        cloud: &Arc<Cloud>,
        request: &Request,
        physical_id: &str,
        previous: &Value,
    ) -> impl Future<Output = Result<Created, Failure>> + Send;

    /// A resource that is already gone is deleted: that is success.
    fn delete(
        &self,
        cloud: &Arc<Cloud>,
        request: &Request,
        physical_id: &str,
    ) -> impl Future<Output = Result<(), Failure>> + Send;

    /// The live properties, for drift detection; `None` where the resource is gone.
    fn read(
        &self,
        cloud: &Arc<Cloud>,
        request: &Request,
        physical_id: &str,
    ) -> impl Future<Output = Result<Option<Value>, Failure>> + Send;
}

/// A type of resource among others: the handlers of any type, for a list of types.
pub trait ResourceType: Send + Sync {
    fn name(&self) -> &'static str;

    fn create<'a>(
        &'a self,
        cloud: &'a Arc<Cloud>,
        request: &'a Request,
    ) -> BoxFuture<'a, Result<Created, Failure>>;

    fn update<'a>(
        &'a self,
        cloud: &'a Arc<Cloud>,
        request: &'a Request,
        physical_id: &'a str,
        previous: &'a Value,
    ) -> BoxFuture<'a, Result<Created, Failure>>;

    fn delete<'a>(
        &'a self,
        cloud: &'a Arc<Cloud>,
        request: &'a Request,
        physical_id: &'a str,
    ) -> BoxFuture<'a, Result<(), Failure>>;

    fn read<'a>(
        &'a self,
        cloud: &'a Arc<Cloud>,
        request: &'a Request,
        physical_id: &'a str,
    ) -> BoxFuture<'a, Result<Option<Value>, Failure>>;
}

impl<T: Handlers> ResourceType for T {
    fn name(&self) -> &'static str {
        T::NAME
    }

    fn create<'a>(
        &'a self,
        cloud: &'a Arc<Cloud>,
        request: &'a Request,
    ) -> BoxFuture<'a, Result<Created, Failure>> {
        Handlers::create(self, cloud, request).boxed()
    }

    fn update<'a>(
        &'a self,
        cloud: &'a Arc<Cloud>,
        request: &'a Request,
        physical_id: &'a str,
        previous: &'a Value,
    ) -> BoxFuture<'a, Result<Created, Failure>> {
        Handlers::update(self, cloud, request, physical_id, previous).boxed()
    }

    fn delete<'a>(
        &'a self,
        cloud: &'a Arc<Cloud>,
        request: &'a Request,
        physical_id: &'a str,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Handlers::delete(self, cloud, request, physical_id).boxed()
    }

    fn read<'a>(
        &'a self,
        cloud: &'a Arc<Cloud>,
        request: &'a Request,
        physical_id: &'a str,
    ) -> BoxFuture<'a, Result<Option<Value>, Failure>> {
        Handlers::read(self, cloud, request, physical_id).boxed()
    }
}

/// The types of one service.
pub type Types = &'static [&'static dyn ResourceType];

/// Every type that this cloud has.
pub fn all() -> Vec<&'static dyn ResourceType> {
    [
        crate::cognito::resources::TYPES,
        crate::dynamodb::resources::TYPES,
        crate::lambda::resources::TYPES,
        crate::httpapi::resources::TYPES,
        crate::iam::resources::TYPES,
        crate::logs::resources::TYPES,
        crate::s3::resources::TYPES,
        crate::secrets::resources::TYPES,
        crate::kms::resources::TYPES,
    ]
    .concat()
}

/// A physical id as CloudFormation makes it: `<stack>-<logical id>-<12 random characters>`.
/// `limit` is the type's longest name; the stack's name is cut first.
pub fn generated_name(request: &Request, limit: usize) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    let random: String = uuid::Uuid::new_v4()
        .as_bytes()
        .iter()
        .take(12)
        .map(|byte| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()]))
        .collect();
    let room = limit.saturating_sub(random.len() + 2);
    let logical: String =
        request.logical_id.chars().take(room.saturating_sub(1).min(room / 2 + 12)).collect();
    let stack: String = request.stack_name.chars().take(room.saturating_sub(logical.len())).collect();
    format!("{stack}-{logical}-{random}")
}

/// What tests of resource types share.
#[cfg(test)]
pub mod testing {
    use super::*;

    /// A cloud in memory, without its server.
    pub fn cloud() -> Arc<Cloud> {
        Cloud::open(crate::store::Store::default()).unwrap()
    }

    /// A step of the stack `service-dev` by the administrator.
    pub fn request(logical_id: &str, properties: Value) -> Request {
        Request {
            stack_id: "arn:aws:cloudformation:us-east-1:000000000000:stack/service-dev/1".to_owned(),
            stack_name: "service-dev".to_owned(),
            logical_id: logical_id.to_owned(),
            region: "us-east-1".to_owned(),
            principal: Principal::Administrator,
            tags: Map::new(),
            properties,
        }
    }
}
