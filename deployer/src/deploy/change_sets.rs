//! Making a change set, waiting until it is settled, and taking it away again.

use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use super::desired::{Desired, INLINE_LIMIT, NewChangeSet};
use super::{Engine, Error};
use crate::aws::{
    self, ChangeSet, ChangeSetRequest, ChangeSetStatus, Execution, Stack, StackStatus, TemplateBody,
};

/// What became of asking for a change set.
#[derive(Debug)]
pub(super) enum Prepared {
    /// It can be executed.
    Ready(ChangeSet),
    /// Nothing would change; the change set is gone again.
    NoChange,
    /// CloudFormation refused it; nothing ran. The change set is gone again.
    Rejected { reason: String },
    /// Somebody else changed the stack meanwhile: to be looked at again. The change set is gone.
    Overtaken,
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
        if let Some(stack) = stack {
            self.remove_failed_change_sets(&stack.id).await?;
        }
        // A name of its own for every attempt: a fixed one races (aws-cdk#13187).
        let name = format!("d-{}-{}", self.run, &Uuid::new_v4().simple().to_string()[..6]);
        let template = self.template_body(desired, bucket).await?;
        let request = desired.change_set(NewChangeSet {
            stack: stack.map_or(desired.stack.as_str(), |stack| stack.id.as_str()),
            name: &name,
            create,
            template,
            description: &self.description(),
        });
        match self.ask_for(&request).await {
            Ok((id, stack_id)) => self.settle(&id, &stack_id, create).await,
            Err(aws::Error::Rejected { code, message }) => {
                if create {
                    self.remove_empty(&request.stack).await;
                }
                if self.moved_on(&request.stack, stack).await? {
                    return Ok(Prepared::Overtaken);
                }
                Ok(Prepared::Rejected { reason: format!("{message} ({code})") })
            }
            Err(error) => Err(Error::when(format!("ask for a change set of {}", desired.stack))(error)),
        }
    }

    /// Who made it and from which sources. Stack tags would say it too, but they are handed on to every
    /// resource: each deployment would touch them all, and nothing would ever be unchanged.
    fn description(&self) -> String {
        let commit = (self.commit)().map(|commit| format!(", commit {commit}")).unwrap_or_default();
        format!("deployer {}, run {}{commit}", env!("CARGO_PKG_VERSION"), self.run)
    }

    /// Repeats a lost request. The name is unique to this attempt: who has it already is ours.
    async fn ask_for(&self, request: &ChangeSetRequest) -> Result<(String, String), aws::Error> {
        self.persist(async || match self.aws.create_change_set(request).await {
            Err(error) if error.is_rejected("AlreadyExistsException") => {
                let found = self.aws.change_set(&request.name, &request.stack).await;
                found.map(|found| (found.id, found.stack_id)).map_err(|_| error)
            }
            answer => answer,
        })
        .await
    }

    /// Whether the stack is no longer as it was seen: another deployer was quicker.
    pub(super) async fn moved_on(&self, name: &str, seen: Option<&Stack>) -> Result<bool, Error> {
        let as_seen = |stack: &Stack| (stack.id.clone(), stack.status.clone(), stack.updated);
        Ok(self.stack(name).await?.as_ref().map(as_seen) != seen.map(as_seen))
    }

    /// Failed change sets of former runs pile up until a stack cannot deploy any more (aws-cli#4534).
    /// Only ours go; those of others are theirs.
    async fn remove_failed_change_sets(&self, stack_id: &str) -> Result<(), Error> {
        let listed =
            self.insist("list the change sets", async || self.aws.change_sets(stack_id).await).await?;
        for set in listed.iter().filter(|set| set.failed && is_ours(&set.name)) {
            self.insist("remove a failed change set of a former run", async || {
                self.aws.delete_change_set(&set.name, stack_id).await
            })
            .await?;
        }
        Ok(())
    }

    async fn template_body(&self, desired: &Desired, bucket: Option<&str>) -> Result<TemplateBody, Error> {
        match bucket {
            Some(bucket) if desired.template.len() > INLINE_LIMIT => {
                let key = desired.template_key();
                self.insist(format!("upload the template to {bucket}"), async || {
                    self.aws.put_text(bucket, &key, &desired.template).await
                })
                .await?;
                Ok(TemplateBody::Url(self.aws.object_url(bucket, &key)))
            }
            _ => Ok(TemplateBody::Inline(desired.template.clone())),
        }
    }

    async fn settle(&self, id: &str, stack_id: &str, create: bool) -> Result<Prepared, Error> {
        let asked = Instant::now();
        let mut pause = Duration::ZERO;
        let prepared = loop {
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.interrupt.wait() => break Prepared::Interrupted,
            }
            pause = self.pace().slower(pause);
            let set = match self.persist(async || self.aws.change_set(id, stack_id).await).await {
                Ok(set) => set,
                Err(_) if self.interrupt.is_set() => break Prepared::Interrupted,
                // The execution of another one deletes its siblings.
                Err(error) if error.says_gone() => break Prepared::Overtaken,
                Err(error) => return Err(Error::when("look at the change set")(error)),
            };
            match (&set.status, &set.execution) {
                (ChangeSetStatus::Complete, Execution::Available) => return Ok(Prepared::Ready(set)),
                (ChangeSetStatus::Pending, _) if asked.elapsed() < self.pace().settle => {}
                (ChangeSetStatus::Failed, _) => break self.why_failed(set).await,
                (ChangeSetStatus::Complete, Execution::No(why)) if why == "OBSOLETE" => {
                    break Prepared::Overtaken;
                }
                (status, execution) => {
                    let reason = format!("the change set stays {status:?}, execution {execution:?}");
                    break Prepared::Rejected { reason };
                }
            }
        };
        self.discard(id, stack_id, create).await;
        Ok(prepared)
    }

    async fn why_failed(&self, set: ChangeSet) -> Prepared {
        let reason = set.reason.unwrap_or_else(|| "without a reason".to_owned());
        if says_no_change(&reason) {
            return Prepared::NoChange;
        }
        if !reason.contains("AWS::EarlyValidation") {
            return Prepared::Rejected { reason };
        }
        let found = self.persist(async || self.aws.validation_errors(&set.id, &set.stack_id).await).await;
        match found {
            Ok(found) if !found.is_empty() => Prepared::Rejected { reason: found.join("; ") },
            Ok(_) => Prepared::Rejected { reason },
            Err(error) => Prepared::Rejected { reason: format!("{reason} (no details: {error})") },
        }
    }

    /// Takes an unexecuted change set away, and the empty stack that it brought.
    pub(super) async fn discard(&self, id: &str, stack_id: &str, create: bool) {
        let gone = self.persist(async || self.aws.delete_change_set(id, stack_id).await).await;
        if let Err(error) = gone {
            self.reporter.warn(format!("the change set {id} could not be removed: {error}"));
        }
        if create {
            self.remove_empty(stack_id).await;
        }
    }

    /// A stack in review without any change set is nobody's. Another deployer may have taken it over
    /// meanwhile: looked at immediately before, since DeleteStack would end a running create.
    async fn remove_empty(&self, stack: &str) {
        let removed = async {
            let found = self.persist(async || self.aws.stack(stack).await).await?;
            let Some(found) = found.filter(|found| found.status == StackStatus::ReviewInProgress) else {
                return Ok(());
            };
            if !self.persist(async || self.aws.change_sets(&found.id).await).await?.is_empty() {
                return Ok(());
            }
            let token = self.token("discard");
            self.persist(async || self.aws.delete_stack(&found.id, &token, &[]).await).await
        };
        let removed: Result<(), aws::Error> = removed.await;
        if let Err(error) = removed {
            self.reporter.warn(format!("the empty stack {stack} could not be removed: {error}"));
        }
    }
}

/// Names that [`Engine::prepare`] gives.
pub(super) fn is_ours(name: &str) -> bool {
    name.starts_with("d-") && name.len() == "d-20260101000000-12345678-123456".len()
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

    #[test]
    fn a_change_set_of_this_tool_is_known_by_its_name() {
        assert!(is_ours(&format!("d-{}-{}", Engine::new_run(), "abcdef")));
        assert!(!is_ours("deploy-by-hand"));
    }
}
