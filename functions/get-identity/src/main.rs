//! `GET /user/identity`: the caller's identity, in the stages that keep one. Its rows are made by the
//! confirmation; where that failed, the first request makes both.

use std::convert::Infallible;
use std::sync::Arc;

use functions_shared::aws::Aws;
use functions_shared::caller::Caller;
use functions_shared::identities::{Identity, IdentityTables};
use functions_shared::problem::Problem;
use functions_shared::profiles::Write;
use functions_shared::user_pool::UserPool;
use functions_shared::{http, logging};
use lambda_http::http::Response;
use lambda_http::{Body, Error, Request, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    logging::start(module_path!());
    let aws = Arc::new(Aws::from_env());
    let function =
        GetIdentity { tables: IdentityTables::from_env(&aws)?, user_pool: UserPool::from_env(&aws)? };
    lambda_http::run(service_fn(|request| function.answer(request))).await
}

struct GetIdentity {
    tables: IdentityTables,
    user_pool: UserPool,
}

impl GetIdentity {
    async fn answer(&self, request: Request) -> Result<Response<Body>, Infallible> {
        Ok(http::respond(&request, |caller| self.identity(caller)).await)
    }

    async fn identity(&self, caller: Caller) -> Result<Response<Body>, Problem> {
        let identity = match self.tables.get_item(&caller.sub).await? {
            Some(identity) => identity,
            None => self.mend(&caller).await?,
        };
        Ok(http::json(serde_json::json!(identity).to_string()))
    }

    /// Makes both rows from what Cognito knows of the caller.
    async fn mend(&self, caller: &Caller) -> Result<Identity, Problem> {
        let user = self
            .user_pool
            .admin_get_user(&caller.username)
            .await?
            // The name may have passed to somebody else after the token was issued.
            .filter(|user| user.sub == caller.sub)
            .ok_or_else(Problem::user_gone)?;
        if self.tables.transact_write_items(&user).await? == Write::Done {
            tracing::warn!(subject = caller.sub.hash(), "made rows that the confirmation left out");
        }
        self.tables.get_item(&caller.sub).await?.ok_or_else(Problem::unavailable)
    }
}

#[cfg(test)]
mod tests;
