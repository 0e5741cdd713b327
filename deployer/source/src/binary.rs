//! Which operations a binary can send, read off its bytes: the other half of what [`crate::calls`] reads off the
//! sources.
//!
//! The SDK names the span of every operation `<service>.<operation>` (`aws_sdk_dynamodb::operation::get_item`, 1.136:
//! `"DynamoDB.GetItem"`), and the linker keeps the text exactly where the operation's code is kept. Measured: it
//! survives `strip`, `opt-level = "z"` and `lto = "fat"`, and the binaries of an unoptimised build name the same
//! operations, since methods of generic handles that nobody calls are never made.

use std::collections::BTreeSet;

use crate::calls::{operation_names, service_ids};

/// Operations that the SDK's own credential chain sends: a binary that takes credentials from a role has them, whatever its own code calls.
const CREDENTIALS: [(&str, &str); 2] = [("sts", "AssumeRole"), ("sts", "AssumeRoleWithWebIdentity")];

/// The operations in a binary: SDK crate without `aws_sdk_`, and operation.
pub fn operations(code: &[u8]) -> BTreeSet<(String, String)> {
    let services: Vec<(&str, &str, Vec<String>)> =
        service_ids().map(|(service, id)| (service, id, operation_names(service))).collect();
    let mut found = BTreeSet::new();
    for (at, _) in code.iter().enumerate().filter(|(_, byte)| **byte == b'.') {
        let (before, after) = (&code[..at], &code[at + 1..]);
        if !after.first().is_some_and(u8::is_ascii_uppercase) {
            continue;
        }
        for (service, id, operations) in &services {
            if !before.ends_with(id.as_bytes()) {
                continue;
            }
            // Texts stand next to each other with nothing between: the longest name is the one that was meant.
            let fits = operations.iter().filter(|name| after.starts_with(name.as_bytes()));
            found
                .extend(fits.max_by_key(|name| name.len()).map(|name| ((*service).to_owned(), name.clone())));
        }
    }
    found
}

/// How a binary and its sources differ: what only the sources call, and what only the binary can send.
pub fn differences(
    sources: &BTreeSet<(String, String)>,
    binary: &BTreeSet<(String, String)>,
) -> (Vec<String>, Vec<String>) {
    let shown = |(service, operation): &(String, String)| format!("{service}:{operation}");
    let is_credentials = |found: &(String, String)| {
        CREDENTIALS.iter().any(|(service, operation)| found.0 == *service && found.1 == *operation)
    };
    let only_sources = sources.difference(binary).map(shown).collect();
    let only_binary = binary.difference(sources).filter(|found| !is_credentials(found)).map(shown).collect();
    (only_sources, only_binary)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(pairs: &[(&str, &str)]) -> BTreeSet<(String, String)> {
        pairs.iter().map(|(service, operation)| ((*service).to_owned(), (*operation).to_owned())).collect()
    }

    #[test]
    fn operations_are_found_between_other_texts() {
        let code = b"\0xDynamoDB.GetItemsigning\0Cognito Identity Provider.AdminGetUsercom.DynamoDB.QueryDynamoDB.Other";
        let expected = set(&[
            ("cognitoidentityprovider", "AdminGetUser"),
            ("dynamodb", "GetItem"),
            ("dynamodb", "Query"),
        ]);
        assert_eq!(operations(code), expected);
    }

    #[test]
    fn the_longest_name_is_meant() {
        let code = b"Cognito Identity Provider.DeleteUserAttributesX";
        assert_eq!(operations(code), set(&[("cognitoidentityprovider", "DeleteUserAttributes")]));
    }

    #[test]
    fn what_either_side_has_alone_is_told_but_for_the_credential_chain() {
        let sources = set(&[("dynamodb", "GetItem"), ("dynamodb", "Query")]);
        let binary = set(&[("dynamodb", "GetItem"), ("dynamodb", "Scan"), ("sts", "AssumeRole")]);
        let (only_sources, only_binary) = differences(&sources, &binary);
        assert_eq!(only_sources, ["dynamodb:Query"]);
        assert_eq!(only_binary, ["dynamodb:Scan"]);
    }
}
