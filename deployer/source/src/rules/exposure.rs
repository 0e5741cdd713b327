//! Rules on what must not get out, and on what must not be taken on trust.

use std::collections::BTreeSet;

use super::facts::{Call, Facts};
use super::library::{FORGETS, MAPPED, SAME};
use super::value::{Kind, Value};
use super::{Event, Findings, Function};

pub fn check(function: &Function, facts: &Facts, findings: &mut Findings) {
    if let Event::Route { .. } = function.event {
        failures(facts, findings);
    }
    secrets(facts, findings);
    logs(facts, findings);
    verified(facts, findings);
    tls(facts, findings);
    origins(facts, findings);
}

/// Parts of the names of variables that hold secrets.
const SECRETS: [&str; 13] = [
    "PASSWORD",
    "PASSWD",
    "SECRET",
    "TOKEN",
    "CREDENTIAL",
    "API_KEY",
    "APIKEY",
    "PRIVATE_KEY",
    "ACCESS_KEY",
    "DATABASE_URL",
    "DB_URL",
    "CONNECTION_STRING",
    "DATABASE_DSN",
];

/// Ends of names that only say where a secret is, or what is done with it.
const REFERENCES: [&str; 12] = [
    "_ARN",
    "_NAME",
    "_ID",
    "_TTL",
    "_SECONDS",
    "_REGION",
    "_ISSUER",
    "_ENDPOINT",
    "_AUDIENCE",
    "_PREFIX",
    "_PATH",
    "TOKEN_URL",
];

/// Lambda's own variables are none of ours.
fn is_secret(variable: &str) -> bool {
    let named = REFERENCES.iter().any(|end| variable.ends_with(end));
    !named && !variable.starts_with("AWS_") && SECRETS.iter().any(|part| variable.contains(part))
}

fn secrets(facts: &Facts, findings: &mut Findings) {
    let reads = |call: &&Call| ["var", "var_os"].contains(&call.name.as_str());
    let readers: Vec<usize> = facts.calls.iter().filter(reads).map(|call| call.routine).collect();
    for call in &facts.calls {
        let direct = reads(&call);
        let helper =
            facts.targets.iter().any(|(place, routine)| *place == call.place && readers.contains(routine));
        let named = call.args.iter().filter_map(|arg| arg.literal.as_deref());
        let secret = named.into_iter().find(|name| is_secret(name) && !is_reference(facts, name));
        if let Some(name) = secret.filter(|_| direct || helper) {
            let message =
                format!("{name} comes from the environment, which everyone who may see the function sees");
            findings.add("secret-in-environment", &call.place, message);
        }
    }
}

/// Whether a variable's value is given to Secrets Manager, so that it only says where a secret is.
fn is_reference(facts: &Facts, variable: &str) -> bool {
    facts.calls.iter().filter(|call| call.name == "secret_id").any(|call| {
        let marks = call.args.iter().flat_map(|arg| &arg.marks);
        marks.into_iter().any(|mark| mark.kind == Kind::Variable && mark.what == variable)
    })
}

fn logs(facts: &Facts, findings: &mut Findings) {
    for log in &facts.logs {
        let told = log.values.iter().find_map(|value| value.marks.iter().find(|mark| mark.kind.is_private()));
        if let Some(mark) = told {
            findings.add("logged-event", &log.place, format!("the log would hold {}", mark.what));
        }
    }
}

/// What a failed call said, in the body of an answer.
fn failures(facts: &Facts, findings: &mut Findings) {
    let is_body = |call: &&Call| match (call.owner.as_deref(), call.name.as_str()) {
        (_, "body") | (Some("Body"), "from" | "new") | (Some("Response"), "new") => true,
        (_, "Text" | "Json" | "Html") => call.args.len() == 1,
        _ => false,
    };
    let calls = facts.calls.iter().filter(is_body);
    let calls = calls.flat_map(|call| call.args.iter().map(|arg| (&call.place, arg)));
    let bodies = facts.bodies.iter().map(|(place, value)| (place, value));
    // `json!({"statusCode": 500, "body": …})`, and the field of an answer.
    let entries = facts.entries.iter().filter(|entry| entry.name == "body");
    let entries = entries.map(|entry| (&entry.place, &entry.value));
    let mut told = BTreeSet::new();
    for (place, value) in calls.chain(bodies).chain(entries) {
        // `Response::new(Body::from(…))` is one answer.
        if let Some(mark) = value.mark(Kind::Failure)
            && told.insert((place.path(), place.line))
        {
            findings.add("internals-in-answer", place, format!("the answer tells {}", mark.what));
        }
    }
}

fn verified(facts: &Facts, findings: &mut Findings) {
    const RULE: &str = "verified-by-hand";
    let is_flag = |value: &Value| {
        value
            .literal
            .as_deref()
            .is_some_and(|name| ["email_verified", "phone_number_verified"].contains(&name))
    };
    let is_true = |value: &Value| value.literal.as_deref() == Some("true");
    let message = "an address is marked as verified that nobody has proved to have";
    for call in &facts.calls {
        let named = call.name == "value"
            && call.args.first().is_some_and(is_true)
            && facts.calls.iter().any(|other| {
                other.name == "name"
                    && other.context == call.context
                    && other.root == call.root
                    && other.args.first().is_some_and(is_flag)
            });
        let given = call.args.windows(2).any(|pair| is_flag(&pair[0]) && is_true(&pair[1]));
        if named || given {
            findings.add(RULE, &call.place, message.to_owned());
        }
    }
    for entry in facts.entries.iter().filter(|entry| is_true(&entry.value)) {
        if ["email_verified", "phone_number_verified"].contains(&entry.name.as_str()) {
            findings.add(RULE, &entry.place, message.to_owned());
        }
    }
}

fn tls(facts: &Facts, findings: &mut Findings) {
    const RULE: &str = "unverified-tls";
    const CONNECTORS: [&str; 4] = ["MakeRustlsConnect", "MakeTlsConnector", "TlsConnector", "ClientConfig"];
    let message = "whoever is between the function and the other side can read and change everything";
    let mentioned = |wanted: &str| facts.mentions.iter().find(|(name, _)| name == wanted);
    // Beside a connector that checks, it is for what a setting says has no TLS.
    let checked = CONNECTORS.into_iter().any(|connector| mentioned(connector).is_some());
    if let Some((_, place)) = mentioned("NoTls").filter(|_| !checked) {
        findings.add(RULE, place, message.to_owned());
    }
    for call in &facts.calls {
        if call.name.starts_with("danger_accept_invalid") || call.name == "set_certificate_verifier" {
            findings.add(RULE, &call.place, message.to_owned());
        }
    }
}

fn origins(facts: &Facts, findings: &mut Findings) {
    let is_name = |name: &str| super::access::plain(name) == "accesscontrolalloworigin";
    let is_header = |value: &Value| value.literal.iter().chain(&value.ty).any(|name| is_name(name));
    // What a function of ours does with it is seen there.
    let followed = |call: &&Call| facts.targets.iter().any(|(place, _)| *place == call.place);
    let judged =
        facts.judged || facts.calls.iter().filter(|call| judges_origin(call)).any(|call| !followed(&call));
    let is_any =
        |value: &Value| value.literal.as_deref() == Some("*") || (value.has(Kind::Origin) && !judged);
    let called = facts.calls.iter().filter(|call| match call.args.as_slice() {
        [] => call.name == "permissive" && call.owner.as_deref() == Some("CorsLayer"),
        [only] => call.name == "allow_origin" && is_any(only),
        more => more.windows(2).any(|pair| is_header(&pair[0]) && is_any(&pair[1])),
    });
    let entries = facts.entries.iter().filter(|entry| is_name(&entry.name) && is_any(&entry.value));
    let mut told = BTreeSet::new();
    for place in called.map(|call| &call.place).chain(entries.map(|entry| &entry.place)) {
        if told.insert((place.path(), place.line)) {
            let message = "any site may read the answer in its visitors' browsers";
            findings.add("any-origin", place, message.to_owned());
        }
    }
}

/// Whether a call may find the request's origin wanting: all that do not only pass it on.
fn judges_origin(call: &Call) -> bool {
    const PASSES: [&str; 10] =
        ["header", "insert", "append", "Some", "Ok", "from_str", "from_bytes", "try_from", "from", "new"];
    let name = call.name.as_str();
    let passes = [&PASSES[..], &MAPPED, &SAME, &FORGETS].iter().any(|names| names.contains(&name));
    !passes && call.args.iter().any(|arg| arg.has(Kind::Origin))
}
