//! Rows that a confirmation left out: Cognito keeps a user confirmed although their trigger failed, so the
//! first request of such a user makes the row.

use crate::caller::Caller;
use crate::problem::Problem;
use crate::profiles::{ProfilesTable, Write};
use crate::user_pool::UserPool;

/// Makes the caller's row from what Cognito knows of them.
pub async fn mend(profiles: &ProfilesTable, user_pool: &UserPool, caller: &Caller) -> Result<(), Problem> {
    let user = user_pool
        .admin_get_user(&caller.username)
        .await?
        // The name may have passed to somebody else after the token was issued.
        .filter(|user| user.sub == caller.sub)
        .ok_or_else(Problem::user_gone)?;
    match profiles.put_item(&user).await? {
        Write::Done => {
            tracing::warn!(subject = caller.sub.hash(), "made a row that the confirmation left out")
        }
        // Another request of the same user was faster.
        Write::ConditionFailed => {}
    }
    Ok(())
}
