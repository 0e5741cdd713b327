//! `PATCH /user/account`: changes the caller's name and e-mail address, in DynamoDB and in Cognito.
//! `GET /user/account` shows them; `POST /user/account/email-verification` takes the code of a new address, or
//! has another one sent.
//!
//! Who calls says the token's `sub` alone. A change is versioned: the answer's `ETag` may come back as
//! `If-Match`, and a lost race is 412.
//!
//! # Two stores
//!
//! The address is the pool's to decide, since people sign in with it; the table follows. A change has three
//! steps, each harmless to repeat:
//!
//! 1. the table: the new address is pending, and the pool was not told (conditional on the version);
//! 2. the pool: AdminUpdateUserAttributes, which sends a code and keeps the old address until it is verified;
//! 3. the table: the pool was told (conditional on the version).
//!
//! However it ends in between, the next request of any route completes it (`protocol.rs`). Once the pool has the
//! verified address, the next request writes it to the table. Nothing here ever marks an address as verified.
//!
//! # Verification
//!
//! The pool's own code goes to the pool's own VerifyUserAttribute, with the caller's token, for which the pool
//! asks the scope `aws.cognito.signin.user.admin`. Tokens of the hosted pages lack it on purpose: with it, a
//! stolen one could change every attribute and delete the user. Who came through these pages signs in by SRP
//! with the same client, whose tokens have this scope, and so proves the password once more before the address
//! that they sign in with changes. Any other token is answered with 403 `sign_in_again`.
//!
//! A one-time code of our own would do without the scope. But a trigger sees the pool's code only as a
//! placeholder ("Custom message Lambda trigger", developer guide), so the own one would have to travel in
//! ClientMetadata, which is not for secrets, and this function would have to set `email_verified` itself.

use std::convert::Infallible;
use std::sync::Arc;

use functions_shared::accounts::{Account, AccountsTable};
use functions_shared::aws::Aws;
use functions_shared::caller::Caller;
use functions_shared::problem::Problem;
use functions_shared::profiles::ProfilesTable;
use functions_shared::user_pool::UserPool;
use functions_shared::{http, logging};
use lambda_http::http::header::{AUTHORIZATION, ETAG, IF_MATCH};
use lambda_http::http::{HeaderMap, HeaderValue, Method, Response};
use lambda_http::{Body, Error, Request, service_fn};
use serde_json::{Map, Value, json};

use body::Verify;

mod body;
mod protocol;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    logging::start(module_path!());
    let aws = Arc::new(Aws::from_env());
    let function = UpdateAccount {
        accounts: AccountsTable::from_env(&aws)?,
        profiles: ProfilesTable::from_env(&aws)?,
        user_pool: UserPool::from_env(&aws)?,
    };
    lambda_http::run(service_fn(|request| function.answer(request))).await
}

struct UpdateAccount {
    accounts: AccountsTable,
    profiles: ProfilesTable,
    user_pool: UserPool,
}

impl UpdateAccount {
    async fn answer(&self, request: Request) -> Result<Response<Body>, Infallible> {
        Ok(http::respond(&request, |caller| self.route(caller, &request)).await)
    }

    /// The API lets through only the routes of the crate's `Cargo.toml`, one a method.
    async fn route(&self, caller: Caller, request: &Request) -> Result<Response<Body>, Problem> {
        match *request.method() {
            Method::PATCH => self.patch(&caller, request).await,
            Method::POST => self.verification(&caller, request).await,
            _ => {
                let account = self.current(&caller).await?;
                Ok(answer(&account, shown(&account)))
            }
        }
    }

    async fn patch(&self, caller: &Caller, request: &Request) -> Result<Response<Body>, Problem> {
        let wanted = body::wanted(request.body())?;
        let version = if_match(request.headers())?;
        let account = self.change(caller, &wanted, version).await?;
        let waits = wanted.email.is_some() && account.pending_email.is_some();
        let mut updated = shown(&account);
        updated.retain(|field, _| match field.as_str() {
            "name" => wanted.name.is_some(),
            "email" => wanted.email.is_some() && !waits,
            _ => waits,
        });
        let message = if waits {
            "The account was updated; the new e-mail address counts once it is verified."
        } else {
            "The account was updated."
        };
        Ok(answer(&account, json!({"message": message, "updated_attributes": updated})))
    }

    async fn verification(&self, caller: &Caller, request: &Request) -> Result<Response<Body>, Problem> {
        let account = match body::verification(request.body())? {
            Verify::Code(code) => self.verify(caller, token(request.headers())?, &code).await?,
            Verify::Resend => self.resend(caller).await?,
        };
        Ok(answer(&account, shown(&account)))
    }
}

/// What an account shows its owner.
fn shown(account: &Account) -> Map<String, Value> {
    [("name", &account.name), ("email", &account.email), ("pending_email", &account.pending_email)]
        .into_iter()
        .filter_map(|(field, value)| Some((field.to_owned(), Value::from(value.clone()?))))
        .collect()
}

fn answer(account: &Account, body: impl Into<Value>) -> Response<Body> {
    let mut response = http::json(body.into().to_string());
    if let Ok(tag) = HeaderValue::try_from(format!("\"{}\"", account.version)) {
        response.headers_mut().insert(ETAG, tag);
    }
    response
}

/// The version that the caller saw last; `None` where any will do.
fn if_match(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    match headers.get(IF_MATCH).map(HeaderValue::as_bytes) {
        None | Some(b"*") => Ok(None),
        Some(tag) => std::str::from_utf8(tag)
            .ok()
            .and_then(|tag| tag.strip_prefix('"')?.strip_suffix('"')?.parse().ok())
            .map(Some)
            // Not a tag of ours, so none that matches (RFC 9110, section 13.1.1).
            .ok_or_else(protocol::version_mismatch),
    }
}

/// The token that the authorizer verified: it takes it with and without `Bearer`.
fn token(headers: &HeaderMap) -> Result<&str, Problem> {
    let value = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let value = value.ok_or_else(Problem::unauthorized)?;
    Ok(match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        _ => value,
    })
}

#[cfg(test)]
mod tests;
