//! `rollback`: gets a stack going again whose update failed and was not taken back.

use super::outcome::Outcome;
use super::planner::{self, RollbackStep, Tried};
use super::up::{Course, Next};
use super::{Engine, Error};
use crate::aws::Stack;

impl Engine<'_> {
    /// Rolls the stack back to its last good state. Nothing is skipped but what the person named:
    /// CloudFormation takes a skipped resource for rolled back, whatever it really is.
    pub async fn rollback(&self, stack: &str, skip: &[String]) -> Result<Outcome, Error> {
        let mut course = Course::default();
        let ended = self.recover(stack, skip, &mut course).await;
        self.conclude(ended, course.moved.is_some())
    }

    async fn recover(&self, stack: &str, skip: &[String], course: &mut Course) -> Result<Outcome, Error> {
        loop {
            if self.interrupt.is_set() {
                return Ok(Outcome::Interrupted { running: false });
            }
            let Some(stack) = self.stack(stack).await? else { return Ok(Outcome::NothingThere) };
            let next = match planner::rollback(&stack.status, course.tried, !skip.is_empty()) {
                RollbackStep::Gone => return Ok(Outcome::NothingThere),
                RollbackStep::AtRest if course.tried == Tried::default() => {
                    return Ok(Outcome::AtRest { status: stack.status });
                }
                RollbackStep::AtRest => return Ok(Outcome::Recovered { status: stack.status }),
                RollbackStep::CannotSkip => return Ok(Outcome::CannotSkip { status: stack.status }),
                RollbackStep::Stuck => return self.stuck(&stack).await,
                RollbackStep::Wait => self.wait(&stack).await?.map_or(Next::Look, Next::End),
                RollbackStep::Continue => {
                    course.tried.continue_rollback = true;
                    self.continue_rollback(&stack, skip, course).await?
                }
                RollbackStep::RollBack => {
                    course.tried.roll_back = true;
                    self.roll_back(&stack, course).await?
                }
            };
            if let Next::End(outcome) = next {
                return Ok(outcome);
            }
        }
    }

    pub(super) async fn continue_rollback(
        &self,
        stack: &Stack,
        skip: &[String],
        course: &mut Course,
    ) -> Result<Next, Error> {
        let what = match skip {
            [] => format!("continuing the rollback of {}", stack.name),
            skip => format!("continuing the rollback of {} without {}", stack.name, skip.join(", ")),
        };
        self.reporter.step("recover", what);
        let token = self.token("continue");
        let call = async || self.aws.continue_update_rollback(&stack.id, &token, skip).await;
        self.begin(stack, &token, course, call).await
    }

    pub(super) async fn roll_back(&self, stack: &Stack, course: &mut Course) -> Result<Next, Error> {
        self.reporter.step("recover", format!("rolling {} back to its last good state", stack.name));
        let token = self.token("roll-back");
        let call = async || self.aws.roll_back_stack(&stack.id, &token).await;
        self.begin(stack, &token, course, call).await
    }
}
