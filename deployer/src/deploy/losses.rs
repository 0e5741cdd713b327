//! What an update deletes or leaves behind: counted live, so that nobody approves it blindly.

use serde::Serialize;

use super::Engine;
use super::approval::stateful;
use super::reading::Reading;
use crate::aws::{Change, Replacement};

/// A resource with data that the stack loses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Loss {
    pub logical_id: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub physical_id: Option<String>,
    /// By an empty one; else removed.
    pub replaced: bool,
    /// Its policy retains it: no longer the stack's, yet not deleted.
    pub kept: bool,
    /// Users or items in it, where that could be counted. Both services give an estimate that may be
    /// some hours old (DescribeUserPool, DescribeTable).
    pub holds: Option<u64>,
}

impl Loss {
    pub(super) fn of(changes: &[Change], live: Option<&Reading>, wanted: Option<&Reading>) -> Vec<Self> {
        let lost = |change: &&Change| {
            stateful(&change.kind) && (change.action == "Remove" || change.replacement != Replacement::No)
        };
        changes.iter().filter(lost).map(|change| Self::by(change, live, wanted)).collect()
    }

    fn by(change: &Change, live: Option<&Reading>, wanted: Option<&Reading>) -> Self {
        let replaced = change.action != "Remove";
        let described = |reading: Option<&Reading>| -> Option<String> {
            let described = reading?.get(&change.logical_id)?;
            if replaced { described.update_replace_policy.clone() } else { described.deletion_policy.clone() }
        };
        // A removed resource has the policy that it was deployed with, a replaced one the new one.
        let policy = if replaced { described(wanted) } else { described(live) };
        Self {
            logical_id: change.logical_id.clone(),
            kind: change.kind.clone(),
            physical_id: change.physical_id.clone(),
            replaced,
            kept: policy.is_some_and(|policy| policy.starts_with("Retain")),
            holds: None,
        }
    }

    /// `1,204 users`.
    fn amount(&self) -> Option<String> {
        let word = match self.kind.as_str() {
            "AWS::Cognito::UserPool" => "user",
            "AWS::DynamoDB::Table" => "item",
            _ => return None,
        };
        self.holds.map(|many| format!("{} {word}{}", thousands(many), if many == 1 { "" } else { "s" }))
    }

    /// One line for a person.
    pub fn text(&self) -> String {
        let what = self.amount().unwrap_or_else(|| "all that is in it".to_owned());
        let id = &self.logical_id;
        let name = self.physical_id.as_deref().unwrap_or("the old one");
        match (self.replaced, self.kept) {
            (true, true) => format!("{id} is replaced by an empty one; {what} stay behind in {name}"),
            (true, false) => format!("{id} is replaced by an empty one, which deletes {what}"),
            (false, true) => format!("{id} leaves the stack; {what} stay behind in {name}"),
            (false, false) => format!("{id} is removed, which deletes {what}"),
        }
    }

    /// `this deletes 1,204 users and 18,311 items`, where anything that can be counted goes.
    pub fn total(losses: &[Self]) -> Option<String> {
        let sum = |kind: &str| -> u64 {
            let gone = losses.iter().filter(|loss| !loss.kept && loss.kind == kind);
            gone.filter_map(|loss| loss.holds).sum()
        };
        let (users, items) = (sum("AWS::Cognito::UserPool"), sum("AWS::DynamoDB::Table"));
        let part = |many: u64, word: &str| {
            (many > 0).then(|| format!("{} {word}{}", thousands(many), if many == 1 { "" } else { "s" }))
        };
        let parts: Vec<String> = [part(users, "user"), part(items, "item")].into_iter().flatten().collect();
        (!parts.is_empty()).then(|| format!("this deletes {}", parts.join(" and ")))
    }
}

/// `18,311`.
fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

impl Engine<'_> {
    /// Asks the services how much is in what would be lost. Not knowing is told and stops nothing:
    /// the loss is asked about all the same.
    pub(super) async fn count(&self, losses: &mut [Loss]) {
        for loss in losses {
            let Some(name) = loss.physical_id.as_deref() else { continue };
            let counted = match loss.kind.as_str() {
                "AWS::Cognito::UserPool" => self.aws.users_in(name).await,
                "AWS::DynamoDB::Table" => self.aws.items_in(name).await,
                _ => continue,
            };
            match counted {
                Ok(many) => loss.holds = Some(many),
                Err(error) => {
                    self.reporter.warn(format!("how much is in {} is unknown: {error}", loss.logical_id));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loss(kind: &str, kept: bool, holds: u64) -> Loss {
        let (logical_id, physical_id) = ("It".to_owned(), Some("it-1".to_owned()));
        Loss { logical_id, kind: kind.to_owned(), physical_id, replaced: true, kept, holds: Some(holds) }
    }

    #[test]
    fn what_is_deleted_is_told_in_numbers() {
        let losses =
            [loss("AWS::Cognito::UserPool", false, 1_204), loss("AWS::DynamoDB::Table", false, 18_311)];
        assert_eq!(Loss::total(&losses).unwrap(), "this deletes 1,204 users and 18,311 items");
        assert_eq!(Loss::total(&[loss("AWS::DynamoDB::Table", false, 1)]).unwrap(), "this deletes 1 item");
        assert_eq!(Loss::total(&[loss("AWS::DynamoDB::Table", true, 5)]), None, "kept is not deleted");
        assert_eq!(
            loss("AWS::DynamoDB::Table", true, 5).text(),
            "It is replaced by an empty one; 5 items stay behind in it-1"
        );
    }

    #[test]
    fn numbers_are_grouped() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(thousands(number), text);
        }
    }
}
