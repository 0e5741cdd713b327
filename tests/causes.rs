//! Failures as CloudFormation tells them (`causes/*.json`: events in the form of DescribeStackEvents
//! and DescribeEvents, the oldest first), each with the first causes that a person would name.
//!
//! `wording` names the public report that a reason's words were read in; the other reasons, the names
//! and most sequences of events are composed after CloudFormation's habits: others are cancelled after
//! the failure, unless a report shows them before it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::Path;

use deployer::aws::Event;
use deployer::deploy::{Cause, causes, is_cascade};
use serde::Deserialize;

#[derive(Deserialize)]
struct Fixture {
    name: String,
    /// `owner/repository#number`.
    wording: Option<String>,
    events: Vec<Told>,
    causes: Vec<Expected>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Told {
    stack_id: String,
    logical_resource_id: String,
    physical_resource_id: String,
    resource_type: String,
    timestamp: jiff::Timestamp,
    resource_status: Option<String>,
    resource_status_reason: Option<String>,
    #[serde(rename = "HookType")]
    _hook_type: Option<String>,
    hook_status: Option<String>,
    hook_status_reason: Option<String>,
    #[serde(rename = "HookFailureMode")]
    _hook_failure_mode: Option<String>,
    #[serde(rename = "EventType")]
    _event_type: Option<String>,
    #[serde(rename = "ValidationName")]
    _validation_name: Option<String>,
    validation_status: Option<String>,
    validation_status_reason: Option<String>,
    #[serde(rename = "ValidationPath")]
    _validation_path: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    id: String,
    reason: String,
    within: Option<String>,
    property: Option<String>,
    #[serde(default)]
    rolling_back: bool,
}

impl Told {
    fn event(self, at: usize) -> Event {
        let validation = self.validation_status.map(|status| format!("VALIDATION_{status}"));
        Event {
            id: at.to_string(),
            stack_id: self.stack_id,
            time: self.timestamp,
            logical_id: self.logical_resource_id,
            physical_id: self.physical_resource_id,
            kind: self.resource_type,
            status: self.resource_status.or(validation).unwrap(),
            reason: self.resource_status_reason.or(self.validation_status_reason),
            token: None,
            hook: self.hook_status.map(|status| (status, self.hook_status_reason.unwrap_or_default())),
        }
    }
}

fn fixtures() -> Vec<Fixture> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/causes");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
        .iter()
        .flat_map(|file| {
            let text = fs::read_to_string(file).unwrap();
            serde_json::from_str::<Vec<Fixture>>(&text)
                .unwrap_or_else(|error| panic!("{}: {error}", file.display()))
        })
        .collect()
}

fn as_expected(cause: &Cause, expected: &Expected) -> bool {
    cause.logical_id == expected.id
        && cause.reason.contains(&expected.reason)
        && cause.within == expected.within
        && (expected.property.is_none() || cause.property == expected.property)
        && cause.rolling_back == expected.rolling_back
}

/// What many tools show: the first event of the stack that ends with FAILED.
fn first_failed(events: &[Event]) -> Option<&Event> {
    let stack = &events.first()?.stack_id;
    events.iter().find(|event| &event.stack_id == stack && event.status.ends_with("FAILED"))
}

#[test]
fn the_first_causes_are_those_that_a_person_would_name() {
    let (mut right, mut simple, mut wrong) = (0, 0, Vec::new());
    let fixtures = fixtures();
    let all = fixtures.len();
    let reported = fixtures.iter().filter(|fixture| fixture.wording.is_some()).count();
    println!("{:>9}  {:>12}  failure", "causes", "first FAILED");
    for fixture in fixtures {
        let events: Vec<Event> =
            fixture.events.into_iter().enumerate().map(|(at, told)| told.event(at)).collect();
        let found = causes(&events);
        let hit = found.len() == fixture.causes.len()
            && found.iter().zip(&fixture.causes).all(|(cause, expected)| as_expected(cause, expected));
        let told: Vec<_> = fixture.causes.iter().filter(|expected| !expected.rolling_back).collect();
        let simple_hit = matches!((told.as_slice(), first_failed(&events)), ([expected], Some(event))
            if event.logical_id == expected.id
                && event.reason.as_deref().is_some_and(|reason| reason.contains(&expected.reason)));
        let word = |hit: bool| if hit { "right" } else { "wrong" };
        println!("{:>9}  {:>12}  {}", word(hit), word(simple_hit), fixture.name);
        right += usize::from(hit);
        simple += usize::from(simple_hit);
        if !hit {
            wrong.push(format!("{}: {found:#?}", fixture.name));
        }
    }
    let percent = |hits: usize| 100 * hits / all;
    println!("{all} failures, {reported} of them in words of a public report");
    println!("first causes right: {right}/{all} ({} %)", percent(right));
    println!("first FAILED event alone: {simple}/{all} ({} %)", percent(simple));
    assert!(all >= 40, "only {all} failures");
    assert!(percent(right) >= 95, "{}", wrong.join("\n"));
}

#[test]
fn every_cause_is_explained_and_no_cause_is_a_cascade() {
    for fixture in fixtures() {
        let events: Vec<Event> =
            fixture.events.into_iter().enumerate().map(|(at, told)| told.event(at)).collect();
        for cause in causes(&events) {
            assert!(!is_cascade(&cause.reason), "{}: {}", fixture.name, cause.reason);
            let explanation =
                cause.explanation.unwrap_or_else(|| panic!("{}: {}", fixture.name, cause.reason));
            assert!(!explanation.meaning.is_empty() && !explanation.next.is_empty());
        }
    }
}
