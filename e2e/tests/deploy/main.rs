//! The deployment to AWS, rehearsed on an emulator with the real AWS CLI:
//! `cargo xtask test deploy`.

// clippy knows tests by their attribute, and these helpers have none.
#![allow(clippy::unwrap_used)]

mod beanstalk;
mod cloud;
mod database;
mod fargate;
