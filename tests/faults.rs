//! The engine through every fault, over the wire. Each test prints its row of the matrix:
//! `cargo test --workspace --test faults -- --nocapture`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "faults/bed.rs"]
mod bed;
#[path = "faults/kill.rs"]
mod kill;
#[path = "faults/lasting.rs"]
mod lasting;
#[path = "faults/matrix.rs"]
mod matrix;
#[path = "faults/race.rs"]
mod race;
#[path = "faults/signals.rs"]
mod signals;
