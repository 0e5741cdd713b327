//! The embedded cloud over the wire, through the AWS SDK: one module a service.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cloudformation;
mod cognito;
mod dynamodb;
mod faults;
mod httpapi;
mod iam;
mod lambda;
mod logs;
mod s3;
mod support;
