//! The deployment to AWS, tested on an emulator with the real AWS CLI: `cargo xtask test deploy`.

// clippy recognises tests by their attribute, which these modules do not have.
#![allow(clippy::unwrap_used)]

mod beanstalk;
mod cloud;
mod database;
mod fargate;
mod first_deployment;
mod processor;
mod refusals;
mod secrets;
