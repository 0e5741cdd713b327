//! AWS::Cognito::UserPoolClient.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::pool::{authorize, pool_arn};
use super::{invalid, not_found, unnamed};
use crate::cloud::Cloud;
use crate::cognito::client_settings::{AuthFlow, ClientSettings};
use crate::cognito::random;
use crate::cognito::state::{Client, Pool};
use crate::cognito::tokens::ADMIN_SCOPE;
use crate::resource::{Created, Failure, Handlers, Request};

pub(super) struct UserPoolClient;

const NAME: &str = "AWS::Cognito::UserPoolClient";
const SCOPES: [&str; 5] = ["openid", "email", "phone", "profile", ADMIN_SCOPE];
/// Seconds: from five minutes to a day, and from an hour to ten years.
const ACCESS_LIFETIME: std::ops::RangeInclusive<i64> = 300..=86_400;
const REFRESH_LIFETIME: std::ops::RangeInclusive<i64> = 3600..=315_360_000;

impl Handlers for UserPoolClient {
    const NAME: &'static str = NAME;

    async fn create(&self, cloud: &Arc<Cloud>, request: &Request) -> Result<Created, Failure> {
        create(cloud, request)
    }

    async fn update(
        &self,
        cloud: &Arc<Cloud>,
        request: &Request,
        physical_id: &str,
        _previous: &Value,
    ) -> Result<Created, Failure> {
        update(cloud, request, physical_id)
    }

    async fn delete(&self, cloud: &Arc<Cloud>, request: &Request, physical_id: &str) -> Result<(), Failure> {
        delete(cloud, request, physical_id)
    }

    async fn read(
        &self,
        cloud: &Arc<Cloud>,
        request: &Request,
        physical_id: &str,
    ) -> Result<Option<Value>, Failure> {
        let found = cloud.cognito.state.read(|state| {
            state
                .client(physical_id)
                .ok()
                .map(|(pool, client)| (pool_arn(request, &pool.id), json!(client.settings)))
        });
        let Some((arn, properties)) = found else { return Ok(None) };
        authorize(cloud, request, "DescribeUserPoolClient", &arn)?;
        Ok(Some(properties))
    }
}

fn create(cloud: &Arc<Cloud>, request: &Request) -> Result<Created, Failure> {
    let settings: ClientSettings = request.typed()?;
    let pool_id = settings.user_pool_id.clone();
    authorize(cloud, request, "CreateUserPoolClient", &pool_arn(request, &pool_id))?;
    let now = jiff::Timestamp::now().as_millisecond();
    let client = Client {
        id: random::client_id()?,
        name: settings.client_name.clone().map_or_else(|| unnamed(request), Ok)?,
        secret: if settings.generate_secret { Some(random::client_secret()?) } else { None },
        settings,
        created: now,
        modified: now,
    };
    cloud.cognito.state.write(|state| {
        let pool = state.pool_mut(&pool_id)?;
        check(&client.settings, pool)?;
        let created = described(&client);
        pool.clients.insert(client.id.clone(), client);
        Ok(created)
    })
}

fn described(client: &Client) -> Created {
    let mut attributes =
        Map::from_iter([("ClientId".to_owned(), json!(client.id)), ("Name".to_owned(), json!(client.name))]);
    if let Some(secret) = &client.secret {
        attributes.insert("ClientSecret".to_owned(), json!(secret));
    }
    Created { physical_id: client.id.clone(), attributes }
}

fn update(cloud: &Arc<Cloud>, request: &Request, id: &str) -> Result<Created, Failure> {
    let settings: ClientSettings = request.typed()?;
    let pool_id = settings.user_pool_id.clone();
    authorize(cloud, request, "UpdateUserPoolClient", &pool_arn(request, &pool_id))?;
    cloud.cognito.state.write(|state| {
        let pool = state.pool_mut(&pool_id)?;
        check(&settings, pool)?;
        let client = pool.clients.get_mut(id).ok_or_else(|| not_found(NAME, id))?;
        if let Some(name) = &settings.client_name {
            client.name.clone_from(name);
        }
        client.settings = settings;
        client.modified = jiff::Timestamp::now().as_millisecond();
        Ok(described(client))
    })
}

fn delete(cloud: &Arc<Cloud>, request: &Request, id: &str) -> Result<(), Failure> {
    let pool_id = cloud.cognito.state.read(|state| state.client(id).ok().map(|(pool, _)| pool.id.clone()));
    let Some(pool_id) = pool_id else { return Ok(()) };
    authorize(cloud, request, "DeleteUserPoolClient", &pool_arn(request, &pool_id))?;
    cloud.cognito.state.write(|state| {
        if let Some(pool) = state.pools.get_mut(&pool_id) {
            pool.clients.remove(id);
            pool.sessions.retain(|_, session| session.client_id != id);
        }
    });
    Ok(())
}

/// The checks that CreateUserPoolClient and UpdateUserPoolClient make.
fn check(settings: &ClientSettings, pool: &Pool) -> Result<(), Failure> {
    check_flows(settings)?;
    check_lifetimes(settings)?;
    check_oauth(settings)?;
    let schema = pool.schema();
    let unknown = |list: &Option<Vec<String>>| list.iter().flatten().any(|name| !schema.has(name));
    if unknown(&settings.read_attributes) {
        return Err(invalid("Invalid read attributes specified while creating a client"));
    }
    let lacks_required = settings
        .write_attributes
        .as_ref()
        .is_some_and(|list| schema.required().any(|required| !list.iter().any(|name| name == required)));
    if unknown(&settings.write_attributes) || lacks_required {
        return Err(invalid("Invalid write attributes specified while creating a client"));
    }
    match settings.supported_identity_providers.iter().find(|name| *name != "COGNITO") {
        Some(name) => Err(invalid(format!("The provider {name} does not exist for User Pool {}.", pool.id))),
        None => Ok(()),
    }
}

fn check_flows(settings: &ClientSettings) -> Result<(), Failure> {
    let flows = settings.explicit_auth_flows.as_deref().unwrap_or_default();
    if flows.iter().any(|flow| flow.is_legacy()) && flows.iter().any(|flow| !flow.is_legacy()) {
        return Err(invalid(
            "ExplicitAuthFlows can either contain legacy or new-type flows. Flows beginning with ALLOW_ are new.",
        ));
    }
    if settings.rotates() && flows.contains(&AuthFlow::AllowRefreshToken) {
        return Err(invalid("ALLOW_REFRESH_TOKEN_AUTH cannot be used with refresh token rotation."));
    }
    Ok(())
}

fn check_lifetimes(settings: &ClientSettings) -> Result<(), Failure> {
    let fits = ACCESS_LIFETIME.contains(&settings.access_seconds())
        && ACCESS_LIFETIME.contains(&settings.id_seconds())
        && REFRESH_LIFETIME.contains(&settings.refresh_seconds())
        && settings.refresh_seconds() >= settings.access_seconds().max(settings.id_seconds());
    if fits { Ok(()) } else { Err(invalid("Invalid range for token validity.")) }
}

fn check_oauth(settings: &ClientSettings) -> Result<(), Failure> {
    if settings.allowed_oauth_flows_user_pool_client
        && (settings.allowed_oauth_flows.is_empty() || settings.allowed_oauth_scopes.is_empty())
    {
        return Err(invalid(
            "AllowedOAuthFlows and AllowedOAuthScopes are required if user pool client is allowed to use OAuth flows.",
        ));
    }
    if !settings.allowed_oauth_flows.is_empty() && settings.callback_urls.is_empty() {
        return Err(invalid("CallbackURLs are required for the code flow."));
    }
    if let Some(scope) = settings.allowed_oauth_scopes.iter().find(|scope| !SCOPES.contains(&scope.as_str()))
    {
        return Err(invalid(format!(
            "Invalid scope requested: {scope}. localcloud has no resource servers."
        )));
    }
    for (list, name) in [(&settings.callback_urls, "callbackURLs"), (&settings.logout_urls, "logoutURLs")] {
        for url in list {
            check_url(url, name)?;
        }
    }
    match &settings.default_redirect_uri {
        Some(uri) if !settings.callback_urls.contains(uri) => {
            Err(invalid("Default redirect URI should be included in the list of callback URLs."))
        }
        _ => Ok(()),
    }
}

/// HTTPS, an application's own scheme, or plain HTTP on this machine.
fn check_url(url: &str, list: &str) -> Result<(), Failure> {
    let Some((scheme, rest)) = url.split_once("://") else {
        return Err(invalid(format!("{list}: {url} is not a valid URL.")));
    };
    if rest.is_empty() || url.contains('#') {
        return Err(invalid(format!("{list}: {url} is not a valid URL.")));
    }
    let host = rest.split(['/', '?']).next().unwrap_or_default();
    let name = if host.starts_with('[') { host.split_inclusive(']').next() } else { host.split(':').next() };
    let loopback = matches!(name, Some("localhost" | "127.0.0.1" | "[::1]"));
    if scheme.eq_ignore_ascii_case("http") && !loopback {
        return Err(invalid(format!("{list}: {url} cannot use the HTTP protocol.")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_this_machine_alone() {
        for url in [
            "https://a.example/cb",
            "http://localhost:3000/cb",
            "http://127.0.0.1/cb",
            "http://[::1]:1/",
            "myapp://cb",
        ] {
            assert!(check_url(url, "callbackURLs").is_ok(), "{url}");
        }
        for url in ["http://a.example/cb", "http://localhost.evil.example/", "nothing", "https://a/#b"] {
            assert!(check_url(url, "callbackURLs").is_err(), "{url}");
        }
    }

    #[test]
    fn lifetimes_have_limits() {
        let with = |access, refresh| ClientSettings {
            access_token_validity: Some(access),
            refresh_token_validity: Some(refresh),
            ..ClientSettings::default()
        };
        assert!(check_lifetimes(&with(1, 30)).is_ok());
        assert!(check_lifetimes(&with(25, 30)).is_err());
        assert!(check_lifetimes(&with(1, 4000)).is_err());
    }
}
