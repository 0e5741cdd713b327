//! The rows of the `profiles` table.

use serde::{Deserialize, Serialize};

use crate::user::{Sub, User};

/// The sort key of the row that holds a user and their profile.
pub const PROFILE: &str = "PROFILE";

/// A user's row as their confirmation makes it: the user's attributes, no profile yet.
#[derive(Debug, Serialize)]
pub struct NewRow<'a> {
    pk: String,
    sk: &'static str,
    /// The inverted index's partition key. Under `sk` itself every user would be in the one partition
    /// `PROFILE`; sixteen shards share them out, and all of them are found by asking each.
    sk_shard: String,
    sub: String,
    username: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    given_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    family_name: Option<&'a str>,
    created_at: &'a str,
    updated_at: &'a str,
}

impl<'a> NewRow<'a> {
    /// The row of `user`, made `now` (RFC 3339).
    pub fn new(user: &'a User, now: &'a str) -> Self {
        let shard: String = user.sub.hash().chars().take(1).collect();
        Self {
            pk: partition_key(&user.sub),
            sk: PROFILE,
            sk_shard: format!("{PROFILE}#{shard}"),
            sub: user.sub.to_string(),
            username: &user.username,
            email: user.email.as_deref(),
            given_name: user.given_name.as_deref(),
            family_name: user.family_name.as_deref(),
            created_at: now,
            updated_at: now,
        }
    }
}

/// What a read of the row asks for.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub struct StoredProfile {
    /// The profile's JSON text exactly as it came: DynamoDB's numbers have 38 digits and its maps 32 levels,
    /// text has neither limit. `None` until one was stored.
    pub profile: Option<String>,
}

/// Each user is a partition of their own.
pub fn partition_key(sub: &Sub) -> String {
    format!("USER#{sub}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(email: Option<&str>) -> User {
        User {
            sub: Sub::parse("abc").unwrap(),
            username: "ana".to_owned(),
            email: email.map(str::to_owned),
            given_name: None,
            family_name: None,
        }
    }

    #[test]
    fn a_row_is_keyed_by_sub_and_leaves_out_what_is_not_known() {
        let ana = user(Some("ana@example.com"));
        let row = serde_json::to_value(NewRow::new(&ana, "2026-01-02T03:04:05Z")).unwrap();
        assert_eq!(
            row,
            serde_json::json!({
                "pk": "USER#abc", "sk": "PROFILE", "sk_shard": "PROFILE#b", "sub": "abc", "username": "ana",
                "email": "ana@example.com",
                "created_at": "2026-01-02T03:04:05Z", "updated_at": "2026-01-02T03:04:05Z",
            })
        );
    }

    #[test]
    fn users_spread_over_sixteen_shards() {
        let shards: std::collections::BTreeSet<String> = (0..500)
            .map(|number| {
                let user = User { sub: Sub::parse(&number.to_string()).unwrap(), ..user(None) };
                NewRow::new(&user, "").sk_shard
            })
            .collect();
        assert_eq!(shards.len(), 16);
    }
}
