//! What the functions share. `aws.rs`, `config.rs` and `table.rs` are the repository's own.

pub mod aws;
pub mod config;
pub mod names;
pub mod orders;
pub mod table;
