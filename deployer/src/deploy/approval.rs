//! What a deployment needs a person's word for, by the class of its stage.

use serde::Serialize;

use super::progress::{Answer, Question};
use super::{Engine, Outcome};
use crate::aws::{Change, Replacement};
use crate::project::Class;

/// Resource types whose loss loses data or users.
const STATEFUL: &[&str] = &[
    "AWS::Cognito::UserPool",
    "AWS::DynamoDB::Table",
    "AWS::KMS::Key",
    "AWS::RDS::DBCluster",
    "AWS::RDS::DBInstance",
    "AWS::S3::Bucket",
    "AWS::SecretsManager::Secret",
];

/// Whether losing a resource of this type loses data.
pub(super) fn stateful(kind: &str) -> bool {
    STATEFUL.contains(&kind)
}

/// What the person allowed beforehand on the command line.
#[derive(Debug, Clone, Default)]
pub struct Approvals {
    /// `--yes`: every question that takes a yes.
    pub yes: bool,
    /// `--allow-replace ID`: these stateful resources may be replaced or removed.
    pub replace: Vec<String>,
}

/// What a change set needs a word for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Approval {
    /// Stateful resources that are replaced or removed.
    pub losses: Vec<String>,
    /// Roles and policies that change.
    pub access: Vec<String>,
}

impl Approval {
    /// Nothing is lost or widened in a stack that does not exist yet.
    pub fn of(changes: &[Change], create: bool) -> Self {
        if create {
            return Self::default();
        }
        let losses = changes
            .iter()
            .filter(|change| stateful(&change.kind))
            .filter(|change| change.action == "Remove" || change.replacement != Replacement::No)
            .map(|change| change.logical_id.clone())
            .collect();
        let access = changes
            .iter()
            .filter(|change| {
                change.kind.starts_with("AWS::IAM::") || change.kind == "AWS::Lambda::Permission"
            })
            .filter(|change| change.action != "Remove")
            .filter(|change| {
                change.action == "Add" || change.details.iter().any(|detail| detail.attribute == "Properties")
            })
            .map(|change| change.logical_id.clone())
            .collect();
        Self { losses, access }
    }

    fn about(&self) -> Vec<String> {
        let losses = self.losses.iter().map(|id| format!("{id} is replaced or removed, with the data in it"));
        losses.chain(self.access.iter().map(|id| format!("{id} changes who may do what"))).collect()
    }
}

impl Engine<'_> {
    /// Asks for what the class of the stage wants asked. `None`: go on.
    pub(super) async fn approve(
        &self,
        stack: &str,
        class: Class,
        approval: &Approval,
        approvals: &Approvals,
    ) -> Option<Outcome> {
        let losses: Vec<&String> =
            approval.losses.iter().filter(|id| !approvals.replace.contains(id)).collect();
        let question = match class {
            Class::Ephemeral => return None,
            Class::Development if losses.is_empty() && approval.access.is_empty() => return None,
            Class::Development | Class::Production if losses.is_empty() => {
                if approvals.yes {
                    return None;
                }
                Question { about: approval.about(), text: format!("Change {stack}?"), typed: None }
            }
            Class::Development if approvals.yes => return None,
            Class::Development => {
                Question { about: approval.about(), text: format!("Change {stack}?"), typed: None }
            }
            Class::Production => Question {
                about: approval.about(),
                text: format!("Type the stack's name ({stack}) to go on:"),
                typed: Some(stack.to_owned()),
            },
        };
        match self.confirm.confirm(&question).await {
            Answer::Yes => None,
            Answer::No => Some(Outcome::Declined),
            Answer::NobodyToAsk => {
                let hint = match losses.first() {
                    Some(id) if class == Class::Production => {
                        format!("run with --allow-replace {id}, once for each, if that is meant")
                    }
                    _ => "run with --yes if that is meant".to_owned(),
                };
                let why = match question.about.as_slice() {
                    [] => format!("{stack} is a {} stage: its changes need a yes", class.as_str()),
                    about => about.join("; "),
                };
                Some(Outcome::Refused { why: format!("nobody could be asked: {why}"), hint })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(kind: &str, action: &str, replacement: Replacement) -> Change {
        Change {
            action: action.to_owned(),
            logical_id: "It".to_owned(),
            physical_id: None,
            kind: kind.to_owned(),
            replacement,
            details: Vec::new(),
        }
    }

    #[test]
    fn replacing_or_removing_what_holds_data_is_a_loss() {
        for (action, replacement) in
            [("Remove", Replacement::No), ("Modify", Replacement::Yes), ("Modify", Replacement::Conditional)]
        {
            let changes = [change("AWS::DynamoDB::Table", action, replacement)];
            assert_eq!(Approval::of(&changes, false).losses, ["It"]);
            assert_eq!(Approval::of(&changes, true), Approval::default());
        }
        let harmless = [
            change("AWS::DynamoDB::Table", "Modify", Replacement::No),
            change("AWS::Lambda::Function", "Remove", Replacement::No),
        ];
        assert_eq!(Approval::of(&harmless, false), Approval::default());
    }

    #[test]
    fn a_new_role_is_more_access_and_a_removed_one_is_not() {
        assert_eq!(Approval::of(&[change("AWS::IAM::Role", "Add", Replacement::No)], false).access, ["It"]);
        assert!(
            Approval::of(&[change("AWS::IAM::Role", "Remove", Replacement::No)], false).access.is_empty()
        );
    }
}
