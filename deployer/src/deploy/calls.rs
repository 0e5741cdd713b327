//! Calls that outlive passing faults, and how often the engine asks.
//!
//! A read, or a mutation that may be repeated, is made until it has an answer ([`Engine::insist`]). A
//! mutation that begins an operation carries a token: after a lost answer the token is looked for
//! among the stack's events before the call is sent again ([`Engine::send`]).

use std::time::Duration;

use tokio::time::Instant;

use super::{Engine, Error};
use crate::aws;

/// How often to ask, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pace {
    /// While events flow.
    pub quick: Duration,
    /// In silence.
    pub slow: Duration,
    /// Without any answer for so long, nothing is known any more.
    pub give_up: Duration,
    /// A read may lag this long behind what is known already (aws-cdk-cli#1848).
    pub stale: Duration,
    /// CloudFormation makes even large change sets within a few minutes.
    pub settle: Duration,
}

impl Pace {
    /// At most one call a second and stack.
    const AWS: Self = Self {
        quick: Duration::from_secs(1),
        slow: Duration::from_secs(15),
        give_up: Duration::from_secs(15 * 60),
        stale: Duration::from_secs(30),
        settle: Duration::from_secs(15 * 60),
    };

    /// The embedded cloud is on this machine, answers at once and shares its limits with nobody: the
    /// same schedule, a hundred times as fast.
    const EMBEDDED: Self = Self {
        quick: Duration::from_millis(10),
        slow: Duration::from_millis(150),
        give_up: Duration::from_secs(9),
        stale: Duration::from_millis(300),
        settle: Duration::from_secs(9),
    };

    /// Half as long again, with jitter so that many deployers do not poll in step.
    pub fn slower(&self, pause: Duration) -> Duration {
        let jitter = f64::from(uuid::Uuid::new_v4().as_bytes()[0]) / f64::from(u8::MAX) * 0.2;
        pause.max(self.quick).mul_f64(1.4 + jitter).min(self.slow)
    }
}

impl Engine<'_> {
    pub(super) fn pace(&self) -> &'static Pace {
        if self.aws.embedded() { &Pace::EMBEDDED } else { &Pace::AWS }
    }

    /// Makes a call until it has an answer; passing errors are waited out, Ctrl-C ends the waiting.
    pub(super) async fn persist<T>(
        &self,
        call: impl AsyncFn() -> Result<T, aws::Error>,
    ) -> Result<T, aws::Error> {
        let begun = Instant::now();
        let mut pause = Duration::ZERO;
        loop {
            let error = match call().await {
                Err(error) if error.passing() && begun.elapsed() < self.pace().give_up => error,
                answer => return answer,
            };
            if pause.is_zero() {
                self.reporter.note(format!("{error}; trying again"));
            }
            pause = self.pace().slower(pause);
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.interrupt.wait() => return Err(error),
            }
        }
    }

    /// [`Engine::persist`], with what was being done in the error.
    pub(super) async fn insist<T>(
        &self,
        doing: impl Into<String>,
        call: impl AsyncFn() -> Result<T, aws::Error>,
    ) -> Result<T, Error> {
        self.persist(call).await.map_err(Error::when(doing))
    }

    /// Sends what begins an operation. An answer that got lost is looked for by its token among the
    /// events after `since` before it is sent again, and whatever the error is: the SDK repeats a call
    /// by itself, and what answers then refuses what is running already.
    pub(super) async fn send(
        &self,
        stack_id: &str,
        since: Option<&str>,
        token: &str,
        call: impl AsyncFn() -> Result<(), aws::Error>,
    ) -> Result<(), aws::Error> {
        self.persist(async || {
            let Err(error) = call().await else { return Ok(()) };
            match self.events_after(stack_id, since).await {
                Ok(events) if events.iter().any(|event| event.token.as_deref() == Some(token)) => Ok(()),
                _ => Err(error),
            }
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polls_grow_from_one_second_to_fifteen_in_silence() {
        for pace in [Pace::AWS, Pace::EMBEDDED] {
            let mut pause = Duration::ZERO;
            for _ in 0..20 {
                let next = pace.slower(pause);
                assert!(next > pause.max(pace.quick) || next == pace.slow);
                pause = next;
            }
            assert_eq!(pause, pace.slow);
        }
        assert_eq!((Pace::AWS.quick, Pace::AWS.slow), (Duration::from_secs(1), Duration::from_secs(15)));
    }

    #[test]
    fn no_two_deployers_poll_in_step() {
        let pauses: std::collections::BTreeSet<Duration> =
            (0..50).map(|_| Pace::AWS.slower(Duration::from_secs(1))).collect();
        assert!(pauses.len() > 10, "{pauses:?}");
    }

    #[test]
    fn ten_minutes_without_network_are_survived() {
        assert!(Pace::AWS.give_up > Duration::from_secs(10 * 60));
    }

    #[test]
    fn the_embedded_cloud_has_the_same_schedule_a_hundred_times_as_fast() {
        let Pace { quick, slow, give_up, stale, settle } = Pace::EMBEDDED;
        let hundredfold = Pace {
            quick: quick * 100,
            slow: slow * 100,
            give_up: give_up * 100,
            stale: stale * 100,
            settle: settle * 100,
        };
        assert_eq!(hundredfold, Pace::AWS);
    }
}
