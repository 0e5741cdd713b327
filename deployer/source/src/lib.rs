//! Reads the Rust sources of function crates. Pure but for reading those files. The map:
//!
//! - [`packages`]: what Cargo says of the workspace's packages, and which features a build of its functions has.
//! - [`workspace`]: their module trees, as the shipped build has them: no tests, no code of features that are off.
//! - [`calls`]: which calls of AWS a function's binary can make, and on what.
//! - [`binary`]: the same, read off the binary.
//! - [`place`]: files, places in them, and what is wrong there.
//! - [`rules`]: known mistakes of functions behind Cognito and an HTTP API.

pub mod binary;
pub mod calls;
pub mod cfg;
pub mod packages;
pub mod place;
pub mod rules;
pub mod workspace;

pub use packages::{Dependency, Package};
pub use place::{Fault, Place, SourceFile};
pub use workspace::{Kind, Module, SourceCrate, Workspace};
