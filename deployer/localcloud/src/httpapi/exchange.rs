//! One request of a client and what is known about it: the event's and the access log's context.

use std::collections::BTreeMap;
use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, header};
use serde_json::{Map, Value, json};

use super::authorizer::Grant;
use super::model::{Api, Stage};
use crate::cloud::ACCOUNT;
use crate::wire::Call;

/// Only loopback reaches this cloud.
const SOURCE_IP: &str = "127.0.0.1";
/// What API Gateway shows, and the only protocol here.
const PROTOCOL: &str = "HTTP/1.1";

pub struct Exchange {
    pub call: Call,
    /// The path as the function sees it: with a named stage, without the cloud's own prefix.
    pub raw_path: String,
    pub query: Vec<(String, String)>,
    /// `apigw-requestid`.
    pub request_id: String,
    pub began: Instant,
    pub at: jiff::Timestamp,
    /// `$context` of access logs, filled as the request proceeds.
    pub context: BTreeMap<String, String>,
}

/// The route that a request took.
pub struct Taken {
    pub route_key: String,
    /// Percent-decoded.
    pub parameters: Vec<(String, String)>,
    pub grant: Option<Grant>,
}

impl Exchange {
    pub fn new(call: Call, raw_path: String, api: &Api, stage: &Stage) -> Self {
        let query = call.uri.query().unwrap_or_default();
        let query = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let mut exchange = Self {
            raw_path,
            query,
            request_id: request_id(),
            began: Instant::now(),
            at: jiff::Timestamp::now(),
            context: BTreeMap::new(),
            call,
        };
        let facts = [
            ("accountId", ACCOUNT.to_owned()),
            ("apiId", api.id.clone()),
            ("stage", stage.stage_name.clone()),
            ("requestId", exchange.request_id.clone()),
            ("extendedRequestId", exchange.request_id.clone()),
            ("httpMethod", exchange.call.method.to_string()),
            ("path", exchange.raw_path.clone()),
            ("protocol", PROTOCOL.to_owned()),
            ("identity.sourceIp", SOURCE_IP.to_owned()),
            ("identity.userAgent", exchange.header(header::USER_AGENT.as_str())),
            ("requestTime", exchange.time()),
            ("requestTimeEpoch", exchange.at.as_second().to_string()),
            ("domainName", exchange.header(header::HOST.as_str())),
            ("domainPrefix", api.id.clone()),
        ];
        exchange.context = facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        exchange
    }

    pub fn note(&mut self, name: &str, value: impl Into<String>) {
        self.context.insert(name.to_owned(), value.into());
    }

    fn header(&self, name: &str) -> String {
        self.call.header(name).unwrap_or_default().to_owned()
    }

    /// `12/Mar/2020:19:03:58 +0000`.
    fn time(&self) -> String {
        self.at.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string()
    }

    /// The event in payload format 2.0.
    /// Source: API Gateway developer guide, "AWS Lambda proxy integrations for HTTP APIs".
    pub fn event(&self, api: &Api, stage: &Stage, taken: &Taken) -> Value {
        let call = &self.call;
        let mut context = json!({
            "accountId": ACCOUNT,
            "apiId": api.id,
            "domainName": self.header(header::HOST.as_str()),
            "domainPrefix": api.id,
            "http": {
                "method": call.method.as_str(),
                "path": self.raw_path,
                "protocol": PROTOCOL,
                "sourceIp": SOURCE_IP,
                "userAgent": self.header(header::USER_AGENT.as_str()),
            },
            "requestId": self.request_id,
            "routeKey": taken.route_key,
            "stage": stage.stage_name,
            "time": self.time(),
            "timeEpoch": self.at.as_millisecond(),
        });
        if let (Some(grant), Value::Object(context)) = (&taken.grant, &mut context) {
            let jwt = json!({"jwt": {"claims": grant.claims, "scopes": grant.scopes}});
            context.insert("authorizer".into(), jwt);
        }
        let (body, is_base64) = body(call);
        let mut event = json!({
            "version": "2.0",
            "routeKey": taken.route_key,
            "rawPath": self.raw_path,
            "rawQueryString": call.uri.query().unwrap_or_default(),
            "headers": headers(&call.headers),
            "requestContext": context,
            "isBase64Encoded": is_base64,
        });
        let optional = [
            ("cookies", (!cookies(&call.headers).is_empty()).then(|| json!(cookies(&call.headers)))),
            ("queryStringParameters", joined(&self.query)),
            ("pathParameters", joined(&taken.parameters)),
            ("stageVariables", (!stage.stage_variables.is_empty()).then(|| json!(stage.stage_variables))),
            ("body", body.map(Value::String)),
        ];
        if let Value::Object(event) = &mut event {
            event.extend(optional.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
        }
        event
    }
}

/// Names are lower case, the values of one name are joined with commas; cookies have their own place.
fn headers(headers: &HeaderMap) -> Map<String, Value> {
    headers
        .keys()
        .filter(|name| **name != header::COOKIE)
        .map(|name| {
            let values: Vec<_> =
                headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
            (name.as_str().to_owned(), Value::String(values.join(",")))
        })
        .chain(
            [("x-forwarded-for", SOURCE_IP), ("x-forwarded-proto", "http")]
                .map(|(name, value)| (name.to_owned(), Value::String(value.to_owned()))),
        )
        .collect()
}

fn cookies(headers: &HeaderMap) -> Vec<String> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .map(|cookie| cookie.trim().to_owned())
        .filter(|cookie| !cookie.is_empty())
        .collect()
}

/// A map whose repeated names have their values joined with commas; `None` where it would be empty.
fn joined(pairs: &[(String, String)]) -> Option<Value> {
    let mut map: BTreeMap<&str, String> = BTreeMap::new();
    for (name, value) in pairs.iter().filter(|(name, _)| !name.is_empty()) {
        map.entry(name)
            .and_modify(|known| {
                known.push(',');
                known.push_str(value);
            })
            .or_insert_with(|| value.clone());
    }
    (!map.is_empty()).then(|| json!(map))
}

/// Text of the content types that API Gateway takes for text goes as it is, anything else in base64.
fn body(call: &Call) -> (Option<String>, bool) {
    if call.body.is_empty() {
        return (None, false);
    }
    let kind = call.header("content-type").unwrap_or_default().split(';').next().unwrap_or_default();
    let kind = kind.trim().to_ascii_lowercase();
    let textual = kind.is_empty()
        || kind.starts_with("text/")
        || ["application/json", "application/javascript", "application/xml"].contains(&kind.as_str())
        || kind.ends_with("+json")
        || kind.ends_with("+xml");
    let encoded = call.headers.contains_key(header::CONTENT_ENCODING);
    match std::str::from_utf8(&call.body) {
        Ok(text) if textual && !encoded => (Some(text.to_owned()), false),
        Ok(_) | Err(_) => (Some(STANDARD.encode(&call.body)), true),
    }
}

/// Fifteen characters and `=`, as API Gateway makes them.
fn request_id() -> String {
    let mut id = STANDARD.encode(uuid::Uuid::new_v4().as_bytes()).replace(['+', '/'], "e");
    id.truncate(15);
    id.push('=');
    id
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_parameters_and_headers_are_joined_with_commas() {
        let pairs = [("a".into(), "1".into()), ("b".into(), String::new()), ("a".into(), "2".into())];
        assert_eq!(joined(&pairs), Some(json!({"a": "1,2", "b": ""})));
        assert_eq!(joined(&[]), None);
        let mut map = HeaderMap::new();
        map.append("X-One", "1".parse().unwrap());
        map.append("x-one", "2".parse().unwrap());
        map.append("cookie", "a=1; b=2".parse().unwrap());
        let shown = headers(&map);
        assert_eq!(shown.get("x-one"), Some(&json!("1,2")));
        assert_eq!(shown.get("cookie"), None);
        assert_eq!(cookies(&map), ["a=1", "b=2"]);
    }
}
