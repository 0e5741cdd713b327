//! What a deployment needs a person's word for, by the class of its stage.

use std::collections::BTreeSet;

use serde::Serialize;

use super::access::{Access, AccessChange};
use super::losses::Loss;
use super::progress::{Answer, Question};
use super::{Engine, Outcome};
use crate::aws::Change;
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
    /// `--allow-replace ID`: these stateful resources may be replaced or removed, these roles widened.
    pub replace: Vec<String>,
}

/// What a change set needs a word for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Approval {
    /// Stateful resources that are replaced or removed.
    pub losses: Vec<Loss>,
    /// Who may do more than before. Less needs nobody's word.
    pub widened: Vec<Access>,
}

impl Approval {
    /// Where the two templates could not be compared, every change of a role may widen it.
    pub(super) fn of(changes: &[Change], losses: Vec<Loss>, access: Option<&AccessChange>) -> Self {
        let widened = match access {
            Some(access) => access.widened.clone(),
            None => changes.iter().filter(|change| may_widen(change)).map(unknown).collect(),
        };
        Self { losses, widened }
    }

    /// The ids that nobody has allowed yet.
    fn open(&self, allowed: &[String]) -> BTreeSet<&str> {
        let losses = self.losses.iter().map(|loss| loss.logical_id.as_str());
        let widened = self.widened.iter().map(|access| access.logical_id.as_str());
        losses.chain(widened).filter(|id| !allowed.iter().any(|allowed| allowed == id)).collect()
    }

    fn about(&self) -> Vec<String> {
        let losses = self.losses.iter().map(Loss::text);
        let widened = self.widened.iter().map(|access| format!("widened: {}", access.text()));
        losses.chain(Loss::total(&self.losses)).chain(widened).collect()
    }

    /// The question that a stage of this class asks. `None`: go on.
    fn question(&self, stack: &str, class: Class, approvals: &Approvals) -> Option<Question> {
        let open = self.open(&approvals.replace);
        let typed = match class {
            Class::Ephemeral => return None,
            Class::Development if open.is_empty() || approvals.yes => return None,
            Class::Production if open.is_empty() && approvals.yes => return None,
            Class::Production if !open.is_empty() => true,
            Class::Development | Class::Production => false,
        };
        let text = if typed {
            format!("Type the stack's name ({stack}) to go on:")
        } else {
            format!("Change {stack}?")
        };
        Some(Question { about: self.about(), text, typed: typed.then(|| stack.to_owned()) })
    }
}

fn may_widen(change: &Change) -> bool {
    (change.kind.starts_with("AWS::IAM::") || change.kind == "AWS::Lambda::Permission")
        && change.action != "Remove"
        && (change.action == "Add" || change.details.iter().any(|detail| detail.attribute == "Properties"))
}

fn unknown(change: &Change) -> Access {
    Access {
        logical_id: change.logical_id.clone(),
        who: change.logical_id.clone(),
        actions: vec!["what it may do changes, in a way that cannot be read,".to_owned()],
        resource: "something".to_owned(),
    }
}

impl Engine<'_> {
    /// Asks for what the class of the stage wants asked; what is lost is told all the same. `None`: go on.
    pub(super) async fn approve(
        &self,
        stack: &str,
        class: Class,
        approval: &Approval,
        approvals: &Approvals,
    ) -> Option<Outcome> {
        let Some(question) = approval.question(stack, class, approvals) else {
            let losses = approval.losses.iter().map(Loss::text).chain(Loss::total(&approval.losses));
            losses.for_each(|text| self.reporter.warn(text));
            return None;
        };
        match self.confirm.confirm(&question).await {
            Answer::Yes => None,
            Answer::No => Some(Outcome::Declined),
            Answer::NobodyToAsk => {
                let open = approval.open(&approvals.replace);
                let hint = if question.typed.is_some() {
                    let flags: Vec<String> = open.iter().map(|id| format!("--allow-replace {id}")).collect();
                    format!("run with --yes {} if that is meant", flags.join(" "))
                } else {
                    "run with --yes if that is meant".to_owned()
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
