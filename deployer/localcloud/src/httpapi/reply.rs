//! What a client is answered: a function's answer in response format 2.0, or the gateway's own words.

use axum::body::Body;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde_json::{Map, Value, json};

/// Headers that belong to the connection, not to the answer.
const CONNECTION: [HeaderName; 5] =
    [header::CONNECTION, header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::UPGRADE, header::TE];

/// The gateway's own answer: `{"message":"…"}`.
pub fn gateway(status: StatusCode, message: &str) -> Response {
    let mut response = Response::new(Body::from(json!({"message": message}).to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// A function's answer; the error says what is malformed about it.
/// Source: API Gateway developer guide, "Lambda function response for format 2.0".
pub fn of_function(payload: &Bytes) -> Result<Response, String> {
    let answer: Value =
        serde_json::from_slice(payload).map_err(|error| format!("the answer is not JSON: {error}"))?;
    match &answer {
        Value::Object(map) if map.contains_key("statusCode") => structured(map),
        inferred => Ok(inferred_body(inferred)),
    }
}

/// Without a status code the whole answer is the body.
fn inferred_body(answer: &Value) -> Response {
    let body = match answer {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn structured(answer: &Map<String, Value>) -> Result<Response, String> {
    let status = answer
        .get("statusCode")
        .and_then(Value::as_u64)
        .and_then(|status| u16::try_from(status).ok())
        .and_then(|status| StatusCode::from_u16(status).ok())
        .filter(|status| status.as_u16() >= 200)
        .ok_or("statusCode is not a status code")?;
    let body = match (answer.get("body"), answer.get("isBase64Encoded")) {
        (None | Some(Value::Null), _) => Bytes::new(),
        (Some(Value::String(body)), Some(Value::Bool(true))) => {
            STANDARD.decode(body).map_err(|error| format!("body is not base64: {error}"))?.into()
        }
        (Some(Value::String(body)), None | Some(Value::Null | Value::Bool(false))) => body.clone().into(),
        (Some(_), Some(flag)) if !flag.is_boolean() => return Err("isBase64Encoded is not a boolean".into()),
        (Some(_), _) => return Err("body is not a string".into()),
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    for (name, value) in members(answer.get("headers"), "headers")? {
        let name: HeaderName = name.parse().map_err(|_| format!("the header name {name:?} is invalid"))?;
        if !CONNECTION.contains(&name) {
            response.headers_mut().insert(name, header_value(&scalar(value)?)?);
        }
    }
    let cookies = match answer.get("cookies") {
        None | Some(Value::Null) => &[][..],
        Some(Value::Array(cookies)) => cookies,
        Some(_) => return Err("cookies is not a list".into()),
    };
    for cookie in cookies {
        response.headers_mut().append(header::SET_COOKIE, header_value(&scalar(cookie)?)?);
    }
    if !response.headers().contains_key(header::CONTENT_TYPE) {
        let plain = HeaderValue::from_static("text/plain;charset=UTF-8");
        response.headers_mut().insert(header::CONTENT_TYPE, plain);
    }
    Ok(response)
}

fn members<'a>(
    value: Option<&'a Value>,
    what: &str,
) -> Result<impl Iterator<Item = (&'a String, &'a Value)>, String> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(map)) => Ok(Some(map)),
        Some(_) => Err(format!("{what} is not an object")),
    }
    .map(|map| map.into_iter().flatten())
}

fn scalar(value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(_) | Value::Bool(_) => Ok(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => Err(format!("{value} is not a header's value")),
    }
}

fn header_value(text: &str) -> Result<HeaderValue, String> {
    HeaderValue::from_str(text).map_err(|_| format!("the header value {text:?} is invalid"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(answer: Value) -> Result<Response, String> {
        of_function(&answer.to_string().into())
    }

    fn content_type(response: &Response) -> &str {
        response.headers()[header::CONTENT_TYPE].to_str().unwrap()
    }

    #[test]
    fn an_answer_without_a_status_is_a_json_body() {
        for answer in [json!({"a": 1}), json!("hello"), json!(null), json!([1])] {
            let response = reply(answer).unwrap();
            assert_eq!(response.status(), 200);
            assert_eq!(content_type(&response), "application/json");
        }
    }

    #[test]
    fn a_structured_answer_sets_status_headers_and_cookies() {
        let response = reply(json!({
            "statusCode": 201, "headers": {"X-N": 1, "content-length": "7"}, "cookies": ["a=1", "b=2"], "body": "x",
        }))
        .unwrap();
        assert_eq!(response.status(), 201);
        assert_eq!(response.headers()["x-n"], "1");
        assert!(!response.headers().contains_key("content-length"));
        assert_eq!(response.headers().get_all("set-cookie").iter().count(), 2);
        assert_eq!(content_type(&response), "text/plain;charset=UTF-8");
    }

    #[test]
    fn malformed_answers_are_errors() {
        for bad in [
            json!({"statusCode": "200"}),
            json!({"statusCode": 99}),
            json!({"statusCode": 200, "body": {"a": 1}}),
            json!({"statusCode": 200, "body": "%%", "isBase64Encoded": true}),
            json!({"statusCode": 200, "headers": {"a b": "c"}}),
            json!({"statusCode": 200, "headers": {"a": ["b"]}}),
            json!({"statusCode": 200, "cookies": "a=1"}),
        ] {
            assert!(reply(bad.clone()).is_err(), "{bad}");
        }
        assert!(of_function(&Bytes::from_static(b"<html>")).is_err());
    }
}
