//! `up` and `plan`: from whatever state the stack is in to what it should be.

use super::approval::{Approval, Approvals, stateful};
use super::change_sets::Prepared;
use super::desired::Desired;
use super::events::Followed;
use super::outcome::Outcome;
use super::planner::{self, Facts, Tried, UpStep};
use super::{BUCKET_STACK, Engine, Error, Progress, Question, artifacts};
use crate::aws::{self, Change, Event, Stack, StackStatus};

/// What `plan` found.
#[derive(Debug, Clone)]
pub enum Planned {
    NoChange,
    Changes {
        create: bool,
        changes: Vec<Change>,
        approval: Approval,
    },
    /// `up` would first do something else, or could do nothing.
    First {
        status: StackStatus,
        step: UpStep,
    },
    Ended(Outcome),
}

/// After one step: look at the stack again, or stop.
pub(super) enum Next {
    Look,
    End(Outcome),
}

impl Engine<'_> {
    /// Makes the stack what `desired` says. The template may name objects of `bucket` alone.
    pub async fn up(
        &self,
        desired: &Desired,
        bucket: Option<&str>,
        approvals: &Approvals,
    ) -> Result<Outcome, Error> {
        let mut tried = Tried::default();
        let mut worked = false;
        loop {
            if self.interrupt.is_set() {
                return Ok(Outcome::Interrupted { running: false });
            }
            let stack = self.stack(&desired.stack).await?;
            let facts = self.facts(desired, stack.as_ref(), tried).await?;
            let step = planner::up(&facts);
            let next = match (step, stack) {
                (UpStep::Create, stack) => {
                    // A stack in review is taken over; a deleted one is not the same stack.
                    let review = stack.filter(|stack| stack.status == StackStatus::ReviewInProgress);
                    worked = true;
                    self.deploy(&desired.unprotected(), review.as_ref(), true, bucket, approvals).await?
                }
                (UpStep::Update { last_failed }, Some(stack)) => {
                    if last_failed && !worked {
                        self.reporter.note("the last update of this stack failed and was rolled back");
                    }
                    match self.update(desired, &stack, bucket, approvals, worked).await? {
                        Next::Look => {
                            worked = true;
                            Next::Look
                        }
                        end => end,
                    }
                }
                (UpStep::Resume, Some(stack)) => {
                    self.reporter.note("a former run of this deployment is still at work; following it");
                    worked = true;
                    self.resume(&stack).await?
                }
                (UpStep::Wait, Some(stack)) => self.wait(&stack).await?.map_or(Next::Look, Next::End),
                (UpStep::Delete, Some(stack)) => {
                    tried.delete = true;
                    self.clear_away(&stack).await?
                }
                (UpStep::RollBack, Some(stack)) => {
                    tried.roll_back = true;
                    self.roll_back(&stack).await?
                }
                (UpStep::ContinueRollback, Some(stack)) => {
                    tried.continue_rollback = true;
                    self.continue_rollback(&stack, &[]).await?
                }
                (UpStep::Foreign, stack) => return self.foreign(stack).await,
                (UpStep::Stuck, Some(stack)) => return self.stuck(&stack).await,
                // The planner gives these steps for stacks that are there.
                (_, None) => Next::Look,
            };
            if let Next::End(outcome) = next {
                return Ok(outcome);
            }
        }
    }

    /// Whether the stack is what `desired` says and at rest: two reads, nothing is asked for.
    pub async fn unchanged(&self, desired: &Desired) -> Result<Option<Outcome>, Error> {
        let Some(stack) = self.stack(&desired.stack).await? else { return Ok(None) };
        if !matches!(
            stack.status,
            StackStatus::CreateComplete | StackStatus::UpdateComplete | StackStatus::UpdateRollbackComplete
        ) {
            return Ok(None);
        }
        let live = self.aws.template(&stack.id).await.map_err(Error::when("read the stack's template"))?;
        let same = desired.is_live(&stack, live.as_deref());
        Ok(same.then_some(Outcome::Unchanged { outputs: stack.outputs }))
    }

    /// What `up` would change. A stack that asking brought is removed again.
    pub async fn plan(&self, desired: &Desired, bucket: Option<&str>) -> Result<Planned, Error> {
        let stack = self.stack(&desired.stack).await?;
        let facts = self.facts(desired, stack.as_ref(), Tried::default()).await?;
        let (create, wanted) = match planner::up(&facts) {
            UpStep::Create => (true, desired.unprotected()),
            UpStep::Update { .. } => (false, desired.clone()),
            step => {
                let status = facts.status.unwrap_or(StackStatus::DeleteComplete);
                return Ok(Planned::First { status, step });
            }
        };
        let live = stack.filter(|stack| !create || stack.status == StackStatus::ReviewInProgress);
        Ok(match self.prepare(&wanted, live.as_ref(), create, bucket).await? {
            Prepared::Ready(set) => {
                self.discard(&set.id, &set.stack_id, live.is_none()).await;
                let approval = Approval::of(&set.changes, create);
                Planned::Changes { create, changes: set.changes, approval }
            }
            Prepared::NoChange => Planned::NoChange,
            Prepared::Rejected { reason } => Planned::Ended(Outcome::Rejected { reason }),
            Prepared::Interrupted => Planned::Ended(Outcome::Interrupted { running: false }),
        })
    }

    /// Makes the artefact bucket where there is none, after asking. `None`: it is there.
    pub async fn ensure_bucket(
        &self,
        account: &str,
        embedded: bool,
        approvals: &Approvals,
    ) -> Result<Option<Outcome>, Error> {
        let bucket = artifacts::bucket_name(account, self.aws.region());
        let there = self.aws.bucket_exists(&bucket, account).await;
        if there.map_err(Error::when(format!("look for the artefact bucket {bucket}")))? {
            return Ok(None);
        }
        if !embedded && !approvals.yes {
            let question = Question {
                about: vec![format!("account {account} has no artefact bucket in {} yet", self.aws.region())],
                text: format!("Make the private bucket {bucket} (stack {BUCKET_STACK})?"),
                typed: None,
            };
            match self.confirm.confirm(&question).await {
                super::Answer::Yes => {}
                super::Answer::No => return Ok(Some(Outcome::Declined)),
                super::Answer::NobodyToAsk => {
                    return Ok(Some(Outcome::Refused {
                        why: format!(
                            "the artefact bucket {bucket} does not exist, and nobody could be asked"
                        ),
                        hint: "run with --yes to have it made".to_owned(),
                    }));
                }
            }
        }
        let desired = artifacts::bucket_stack(account, self.aws.region(), embedded);
        Ok(match Box::pin(self.up(&desired, None, approvals)).await? {
            Outcome::Deployed { .. } | Outcome::Unchanged { .. } => None,
            failed => Some(failed),
        })
    }

    async fn facts(&self, desired: &Desired, stack: Option<&Stack>, tried: Tried) -> Result<Facts, Error> {
        let mut facts = Facts {
            class: desired.class,
            status: stack.map(|stack| stack.status.clone()),
            mine: false,
            foreign_change_set: false,
            data_left: false,
            resources_left: false,
            tried,
            options: self.options,
        };
        let Some(stack) = stack else { return Ok(facts) };
        match stack.status {
            StackStatus::CreateInProgress
            | StackStatus::UpdateInProgress
            | StackStatus::RollbackInProgress
            | StackStatus::UpdateRollbackInProgress => {
                facts.mine = self.is_mine(desired, stack).await?;
            }
            StackStatus::ReviewInProgress => {
                facts.foreign_change_set = !self.foreign_change_sets(stack).await?.is_empty();
            }
            StackStatus::CreateFailed | StackStatus::RollbackFailed | StackStatus::DeleteFailed => {
                let left = self.left(stack).await?;
                facts.resources_left = !left.is_empty();
                facts.data_left = left.iter().any(|resource| stateful(&resource.kind));
            }
            _ => {}
        }
        Ok(facts)
    }

    async fn is_mine(&self, desired: &Desired, stack: &Stack) -> Result<bool, Error> {
        let (page, _) =
            self.aws.events_page(&stack.id, None).await.map_err(Error::when("read the events"))?;
        let token = page.iter().find(|event| event.of_stack()).and_then(|event| event.token.as_deref());
        let mine = [desired.fingerprint(), desired.unprotected().fingerprint()];
        Ok(token.is_some_and(|token| mine.iter().any(|fingerprint| token.starts_with(fingerprint.as_str()))))
    }

    /// Executable change sets that this tool did not make.
    pub(super) async fn foreign_change_sets(&self, stack: &Stack) -> Result<Vec<String>, Error> {
        let names = self.aws.executable_change_sets(&stack.id).await;
        let names = names.map_err(Error::when("list the change sets"))?;
        Ok(names.into_iter().filter(|name| !is_our_change_set(name)).collect())
    }

    /// Resources of a failed stack that still exist.
    pub(super) async fn left(&self, stack: &Stack) -> Result<Vec<aws::Resource>, Error> {
        let all = self.aws.resources(&stack.id).await.map_err(Error::when("list the resources"))?;
        Ok(all
            .into_iter()
            .filter(|resource| resource.physical_id.as_deref().is_some_and(|id| !id.is_empty()))
            .filter(|resource| resource.status != "DELETE_COMPLETE")
            .collect())
    }

    async fn update(
        &self,
        desired: &Desired,
        stack: &Stack,
        bucket: Option<&str>,
        approvals: &Approvals,
        worked: bool,
    ) -> Result<Next, Error> {
        let live = self.aws.template(&stack.id).await.map_err(Error::when("read the stack's template"))?;
        if desired.is_live(stack, live.as_deref()) {
            let outputs = stack.outputs.clone();
            return Ok(Next::End(if worked {
                let resources = self.left(stack).await?.len();
                Outcome::Deployed { outputs, created: false, resources }
            } else {
                Outcome::Unchanged { outputs }
            }));
        }
        // A first create that was made without protection gets it now: nobody needs to be asked.
        let only_protection = worked && desired.wants_protection();
        let allowed = Approvals { yes: approvals.yes || only_protection, replace: approvals.replace.clone() };
        self.deploy(desired, Some(stack), false, bucket, &allowed).await
    }

    async fn deploy(
        &self,
        desired: &Desired,
        stack: Option<&Stack>,
        create: bool,
        bucket: Option<&str>,
        approvals: &Approvals,
    ) -> Result<Next, Error> {
        let set = match self.prepare(desired, stack, create, bucket).await? {
            Prepared::Ready(set) => set,
            Prepared::NoChange => return self.settle_stack(desired, stack).await,
            Prepared::Rejected { reason } => return Ok(Next::End(Outcome::Rejected { reason })),
            Prepared::Interrupted => return Ok(Next::End(Outcome::Interrupted { running: false })),
        };
        self.reporter.tell(Progress::Plan { stack: desired.stack.clone(), changes: set.changes.clone() });
        let approval = Approval::of(&set.changes, create);
        if let Some(outcome) = self.approve(&desired.stack, desired.class, &approval, approvals).await {
            self.discard(&set.id, &set.stack_id, stack.is_none()).await;
            return Ok(Next::End(outcome));
        }
        if self.interrupt.is_set() {
            self.discard(&set.id, &set.stack_id, stack.is_none()).await;
            return Ok(Next::End(Outcome::Interrupted { running: false }));
        }
        let since = self.newest_event(&set.stack_id).await.map_err(Error::when("read the events"))?;
        let token = self.token(&desired.fingerprint());
        if let Err(error) = self.execute(&set, &token).await {
            if !error.answer_lost() {
                self.discard(&set.id, &set.stack_id, stack.is_none()).await;
                return Err(Error::when("execute the change set")(error));
            }
            return Ok(Next::End(Outcome::Unknown { why: error.to_string() }));
        }
        match self.finish(&set.stack_id, since).await {
            Next::Look => self.settle_stack_by_id(desired, &set.stack_id, create).await,
            end => Ok(end),
        }
    }

    /// Sends the execution. An answer that got lost is looked for among the events before sending
    /// again with the same token.
    async fn execute(&self, set: &aws::ChangeSet, token: &str) -> Result<(), aws::Error> {
        let mut last = match self.aws.execute_change_set(&set.id, &set.stack_id, token).await {
            Ok(()) => return Ok(()),
            Err(error) if error.answer_lost() => error,
            Err(error) => return Err(error),
        };
        for _ in 0..3 {
            if let Ok((page, _)) = self.aws.events_page(&set.stack_id, None).await
                && page.iter().any(|event| event.token.as_deref() == Some(token))
            {
                return Ok(());
            }
            match self.aws.execute_change_set(&set.id, &set.stack_id, token).await {
                Ok(()) => return Ok(()),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Follows an operation to its end and says whether it was a success.
    async fn finish(&self, stack_id: &str, since: Option<String>) -> Next {
        match self.follow(stack_id, since).await {
            Followed::Ended { status, events } => match status {
                StackStatus::CreateComplete | StackStatus::UpdateComplete => {
                    self.report_leaks(&events);
                    Next::Look
                }
                status => Next::End(Outcome::RolledBack { status, causes: self.causes_of(&events).await }),
            },
            Followed::Lost { why } => Next::End(Outcome::Unknown { why }),
            Followed::Interrupted => Next::End(Outcome::Interrupted { running: true }),
        }
    }

    /// What an update could not delete while cleaning up is left alive, although it ends UPDATE_COMPLETE.
    fn report_leaks(&self, events: &[Event]) {
        for event in events.iter().filter(|event| event.status == "DELETE_FAILED") {
            self.reporter.warn(format!(
                "{} ({}) could not be deleted and is left behind: {}",
                event.logical_id,
                event.physical_id,
                event.reason.as_deref().unwrap_or("no reason given")
            ));
        }
    }

    async fn settle_stack_by_id(
        &self,
        desired: &Desired,
        stack_id: &str,
        created: bool,
    ) -> Result<Next, Error> {
        if created && desired.parameters.contains_key(super::PROTECTION) && desired.protected {
            // The second step switches protection on.
            return Ok(Next::Look);
        }
        match self.stack(stack_id).await? {
            Some(stack) => {
                self.protect(desired, &stack).await?;
                let resources = self.left(&stack).await?.len();
                Ok(Next::End(Outcome::Deployed { outputs: stack.outputs, created, resources }))
            }
            None => Ok(Next::End(Outcome::Unknown { why: format!("the stack {stack_id} is gone") })),
        }
    }

    /// CloudFormation found no change in the template's meaning; what lies beside it may differ still.
    async fn settle_stack(&self, desired: &Desired, stack: Option<&Stack>) -> Result<Next, Error> {
        let Some(stack) = stack else {
            return Ok(Next::End(Outcome::Rejected {
                reason: "a new stack without any resource".to_owned(),
            }));
        };
        self.protect(desired, stack).await?;
        Ok(Next::End(Outcome::Unchanged { outputs: stack.outputs.clone() }))
    }

    async fn protect(&self, desired: &Desired, stack: &Stack) -> Result<(), Error> {
        if desired.protected != stack.termination_protection {
            let set = self.aws.set_termination_protection(&stack.id, desired.protected).await;
            set.map_err(Error::when("switch termination protection"))?;
        }
        if desired.stack_policy {
            let set = self.aws.set_stack_policy(&stack.id, STACK_POLICY).await;
            set.map_err(Error::when("set the stack policy"))?;
        }
        Ok(())
    }

    async fn resume(&self, stack: &Stack) -> Result<Next, Error> {
        let events = self.last_operation(&stack.id).await.map_err(Error::when("read the events"))?;
        let all = self.events_after(&stack.id, None).await.map_err(Error::when("read the events"))?;
        let first = events.first().map(|event| event.id.as_str());
        let before =
            all.iter().position(|event| Some(event.id.as_str()) == first).and_then(|at| at.checked_sub(1));
        let since = before.and_then(|at| all.get(at)).map(|event| event.id.clone());
        Ok(self.finish(&stack.id, since).await)
    }

    /// Sends a recovery operation and follows it; whatever it ends in is looked at again.
    pub(super) async fn begin(
        &self,
        stack: &Stack,
        call: impl Future<Output = Result<(), aws::Error>>,
    ) -> Result<Next, Error> {
        let since = self.newest_event(&stack.id).await.map_err(Error::when("read the events"))?;
        match call.await {
            Ok(()) => {}
            Err(error) if error.answer_lost() => {
                return Ok(Next::End(Outcome::Unknown { why: error.to_string() }));
            }
            Err(error) => return Err(Error::when(format!("recover {}", stack.name))(error)),
        }
        Ok(match self.follow(&stack.id, since).await {
            Followed::Ended { .. } => Next::Look,
            Followed::Lost { why } => Next::End(Outcome::Unknown { why }),
            Followed::Interrupted => Next::End(Outcome::Interrupted { running: true }),
        })
    }

    /// Deletes a stack that never worked, after saying why it did not.
    async fn clear_away(&self, stack: &Stack) -> Result<Next, Error> {
        let events = self.last_operation(&stack.id).await.map_err(Error::when("read the events"))?;
        for cause in self.causes_of(&events).await {
            self.reporter.note(format!("the last attempt failed: {} {}", cause.logical_id, cause.reason));
        }
        self.reporter.step("recover", format!("deleting {}, which is {}", stack.name, stack.status));
        self.begin(stack, self.aws.delete_stack(&stack.id, &self.token("delete"), &[])).await
    }

    pub(super) async fn foreign(&self, stack: Option<Stack>) -> Result<Outcome, Error> {
        let change_sets = match &stack {
            Some(stack) => self.foreign_change_sets(stack).await?,
            None => Vec::new(),
        };
        Ok(Outcome::Foreign { change_sets })
    }

    pub(super) async fn stuck(&self, stack: &Stack) -> Result<Outcome, Error> {
        let events = self.last_operation(&stack.id).await.map_err(Error::when("read the events"))?;
        Ok(Outcome::Stuck {
            status: stack.status.clone(),
            causes: self.causes_of(&events).await,
            choices: choices(&stack.status, &stack.name),
        })
    }
}

/// Names that [`Engine::prepare`] gives.
fn is_our_change_set(name: &str) -> bool {
    name.starts_with("d-") && name.len() == "d-20260101000000-12345678-123456".len()
}

/// What a person can do about a stack that must not be repaired by itself.
fn choices(status: &StackStatus, name: &str) -> Vec<String> {
    match status {
        StackStatus::RollbackComplete => vec![format!(
            "the stack never worked and is empty: run `up --replace-failed` to delete and create {name}"
        )],
        StackStatus::UpdateRollbackFailed => vec![format!(
            "mend what the first cause of {name} names, then run `rollback`; \
             add `--skip ID` only for a resource that you have looked at"
        )],
        StackStatus::CreateFailed | StackStatus::RollbackFailed | StackStatus::DeleteFailed => vec![
            "look at the resources that are left with `status`".to_owned(),
            format!("then `down` {name} and `up` again"),
        ],
        _ => vec![format!("look at {name} in the CloudFormation console before anything else")],
    }
}

/// Production: what holds data is neither replaced nor deleted by an update.
const STACK_POLICY: &str = r#"{"Statement":[
{"Effect":"Allow","Principal":"*","Action":"Update:*","Resource":"*"},
{"Effect":"Deny","Principal":"*","Action":["Update:Replace","Update:Delete"],"Resource":"*",
"Condition":{"StringEquals":{"ResourceType":["AWS::Cognito::UserPool","AWS::DynamoDB::Table","AWS::KMS::Key"]}}}]}"#;
