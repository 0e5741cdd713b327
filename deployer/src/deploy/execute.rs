//! From a change set to the stack that it describes: approval, execution, following, protection.

use super::approval::Approvals;
use super::change_sets::Prepared;
use super::desired::Desired;
use super::events::{Followed, Start};
use super::outcome::Outcome;
use super::up::{Course, Next};
use super::{Engine, Error, Progress, Review};
use crate::aws::{self, ChangeSet, Event, Stack, StackStatus};

/// What became of sending an execution.
enum Sent {
    Begun,
    /// Nothing ran: somebody else was quicker.
    Overtaken,
}

impl Engine<'_> {
    pub(super) async fn deploy(
        &self,
        desired: &Desired,
        stack: Option<&Stack>,
        create: bool,
        bucket: Option<&str>,
        approvals: &Approvals,
        course: &mut Course,
    ) -> Result<Next, Error> {
        let set = match self.prepare(desired, stack, create, bucket).await? {
            Prepared::Ready(set) => set,
            Prepared::NoChange => return self.beside(desired, stack).await,
            Prepared::Rejected { reason } => return Ok(Next::End(Outcome::Rejected { reason })),
            Prepared::Overtaken => return Ok(Next::Look),
            Prepared::Interrupted => return Ok(Next::End(Outcome::Interrupted { running: false })),
        };
        let review = match self.review(desired, stack, create, set.changes.clone()).await {
            Ok(review) => review,
            Err(error) => {
                self.discard(&set.id, &set.stack_id, create).await;
                return Err(error);
            }
        };
        self.reporter.tell(Progress::Plan { stack: desired.stack.clone(), review: Box::new(review.clone()) });
        let ready = self.ready(desired, &set, &review, approvals).await;
        let since = match ready {
            Ok(Ok(since)) => since,
            Ok(Err(outcome)) => {
                self.discard(&set.id, &set.stack_id, create).await;
                return Ok(Next::End(outcome));
            }
            Err(error) => {
                self.discard(&set.id, &set.stack_id, create).await;
                return Err(error);
            }
        };
        if desired.stack_policy && !create && !review.approval.losses.is_empty() {
            self.open_policy(&set.stack_id).await?;
        }
        let token = format!("{}-{}", desired.fingerprint(), set.name);
        match self.execute(&set, stack, since.as_deref(), &token, course).await? {
            Sent::Begun => {}
            Sent::Overtaken => {
                self.discard(&set.id, &set.stack_id, create).await;
                return Ok(Next::Look);
            }
        }
        let start = Start { since, token: Some(token) };
        match self.finish(&set.stack_id, start).await? {
            Next::Look => self.after(desired, &set.stack_id, create).await,
            end => Ok(end),
        }
    }

    /// The person's word where it is needed, the last event before the execution, and no Ctrl-C
    /// meanwhile. An outcome instead: it ends here.
    async fn ready(
        &self,
        desired: &Desired,
        set: &ChangeSet,
        review: &Review,
        approvals: &Approvals,
    ) -> Result<Result<Option<String>, Outcome>, Error> {
        if !review.impossible.is_empty() {
            return Ok(Err(Outcome::Impossible { found: review.impossible.clone() }));
        }
        let outcome = tokio::select! {
            outcome = self.approve(&desired.stack, desired.class, &review.approval, approvals) => outcome,
            () = self.interrupt.wait() => None,
        };
        if let Some(outcome) = outcome {
            return Ok(Err(outcome));
        }
        let since = self.newest_event(&set.stack_id).await.map_err(Error::when("read the events"))?;
        let interrupted = self.interrupt.is_set();
        Ok(if interrupted { Err(Outcome::Interrupted { running: false }) } else { Ok(since) })
    }

    async fn execute(
        &self,
        set: &ChangeSet,
        stack: Option<&Stack>,
        since: Option<&str>,
        token: &str,
        course: &mut Course,
    ) -> Result<Sent, Error> {
        let before = course.moved.replace(set.stack_id.clone());
        let sent = self
            .send(&set.stack_id, since, token, async || {
                self.aws.execute_change_set(&set.id, &set.stack_id, token).await
            })
            .await;
        let error = match sent {
            Ok(()) => return Ok(Sent::Begun),
            Err(error) => error,
        };
        if matches!(error, aws::Error::Rejected { .. } | aws::Error::Denied(_)) {
            course.moved = before;
            // Executing one change set deletes the others of its stack.
            let moved = match stack {
                Some(_) => self.moved_on(&set.stack_id, stack).await?,
                // The change set itself brought the stack, which waits in review until somebody acts.
                None => {
                    let found = self.stack(&set.stack_id).await?;
                    found.is_none_or(|found| found.status != StackStatus::ReviewInProgress)
                }
            };
            if error.says_gone() || moved {
                return Ok(Sent::Overtaken);
            }
            self.discard(&set.id, &set.stack_id, stack.is_none()).await;
        }
        Err(Error::when("execute the change set")(error))
    }

    /// Follows an operation to its end and says whether it was a success.
    pub(super) async fn finish(&self, stack_id: &str, start: Start) -> Result<Next, Error> {
        let (status, events) = match self.follow(stack_id, start).await {
            Followed::Ended { status, events } => (status, events),
            Followed::Lost { why } => return Ok(Next::End(Outcome::Unknown { why })),
            Followed::Interrupted => return Ok(Next::End(Outcome::Interrupted { running: true })),
        };
        Ok(match status {
            StackStatus::CreateComplete | StackStatus::UpdateComplete => {
                self.report_leaks(&events);
                Next::Look
            }
            StackStatus::RollbackComplete | StackStatus::UpdateRollbackComplete => {
                self.report_leaks(&events);
                Next::End(Outcome::RolledBack { status, causes: self.causes_of(&events).await })
            }
            StackStatus::DeleteComplete => {
                let why = "somebody else deleted the stack while it was being deployed".to_owned();
                Next::End(Outcome::Unknown { why })
            }
            // It failed, and did not go back either, or ended in a way that is not known yet.
            status => Next::End(self.stuck_in(stack_id, status).await?),
        })
    }

    /// What an update could not delete while cleaning up is left alive, although the stack ends in
    /// UPDATE_COMPLETE.
    fn report_leaks(&self, events: &[Event]) {
        let cleaning = events
            .iter()
            .position(|event| event.of_stack() && event.status.ends_with("_COMPLETE_CLEANUP_IN_PROGRESS"));
        let after = events.get(cleaning.unwrap_or(events.len())..).unwrap_or_default();
        for event in after.iter().filter(|event| event.status == "DELETE_FAILED") {
            self.reporter.warn(format!(
                "{} ({}) could not be deleted and is left behind: {}",
                event.logical_id,
                event.physical_id,
                event.reason.as_deref().unwrap_or("no reason given")
            ));
        }
    }

    async fn after(&self, desired: &Desired, stack_id: &str, created: bool) -> Result<Next, Error> {
        if created && desired.parameters.contains_key(super::PROTECTION) && desired.protected {
            // The second step switches protection on.
            return Ok(Next::Look);
        }
        let Some(stack) = self.rested(stack_id).await? else {
            return Ok(Next::End(Outcome::Unknown { why: format!("the stack {stack_id} is gone") }));
        };
        self.protect(desired, &stack).await?;
        let resources = self.left(&stack).await?.len();
        Ok(Next::End(Outcome::Deployed { outputs: stack.outputs, created, resources }))
    }

    /// The stack after its operation: what DescribeStacks answers may lag behind the events.
    async fn rested(&self, stack_id: &str) -> Result<Option<Stack>, Error> {
        let asked = tokio::time::Instant::now();
        let mut pause = std::time::Duration::ZERO;
        loop {
            let stack = self.stack(stack_id).await?;
            let stale = stack.as_ref().is_some_and(|stack| {
                stack.status.in_progress() || stack.status == StackStatus::ReviewInProgress
            });
            if !stale || asked.elapsed() > self.pace().stale {
                return Ok(stack);
            }
            pause = self.pace().slower(pause);
            tokio::time::sleep(pause).await;
        }
    }

    /// CloudFormation found no change in the template's meaning; what lies beside it may differ still.
    async fn beside(&self, desired: &Desired, stack: Option<&Stack>) -> Result<Next, Error> {
        let Some(stack) = stack else {
            return Ok(Next::End(Outcome::Rejected {
                reason: "a new stack without any resource".to_owned(),
            }));
        };
        self.protect(desired, stack).await?;
        Ok(Next::End(Outcome::Unchanged { outputs: stack.outputs.clone() }))
    }

    /// The policy first: termination protection is what tells the next run that this was done.
    async fn protect(&self, desired: &Desired, stack: &Stack) -> Result<(), Error> {
        if desired.stack_policy {
            self.insist("set the stack policy", async || {
                self.aws.set_stack_policy(&stack.id, STACK_POLICY).await
            })
            .await?;
        }
        if desired.protected != stack.termination_protection {
            self.insist("switch termination protection", async || {
                self.aws.set_termination_protection(&stack.id, desired.protected).await
            })
            .await?;
        }
        Ok(())
    }

    /// A change set cannot override a stack policy: for a loss that was approved it is lifted before
    /// and set again by [`Engine::protect`]. Termination protection goes first, so that whoever comes
    /// after a killed run sees that something is missing.
    async fn open_policy(&self, stack_id: &str) -> Result<(), Error> {
        self.insist("switch termination protection", async || {
            self.aws.set_termination_protection(stack_id, false).await
        })
        .await?;
        self.insist("lift the stack policy", async || self.aws.set_stack_policy(stack_id, OPEN_POLICY).await)
            .await
    }
}

/// Production: what holds data is neither replaced nor deleted by an update.
const STACK_POLICY: &str = r#"{"Statement":[
{"Effect":"Allow","Principal":"*","Action":"Update:*","Resource":"*"},
{"Effect":"Deny","Principal":"*","Action":["Update:Replace","Update:Delete"],"Resource":"*",
"Condition":{"StringEquals":{"ResourceType":["AWS::Cognito::UserPool","AWS::DynamoDB::Table","AWS::KMS::Key"]}}}]}"#;

/// While an approved replacement runs.
const OPEN_POLICY: &str =
    r#"{"Statement":[{"Effect":"Allow","Principal":"*","Action":"Update:*","Resource":"*"}]}"#;
