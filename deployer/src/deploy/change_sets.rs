//! Making a change set, waiting until it is settled, and taking it away again.

use std::time::Duration;

use tokio::time::Instant;

use super::desired::{Desired, INLINE_LIMIT, NewChangeSet};
use super::{Engine, Error};
use crate::aws::{ChangeSet, ChangeSetStatus, Execution, Stack, TemplateBody};

/// CloudFormation makes even large change sets within a few minutes.
const SETTLES_WITHIN: Duration = Duration::from_secs(15 * 60);

/// What became of asking for a change set.
#[derive(Debug)]
pub(super) enum Prepared {
    /// It can be executed.
    Ready(ChangeSet),
    /// Nothing would change; the change set is gone again.
    NoChange,
    /// CloudFormation refused it; nothing ran. The change set is gone again.
    Rejected { reason: String },
    /// Ctrl-C; the change set is gone again.
    Interrupted,
}

impl Engine<'_> {
    /// Asks for a change set and waits until it is settled. `stack` is the live one, where there is
    /// one; a stack that this makes and does not need is removed again.
    pub(super) async fn prepare(
        &self,
        desired: &Desired,
        stack: Option<&Stack>,
        create: bool,
        bucket: Option<&str>,
    ) -> Result<Prepared, Error> {
        let name = format!("d-{}-{}", self.run, &desired.fingerprint()[..6]);
        let template = self.template_body(desired, bucket).await?;
        let request = desired.change_set(NewChangeSet {
            stack: stack.map_or(desired.stack.as_str(), |stack| stack.id.as_str()),
            name: &name,
            create,
            template,
        });
        let made = match self.aws.create_change_set(&request).await {
            Ok(ids) => ids,
            // The work may have been done: the name is unique to this run, so it can be looked up.
            Err(error) if error.answer_lost() => match self.aws.change_set(&name, &request.stack).await {
                Ok(found) => (found.id, found.stack_id),
                Err(_) => self
                    .aws
                    .create_change_set(&request)
                    .await
                    .map_err(Error::when(format!("ask for a change set of {}", desired.stack)))?,
            },
            Err(crate::aws::Error::Rejected { code, message }) => {
                return Ok(Prepared::Rejected { reason: format!("{message} ({code})") });
            }
            Err(error) => {
                return Err(Error::when(format!("ask for a change set of {}", desired.stack))(error));
            }
        };
        let (id, stack_id) = made;
        self.settle(&id, &stack_id, stack.is_none()).await
    }

    async fn template_body(&self, desired: &Desired, bucket: Option<&str>) -> Result<TemplateBody, Error> {
        match bucket {
            Some(bucket) if desired.template.len() > INLINE_LIMIT => {
                let key = format!("templates/{}/{}.yaml", desired.stack, desired.fingerprint());
                self.aws
                    .put_text(bucket, &key, &desired.template)
                    .await
                    .map_err(Error::when(format!("upload the template to {bucket}")))?;
                Ok(TemplateBody::Url(self.aws.object_url(bucket, &key)))
            }
            _ => Ok(TemplateBody::Inline(desired.template.clone())),
        }
    }

    async fn settle(&self, id: &str, stack_id: &str, new_stack: bool) -> Result<Prepared, Error> {
        let asked = Instant::now();
        let mut pause = Duration::ZERO;
        loop {
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.interrupt.wait() => {
                    self.discard(id, stack_id, new_stack).await;
                    return Ok(Prepared::Interrupted);
                }
            }
            pause = (pause * 2).clamp(Duration::from_millis(500), Duration::from_secs(5));
            let set = match self.aws.change_set(id, stack_id).await {
                Ok(set) => set,
                Err(error) if error.passing() && asked.elapsed() < SETTLES_WITHIN => continue,
                Err(error) => return Err(Error::when("look at the change set")(error)),
            };
            match (&set.status, &set.execution) {
                (ChangeSetStatus::Complete, Execution::Available) => return Ok(Prepared::Ready(set)),
                (ChangeSetStatus::Pending, _) if asked.elapsed() < SETTLES_WITHIN => {}
                (ChangeSetStatus::Failed, _) => {
                    self.discard(id, stack_id, new_stack).await;
                    let reason = set.reason.unwrap_or_else(|| "without a reason".to_owned());
                    return Ok(if says_no_change(&reason) {
                        Prepared::NoChange
                    } else {
                        Prepared::Rejected { reason }
                    });
                }
                (status, execution) => {
                    let reason = format!("the change set stays {status:?}, execution {execution:?}");
                    self.discard(id, stack_id, new_stack).await;
                    return Ok(Prepared::Rejected { reason });
                }
            }
        }
    }

    /// Takes an unexecuted change set away, and the empty stack that it brought.
    pub(super) async fn discard(&self, id: &str, stack_id: &str, new_stack: bool) {
        if let Err(error) = self.aws.delete_change_set(id, stack_id).await {
            self.reporter.warn(format!("the change set {id} could not be removed: {error}"));
        }
        if new_stack && let Err(error) = self.aws.delete_stack(stack_id, &self.token("discard"), &[]).await {
            self.reporter.warn(format!("the empty stack {stack_id} could not be removed: {error}"));
        }
    }
}

/// The two ways in which CloudFormation says that there is nothing to do.
fn says_no_change(reason: &str) -> bool {
    reason.starts_with("The submitted information didn't contain changes.")
        || reason.starts_with("No updates are to be performed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_change_is_told_by_the_start_of_the_reason_alone() {
        assert!(says_no_change(
            "The submitted information didn't contain changes. Submit different information to create a change set."
        ));
        assert!(says_no_change("No updates are to be performed."));
        assert!(!says_no_change("Template error: No updates are to be performed."));
    }
}
