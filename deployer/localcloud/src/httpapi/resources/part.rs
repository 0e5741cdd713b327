//! What every part of an API has in common: it is declared, checked against its API and kept in it.

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{id, permit, with_api};
use crate::cloud::Cloud;
use crate::httpapi::model::{Api, Route, document};
use crate::resource::{Created, Failure, Handlers, Request};
use crate::wire::AwsError;

/// What belongs to one API and is kept in it by its id.
pub trait Part: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {
    const TYPE: &'static str;
    /// In paths of the REST API.
    const COLLECTION: &'static str;
    /// The attribute that holds the id beside `Ref`.
    const ATTRIBUTE: Option<&'static str>;

    fn api_id(&self) -> &str;
    fn parts(api: &mut Api) -> &mut BTreeMap<String, Self>;
    /// The id of a new part.
    fn new_id(&self) -> String {
        id(7)
    }
    /// Whether the API can have this part; `own` is its id where it exists already.
    fn check(&self, api: &Api, own: Option<&str>) -> Result<(), AwsError>;
    /// Whether the API can do without the part.
    fn check_delete(_api: &Api, _id: &str) -> Result<(), AwsError> {
        Ok(())
    }
}

pub struct PartType<P>(pub PhantomData<fn() -> P>);

impl<P: Part> PartType<P> {
    fn created(id: String) -> Created {
        let attributes = P::ATTRIBUTE.map(|name| (name.to_owned(), json!(id)));
        Created { physical_id: id, attributes: attributes.into_iter().collect() }
    }

    fn path(api_id: &str, id: Option<&str>) -> String {
        let collection = format!("/apis/{api_id}/{}", P::COLLECTION);
        id.map_or(collection.clone(), |id| format!("{collection}/{id}"))
    }
}

impl<P: Part> Handlers for PartType<P> {
    const NAME: &'static str = P::TYPE;

    async fn create(&self, cloud: &Arc<Cloud>, request: &Request) -> Result<Created, Failure> {
        let part: P = request.typed()?;
        let path = Self::path(part.api_id(), None);
        permit(cloud, &request.principal, &request.region, "POST", &path)?;
        let api_id = part.api_id().to_owned();
        let id = with_api(cloud, &api_id, |api| {
            part.check(api, None)?;
            let id = part.new_id();
            P::parts(api).insert(id.clone(), part);
            Ok(id)
        })?;
        Ok(Self::created(id))
    }

    async fn update(
        &self,
        cloud: &Arc<Cloud>,
        request: &Request,
        physical_id: &str,
        _previous: &Value,
    ) -> Result<Created, Failure> {
        let part: P = request.typed()?;
        let path = Self::path(part.api_id(), Some(physical_id));
        permit(cloud, &request.principal, &request.region, "PATCH", &path)?;
        let api_id = part.api_id().to_owned();
        with_api(cloud, &api_id, |api| {
            part.check(api, Some(physical_id))?;
            match P::parts(api).get_mut(physical_id) {
                Some(known) => *known = part,
                None => {
                    let words = format!("Invalid identifier specified {physical_id} in {}", P::COLLECTION);
                    return Err(AwsError::new(404, "NotFoundException", words));
                }
            }
            Ok(())
        })?;
        Ok(Self::created(physical_id.to_owned()))
    }

    async fn delete(&self, cloud: &Arc<Cloud>, request: &Request, physical_id: &str) -> Result<(), Failure> {
        let part: P = request.typed()?;
        let path = Self::path(part.api_id(), Some(physical_id));
        permit(cloud, &request.principal, &request.region, "DELETE", &path)?;
        // With its API the part is gone too.
        if cloud.httpapi.api(part.api_id()).is_some() {
            with_api(cloud, part.api_id(), |api| {
                P::check_delete(api, physical_id)?;
                P::parts(api).remove(physical_id);
                Ok(())
            })?;
        }
        Ok(())
    }

    async fn read(
        &self,
        cloud: &Arc<Cloud>,
        request: &Request,
        physical_id: &str,
    ) -> Result<Option<Value>, Failure> {
        let part: P = request.typed()?;
        let path = Self::path(part.api_id(), Some(physical_id));
        permit(cloud, &request.principal, &request.region, "GET", &path)?;
        let live = cloud.httpapi.api(part.api_id());
        let live = live.and_then(|mut api| P::parts(&mut api).get(physical_id).map(document));
        Ok(live.map(|live| without_write_only(live, P::TYPE)))
    }
}

/// A route's authorizer is write-only in the registry: drift cannot see it, as on AWS.
fn without_write_only(mut live: Value, kind: &str) -> Value {
    if let (Route::TYPE, Value::Object(map)) = (kind, &mut live) {
        map.remove("AuthorizerId");
    }
    live
}
