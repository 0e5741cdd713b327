//! `GET /user`: the caller's row in Postgres, in the stages with a `database`. It is made by the confirmation; where
//! that failed, the first request makes it.

use std::convert::Infallible;
use std::sync::Arc;

use functions_postgres::database::Database;
use functions_postgres::schema::Schema;
use functions_postgres::users::{self, Person};
use functions_shared::aws::Aws;
use functions_shared::caller::Caller;
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
    let function = GetUser {
        database: Database::from_env(&aws)?,
        schema: Schema::from_env()?,
        user_pool: UserPool::from_env(&aws)?,
    };
    lambda_http::run(service_fn(|request| function.answer(request))).await
}

struct GetUser {
    database: Database,
    schema: Schema,
    user_pool: UserPool,
}

impl GetUser {
    async fn answer(&self, request: Request) -> Result<Response<Body>, Infallible> {
        Ok(http::respond(&request, |caller| self.user(caller)).await)
    }

    async fn user(&self, caller: Caller) -> Result<Response<Body>, Problem> {
        let person = match users::find(&self.database, &self.schema, &caller.sub).await? {
            Some(person) => person,
            None => self.mend(&caller).await?,
        };
        Ok(http::json(serde_json::json!(person).to_string()))
    }

    /// Makes the row from what Cognito knows of the caller.
    async fn mend(&self, caller: &Caller) -> Result<Person, Problem> {
        let user = self
            .user_pool
            .admin_get_user(&caller.username)
            .await?
            // The name may have passed to somebody else after the token was issued.
            .filter(|user| user.sub == caller.sub)
            .ok_or_else(Problem::user_gone)?;
        if users::insert(&self.database, &self.schema, &user).await? == Write::Done {
            tracing::warn!(subject = caller.sub.hash(), "made a row that the confirmation left out");
        }
        users::find(&self.database, &self.schema, &caller.sub).await?.ok_or_else(Problem::unavailable)
    }
}

#[cfg(test)]
mod tests;
