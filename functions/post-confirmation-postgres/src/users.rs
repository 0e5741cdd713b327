//! The table `users`.

use functions_shared::profiles::Write;
use functions_shared::user::User;
use tokio_postgres::Client;
use tokio_postgres::types::{ToSql, Type};

use crate::database::Database;
use crate::error::Error;
use crate::schema::Schema;

/// Makes the row of `user`, unless they have one: a repeat changes nothing.
pub async fn insert(database: &Database, schema: &Schema, user: &User) -> Result<Write, Error> {
    let statement = format!(
        "insert into {schema}.users (cognito_user_id, display_name, email, handle) values ($1, $2, $3, $4) \
         on conflict (cognito_user_id) do nothing"
    );
    let sub = user.sub.to_string();
    let made = database
        .run(async |client| {
            let values: [(&(dyn ToSql + Sync), Type); 4] = [
                (&sub, Type::TEXT),
                (&user.name, Type::TEXT),
                (&user.email, Type::TEXT),
                (&user.preferred_username, Type::TEXT),
            ];
            // With the types given, prepared and run in one round trip.
            client.execute_typed(&statement, &values).await
        })
        .await?;
    Ok(if made == 0 { Write::ConditionFailed } else { Write::Done })
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
