//! CORS as the API itself answers it: preflights without the authorizer, headers on every answer.

use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};

use super::model::Cors;

/// Whether a request is a preflight.
pub fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    *method == Method::OPTIONS
        && headers.contains_key(header::ORIGIN)
        && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// Adds the headers for a listed origin. What the integration said about CORS does not count once
/// the API has a configuration of its own.
pub fn apply(cors: &Cors, origin: Option<&HeaderValue>, preflight: bool, response: &mut Response) {
    let headers = response.headers_mut();
    let own: Vec<HeaderName> =
        headers.keys().filter(|name| name.as_str().starts_with("access-control-")).cloned().collect();
    for name in own {
        headers.remove(name);
    }
    let Some(allowed) = origin.and_then(|origin| allowed_origin(cors, origin)) else { return };
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
    if cors.allow_credentials == Some(true) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    }
    let mut list = |name: HeaderName, values: &[String]| {
        if let (false, Ok(value)) = (values.is_empty(), values.join(",").parse()) {
            headers.insert(name, value);
        }
    };
    list(header::ACCESS_CONTROL_EXPOSE_HEADERS, &cors.expose_headers);
    if preflight {
        list(header::ACCESS_CONTROL_ALLOW_METHODS, &cors.allow_methods);
        list(header::ACCESS_CONTROL_ALLOW_HEADERS, &cors.allow_headers);
        if let Some(age) = cors.max_age {
            headers.insert(header::ACCESS_CONTROL_MAX_AGE, age.into());
        }
    }
}

fn allowed_origin(cors: &Cors, origin: &HeaderValue) -> Option<HeaderValue> {
    let text = origin.to_str().ok()?;
    let listed = |allowed: &String| match allowed.as_str() {
        "http://*" => text.starts_with("http://"),
        "https://*" => text.starts_with("https://"),
        exact => exact.eq_ignore_ascii_case(text),
    };
    if cors.allow_origins.iter().any(|allowed| allowed == "*") {
        Some(HeaderValue::from_static("*"))
    } else {
        cors.allow_origins.iter().any(listed).then(|| origin.clone())
    }
}
