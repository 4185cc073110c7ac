//! The harness for tests that need several processes: the real programs with a real Postgres and Redis, on free
//! loopback ports, stopped after the test.
//!
//! ```no_run
//! # async fn test() {
//! // Postgres, Redis, nginx, one server and one worker.
//! let stack = e2e::Stack::start().await;
//! let api = stack.through_nginx();
//! api.submit(7).await;
//! assert_eq!(api.value(7).await, e2e::expected(7));
//! # }
//! ```
//!
//! [`Compose`] runs the system as it is shipped, on a container engine. [`Embedded`] is the whole system in one
//! process. [`Settings`], [`Server`], [`Worker`] and [`Nginx`] are the parts, for tests that start, kill and restart
//! them one by one. When a test fails, the logs of its processes are printed.

mod binaries;
pub mod browser;
mod client;
mod collector;
pub mod compose;
mod embedded;
pub mod engine;
mod events;
mod gate;
mod nginx;
mod openapi;
mod raw;
mod redis;
mod server;
mod settings;
mod site;
mod stack;
mod wait;
mod worker;

pub use binaries::binary;
pub use client::{Answer, Client};
pub use collector::{Collector, Sent as SentSpan};
pub use compose::Compose;
pub use embedded::Embedded;
pub use events::{Events, Sent};
pub use gate::{GATE_FILE, Gate, TALLY_FILE};
pub use nginx::Nginx;
pub use raw::{Raw, RawAnswer};
pub use redis::Redis;
pub use server::Server;
pub use settings::{Database, Settings};
pub use site::Site;
pub use stack::{Stack, StackBuilder};
pub use wait::{DEADLINE, eventually};
pub use worker::Worker;

/// Computes the value of an index here, independently of the system under test.
///
/// # Panics
/// Panics if the job has no value for the index.
#[must_use]
pub fn expected(index: u32) -> String {
    job::JOB.value(index).unwrap_or_else(|error| panic!("{index} has no value: {error}"))
}
