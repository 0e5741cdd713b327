//! `up` and `plan`: from whatever state the stack is in to what it should be.

use tokio::time::Instant;

use super::approval::{Approvals, stateful};
use super::change_sets::{Prepared, is_ours};
use super::desired::{Desired, INLINE_LIMIT};
use super::events::{Followed, Start, begins};
use super::outcome::Outcome;
use super::planner::{self, Facts, Tried, UpStep};
use super::{BUCKET_STACK, Engine, Error, Question, Review, artifacts};
use crate::aws::{self, Event, Stack, StackStatus};

/// What `plan` found.
#[derive(Debug, Clone)]
pub enum Planned {
    NoChange,
    Changes {
        create: bool,
        review: Box<Review>,
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

/// What a run has done so far.
#[derive(Debug, Default)]
pub(super) struct Course {
    pub tried: Tried,
    /// The stack that this run set in motion, if it did.
    pub moved: Option<String>,
}

impl Engine<'_> {
    /// Makes the stack what `desired` says. The template may name objects of `bucket` alone.
    pub async fn up(
        &self,
        desired: &Desired,
        bucket: Option<&str>,
        approvals: &Approvals,
    ) -> Result<Outcome, Error> {
        let mut course = Course::default();
        let ended = self.drive(desired, bucket, approvals, &mut course).await;
        self.conclude(ended, course.moved.is_some())
    }

    async fn drive(
        &self,
        desired: &Desired,
        bucket: Option<&str>,
        approvals: &Approvals,
        course: &mut Course,
    ) -> Result<Outcome, Error> {
        loop {
            if self.interrupt.is_set() {
                return Ok(Outcome::Interrupted { running: false });
            }
            let stack = self.look(&desired.stack, course).await?;
            let facts = self.facts(desired, stack.as_ref(), course.tried).await?;
            let step = planner::up(&facts);
            let next = match (step, stack) {
                (UpStep::Create, stack) => {
                    // A stack in review is taken over; a deleted one is not the same stack.
                    let review = stack.filter(|stack| stack.status == StackStatus::ReviewInProgress);
                    self.deploy(&desired.unprotected(), review.as_ref(), true, bucket, approvals, course)
                        .await?
                }
                (UpStep::Update { last_failed }, Some(stack)) => {
                    if last_failed && course.moved.is_none() {
                        self.reporter.note("the last update of this stack failed and was rolled back");
                    }
                    self.update(desired, &stack, bucket, approvals, course).await?
                }
                (UpStep::Resume, Some(stack)) => {
                    self.reporter.note("a former run of this deployment is still at work; following it");
                    course.moved = Some(stack.id.clone());
                    self.resume(&stack).await?
                }
                (UpStep::Wait, Some(stack)) => self.wait(&stack).await?.map_or(Next::Look, Next::End),
                (UpStep::Delete, Some(stack)) => {
                    course.tried.delete = true;
                    self.clear_away(&stack, course).await?
                }
                (UpStep::RollBack, Some(stack)) => {
                    course.tried.roll_back = true;
                    self.roll_back(&stack, course).await?
                }
                (UpStep::ContinueRollback, Some(stack)) => {
                    course.tried.continue_rollback = true;
                    self.continue_rollback(&stack, &[], course).await?
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

    /// The stack by its name. After its execution DescribeStacks may still show it in review
    /// (aws-cdk-cli#1848).
    async fn look(&self, name: &str, course: &Course) -> Result<Option<Stack>, Error> {
        let asked = Instant::now();
        let mut pause = self.pace().quick;
        loop {
            let stack = self.stack(name).await?;
            let stale = stack.as_ref().is_some_and(|stack| {
                stack.status == StackStatus::ReviewInProgress && course.moved.as_deref() == Some(&stack.id)
            });
            if !stale || asked.elapsed() > self.pace().stale {
                return Ok(stack);
            }
            tokio::time::sleep(pause).await;
            pause = self.pace().slower(pause);
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
        let live = self.template(&stack).await?;
        let same = desired.is_live(&stack, live.as_deref());
        Ok(same.then_some(Outcome::Unchanged { outputs: stack.outputs }))
    }

    /// What `up` would change. A stack that asking brought is removed again. Makes no bucket for a template
    /// that is too large to be sent: it may use the one of `account`.
    pub async fn plan(&self, desired: &Desired, account: &str) -> Result<Planned, Error> {
        let planned = async {
            let large = desired.template.len() > INLINE_LIMIT;
            let bucket = if large { Some(artifacts::bucket_name(account, self.aws.region())) } else { None };
            if let Some(bucket) = &bucket
                && !self.bucket_exists(bucket, account).await?
            {
                let reason = format!(
                    "the template has {} bytes, more than {INLINE_LIMIT} can only be read from the artefact bucket, \
                     and {bucket} does not exist yet: the first `up` makes it",
                    desired.template.len()
                );
                return Ok(Planned::Ended(Outcome::Rejected { reason }));
            }
            self.preview(desired, bucket.as_deref()).await
        };
        match planned.await {
            Ok(planned) => Ok(planned),
            Err(error) => self.conclude(Err(error), false).map(Planned::Ended),
        }
    }

    async fn bucket_exists(&self, bucket: &str, account: &str) -> Result<bool, Error> {
        self.insist(format!("look for the artefact bucket {bucket}"), async || {
            self.aws.bucket_exists(bucket, account).await
        })
        .await
    }

    async fn preview(&self, desired: &Desired, bucket: Option<&str>) -> Result<Planned, Error> {
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
                self.discard(&set.id, &set.stack_id, create).await;
                let review = self.review(&wanted, live.as_ref(), create, set.changes).await?;
                Planned::Changes { create, review: Box::new(review) }
            }
            Prepared::NoChange => Planned::NoChange,
            Prepared::Rejected { reason } => Planned::Ended(Outcome::Rejected { reason }),
            Prepared::Interrupted => Planned::Ended(Outcome::Interrupted { running: false }),
            Prepared::Overtaken => {
                let why = "somebody else is changing the stack".to_owned();
                Planned::Ended(Outcome::Unknown { why })
            }
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
        if self.bucket_exists(&bucket, account).await? {
            return Ok(None);
        }
        if let Some(role) = self.aws.service_role() {
            return Ok(Some(Outcome::Refused {
                why: format!("the artefact bucket {bucket} does not exist, and {role} may not make it"),
                hint: "have an administrator run `deployer bootstrap` for the stage".to_owned(),
            }));
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
        let events = self.last_operation(&stack.id).await.map_err(Error::when("read the events"))?;
        let token = events.iter().find(|event| event.of_stack()).and_then(|event| event.token.as_deref());
        let mine = [desired.fingerprint(), desired.unprotected().fingerprint()];
        Ok(token.is_some_and(|token| mine.iter().any(|fingerprint| token.starts_with(fingerprint.as_str()))))
    }

    /// Executable change sets that this tool did not make.
    pub(super) async fn foreign_change_sets(&self, stack: &Stack) -> Result<Vec<String>, Error> {
        let listed =
            self.insist("list the change sets", async || self.aws.change_sets(&stack.id).await).await?;
        let foreign = listed.into_iter().filter(|set| set.executable && !is_ours(&set.name));
        Ok(foreign.map(|set| set.name).collect())
    }

    /// Resources of a failed stack that still exist.
    pub(super) async fn left(&self, stack: &Stack) -> Result<Vec<aws::Resource>, Error> {
        let all = self.insist("list the resources", async || self.aws.resources(&stack.id).await).await?;
        Ok(all
            .into_iter()
            .filter(|resource| resource.physical_id.as_deref().is_some_and(|id| !id.is_empty()))
            .filter(|resource| resource.status != "DELETE_COMPLETE")
            .collect())
    }

    pub(super) async fn template(&self, stack: &Stack) -> Result<Option<String>, Error> {
        self.insist("read the stack's template", async || self.aws.template(&stack.id).await).await
    }

    async fn update(
        &self,
        desired: &Desired,
        stack: &Stack,
        bucket: Option<&str>,
        approvals: &Approvals,
        course: &mut Course,
    ) -> Result<Next, Error> {
        let live = self.template(stack).await?;
        if desired.is_live(stack, live.as_deref()) {
            let outputs = stack.outputs.clone();
            return Ok(Next::End(if course.moved.is_some() {
                let resources = self.left(stack).await?.len();
                Outcome::Deployed { outputs, created: false, resources }
            } else {
                Outcome::Unchanged { outputs }
            }));
        }
        // A create that was made without protection gets it now: nobody needs to be asked.
        let bare = Stack { termination_protection: desired.protected, ..stack.clone() };
        let only_protection =
            desired.wants_protection() && desired.unprotected().is_live(&bare, live.as_deref());
        let allowed = Approvals { yes: approvals.yes || only_protection, replace: approvals.replace.clone() };
        self.deploy(desired, Some(stack), false, bucket, &allowed, course).await
    }

    /// Follows from the start of what is running, so that its whole story is told.
    async fn resume(&self, stack: &Stack) -> Result<Next, Error> {
        let all = self.history(&stack.id).await.map_err(Error::when("read the events"))?;
        let first = all.iter().rposition(begins);
        let token = first.and_then(|at| all.get(at)).and_then(|event| event.token.clone());
        let before = first.and_then(|at| at.checked_sub(1)).and_then(|at| all.get(at));
        let start = Start { since: before.map(|event| event.id.clone()), token };
        self.finish(&stack.id, start).await
    }

    /// Sends a recovery operation and follows it; whatever it ends in is looked at again.
    pub(super) async fn begin(
        &self,
        stack: &Stack,
        token: &str,
        course: &mut Course,
        call: impl AsyncFn() -> Result<(), aws::Error>,
    ) -> Result<Next, Error> {
        let since = self.newest_event(&stack.id).await.map_err(Error::when("read the events"))?;
        let before = course.moved.replace(stack.id.clone());
        if let Err(error) = self.send(&stack.id, since.as_deref(), token, call).await {
            if matches!(error, aws::Error::Rejected { .. } | aws::Error::Denied(_)) {
                course.moved = before;
                if self.moved_on(&stack.id, Some(stack)).await? {
                    return Ok(Next::Look);
                }
            }
            return Err(Error::when(format!("recover {}", stack.name))(error));
        }
        let start = Start { since, token: Some(token.to_owned()) };
        Ok(match self.follow(&stack.id, start).await {
            Followed::Ended { .. } => Next::Look,
            Followed::Lost { why } => Next::End(Outcome::Unknown { why }),
            Followed::Interrupted => Next::End(Outcome::Interrupted { running: true }),
        })
    }

    /// Deletes a stack that never worked, after saying why it did not.
    async fn clear_away(&self, stack: &Stack, course: &mut Course) -> Result<Next, Error> {
        let events = self.last_operation(&stack.id).await.map_err(Error::when("read the events"))?;
        for cause in self.causes_of(&events).await {
            self.reporter.note(format!("the last attempt failed: {} {}", cause.logical_id, cause.reason));
        }
        self.reporter.step("recover", format!("deleting {}, which is {}", stack.name, stack.status));
        let token = self.token("delete");
        let call = async || self.aws.delete_stack(&stack.id, &token, &[]).await;
        self.begin(stack, &token, course, call).await
    }

    pub(super) async fn foreign(&self, stack: Option<Stack>) -> Result<Outcome, Error> {
        let change_sets = match &stack {
            Some(stack) => self.foreign_change_sets(stack).await?,
            None => Vec::new(),
        };
        Ok(Outcome::Foreign { change_sets })
    }

    pub(super) async fn stuck(&self, stack: &Stack) -> Result<Outcome, Error> {
        self.stuck_in(&stack.id, stack.status.clone()).await
    }

    pub(super) async fn stuck_in(&self, stack_id: &str, status: StackStatus) -> Result<Outcome, Error> {
        let events: Vec<Event> =
            self.last_operation(stack_id).await.map_err(Error::when("read the events"))?;
        let name = stack_id.split('/').nth(1).unwrap_or(stack_id);
        Ok(Outcome::Stuck { choices: choices(&status, name), causes: self.causes_of(&events).await, status })
    }
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
