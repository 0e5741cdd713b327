//! A change set as a person should see it: replacements put right, losses counted, access compared,
//! and what cannot succeed found before it runs.

use std::collections::BTreeMap;

use serde::Serialize;

use super::access::AccessChange;
use super::approval::Approval;
use super::desired::Desired;
use super::losses::Loss;
use super::oracle::{Impossible, Verdict};
use super::reading::Reading;
use super::{Engine, Error};
use crate::aws::{Change, Stack};

/// What an update does.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Review {
    pub changes: Vec<Change>,
    /// By logical id: what comes of a replacement.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub notes: BTreeMap<String, Vec<String>>,
    pub approval: Approval,
    /// What is taken away needs nobody's word.
    pub access: AccessChange,
    /// Nothing runs where this is not empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub impossible: Vec<Impossible>,
}

impl Review {
    /// Nothing is lost or widened in a stack that does not exist yet.
    fn of_new(changes: Vec<Change>) -> Self {
        Self { changes, ..Self::default() }
    }
}

impl Engine<'_> {
    /// Compares the live template with the wanted one. `stack`: the live one.
    pub(super) async fn review(
        &self,
        desired: &Desired,
        stack: Option<&Stack>,
        create: bool,
        mut changes: Vec<Change>,
    ) -> Result<Review, Error> {
        let Some(stack) = stack.filter(|_| !create) else { return Ok(Review::of_new(changes)) };
        let live = self.template(stack).await?.and_then(|template| Reading::of(&template, &stack.parameters));
        let wanted = Reading::of(&desired.template, &desired.parameters);
        let (verdict, access) = match (&live, &wanted) {
            (Some(live), Some(wanted)) => {
                (Verdict::of(live, wanted), Some(AccessChange::between(live, wanted)))
            }
            _ => (Verdict::default(), None),
        };
        verdict.correct(&mut changes);
        let mut losses = Loss::of(&changes, live.as_ref(), wanted.as_ref());
        self.count(&mut losses).await;
        let approval = Approval::of(&changes, losses, access.as_ref());
        Ok(Review {
            changes,
            notes: verdict.replaced,
            approval,
            access: access.unwrap_or_default(),
            impossible: verdict.impossible,
        })
    }
}
