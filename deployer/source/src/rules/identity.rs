//! Rules on who a function believes it works for.

use super::facts::{Call, Entry, Facts};
use super::value::{Kind, Mark, Value};
use super::{Event, Findings, Function};
use crate::place::Place;

pub fn check(function: &Function, facts: &Facts, findings: &mut Findings) {
    let keys: Vec<Key<'_>> = keys(function, facts);
    if function.event == (Event::Route { public: false }) {
        from_request(facts, &keys, findings);
        id_token(facts, findings);
    }
    if let Event::Route { .. } = function.event {
        old_claims(facts, findings);
    }
    by_email(&keys, findings);
    one_partition(function, &keys, findings);
}

/// A key attribute that is set.
struct Key<'a> {
    place: &'a Place,
    name: &'a str,
    value: &'a Value,
    /// Context and chain, where it is set in a call of DynamoDB.
    call: Option<(usize, (usize, usize))>,
}

impl Key<'_> {
    /// Whether both are set in one call of DynamoDB.
    fn is_beside(&self, other: &Key<'_>) -> bool {
        self.call.is_some() && self.call == other.call
    }
}

/// What is set as a key: `key("pk", …)`, `item("pk", …)` of an attribute that is one, and a field or entry of that name.
fn keys<'a>(function: &Function, facts: &'a Facts) -> Vec<Key<'a>> {
    let of_call = |call: &'a Call| match call.args.as_slice() {
        [name, value] if call.name == "key" || call.name == "item" => {
            let name = name.literal.as_deref()?;
            let key = Key { place: &call.place, name, value, call: Some((call.context, call.root)) };
            (call.name == "key" || function.is_key(name)).then_some(key)
        }
        _ => None,
    };
    // A name such as `id` may be that of a field of anything; `pk` is not.
    let is_key = |entry: &&Entry| {
        let plain = super::access::plain(&entry.name);
        !entry.json
            && function.is_key(&entry.name)
            && ["pk", "sk", "partitionkey", "sortkey"].contains(&plain.as_str())
    };
    let of_entry =
        |entry: &'a Entry| Key { place: &entry.place, name: &entry.name, value: &entry.value, call: None };
    let mut keys: Vec<Key<'_>> = facts.calls.iter().filter_map(of_call).collect();
    // `item("sk", …)` is an entry, too.
    let entries = facts.entries.iter().filter(is_key).map(of_entry);
    let entries: Vec<Key<'_>> =
        entries.filter(|entry| !keys.iter().any(|key| key.place == entry.place)).collect();
    keys.extend(entries);
    keys
}

fn from_request(facts: &Facts, keys: &[Key<'_>], findings: &mut Findings) {
    let rule = "identity-from-request";
    for key in keys {
        let vouched = key.value.has(Kind::Verified)
            || keys.iter().any(|other| other.is_beside(key) && other.value.has(Kind::Verified));
        if let Some(mark) = key.value.mark(Kind::SentIdentity).filter(|_| !vouched) {
            findings.add(rule, key.place, format!("the key {:?} is {}", key.name, mark.what));
        }
    }
    for call in &facts.calls {
        let value = match (call.name.as_str(), call.args.as_slice()) {
            ("username", [name]) if call.chain.iter().any(|name| name.starts_with("admin_")) => name,
            ("expression_attribute_values", [_, value]) if call.chain.iter().any(|name| name == "query") => {
                value
            }
            ("execute" | "query" | "query_one" | "query_opt", [_, values]) => values,
            _ => continue,
        };
        // An address or a name among a statement's values is what is stored; an id says whose row it is.
        let tells = |mark: &&Mark| call.name == "username" || is_id(&mark.what);
        let sent = value.mark(Kind::SentIdentity).filter(tells).filter(|_| !value.has(Kind::Verified));
        if let Some(mark) = sent {
            let what = match call.name.as_str() {
                "username" => "the user to change is",
                _ => "whose rows are touched is",
            };
            findings.add(rule, &call.place, format!("{what} {}", mark.what));
        }
    }
}

/// Whether the name in a mark such as "`userId` of the body" is that of an id.
fn is_id(what: &str) -> bool {
    let name = super::access::plain(what.split('`').nth(1).unwrap_or_default());
    name.ends_with("id") || name.ends_with("sub")
}

fn id_token(facts: &Facts, findings: &mut Findings) {
    let asked = facts.names.contains("tokenuse");
    let answered = facts.texts.iter().any(|(text, _)| text == "access" || text == "id");
    if let Some(place) = facts.claims.first().filter(|_| !(asked && answered)) {
        let message = "claims are read, and `token_use` never: an id token passes for an access token";
        findings.add("id-token-accepted", place, message.to_owned());
    }
}

fn old_claims(facts: &Facts, findings: &mut Findings) {
    for place in &facts.old_claims {
        let message = "payload 2.0 has no `authorizer.claims`: nobody is ever found there";
        findings.add("payload-1-claims", place, message.to_owned());
    }
    let first = |name: &str| facts.mentions.iter().find(|(known, _)| known == name).map(|(_, place)| place);
    let old = first("ApiGatewayProxyRequest")
        .or_else(|| first("ApiGatewayV1").filter(|_| first("ApiGatewayV2").is_none()));
    if let Some(place) = old {
        let message = "this is the event of a REST API; the routes here send payload 2.0";
        findings.add("payload-1-claims", place, message.to_owned());
    }
}

fn by_email(keys: &[Key<'_>], findings: &mut Findings) {
    for key in keys.iter().filter(|key| key.value.has(Kind::Email)) {
        let message =
            format!("the key {:?} is an e-mail address, which can change and change owners", key.name);
        findings.add("keyed-by-email", key.place, message);
    }
}

fn one_partition(function: &Function, keys: &[Key<'_>], findings: &mut Findings) {
    for key in keys.iter().filter(|key| function.is_partition(key.name)) {
        let Some(constant) = &key.value.literal else { continue };
        let of_users = keys.iter().any(|other| {
            other.is_beside(key)
                && other.name != key.name
                && (other.value.has(Kind::Verified) || other.value.has(Kind::SentIdentity))
        });
        if of_users {
            let message = format!("all users share the partition {constant:?}");
            findings.add("one-partition", key.place, message);
        }
    }
}
