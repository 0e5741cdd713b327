//! Parts of what a function was invoked with: which part of an event a name stands for, in whatever way it is read.

use proc_macro2::Span;
use syn::{Member, Type};

use super::flow::{Flow, Frame};
use super::program::named;
use super::value::{Kind, Value};

/// Names under which a caller would say who they are, without `_`, `-` and case.
const IDENTITIES: [&str; 24] = [
    "userid",
    "user",
    "uid",
    "sub",
    "username",
    "useremail",
    "email",
    "emailaddress",
    "accountid",
    "account",
    "ownerid",
    "owner",
    "customerid",
    "memberid",
    "personid",
    "cognitouserid",
    "cognitosub",
    "cognitoid",
    "cognitousername",
    "principal",
    "principalid",
    "xuserid",
    "xusername",
    "xuser",
];

/// A field's name, or its position.
pub fn member(member: &Member) -> String {
    match member {
        Member::Named(name) => name.to_string(),
        Member::Unnamed(index) => index.index.to_string(),
    }
}

/// A name without what different ways of writing it differ in.
pub fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// What a parameter's type says of it: the types of `lambda_http`, `lambda_runtime` and `aws_lambda_events`.
pub fn declared(ty: &Type) -> Value {
    if let Some(extracted) = super::extract::declared(ty) {
        return extracted;
    }
    let value = Value::typed(ty);
    let Some(found) = named(ty) else { return value };
    match found.name.as_str() {
        "LambdaEvent" | "Request" | "ApiGatewayV2httpRequest" | "ApiGatewayProxyRequest" => {
            value.and(Kind::Event, "the request")
        }
        name if name.starts_with("CognitoEventUserPools") && !name.contains("Response") => {
            value.and(Kind::Event, "the event")
        }
        "Body" => value.and(Kind::Body, "the body").and(Kind::Sent, "the body"),
        "HeaderMap" => value.and(Kind::Headers, "the headers").and(Kind::Sent, "a header"),
        _ => value,
    }
}

impl Flow<'_> {
    /// A part of a value: a field, `["name"]`, `get("name")` or a method such as `body()`.
    pub fn access(&mut self, frame: &Frame, value: &Value, name: &str, span: Span) -> Value {
        self.facts.names.insert(plain(name));
        if let Some(ty) = &value.ty
            && (value.built || !value.has(Kind::Sent))
            && let Some(stored) = self.stored(frame, ty, name)
        {
            let stored = match self.program.argument(ty, name) {
                Some(argument) => Value { argument: Some(argument), ..stored },
                None => stored,
            };
            return if plain(name) == "email" {
                stored.and(Kind::Email, "an e-mail address")
            } else {
                stored
            };
        }
        let place = self.program.place(frame.routine, span);
        let plain_name = plain(name);
        let part = match plain_name.as_str() {
            // What lambda_runtime wraps an event in.
            "payload" if value.is_event() => value.clone(),
            "body" | "intobody" | "rawbody" if value.is_event() => {
                sent("the body").and(Kind::Body, "the body")
            }
            // The only field of an extractor.
            "0" if value.has(Kind::Sent) && !value.built => value.clone(),
            "uri" | "rawpath" if value.is_event() => sent("the path"),
            "pathparameters" | "pathparametersref" => sent("the path"),
            "querystringparameters" | "querystringparametersref" | "rawquerystring" => sent("the query"),
            "headers" => sent("a header").and(Kind::Headers, "the headers"),
            "requestcontext" | "requestcontextref" => Value::marked(Kind::Context, "the request's context"),
            "authorizer" => Value::marked(Kind::Authorizer, "what the authorizer says"),
            "jwt" if value.has(Kind::Authorizer) => Value::marked(Kind::Jwt, "what the authorizer says"),
            "claims" if value.has(Kind::Authorizer) || value.has(Kind::Jwt) => {
                self.facts.claims.push(place.clone());
                if value.has(Kind::Authorizer) {
                    self.facts.old_claims.push(place);
                }
                Value::marked(Kind::Claims, "the claims").and(Kind::Verified, "a claim")
            }
            "fields" if value.has(Kind::Authorizer) => value.clone(),
            "userattributes" => Value::marked(Kind::Attributes, "the user's attributes")
                .and(Kind::Verified, "an attribute of the user"),
            "origin" if value.has(Kind::Headers) => {
                sent("a header").and(Kind::Origin, "the request's own origin")
            }
            "intoparts" if value.is_event() && value.ty.as_deref() != Some("Request") => value.clone(),
            "intoparts" if value.is_event() => sent("the body").and(Kind::Body, "the body"),
            "authorization" if value.has(Kind::Headers) => Value::marked(Kind::Token, "the token"),
            _ => other(value, name, &plain_name),
        };
        self.with_type(value, name, part)
    }

    /// The declared type of a field of the workspace's own structs.
    fn with_type(&self, value: &Value, name: &str, part: Value) -> Value {
        let structure = value.ty.as_ref().and_then(|ty| self.program.structs.get(ty));
        match structure.and_then(|structure| structure.fields.get(name)) {
            Some(ty) => {
                let typed = Value::typed(ty);
                Value { ty: typed.ty, argument: typed.argument, ..part }
            }
            None => part,
        }
    }
}

fn sent(from: &str) -> Value {
    Value::marked(Kind::Sent, from)
}

/// Something that the caller sent under a name, which may say who somebody is. `userIds` are so many of them.
pub fn sent_as(value: Value, name: &str) -> Value {
    let plain = plain(name);
    let one = plain.strip_suffix('s').filter(|one| one.ends_with("id")).unwrap_or(&plain);
    if value.built || !IDENTITIES.contains(&one) {
        return value;
    }
    match value.mark(Kind::Sent).map(|mark| format!("`{name}` of {}", mark.what)) {
        Some(what) => value.and(Kind::SentIdentity, what),
        None => value,
    }
}

/// Something that the caller sent, in a variable of this name: `let user_id = path.rsplit('/').next()`.
pub fn called(value: Value, name: &str) -> Value {
    let plain = plain(name);
    let is_id = plain.ends_with("id") || plain == "sub";
    let from = value.mark(Kind::Sent).map(|mark| mark.what.as_str());
    // A header may hold a token that is verified here, too.
    let known = from != Some("a header") && !value.has(Kind::Verified) && !value.has(Kind::SentIdentity);
    if is_id && known { sent_as(value, name) } else { value }
}

/// What a text becomes that begins as the keys of users do, `USER#…`: what the caller sent names one of them then.
pub fn keyed(value: Value, text: &str) -> Value {
    let begins = ["user#", "users#"].iter().any(|prefix| text.to_ascii_lowercase().starts_with(prefix));
    if !begins || value.has(Kind::Verified) || value.has(Kind::SentIdentity) {
        return value;
    }
    match value.mark(Kind::Sent).map(|mark| format!("`USER#id` of {}", mark.what)) {
        Some(what) => value.and(Kind::SentIdentity, what),
        None => value,
    }
}

/// A value, and `other` where it is not there. What Cognito vouches for does not vouch for what stands in for it.
pub fn instead(value: Value, other: &Value) -> Value {
    let vouched = value.has(Kind::Verified);
    if vouched == other.has(Kind::Verified) {
        return value.join(other);
    }
    let sent = if vouched { other } else { &value };
    let what = sent.mark(Kind::Sent).map(|mark| format!("{} where there is no claim", mark.what));
    let named = sent.has(Kind::SentIdentity);
    let both = value.join(other);
    match what {
        _ if named => both.without(Kind::Verified),
        Some(what) if vouched => both.without(Kind::Verified).and(Kind::SentIdentity, what),
        Some(_) | None => both,
    }
}

fn other(value: &Value, name: &str, plain_name: &str) -> Value {
    let mut part = sent_as(value.derived(), name);
    if value.is_event() && ["request", "response", "callercontext", "version"].contains(&plain_name) {
        part = part.and(Kind::Part, "a part of its event");
    }
    if value.is_event() && plain_name == "username" {
        part = part.and(Kind::Verified, "the user's name");
    }
    if plain_name == "email" { part.and(Kind::Email, "an e-mail address") } else { part }
}
