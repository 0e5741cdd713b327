//! `deployer` as a library.

pub mod artifact;
pub mod aws;
pub mod bootstrap;
pub mod cli;
pub mod deploy;
pub mod lint;
pub mod local;
pub mod policy;
pub mod project;
pub mod template;
mod whole;
