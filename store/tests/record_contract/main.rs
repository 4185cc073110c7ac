//! Contract of [`store::Record`], tested on SQLite and on a real PostgreSQL.

// In a test, the panic message of a failed unwrap is enough.
#![allow(clippy::unwrap_used)]

mod authorities;
mod changes;
mod data_folder;
mod failover;
mod harness;
mod lists;
mod original;
mod outage;
mod outcome;
mod pooler;
mod preparation;
mod role_settings;
mod submission;
