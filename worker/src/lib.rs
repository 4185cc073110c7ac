//! Claims pending indexes, computes them and posts the results.
//!
//! A [`Worker`] claims from a [`Board`](store::Board) and runs the `compute` function of a job. Any
//! number of workers share one Board. None knows the Record, and an index stays safe without any of
//! them. This crate's binary runs one on Redis; the server's embedded mode runs one in its process.
//!
//! ```text
//! listen: subscribe → enqueue missed indexes → handle messages ──┐ wakes            (one task)
//!                                                                ▼
//! lane:   claim → compute → post → claim …               (one per concurrent computation)
//!                    └── meanwhile: renew the lease, report progress
//! ```

mod attempt;
mod computation;
mod health;
pub mod health_listener;
mod id;
mod lane;
mod lease;
mod listen;
mod post;
mod settings;
mod worker;

pub use attempt::Step;
pub use health::Unhealthy;
pub use id::unique_id;
pub use settings::{WorkerSettings, memory_bytes};
pub use worker::Worker;
