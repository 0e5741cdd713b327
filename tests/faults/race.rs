//! Two deployers at once, their calls interleaved at random from a seed.

use std::time::Duration;

use deployer::deploy::{Desired, Outcome};
use localcloud::faults::Passage;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::bed::{Bed, on_a_thread, small, yes};

const INTERLEAVINGS: u64 = 1_000;
/// Clouds at work at the same time, each on a thread of its own.
const CLOUDS: u64 = 20;
/// How long a single waiting call is held for the other deployer's, which may sleep between polls.
const COMPANY: Duration = Duration::from_millis(4);

/// Numbers that look random and are the same for the same seed (Knuth's MMIX generator).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end
    }
}

/// Holds each call until both deployers wait, where they do, and lets one of them go on.
async fn shuffle(mut gate: UnboundedReceiver<Passage>, mut random: Random) {
    let mut held: Vec<Passage> = Vec::new();
    loop {
        let next = match held.len() {
            0 => gate.recv().await,
            1 => tokio::time::timeout(COMPANY, gate.recv()).await.ok().flatten(),
            _ => None,
        };
        match next {
            Some(passage) if passage.done => drop(passage.go.send(())),
            Some(passage) => held.push(passage),
            None => drop(held.swap_remove(random.below(held.len())).go.send(())),
        }
    }
}

async fn together(bed: &Bed, seed: u64, one: &Desired, other: &Desired) -> Result<[Outcome; 2], String> {
    let (first, second) = (bed.run(), bed.run());
    let allowed = yes();
    let both =
        async { tokio::join!(first.engine.up(one, None, &allowed), second.engine.up(other, None, &allowed)) };
    let gate = bed.faults().gate();
    tokio::select! {
        ended = tokio::time::timeout(Duration::from_secs(60), both) => match ended {
            Ok((Ok(first), Ok(second))) => Ok([first, second]),
            other => Err(format!("{other:?}")),
        },
        () = shuffle(gate, Random(seed)) => unreachable!("it waits for ever"),
    }
}

/// A third creates, a third updates to the same, a third updates to different content.
async fn interleave(bed: &Bed, seed: u64) -> Result<(), String> {
    let stack = format!("both-{seed}");
    let stack = stack.as_str();
    let (former, one, other) = match seed % 3 {
        0 => (None, small(stack, 3), small(stack, 3)),
        1 => (Some(small(stack, 3)), small(stack, 7), small(stack, 7)),
        _ => (Some(small(stack, 3)), small(stack, 7), small(stack, 14)),
    };
    if let Some(former) = &former {
        bed.up(former).await.unwrap();
    }
    let outcomes = together(bed, seed, &one, &other).await?;
    if !outcomes.iter().all(|outcome| outcome.exit_code() == 0) {
        return Err(format!("{outcomes:?}"));
    }
    let live = bed.aws.stack(stack).await.unwrap().ok_or("no stack")?;
    let operations = bed.operations(&live.id).await;
    let expected: &[&str] = match seed % 3 {
        0 => &["CREATE_IN_PROGRESS"],
        1 => &["CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"],
        _ => &["CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"],
    };
    if operations != expected {
        return Err(format!("{operations:?}, {outcomes:?}"));
    }
    let stray = bed.stray_change_sets(stack).await;
    if !stray.is_empty() {
        return Err(format!("left lying: {stray:?}"));
    }
    Ok(())
}

async fn interleave_every(first: u64) -> Vec<(u64, Result<(), String>)> {
    let bed = Bed::new().await;
    let mut found = Vec::new();
    for seed in (first..INTERLEAVINGS).step_by(usize::try_from(CLOUDS).unwrap()) {
        found.push((seed, interleave(&bed, seed).await));
    }
    found
}

#[test]
fn two_deployers_at_once_never_do_an_operation_twice() {
    let threads: Vec<_> = (0..CLOUDS).map(|first| on_a_thread(move || interleave_every(first))).collect();
    let found: Vec<_> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
    let wrong: Vec<String> = found
        .iter()
        .filter_map(|(seed, found)| Some(format!("seed {seed}: {}", found.clone().err()?)))
        .collect();
    println!("{} interleavings of two deployers, {} went wrong", found.len(), wrong.len());
    assert_eq!(wrong, Vec::<String>::new());
}
