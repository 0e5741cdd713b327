//! A small, strict twin of the slice of AWS that the deployer and its functions use.
//!
//! One process, one loopback port, AWS's own wire protocols. The map:
//!
//! - [`server`]: the port. Decides which service a request is for and who sends it.
//! - [`wire`]: what every service shares of AWS's protocols: a request ([`wire::Call`]), an error
//!   ([`wire::AwsError`]), JSON, query and XML bodies.
//! - [`cloud`]: the services together; what one service uses to reach another.
//! - [`store`]: state that survives a restart.
//! - [`auth`]: signatures and principals; [`iam`]: policies and the judgement of every call; [`sts`].
//! - [`cloudformation`]: stacks and change sets; [`resource`]: what it asks of a resource type. Each
//!   service implements its own types in its `resources` module.
//! - [`registry`]: what a type of resource may have; [`handlers`]: the IAM actions that CloudFormation calls for it.
//! - [`cognito`], [`dynamodb`], [`lambda`], [`httpapi`], [`logs`], [`s3`], [`secrets`], [`kms`]: the services.
//! - [`faults`]: failures that tests switch on.
//!
//! What is not implemented is an error that names it; nothing is accepted and ignored.

pub mod auth;
pub mod cloud;
pub mod cloudformation;
pub mod cognito;
pub mod dynamodb;
pub mod faults;
pub mod handlers;
pub mod httpapi;
pub mod iam;
pub mod kms;
pub mod lambda;
pub mod logs;
pub mod registry;
pub mod resource;
pub mod s3;
pub mod secrets;
pub mod server;
pub mod store;
pub mod sts;
pub mod wire;

pub use cloud::Cloud;
pub use server::{Config, Running, start};
