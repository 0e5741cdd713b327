//! `GET /user/profile`: the profile that the caller stored.

use std::convert::Infallible;
use std::sync::Arc;

use functions_shared::aws::Aws;
use functions_shared::caller::Caller;
use functions_shared::mend::mend;
use functions_shared::problem::Problem;
use functions_shared::profiles::ProfilesTable;
use functions_shared::user_pool::UserPool;
use functions_shared::{http, logging};
use lambda_http::http::{Response, StatusCode};
use lambda_http::{Body, Error, Request, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    logging::start(module_path!());
    let aws = Arc::new(Aws::from_env());
    let function =
        GetProfile { profiles: ProfilesTable::from_env(&aws)?, user_pool: UserPool::from_env(&aws)? };
    lambda_http::run(service_fn(|request| function.answer(request))).await
}

struct GetProfile {
    profiles: ProfilesTable,
    user_pool: UserPool,
}

impl GetProfile {
    async fn answer(&self, request: Request) -> Result<Response<Body>, Infallible> {
        Ok(http::respond(&request, |caller| self.profile(caller)).await)
    }

    async fn profile(&self, caller: Caller) -> Result<Response<Body>, Problem> {
        let row = self.profiles.get_item(&caller.sub).await?;
        if row.is_none() {
            mend(&self.profiles, &self.user_pool, &caller).await?;
        }
        match row.and_then(|row| row.profile) {
            Some(profile) => Ok(http::json(profile)),
            None => Err(Problem::new(
                StatusCode::NOT_FOUND,
                "profile_not_found",
                "No profile was stored yet; store one with POST.",
            )),
        }
    }
}

#[cfg(test)]
mod tests;
