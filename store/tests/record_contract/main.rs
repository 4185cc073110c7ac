//! What the Record promises, on SQLite and on a real PostgreSQL.

mod harness;
mod lists;
mod original;
mod outage;
mod outcome;
mod preparation;
mod submission;
