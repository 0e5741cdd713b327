//! A plan in a file: what was shown is what runs, or nothing runs.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::desired::Desired;
use super::reading::Reading;
use super::{Engine, Error};
use crate::aws::StackStatus;
use crate::project::yaml::{self, Node};

/// Everything that a deployment is made of, and the stack that it was planned for. A parameter that
/// is not echoed is left out: the file holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sealed {
    /// Of this form of the file.
    version: u32,
    account: String,
    region: String,
    stack: String,
    template: String,
    parameters: BTreeMap<String, String>,
    tags: BTreeMap<String, String>,
    /// Each function with the SHA-256 of its zip.
    artifacts: BTreeMap<String, String>,
    /// `None`: there was no stack.
    live: Option<Live>,
}

/// Tells one state of a stack from every other one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Live {
    id: String,
    /// CloudFormation's LastUpdatedTime, or the creation's before any update.
    updated: Option<Timestamp>,
    status: String,
    /// SHA-256 of its template.
    template: String,
}

const VERSION: u32 = 1;

/// Where and for whom a plan is made, beside what is deployed.
#[derive(Debug, Clone)]
pub struct Sealing<'a> {
    pub account: &'a str,
    pub desired: &'a Desired,
    /// Each function with the SHA-256 of its zip.
    pub artifacts: BTreeMap<String, String>,
}

impl Engine<'_> {
    /// The plan of this moment, ready for a file.
    pub async fn seal(&self, sealing: Sealing<'_>) -> Result<Sealed, Error> {
        let desired = sealing.desired;
        let live = match self.stack(&desired.stack).await? {
            None => None,
            Some(stack) if stack.status == StackStatus::ReviewInProgress => None,
            Some(stack) => Some(Live {
                template: sha256(&self.template(&stack).await?.unwrap_or_default()),
                updated: stack.updated.or(stack.created),
                status: stack.status.to_string(),
                id: stack.id,
            }),
        };
        let hidden = not_echoed(&desired.template);
        let shown = desired.parameters.iter().filter(|(name, _)| !hidden.contains(name));
        Ok(Sealed {
            version: VERSION,
            account: sealing.account.to_owned(),
            region: self.aws.region().to_owned(),
            stack: desired.stack.clone(),
            template: desired.template.clone(),
            parameters: shown.map(|(name, value)| (name.clone(), value.clone())).collect(),
            tags: desired.tags.clone(),
            artifacts: sealing.artifacts,
            live,
        })
    }
}

impl Sealed {
    /// As text for a file.
    ///
    /// # Errors
    /// It cannot be written as JSON.
    pub fn to_text(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }

    /// # Errors
    /// The text is no plan of this form.
    pub fn parse(text: &str) -> Result<Self, String> {
        let sealed: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if sealed.version == VERSION {
            Ok(sealed)
        } else {
            Err(format!("it has version {}, and this deployer reads version {VERSION}", sealed.version))
        }
    }

    /// What is no longer as it was planned, in words; nothing: go on.
    pub fn moved(&self, now: &Self) -> Vec<String> {
        let mut moved = Vec::new();
        for (what, planned, found) in [
            ("account", &self.account, &now.account),
            ("region", &self.region, &now.region),
            ("stack", &self.stack, &now.stack),
        ] {
            if planned != found {
                moved.push(format!("the {what} is {found}, planned was {planned}"));
            }
        }
        moved.extend(moved_stack(self.live.as_ref(), now.live.as_ref()));
        moved.extend(moved_template(self, now));
        moved.extend(moved_values("parameter", &self.parameters, &now.parameters));
        moved.extend(moved_values("tag", &self.tags, &now.tags));
        let functions = moved_values("code of", &self.artifacts, &now.artifacts);
        moved.extend(
            functions.into_iter().map(|text| text.replace("the code of", "the code of the function")),
        );
        moved
    }
}

fn moved_stack(planned: Option<&Live>, found: Option<&Live>) -> Option<String> {
    let (planned, found) = match (planned, found) {
        (None, None) => return None,
        (None, Some(found)) => return Some(format!("the stack exists by now ({})", found.id)),
        (Some(planned), None) => return Some(format!("the stack {} is gone", planned.id)),
        (Some(planned), Some(found)) => (planned, found),
    };
    if planned.id != found.id {
        return Some(format!("the stack was deleted and made anew ({})", found.id));
    }
    if planned.template != found.template {
        return Some("the stack has another template by now: somebody deployed after the plan".to_owned());
    }
    if planned.updated != found.updated {
        let when = found.updated.map(|time| format!(" at {time}")).unwrap_or_default();
        return Some(format!("the stack was updated{when}, after the plan"));
    }
    (planned.status != found.status)
        .then(|| format!("the stack is {} by now, planned was {}", found.status, planned.status))
}

/// The resources that differ; the whole template where those are the same.
fn moved_template(planned: &Sealed, now: &Sealed) -> Vec<String> {
    if planned.template == now.template {
        return Vec::new();
    }
    let read = |sealed: &Sealed| Reading::of(&sealed.template, &BTreeMap::new()).unwrap_or_default().0;
    let (old, new) = (read(planned), read(now));
    let same = |id: &String| match (old.get(id), new.get(id)) {
        (Some(old), Some(new)) => old == new,
        _ => false,
    };
    let ids = old.keys().chain(new.keys().filter(|id| !old.contains_key(*id)));
    let resources: Vec<String> =
        ids.filter(|id| !same(id)).map(|id| format!("the template's resource {id} changed")).collect();
    if resources.is_empty() { vec!["the template changed".to_owned()] } else { resources }
}

fn moved_values(
    what: &str,
    planned: &BTreeMap<String, String>,
    now: &BTreeMap<String, String>,
) -> Vec<String> {
    let shown =
        |value: Option<&String>| value.map_or_else(|| "absent".to_owned(), |value| format!("{value:?}"));
    let names = planned.keys().chain(now.keys().filter(|name| !planned.contains_key(*name)));
    names
        .filter(|name| planned.get(*name) != now.get(*name))
        .map(|name| {
            let (found, was) = (shown(now.get(name)), shown(planned.get(name)));
            format!("the {what} {name} is {found}, planned was {was}")
        })
        .collect()
}

/// Names of the parameters with `NoEcho`.
fn not_echoed(template: &str) -> Vec<String> {
    let Ok(tree) = yaml::parse(template) else { return Vec::new() };
    let parameters = tree.get("Parameters").and_then(Node::mapping).into_iter().flatten();
    let hidden = parameters.filter(|(_, entry)| {
        entry.node.get("NoEcho").and_then(Node::text).is_some_and(|text| text.eq_ignore_ascii_case("true"))
    });
    hidden.map(|(name, _)| name.clone()).collect()
}

fn sha256(text: &str) -> String {
    Sha256::digest(text.trim_end()).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed() -> Sealed {
        let pair = |name: &str, value: &str| BTreeMap::from([(name.to_owned(), value.to_owned())]);
        Sealed {
            version: VERSION,
            account: "123456789012".to_owned(),
            region: "eu-central-1".to_owned(),
            stack: "shop".to_owned(),
            template: "Resources: {A: {Type: T}}".to_owned(),
            parameters: pair("P", "one"),
            tags: pair("team", "blue"),
            artifacts: pair("get", "aa"),
            live: Some(Live {
                id: "arn:1".to_owned(),
                updated: Some(Timestamp::UNIX_EPOCH),
                status: "CREATE_COMPLETE".to_owned(),
                template: "t".to_owned(),
            }),
        }
    }

    #[test]
    fn whatever_moves_is_named() {
        let planned = sealed();
        assert_eq!(planned.moved(&sealed()), Vec::<String>::new());
        let moved = |change: &dyn Fn(&mut Sealed)| {
            let mut now = sealed();
            change(&mut now);
            planned.moved(&now).join("; ")
        };
        let live = |change: &dyn Fn(&mut Live)| moved(&|now| now.live.iter_mut().for_each(change));
        for (text, word) in [
            (moved(&|now| "us-east-1".clone_into(&mut now.region)), "the region is us-east-1"),
            (moved(&|now| "9".clone_into(&mut now.account)), "the account is 9"),
            (
                moved(&|now| now.template = now.template.replace('A', "B")),
                "resource A changed; the template's resource B",
            ),
            (moved(&|now| now.template.push_str("\nOutputs: {}")), "the template changed"),
            (moved(&|now| now.parameters.clear()), "the parameter P is absent, planned was \"one\""),
            (
                moved(&|now| now.tags.insert("x".to_owned(), "y".to_owned()).map_or((), drop)),
                "the tag x is \"y\"",
            ),
            (
                moved(&|now| now.artifacts.insert("get".to_owned(), "bb".to_owned()).map_or((), drop)),
                "the code of the function get is \"bb\"",
            ),
            (moved(&|now| now.live = None), "arn:1 is gone"),
            (live(&|live| "arn:2".clone_into(&mut live.id)), "made anew"),
            (live(&|live| "u".clone_into(&mut live.template)), "another template"),
            (live(&|live| live.updated = Some(Timestamp::MAX)), "was updated at"),
            (live(&|live| "UPDATE_FAILED".clone_into(&mut live.status)), "is UPDATE_FAILED by now"),
        ] {
            assert!(text.contains(word), "{text:?} has no {word:?}");
        }
        let never = Sealed { live: None, ..sealed() };
        assert!(never.moved(&planned).join("").contains("the stack exists by now"));
    }

    #[test]
    fn a_plan_comes_back_from_its_file_and_another_form_is_refused() {
        let planned = sealed();
        let text = planned.to_text().unwrap();
        assert_eq!(Sealed::parse(&text).unwrap(), planned);
        assert!(
            Sealed::parse(&text.replace("\"version\": 1", "\"version\": 2"))
                .unwrap_err()
                .contains("version 2")
        );
        assert!(Sealed::parse(&text.replace("\"stack\"", "\"stak\"")).is_err());
        assert!(Sealed::parse("").is_err());
    }

    #[test]
    fn a_parameter_that_is_not_echoed_stays_out_of_the_file() {
        let template = "Parameters:\n  Open: {Type: String}\n  Secret: {Type: String, NoEcho: true}\n";
        assert_eq!(not_echoed(template), ["Secret"]);
    }
}
