//! `down`: takes a stack away and proves that nothing is left that was not meant to stay.

use super::artifacts::{BUCKET_STACK, bucket_name};
use super::desired::{Desired, PROTECTION};
use super::events::Followed;
use super::outcome::Outcome;
use super::planner::{self, DownStep, Facts, Tried};
use super::{Approvals, Engine, Error, Question};
use crate::aws::{self, Resource, Stack, StackStatus};
use crate::project::Class;

/// What to take away.
#[derive(Debug, Clone)]
pub struct Removal {
    pub stack: String,
    pub class: Class,
}

impl Engine<'_> {
    pub async fn down(&self, removal: &Removal, approvals: &Approvals) -> Result<Outcome, Error> {
        let Some(found) = self.stack(&removal.stack).await? else { return Ok(Outcome::NothingThere) };
        if found.status == StackStatus::DeleteComplete {
            return Ok(Outcome::NothingThere);
        }
        if let Some(outcome) = self.may_delete(removal, &found, approvals).await? {
            return Ok(outcome);
        }
        // By its ARN from here on: after the delete the name finds nothing any more.
        let id = found.id;
        let mut tried = Tried::default();
        let mut abandoned = Vec::new();
        loop {
            if self.interrupt.is_set() {
                return Ok(Outcome::Interrupted { running: false });
            }
            let stack = self.stack(&id).await?;
            let facts = self.removal_facts(removal, stack.as_ref(), tried).await?;
            let step = planner::down(&facts);
            let Some(stack) = stack.filter(|_| step != DownStep::Done) else {
                return self.gone(&id, abandoned).await;
            };
            let ended = match step {
                DownStep::Done => None,
                DownStep::Delete => {
                    tried.delete = true;
                    self.lift_protection(&stack).await?;
                    self.delete(&stack, &[]).await?
                }
                DownStep::DeleteRetaining => {
                    tried.retain = true;
                    abandoned = self.left(&stack).await?;
                    abandoned.retain(|resource| resource.status == "DELETE_FAILED");
                    let stuck: Vec<String> =
                        abandoned.iter().map(|resource| resource.logical_id.clone()).collect();
                    self.reporter.warn(format!("left alive because they do not go: {}", stuck.join(", ")));
                    self.delete(&stack, &stuck).await?
                }
                DownStep::Attach => {
                    self.reporter.note("a delete is running already; following it");
                    self.wait(&stack).await?
                }
                DownStep::Wait => self.wait(&stack).await?,
                DownStep::CancelUpdate => {
                    tried.roll_back = true;
                    let cancelled = self.aws.cancel_update(&stack.id, &self.token("cancel")).await;
                    cancelled.map_err(Error::when("cancel the update"))?;
                    None
                }
                DownStep::LeftOver => return Ok(Outcome::LeftOver { resources: self.left(&stack).await? }),
                DownStep::Foreign => return self.foreign(Some(stack)).await,
                DownStep::Stuck => return self.stuck(&stack).await,
            };
            if let Some(outcome) = ended {
                return Ok(outcome);
            }
        }
    }

    /// Removes the artefact bucket with everything in it, and its stack.
    pub async fn remove_bucket(&self, account: &str) -> Result<Outcome, Error> {
        let bucket = bucket_name(account, self.aws.region());
        if self
            .aws
            .bucket_exists(&bucket, account)
            .await
            .map_err(Error::when("look for the artefact bucket"))?
        {
            self.aws.empty_bucket(&bucket).await.map_err(Error::when(format!("empty {bucket}")))?;
        }
        let removal = Removal { stack: BUCKET_STACK.to_owned(), class: Class::Ephemeral };
        self.down(&removal, &Approvals { yes: true, replace: Vec::new() }).await
    }

    async fn removal_facts(
        &self,
        removal: &Removal,
        stack: Option<&Stack>,
        tried: Tried,
    ) -> Result<Facts, Error> {
        let mut facts = Facts {
            class: removal.class,
            status: stack.map(|stack| stack.status.clone()),
            mine: false,
            foreign_change_set: false,
            data_left: false,
            resources_left: false,
            tried,
            options: self.options,
        };
        if let Some(stack) = stack.filter(|stack| stack.status == StackStatus::ReviewInProgress) {
            facts.foreign_change_set = !self.foreign_change_sets(stack).await?.is_empty();
        }
        Ok(facts)
    }

    /// What the stage's class says about deleting it. `None`: go on.
    async fn may_delete(
        &self,
        removal: &Removal,
        stack: &Stack,
        approvals: &Approvals,
    ) -> Result<Option<Outcome>, Error> {
        match removal.class {
            Class::Ephemeral => return Ok(None),
            Class::Production if stack.termination_protection => {
                return Ok(Some(Outcome::Refused {
                    why: format!("{} is a production stack and protected", stack.name),
                    hint: format!(
                        "lift the protection first: aws cloudformation update-termination-protection \
                         --no-enable-termination-protection --stack-name {}",
                        stack.name
                    ),
                }));
            }
            Class::Production => {}
            Class::Development if approvals.yes => return Ok(None),
            Class::Development => {}
        }
        let about = self
            .left(stack)
            .await?
            .into_iter()
            .map(|resource| format!("{} {}", resource.kind, resource.physical_id.unwrap_or_default()))
            .collect();
        let question = match removal.class {
            Class::Production => Question {
                about,
                text: format!("Type the stack's name ({}) to delete it:", stack.name),
                typed: Some(stack.name.clone()),
            },
            Class::Ephemeral | Class::Development => {
                Question { about, text: format!("Delete {}?", stack.name), typed: None }
            }
        };
        Ok(match self.confirm.confirm(&question).await {
            super::Answer::Yes => None,
            super::Answer::No => Some(Outcome::Declined),
            super::Answer::NobodyToAsk => Some(Outcome::Refused {
                why: format!("deleting {} needs a yes, and nobody could be asked", stack.name),
                hint: match removal.class {
                    Class::Production => "run it at a terminal".to_owned(),
                    Class::Ephemeral | Class::Development => "run with --yes if that is meant".to_owned(),
                },
            }),
        })
    }

    /// Switches off what would refuse the delete: the stack's termination protection, and the
    /// deletion protection of its tables and pools.
    async fn lift_protection(&self, stack: &Stack) -> Result<(), Error> {
        if stack.termination_protection {
            let set = self.aws.set_termination_protection(&stack.id, false).await;
            set.map_err(Error::when("switch termination protection off"))?;
        }
        let on = stack.parameters.get(PROTECTION).is_some_and(|value| value == "true");
        let Some(template) = self.aws.template(&stack.id).await.map_err(Error::when("read the template"))?
        else {
            return Ok(());
        };
        let works = matches!(
            stack.status,
            StackStatus::CreateComplete
                | StackStatus::UpdateComplete
                | StackStatus::UpdateRollbackComplete
                | StackStatus::ImportComplete
                | StackStatus::ImportRollbackComplete
        );
        if !on || !works {
            return Ok(());
        }
        self.reporter.step("unprotect", format!("lifting the deletion protection of {}", stack.name));
        let mut parameters = stack.parameters.clone();
        parameters.insert(PROTECTION.to_owned(), "false".to_owned());
        let desired = Desired {
            stack: stack.name.clone(),
            class: Class::Ephemeral,
            template,
            parameters,
            tags: stack.tags.clone(),
            iam: true,
            protected: false,
            stack_policy: false,
        };
        let allowed = Approvals { yes: true, replace: Vec::new() };
        match Box::pin(self.up(&desired, None, &allowed)).await? {
            Outcome::Deployed { .. } | Outcome::Unchanged { .. } => {}
            other => self.reporter.warn(format!("the deletion protection could not be lifted: {other:?}")),
        }
        Ok(())
    }

    async fn delete(&self, stack: &Stack, retain: &[String]) -> Result<Option<Outcome>, Error> {
        let since = self.newest_event(&stack.id).await.map_err(Error::when("read the events"))?;
        // The same token for another request is refused.
        let token = self.token(if retain.is_empty() { "delete" } else { "retain" });
        match self.aws.delete_stack(&stack.id, &token, retain).await {
            Ok(()) => {}
            Err(error) if error.answer_lost() => {
                return Ok(Some(Outcome::Unknown { why: error.to_string() }));
            }
            Err(error) => return Err(Error::when(format!("delete {}", stack.name))(error)),
        }
        // A stack in review has no resources and is gone at once, without a last event.
        if stack.status == StackStatus::ReviewInProgress {
            return Ok(None);
        }
        Ok(over(self.follow(&stack.id, since).await))
    }

    /// The stack is gone: what its templates kept on purpose is listed, or what was abandoned.
    async fn gone(&self, id: &str, abandoned: Vec<Resource>) -> Result<Outcome, Error> {
        if !abandoned.is_empty() {
            return Ok(Outcome::LeftOver { resources: abandoned });
        }
        let resources = match self.aws.resources(id).await {
            Ok(resources) => resources,
            Err(aws::Error::Rejected { .. }) => Vec::new(),
            Err(error) => return Err(Error::when("list what was kept")(error)),
        };
        let kept: Vec<Resource> =
            resources.into_iter().filter(|resource| resource.status == "DELETE_SKIPPED").collect();
        Ok(Outcome::Deleted { kept })
    }
}

/// Only an end without answer ends `down` here; any status is looked at again.
fn over(followed: Followed) -> Option<Outcome> {
    match followed {
        Followed::Ended { .. } => None,
        Followed::Lost { why } => Some(Outcome::Unknown { why }),
        Followed::Interrupted => Some(Outcome::Interrupted { running: true }),
    }
}
