//! CloudWatch Logs over the wire.

use aws_sdk_cloudwatchlogs::Client;
use aws_sdk_cloudwatchlogs::error::ProvideErrorMetadata;
use aws_sdk_cloudwatchlogs::types::InputLogEvent;
use localcloud::Running;

use crate::support::{administrator, cloud};

async fn with_stream() -> (Running, Client) {
    let cloud = cloud().await;
    let logs = Client::new(&administrator(&cloud));
    logs.create_log_group().log_group_name("/aws/lambda/f").send().await.unwrap();
    logs.create_log_stream().log_group_name("/aws/lambda/f").log_stream_name("s").send().await.unwrap();
    (cloud, logs)
}

fn event(timestamp: i64, message: &str) -> InputLogEvent {
    InputLogEvent::builder().timestamp(timestamp).message(message).build().unwrap()
}

async fn put(logs: &Client, messages: &[&str]) -> i64 {
    let now = i64::try_from(
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis(),
    )
    .unwrap();
    let events = (0..).zip(messages).map(|(at, message)| event(now + at, message)).collect();
    logs.put_log_events()
        .log_group_name("/aws/lambda/f")
        .log_stream_name("s")
        .set_log_events(Some(events))
        .send()
        .await
        .unwrap();
    now
}

#[tokio::test]
async fn filtered_events_come_in_pages_oldest_first() {
    let (_cloud, logs) = with_stream().await;
    let now = put(&logs, &["START one", "ERROR two", "ERROR three", "END four"]).await;
    let mut pages = logs
        .filter_log_events()
        .log_group_name("/aws/lambda/f")
        .filter_pattern("ERROR")
        .start_time(now)
        .limit(1)
        .into_paginator()
        .send();
    let mut messages = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.unwrap();
        assert!(page.events().len() <= 1);
        messages.extend(page.events().iter().map(|event| event.message().unwrap().to_owned()));
    }
    assert_eq!(messages, ["ERROR two", "ERROR three"]);
    let late = logs.filter_log_events().log_group_name("/aws/lambda/f").start_time(now + 3).send().await;
    assert_eq!(late.unwrap().events().len(), 1);
}

#[tokio::test]
async fn a_stream_is_read_from_its_tail_or_its_head() {
    let (_cloud, logs) = with_stream().await;
    put(&logs, &["one", "two", "three"]).await;
    let read = || logs.get_log_events().log_group_name("/aws/lambda/f").log_stream_name("s").limit(2);
    let messages = |events: &[aws_sdk_cloudwatchlogs::types::OutputLogEvent]| {
        events.iter().map(|event| event.message().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let tail = read().send().await.unwrap();
    assert_eq!(messages(tail.events()), ["two", "three"]);
    let before = read().next_token(tail.next_backward_token().unwrap()).send().await.unwrap();
    assert_eq!(messages(before.events()), ["one"]);
    let head = read().start_from_head(true).send().await.unwrap();
    assert_eq!(messages(head.events()), ["one", "two"]);
    let rest = read().next_token(head.next_forward_token().unwrap()).send().await.unwrap();
    assert_eq!(messages(rest.events()), ["three"]);
    let end = read().next_token(rest.next_forward_token().unwrap()).send().await.unwrap();
    assert_eq!(end.next_forward_token(), rest.next_forward_token());
}

#[tokio::test]
async fn a_group_is_described_with_its_retention_and_its_tags() {
    let (_cloud, logs) = with_stream().await;
    logs.put_retention_policy().log_group_name("/aws/lambda/f").retention_in_days(3).send().await.unwrap();
    let groups = logs.describe_log_groups().log_group_name_prefix("/aws/").send().await.unwrap();
    let group = &groups.log_groups()[0];
    assert_eq!(group.retention_in_days(), Some(3));
    assert_eq!(group.arn(), Some("arn:aws:logs:us-east-1:000000000000:log-group:/aws/lambda/f:*"));
    let arn = group.log_group_arn().unwrap();
    logs.tag_resource().resource_arn(arn).tags("stage", "local").send().await.unwrap();
    let tags = logs.list_tags_for_resource().resource_arn(arn).send().await.unwrap();
    assert_eq!(tags.tags().unwrap()["stage"], "local");
}

#[tokio::test]
async fn absent_groups_and_second_ones_are_refused() {
    let (_cloud, logs) = with_stream().await;
    let again = logs.create_log_group().log_group_name("/aws/lambda/f").send().await.unwrap_err();
    assert_eq!(again.code(), Some("ResourceAlreadyExistsException"));
    logs.delete_log_group().log_group_name("/aws/lambda/f").send().await.unwrap();
    let gone = logs.filter_log_events().log_group_name("/aws/lambda/f").send().await.unwrap_err();
    assert_eq!(gone.code(), Some("ResourceNotFoundException"));
}
