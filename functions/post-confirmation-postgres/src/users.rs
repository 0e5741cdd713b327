//! The table `users`.

use functions_shared::profiles::Write;
use functions_shared::user::User;
use tokio_postgres::types::Type;

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
            let values: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 4] = [
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
