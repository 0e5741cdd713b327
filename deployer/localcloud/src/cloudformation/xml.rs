//! The query protocol's answers: a JSON value written as the XML that the SDKs parse.

use axum::response::Response;
use serde_json::Value;

use crate::wire::{escape_xml, xml_response};

pub const NAMESPACE: &str = "http://cloudformation.amazonaws.com/doc/2010-05-15/";

/// `<OperationResponse><OperationResult>…`. Objects become elements, arrays become `member`s, and
/// null is left out.
pub fn answer(operation: &str, result: &Value, request_id: &str) -> Response {
    let mut body = format!("<{operation}Response xmlns=\"{NAMESPACE}\">");
    element(&mut body, &format!("{operation}Result"), result);
    body.push_str(&format!(
        "<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{operation}Response>"
    ));
    xml_response(200, body, request_id)
}

fn element(body: &mut String, name: &str, value: &Value) {
    if value.is_null() {
        return;
    }
    body.push_str(&format!("<{name}>"));
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| element(body, name, value)),
        Value::Array(members) => members.iter().for_each(|member| element(body, "member", member)),
        Value::String(text) => body.push_str(&escape_xml(text)),
        Value::Number(_) | Value::Bool(_) | Value::Null => body.push_str(&value.to_string()),
    }
    body.push_str(&format!("</{name}>"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_become_elements_and_members() {
        let mut body = String::new();
        let value = json!({"Id": "a<b", "Tags": [{"Key": "k"}, {"Key": "l"}], "Absent": null, "Echo": true});
        element(&mut body, "R", &value);
        assert_eq!(
            body,
            "<R><Echo>true</Echo><Id>a&lt;b</Id><Tags><member><Key>k</Key></member><member><Key>l</Key></member></Tags></R>"
        );
    }
}
