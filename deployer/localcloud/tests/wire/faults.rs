//! Failures on demand, as an SDK sees them.

use std::time::{Duration, Instant};

use aws_sdk_s3::Client;
use aws_sdk_s3::error::ProvideErrorMetadata;
use localcloud::{Config, Running, start};
use serde_json::{Value, json};

use crate::support::{administrator, cloud, raw};

async fn with_faults() -> (Running, Client) {
    let cloud = start(Config { faults: true, ..Config::default() }).await.unwrap();
    let s3 = Client::new(&administrator(&cloud));
    (cloud, s3)
}

async fn control(cloud: &Running, method: &str, body: &Value) -> String {
    let body = body.to_string();
    let length = body.len();
    raw(
        cloud,
        &format!(
            "{method} /_local/faults HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
        ),
    )
    .await
}

/// Switches one fault on for the next call of `method` to S3.
async fn next(cloud: &Running, method: &str, kind: Value) {
    let faults = json!([{"service": "s3", "operation": method, "count": 1, "kind": kind}]);
    let answer = control(cloud, "POST", &faults).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn faults_need_to_be_switched_on_at_the_start() {
    let answer = control(&cloud().await, "POST", &json!([])).await;
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
}

#[tokio::test]
async fn a_throttled_call_does_nothing_and_the_one_after_works() {
    let (cloud, s3) = with_faults().await;
    next(&cloud, "PUT", json!("throttle")).await;
    let error = s3.create_bucket().bucket("artefacts").send().await.unwrap_err();
    assert_eq!(error.code(), Some("SlowDown"));
    assert!(s3.list_buckets().send().await.unwrap().buckets().is_empty());
    s3.create_bucket().bucket("artefacts").send().await.unwrap();
}

#[tokio::test]
async fn a_dropped_answer_hides_work_that_was_done_and_a_reset_does_none() {
    let (cloud, s3) = with_faults().await;
    for (kind, done) in [("reset", 0), ("drop-answer", 1)] {
        next(&cloud, "PUT", json!(kind)).await;
        let error = s3.create_bucket().bucket("artefacts").send().await.unwrap_err();
        assert!(error.raw_response().is_none(), "{kind}: {error:?}");
        assert_eq!(s3.list_buckets().send().await.unwrap().buckets().len(), done, "{kind}");
    }
}

#[tokio::test]
async fn garbage_and_half_an_answer_are_no_answer() {
    let (cloud, s3) = with_faults().await;
    for kind in ["garbage", "truncate"] {
        next(&cloud, "GET", json!(kind)).await;
        assert!(s3.list_buckets().send().await.is_err(), "{kind}");
        s3.list_buckets().send().await.unwrap();
    }
}

#[tokio::test]
async fn an_error_and_a_delay_are_as_they_were_ordered() {
    let (cloud, s3) = with_faults().await;
    next(&cloud, "GET", json!({"error": {"status": 503, "code": "ServiceUnavailable", "message": "later"}}))
        .await;
    let error = s3.list_buckets().send().await.unwrap_err();
    assert_eq!((error.code(), error.message()), (Some("ServiceUnavailable"), Some("later")));
    next(&cloud, "GET", json!({"delay_ms": 50})).await;
    let before = Instant::now();
    s3.list_buckets().send().await.unwrap();
    assert!(before.elapsed() >= Duration::from_millis(50));
    let left = control(&cloud, "GET", &json!(null)).await;
    assert!(left.ends_with("[]"), "{left}");
}
