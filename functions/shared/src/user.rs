//! A user as Cognito knows them.

use std::fmt;
use std::fmt::Write as _;

use sha2::{Digest, Sha256};
use uuid::Uuid;

/// The name space of the ids that are made from `sub`. Another one would give every user another id.
const IDS: Uuid = Uuid::from_u128(0x6f1c_3c0e_52a9_4a3b_9d27_41f5_5be0_7a18);

/// Cognito's id of a user, `sub`: the only thing that identifies one. An address can change owners.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sub(String);

impl Sub {
    /// `None` unless it is 1 to 64 letters, digits and hyphens (a UUID is); so no `#` can end up in a key.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=64).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        fits.then(|| Self(text.to_owned()))
    }

    /// Sixteen hexadecimal digits of its hash: tells users apart in logs without naming one.
    pub fn hash(&self) -> String {
        let digest = Sha256::digest(self.0.as_bytes());
        digest.iter().take(8).fold(String::with_capacity(16), |mut text, byte| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

impl Sub {
    /// The generated id of this user: a version 5 UUID (RFC 9562, section 5.5), so that every attempt at a
    /// confirmation makes the same one. A random one would leave the rows of a failed attempt behind.
    pub fn generated_id(&self) -> String {
        Uuid::new_v5(&IDS, self.0.as_bytes()).to_string()
    }
}

impl fmt::Display for Sub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What of a user goes into their row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Their id.
    pub sub: Sub,
    /// Cognito's user name; equal to `sub` in a pool whose users sign in by e-mail.
    pub username: String,
    /// Absent where users sign up without one.
    pub email: Option<String>,
    /// Absent unless they gave it: the whole name, as they write it.
    pub name: Option<String>,
    /// Absent unless they gave it: what they want to be called by others.
    pub preferred_username: Option<String>,
    /// Absent unless they gave it.
    pub given_name: Option<String>,
    /// Absent unless they gave it.
    pub family_name: Option<String>,
}

impl User {
    /// From Cognito's attributes; `None` without a usable `sub`. An empty attribute counts as absent.
    pub fn from_attributes<'a>(username: &str, attribute: impl Fn(&str) -> Option<&'a str>) -> Option<Self> {
        let filled = |name| attribute(name).filter(|value| !value.is_empty()).map(str::to_owned);
        Some(Self {
            sub: Sub::parse(attribute("sub")?)?,
            username: username.to_owned(),
            email: filled("email"),
            name: filled("name"),
            preferred_username: filled("preferred_username"),
            given_name: filled("given_name"),
            family_name: filled("family_name"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sub_that_could_reach_into_another_key_is_refused() {
        assert_eq!(Sub::parse("a#b"), None);
        assert_eq!(Sub::parse(""), None);
        assert_eq!(Sub::parse(&"a".repeat(65)), None);
        assert!(Sub::parse("0d6a3c1e-7b1f-4c55-9a53-0c2f5f0e4a11").is_some());
    }

    #[test]
    fn the_hash_of_a_sub_is_stable_and_does_not_contain_it() {
        let sub = Sub::parse("abc").unwrap();
        assert_eq!(sub.hash(), "ba7816bf8f01cfea");
    }

    #[test]
    fn the_generated_id_is_the_same_at_every_attempt_and_another_for_every_user() {
        let id = |sub: &str| Sub::parse(sub).unwrap().generated_id();
        assert_eq!(id("abc"), id("abc"));
        assert_ne!(id("abc"), id("abd"));
        assert_eq!(id("abc").as_bytes()[14], b'5', "its version");
    }

    #[test]
    fn an_empty_attribute_counts_as_absent() {
        let user = User::from_attributes("u", |name| match name {
            "sub" => Some("abc"),
            "email" => Some(""),
            "given_name" => Some("Ana"),
            _ => None,
        })
        .unwrap();
        assert_eq!((user.email, user.given_name, user.family_name), (None, Some("Ana".to_owned()), None));
    }
}
