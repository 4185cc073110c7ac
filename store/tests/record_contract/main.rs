//! Contract of [`store::Record`], tested on SQLite and on a real PostgreSQL.

// In a test, a failed unwrap is the message.
#![allow(clippy::unwrap_used)]

mod authorities;
mod data_folder;
mod failover;
mod harness;
mod lists;
mod original;
mod outage;
mod outcome;
mod pooler;
mod preparation;
mod submission;
