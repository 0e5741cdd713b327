//! `POST /user/profile`: replaces the caller's profile.

use std::convert::Infallible;
use std::sync::Arc;

use functions_shared::aws::Aws;
use functions_shared::caller::Caller;
use functions_shared::mend::mend;
use functions_shared::problem::Problem;
use functions_shared::profiles::{ProfilesTable, Write};
use functions_shared::user_pool::UserPool;
use functions_shared::{http, logging};
use lambda_http::http::Response;
use lambda_http::{Body, Error, Request, service_fn};

mod body;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    logging::start(module_path!());
    let aws = Arc::new(Aws::from_env());
    let function =
        PutProfile { profiles: ProfilesTable::from_env(&aws)?, user_pool: UserPool::from_env(&aws)? };
    lambda_http::run(service_fn(|request| function.answer(request))).await
}

struct PutProfile {
    profiles: ProfilesTable,
    user_pool: UserPool,
}

impl PutProfile {
    async fn answer(&self, request: Request) -> Result<Response<Body>, Infallible> {
        Ok(http::respond(&request, |caller| self.store(caller, request.body())).await)
    }

    async fn store(&self, caller: Caller, body: &Body) -> Result<Response<Body>, Problem> {
        let profile = body::profile(body)?;
        if self.profiles.update_item(&caller.sub, profile).await? == Write::ConditionFailed {
            mend(&self.profiles, &self.user_pool, &caller).await?;
            if self.profiles.update_item(&caller.sub, profile).await? == Write::ConditionFailed {
                return Err(Problem::unavailable());
            }
        }
        Ok(http::json(profile.to_owned()))
    }
}

#[cfg(test)]
mod tests;
