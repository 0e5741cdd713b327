//! `/_local/inbox` and `/_local/inbox.json`: where the messages that Cognito "sent" are read.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::response::Response;
use serde_json::{Value, json};

use super::hosted::html;
use crate::cloud::Cloud;
use crate::wire::{AwsError, Call, json_response};

/// `/_local/inbox` (HTML) and `/_local/inbox.json?to=ADDRESS`: the messages "sent", newest first.
pub async fn inbox(cloud: &Arc<Cloud>, call: Call) -> Response {
    let query = match html::parse_form(call.uri.query().unwrap_or_default().as_bytes()) {
        Ok(query) => query,
        Err(error) => return error.json_response(&call.request_id),
    };
    if let Some(name) = query.keys().find(|name| *name != "to") {
        return AwsError::new(400, "InvalidParameterException", format!("unknown parameter {name}"))
            .json_response(&call.request_id);
    }
    if call.uri.path().ends_with(".json") {
        let messages = messages(cloud, &query);
        return json_response(200, "application/json", &messages, &call.request_id);
    }
    html::page(200, "Inbox", &table(&messages(cloud, &query)), &call.request_id)
}

fn messages(cloud: &Arc<Cloud>, query: &BTreeMap<String, String>) -> Value {
    let to = query.get("to").map(String::as_str);
    cloud.cognito.state.read(|state| {
        state
            .inbox
            .to(to)
            .map(|message| {
                json!({
                    "to": message.to,
                    "subject": message.subject,
                    "body": message.body,
                    "code": message.code,
                    "sent_at": jiff::Timestamp::from_millisecond(message.sent).unwrap_or_default().to_string(),
                })
            })
            .collect()
    })
}

fn table(messages: &Value) -> String {
    let rows: Vec<String> = messages
        .as_array()
        .into_iter()
        .flatten()
        .map(|message| {
            let cell = |name: &str| html::escape(message[name].as_str().unwrap_or_default());
            format!(
                "<article><h2>{}</h2><p>{}</p><footer>to {} · {}</footer></article>",
                cell("subject"),
                cell("body"),
                cell("to"),
                cell("sent_at")
            )
        })
        .collect();
    let list = if rows.is_empty() { "<p>Nothing was sent yet.</p>".to_owned() } else { rows.concat() };
    format!("<h1>Inbox</h1><p>What the embedded cloud would have sent, newest first.</p>{list}")
}
