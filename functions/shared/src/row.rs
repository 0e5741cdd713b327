//! The tables `profiles` and `identities`, and their rows.

use std::time::SystemTime;

use aws_sdk_dynamodb::primitives::{DateTime, DateTimeFormat};
use serde::{Deserialize, Serialize};

use crate::table::TableName;
use crate::user::{Sub, User};

/// The table of users and their profiles.
#[derive(Debug)]
pub struct Profiles;

impl TableName for Profiles {
    const NAME: &'static str = "profiles";
}

/// The table of people's papers.
#[derive(Debug)]
pub struct Identities;

impl TableName for Identities {
    const NAME: &'static str = "identities";
}

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
    /// The key of the user's row in `identities`, in a stage that has that table. Made from `sub`, so that every
    /// function that makes the row makes the same one.
    id: String,
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
            id: user.sub.generated_id(),
            username: &user.username,
            email: user.email.as_deref(),
            given_name: user.given_name.as_deref(),
            family_name: user.family_name.as_deref(),
            created_at: now,
            updated_at: now,
        }
    }
}

/// A user's row in `identities` as their confirmation makes it: nothing is known of their papers yet.
#[derive(Debug, Serialize)]
pub struct NewIdentity<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    full_name: Option<String>,
    id_type: Option<&'a str>,
    id_number: Option<&'a str>,
    created_at: &'a str,
    updated_at: &'a str,
}

impl<'a> NewIdentity<'a> {
    /// The identity of `user` under `id`, made `now` (RFC 3339).
    pub fn new(user: &User, id: &'a str, now: &'a str) -> Self {
        let names: Vec<&str> =
            [&user.given_name, &user.family_name].into_iter().filter_map(|name| name.as_deref()).collect();
        Self {
            id,
            full_name: (!names.is_empty()).then(|| names.join(" ")),
            id_type: None,
            id_number: None,
            created_at: now,
            updated_at: now,
        }
    }
}

/// What a read of a row in `identities` asks for, and what its owner is shown.
#[derive(Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Identity {
    pub id: String,
    #[serde(default)]
    pub full_name: Option<String>,
    #[serde(default)]
    pub id_type: Option<String>,
    #[serde(default)]
    pub id_number: Option<String>,
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

/// The time in RFC 3339, to the millisecond.
pub(crate) fn now() -> String {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let millis = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
    let time = DateTime::from_millis(millis);
    // Only a year past 9999 has no such form.
    time.fmt(DateTimeFormat::DateTime).unwrap_or_else(|_| millis.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(email: Option<&str>) -> User {
        User {
            sub: Sub::parse("abc").unwrap(),
            username: "ana".to_owned(),
            email: email.map(str::to_owned),
            name: None,
            preferred_username: None,
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
                "pk": "USER#abc", "sk": "PROFILE", "sk_shard": "PROFILE#b", "sub": "abc",
                "id": Sub::parse("abc").unwrap().generated_id(), "username": "ana",
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
    #[test]
    fn an_identity_has_null_for_its_papers_and_never_the_word_undefined() {
        let nameless = serde_json::to_value(NewIdentity::new(&user(None), "i-1", "now")).unwrap();
        assert_eq!(
            nameless,
            serde_json::json!({
                "id": "i-1", "id_type": null, "id_number": null, "created_at": "now", "updated_at": "now",
            })
        );
        let family = User { family_name: Some("Lopez".to_owned()), ..user(None) };
        let row = serde_json::to_value(NewIdentity::new(&family, "i-1", "now")).unwrap();
        assert_eq!(row["full_name"], "Lopez");
    }
}
