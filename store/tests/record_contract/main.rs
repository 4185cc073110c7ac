//! What the Record promises, on SQLite and on a real PostgreSQL.

// A failed assumption is a failed test.
#![allow(clippy::unwrap_used)]

mod authorities;
mod harness;
mod lists;
mod original;
mod outage;
mod outcome;
mod preparation;
mod submission;
