//! CloudWatch Logs: what functions wrote.

use aws_sdk_cloudwatchlogs::Client;
use jiff::Timestamp;
use serde::Serialize;

use super::{Aws, Error};

/// One line of a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogEvent {
    pub id: String,
    pub time: Timestamp,
    pub message: String,
}

impl Aws {
    /// The events of a group from `since` on, oldest first; `filter` is a CloudWatch filter pattern.
    pub async fn log_events(
        &self,
        group: &str,
        since: Timestamp,
        filter: Option<&str>,
    ) -> Result<Vec<LogEvent>, Error> {
        let mut pages = Client::new(&self.config)
            .filter_log_events()
            .log_group_name(group)
            .start_time(since.as_millisecond())
            .set_filter_pattern(filter.map(ToOwned::to_owned))
            .into_paginator()
            .send();
        let mut events = Vec::new();
        while let Some(page) = pages.next().await {
            events.extend(page?.events.unwrap_or_default().into_iter().filter_map(|event| {
                Some(LogEvent {
                    id: event.event_id?,
                    time: Timestamp::from_millisecond(event.timestamp?).ok()?,
                    message: event.message?.trim_end().to_owned(),
                })
            }));
        }
        events.sort_by_key(|event| event.time);
        Ok(events)
    }
}
