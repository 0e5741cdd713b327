//! `down`: takes a stack away and proves that nothing is left that was not meant to stay.

use super::artifacts::{BUCKET_STACK, bucket_name};
use super::desired::{Desired, PROTECTION};
use super::events::{Followed, Start};
use super::outcome::Outcome;
use super::planner::{self, DownStep, Facts};
use super::up::Course;
use super::{Approvals, Engine, Error, Question};
use crate::aws::{self, Resource, Stack, StackStatus};
use crate::project::Class;

/// What to take away.
#[derive(Debug, Clone)]
pub struct Removal {
    pub stack: String,
    pub class: Class,
}

/// After one step: look at the stack again, know that it is gone, or stop.
enum Removed {
    Look,
    Gone,
    End(Outcome),
}

impl From<Option<Outcome>> for Removed {
    fn from(ended: Option<Outcome>) -> Self {
        ended.map_or(Self::Look, Self::End)
    }
}

impl Engine<'_> {
    pub async fn down(&self, removal: &Removal, approvals: &Approvals) -> Result<Outcome, Error> {
        let mut course = Course::default();
        let ended = self.take_down(removal, approvals, &mut course).await;
        self.conclude(ended, course.moved.is_some())
    }

    async fn take_down(
        &self,
        removal: &Removal,
        approvals: &Approvals,
        course: &mut Course,
    ) -> Result<Outcome, Error> {
        let Some(found) = self.stack(&removal.stack).await? else { return Ok(Outcome::NothingThere) };
        if found.status == StackStatus::DeleteComplete {
            return Ok(Outcome::NothingThere);
        }
        let allowed = tokio::select! {
            allowed = self.may_delete(removal, &found, approvals) => allowed?,
            () = self.interrupt.wait() => Some(Outcome::Interrupted { running: false }),
        };
        if let Some(outcome) = allowed {
            return Ok(outcome);
        }
        // By its ARN from here on: after the delete the name finds nothing any more.
        let id = found.id;
        let mut abandoned = Vec::new();
        loop {
            if self.interrupt.is_set() {
                return Ok(Outcome::Interrupted { running: false });
            }
            let stack = self.stack(&id).await?;
            let facts = self.removal_facts(removal, stack.as_ref(), course.tried).await?;
            let step = planner::down(&facts);
            let Some(stack) = stack.filter(|_| step != DownStep::Done) else {
                return self.gone(&id, abandoned).await;
            };
            let ended = match step {
                DownStep::Done => Removed::Look,
                DownStep::Delete => {
                    course.tried.delete = true;
                    match self.lift_protection(&stack, course).await? {
                        Some(outcome) => Removed::End(outcome),
                        None => self.delete(&stack, &[], course).await?,
                    }
                }
                DownStep::DeleteUnblocked => {
                    course.tried = planner::Tried { delete: true, unblock: true, ..course.tried };
                    self.unblock(&stack).await?;
                    self.delete(&stack, &[], course).await?
                }
                DownStep::DeleteRetaining => {
                    course.tried.retain = true;
                    abandoned = self.left(&stack).await?;
                    abandoned.retain(|resource| resource.status == "DELETE_FAILED");
                    let stuck: Vec<String> =
                        abandoned.iter().map(|resource| resource.logical_id.clone()).collect();
                    self.reporter.warn(format!("left alive because they do not go: {}", stuck.join(", ")));
                    self.delete(&stack, &stuck, course).await?
                }
                DownStep::Attach => {
                    self.reporter.note("a delete is running already; following it");
                    self.wait(&stack).await?.into()
                }
                DownStep::Wait => self.wait(&stack).await?.into(),
                DownStep::CancelUpdate => {
                    course.tried.roll_back = true;
                    self.cancel(&stack).await?
                }
                DownStep::LeftOver => return Ok(Outcome::LeftOver { resources: self.left(&stack).await? }),
                DownStep::Foreign => return self.foreign(Some(stack)).await,
                DownStep::Stuck => return self.stuck(&stack).await,
            };
            match ended {
                Removed::Look => {}
                // What DescribeStacks says may lag behind.
                Removed::Gone => return self.gone(&id, abandoned).await,
                Removed::End(outcome) => return Ok(outcome),
            }
        }
    }

    /// Removes the artefact bucket with everything in it, and its stack.
    pub async fn remove_bucket(&self, account: &str) -> Result<Outcome, Error> {
        if let Err(error) = self.clear_bucket(account).await {
            return self.conclude(Err(error), false);
        }
        let removal = Removal { stack: BUCKET_STACK.to_owned(), class: Class::Ephemeral };
        self.down(&removal, &Approvals { yes: true, replace: Vec::new() }).await
    }

    async fn clear_bucket(&self, account: &str) -> Result<(), Error> {
        let bucket = bucket_name(account, self.aws.region());
        let there = self
            .insist("look for the artefact bucket", async || self.aws.bucket_exists(&bucket, account).await);
        if there.await? {
            self.insist(format!("empty {bucket}"), async || self.aws.empty_bucket(&bucket).await).await?;
        }
        Ok(())
    }

    async fn removal_facts(
        &self,
        removal: &Removal,
        stack: Option<&Stack>,
        tried: planner::Tried,
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
    /// deletion protection of its tables and pools, where the stack works by its own template. `Some`: it ended there.
    async fn lift_protection(&self, stack: &Stack, course: &mut Course) -> Result<Option<Outcome>, Error> {
        if stack.termination_protection {
            self.insist("switch termination protection off", async || {
                self.aws.set_termination_protection(&stack.id, false).await
            })
            .await?;
        }
        let on = stack.parameters.get(PROTECTION).is_some_and(|value| value == "true");
        let works = matches!(
            stack.status,
            StackStatus::CreateComplete
                | StackStatus::UpdateComplete
                | StackStatus::UpdateRollbackComplete
                | StackStatus::ImportComplete
                | StackStatus::ImportRollbackComplete
        );
        if !on || !works {
            return Ok(None);
        }
        let Some(template) = self.template(stack).await? else { return Ok(None) };
        self.reporter.step("unprotect", format!("lifting the deletion protection of {}", stack.name));
        let mut parameters = stack.parameters.clone();
        parameters.insert(PROTECTION.to_owned(), "false".to_owned());
        let desired = Desired {
            stack: stack.name.clone(),
            class: Class::Ephemeral,
            template,
            parameters,
            tags: stack.tags.clone(),
            protected: false,
            stack_policy: false,
        };
        let allowed = Approvals { yes: true, replace: Vec::new() };
        let bucket = bucket_name(stack.account(), self.aws.region());
        course.moved = Some(stack.id.clone());
        Ok(match Box::pin(self.up(&desired, Some(&bucket), &allowed)).await? {
            Outcome::Deployed { .. } | Outcome::Unchanged { .. } => None,
            open @ (Outcome::Unknown { .. } | Outcome::Interrupted { .. } | Outcome::Busy { .. }) => {
                Some(open)
            }
            other => {
                self.reporter.warn(format!("the deletion protection could not be lifted: {other:?}"));
                None
            }
        })
    }

    /// A stack that failed to go takes no change set any more: what would refuse the delete is taken away beside it. What
    /// went wrong with that is only a warning, since the delete itself will tell.
    async fn unblock(&self, stack: &Stack) -> Result<(), Error> {
        for resource in self.left(stack).await? {
            let Some(id) = &resource.physical_id else { continue };
            match self.persist(async || self.aws.unblock(&resource.kind, id).await).await {
                Ok(lifted) => lifted.iter().for_each(|what| self.reporter.note(format!("took away {what}"))),
                Err(error) => {
                    self.reporter.warn(format!("{} may refuse to go: {error}", resource.logical_id))
                }
            }
        }
        Ok(())
    }

    async fn delete(&self, stack: &Stack, retain: &[String], course: &mut Course) -> Result<Removed, Error> {
        let since = self.newest_event(&stack.id).await.map_err(Error::when("read the events"))?;
        if self.interrupt.is_set() {
            return Ok(Removed::End(Outcome::Interrupted { running: false }));
        }
        // Each attempt has its own: CloudFormation does nothing about a token that it knows.
        let token = self.token(match (course.tried.retain, course.tried.unblock) {
            (true, _) => "retain",
            (false, true) => "again",
            (false, false) => "delete",
        });
        let before = course.moved.replace(stack.id.clone());
        let sent = self
            .send(&stack.id, since.as_deref(), &token, async || {
                self.aws.delete_stack(&stack.id, &token, retain).await
            })
            .await;
        if let Err(error) = sent {
            if matches!(error, aws::Error::Rejected { .. } | aws::Error::Denied(_)) {
                course.moved = before;
                if self.moved_on(&stack.id, Some(stack)).await? {
                    course.tried.delete = false;
                    return Ok(Removed::Look);
                }
            }
            return Err(Error::when(format!("delete {}", stack.name))(error));
        }
        // A stack in review has no resources and is gone at once, without a last event.
        if stack.status == StackStatus::ReviewInProgress {
            return Ok(Removed::Look);
        }
        Ok(match self.follow(&stack.id, Start { since, token: Some(token) }).await {
            Followed::Ended { status: StackStatus::DeleteComplete, .. } => Removed::Gone,
            Followed::Ended { events, .. } => {
                let last = events.iter().rev().find(|event| event.of_stack());
                if let Some(reason) = last.and_then(|event| event.reason.as_deref()) {
                    self.reporter.warn(format!("{} was not deleted: {reason}", stack.name));
                }
                Removed::Look
            }
            Followed::Lost { why } => Removed::End(Outcome::Unknown { why }),
            Followed::Interrupted => Removed::End(Outcome::Interrupted { running: true }),
        })
    }

    async fn cancel(&self, stack: &Stack) -> Result<Removed, Error> {
        let since = self.newest_event(&stack.id).await.map_err(Error::when("read the events"))?;
        let token = self.token("cancel");
        let call = async || self.aws.cancel_update(&stack.id, &token).await;
        match self.send(&stack.id, since.as_deref(), &token, call).await {
            // It may have ended by itself meanwhile.
            Err(aws::Error::Rejected { .. }) if self.moved_on(&stack.id, Some(stack)).await? => {
                Ok(Removed::Look)
            }
            sent => sent.map(|()| Removed::Look).map_err(Error::when("cancel the update")),
        }
    }

    /// The stack is gone: what its templates kept on purpose is listed, or what was abandoned.
    async fn gone(&self, id: &str, abandoned: Vec<Resource>) -> Result<Outcome, Error> {
        if !abandoned.is_empty() {
            return Ok(Outcome::LeftOver { resources: abandoned });
        }
        let resources = match self.persist(async || self.aws.resources(id).await).await {
            Ok(resources) => resources,
            Err(aws::Error::Rejected { .. }) => Vec::new(),
            Err(error) => return Err(Error::when("list what was kept")(error)),
        };
        let kept: Vec<Resource> =
            resources.into_iter().filter(|resource| resource.status == "DELETE_SKIPPED").collect();
        Ok(Outcome::Deleted { kept })
    }
}
