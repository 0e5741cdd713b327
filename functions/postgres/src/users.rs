//! The table `users`.

use functions_shared::profiles::Write;
use functions_shared::user::{Sub, User};
use serde::Serialize;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row};

use crate::database::Database;
use crate::error::Error;
use crate::schema::Schema;

/// What a row says.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Person {
    pub display_name: Option<String>,
    pub email: Option<String>,
    pub handle: Option<String>,
}

/// The row of `sub`, `None` where there is none.
pub async fn find(database: &Database, schema: &Schema, sub: &Sub) -> Result<Option<Person>, Error> {
    let statement =
        format!("select display_name, email, handle from {schema}.users where cognito_user_id = $1");
    let rows = database.query(&statement, &[(&sub.to_string(), Type::TEXT)]).await?;
    let person = |row: &Row| -> Result<Person, tokio_postgres::Error> {
        Ok(Person { display_name: row.try_get(0)?, email: row.try_get(1)?, handle: row.try_get(2)? })
    };
    rows.first().map(person).transpose().map_err(Error::Statement)
}

/// Makes the row of `user`, unless they have one: a repeat changes nothing.
pub async fn insert(database: &Database, schema: &Schema, user: &User) -> Result<Write, Error> {
    let statement = format!(
        "insert into {schema}.users (cognito_user_id, display_name, email, handle) values ($1, $2, $3, $4) \
         on conflict (cognito_user_id) do nothing returning id"
    );
    let made = database
        .query(
            &statement,
            &[
                (&user.sub.to_string(), Type::TEXT),
                (&user.name, Type::TEXT),
                (&user.email, Type::TEXT),
                (&user.preferred_username, Type::TEXT),
            ],
        )
        .await?;
    Ok(if made.is_empty() { Write::ConditionFailed } else { Write::Done })
}

/// Makes the rows of those of `users` who have none, all at once; gives their number.
pub async fn insert_all(client: &Client, schema: &Schema, users: &[User]) -> Result<u64, Error> {
    let statement = format!(
        "insert into {schema}.users (cognito_user_id, display_name, email, handle) \
         select * from unnest($1::text[], $2::text[], $3::text[], $4::text[]) on conflict (cognito_user_id) do nothing"
    );
    let subs: Vec<String> = users.iter().map(|user| user.sub.to_string()).collect();
    let of = |part: fn(&User) -> Option<&str>| -> Vec<Option<&str>> { users.iter().map(part).collect() };
    let names = of(|user| user.name.as_deref());
    let emails = of(|user| user.email.as_deref());
    let handles = of(|user| user.preferred_username.as_deref());
    client.execute(&statement, &[&subs, &names, &emails, &handles]).await.map_err(Error::Statement)
}
