//! Cognito user pools: users who sign up and in, their tokens, and the hosted pages.
//!
//! - [`state`]: what is remembered; [`settings`] and [`client_settings`]: what templates say of it.
//! - [`operation`] and [`input`]: what each operation works with. [`sign_up`], [`sign_in`], [`respond`],
//!   [`recovery`], [`account`] are a user's own; [`admin`], [`groups`], [`describe`], [`maintenance`] an
//!   administrator's.
//! - [`passwords`], [`srp`], [`challenges`]: how a user proves itself; [`keys`], [`tokens`]: what it gets.
//! - [`mail`], [`inbox`]: codes; [`triggers`]: PostConfirmation; [`hosted`]: pages and OAuth endpoints.
//! - [`resources`]: the types that CloudFormation asks for.

mod account;
mod admin;
mod challenges;
mod client_settings;
mod describe;
mod errors;
mod groups;
mod hosted;
mod inbox;
mod input;
mod keys;
mod mail;
mod maintenance;
mod operation;
mod passwords;
mod random;
mod recovery;
pub mod resources;
mod respond;
mod schema;
mod settings;
mod sign_in;
mod sign_up;
mod srp;
mod state;
mod tokens;
mod triggers;

use std::io;
use std::sync::Arc;

use axum::response::Response;
use http::{HeaderValue, Method, header};
use serde_json::{Value, json};

use self::input::Input;
use self::operation::Operation;
use self::state::State;
use crate::cloud::Cloud;
use crate::store::{Persisted, Store};
use crate::wire::{AwsError, Call, json_response, plain_response};

pub use self::hosted::hosted;
pub use self::inbox::inbox;

/// The service's state.
pub struct Cognito {
    state: Persisted<State>,
}

impl Cognito {
    /// Errors: the state file is unreadable.
    pub fn open(store: &Store) -> io::Result<Self> {
        Ok(Self { state: store.open("cognito")? })
    }

    /// The pool's public keys as a JWK set document; `None` where the pool does not exist.
    pub fn jwks(&self, pool_id: &str) -> Option<Value> {
        self.state.read(|state| state.pools.get(pool_id).map(|pool| pool.keys.jwks()))
    }
}

/// The API, JSON 1.1. Browsers call it too: AWS answers every origin.
pub async fn handle(cloud: &Arc<Cloud>, call: Call) -> Response {
    if call.method == Method::OPTIONS {
        return preflight(&call);
    }
    let mut response = match run(cloud, &call).await {
        Ok(Value::Null) => plain_response(200, "application/x-amz-json-1.1", "", &call.request_id),
        Ok(answer) => json_response(200, "application/x-amz-json-1.1", &answer, &call.request_id),
        Err(error) => error.json_response(&call.request_id),
    };
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(
        header::ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static("x-amzn-RequestId,x-amzn-ErrorType,x-amzn-ErrorMessage,Date"),
    );
    response
}

fn preflight(call: &Call) -> Response {
    let mut response = plain_response(200, "text/plain", "", &call.request_id);
    let asked = call.headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS).cloned();
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST"));
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("172800"));
    if let Some(asked) = asked {
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, asked);
    }
    response
}

async fn run(cloud: &Arc<Cloud>, call: &Call) -> Result<Value, AwsError> {
    let name = call.target().unwrap_or_default();
    let function = operation_named(name)
        .ok_or_else(|| AwsError::not_implemented(format_args!("the operation cognito-idp:{name}")))?;
    let input = Input::new(name, call.json()?);
    perform(cloud, call, |operation| function(operation, input)).await
}

/// Runs one operation on the state, then fires the trigger that it left.
async fn perform<R>(
    cloud: &Arc<Cloud>,
    call: &Call,
    operation: impl FnOnce(&mut Operation<'_>) -> Result<R, AwsError>,
) -> Result<R, AwsError> {
    let (answer, confirmed) = cloud.cognito.state.write(|state| {
        let mut context = Operation {
            cloud,
            state,
            principal: &call.principal,
            region: &call.region,
            now: jiff::Timestamp::now().as_millisecond(),
            confirmed: None,
        };
        let answer = operation(&mut context)?;
        Ok::<_, AwsError>((answer, context.confirmed))
    })?;
    if let Some(confirmed) = confirmed {
        triggers::fire(cloud, confirmed).await?;
    }
    Ok(answer)
}

type OperationFn = fn(&mut Operation<'_>, Input) -> Result<Value, AwsError>;

fn operation_named(name: &str) -> Option<OperationFn> {
    Some(match name {
        "SignUp" => sign_up::sign_up,
        "ConfirmSignUp" => sign_up::confirm_sign_up,
        "ResendConfirmationCode" => sign_up::resend_confirmation_code,
        "InitiateAuth" => sign_in::initiate_auth,
        "RespondToAuthChallenge" => respond::respond_to_auth_challenge,
        "AdminInitiateAuth" => sign_in::admin_initiate_auth,
        "AdminRespondToAuthChallenge" => respond::admin_respond_to_auth_challenge,
        "GetTokensFromRefreshToken" => sign_in::get_tokens_from_refresh_token,
        "ForgotPassword" => recovery::forgot_password,
        "ConfirmForgotPassword" => recovery::confirm_forgot_password,
        "GetUser" => account::get_user,
        "ChangePassword" => account::change_password,
        "UpdateUserAttributes" => account::update_user_attributes,
        "DeleteUserAttributes" => account::delete_user_attributes,
        "GetUserAttributeVerificationCode" => account::get_user_attribute_verification_code,
        "VerifyUserAttribute" => account::verify_user_attribute,
        "DeleteUser" => account::delete_user,
        "GlobalSignOut" => account::global_sign_out,
        "RevokeToken" => account::revoke_token,
        "AdminCreateUser" => admin::create_user,
        "AdminConfirmSignUp" => admin::confirm_sign_up,
        "AdminGetUser" => admin::get_user,
        "AdminDeleteUser" => admin::delete_user,
        "AdminSetUserPassword" => admin::set_user_password,
        "AdminResetUserPassword" => admin::reset_user_password,
        "AdminUpdateUserAttributes" => admin::update_user_attributes,
        "AdminDeleteUserAttributes" => admin::delete_user_attributes,
        "AdminDisableUser" => admin::disable_user,
        "AdminEnableUser" => admin::enable_user,
        "AdminUserGlobalSignOut" => admin::user_global_sign_out,
        "CreateGroup" => groups::create_group,
        "DeleteGroup" => groups::delete_group,
        "GetGroup" => groups::get_group,
        "ListGroups" => groups::list_groups,
        "AdminAddUserToGroup" => groups::add_user_to_group,
        "AdminRemoveUserFromGroup" => groups::remove_user_from_group,
        "AdminListGroupsForUser" => groups::list_groups_for_user,
        "ListUsersInGroup" => groups::list_users_in_group,
        "ListUsers" => describe::list_users,
        "DescribeUserPool" => describe::describe_user_pool,
        "DescribeUserPoolClient" => describe::describe_user_pool_client,
        "DescribeUserPoolDomain" => describe::describe_user_pool_domain,
        "UpdateUserPool" => maintenance::update_user_pool,
        "DeleteUserPoolDomain" => maintenance::delete_user_pool_domain,
        "ListUserPools" => describe::list_user_pools,
        "ListUserPoolClients" => describe::list_user_pool_clients,
        _ => return None,
    })
}

/// `/<pool id>/.well-known/{jwks.json,openid-configuration}`.
pub async fn well_known(cloud: &Arc<Cloud>, pool_id: &str, document: &str, call: Call) -> Response {
    let found = cloud.cognito.state.read(|state| {
        let pool = state.pools.get(pool_id)?;
        match document {
            "jwks.json" => Some(pool.keys.jwks()),
            "openid-configuration" => Some(openid_configuration(pool, cloud.endpoint())),
            _ => None,
        }
    });
    let mut response = match found {
        Some(body) => json_response(200, "application/json", &body, &call.request_id),
        None => {
            let message = format!("User pool {pool_id} does not exist.");
            json_response(404, "application/json", &json!({"message": message}), &call.request_id)
        }
    };
    response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}

/// The issuer is AWS's; what a client has to reach is here.
fn openid_configuration(pool: &state::Pool, endpoint: &str) -> Value {
    let mut document = json!({
        "id_token_signing_alg_values_supported": ["RS256"],
        "issuer": pool.issuer(),
        "jwks_uri": format!("{endpoint}/{}/.well-known/jwks.json", pool.id),
        "response_types_supported": ["code"],
        "scopes_supported": ["openid", "email", "phone", "profile"],
        "subject_types_supported": ["public"],
    });
    if let Some(domain) = &pool.domain {
        let base = format!("{endpoint}/_hosted/{domain}");
        for (name, path) in [
            ("authorization_endpoint", "oauth2/authorize"),
            ("end_session_endpoint", "logout"),
            ("revocation_endpoint", "oauth2/revoke"),
            ("token_endpoint", "oauth2/token"),
            ("userinfo_endpoint", "oauth2/userInfo"),
        ] {
            document[name] = json!(format!("{base}/{path}"));
        }
        document["token_endpoint_auth_methods_supported"] =
            json!(["client_secret_basic", "client_secret_post"]);
    }
    document
}
