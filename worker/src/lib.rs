//! Claims pending indexes, computes them, posts the results.
//!
//! A [`Worker`] has a [`Board`](store::Board) to claim from and a [`Job`] to do. Any number of them
//! share one Board; none knows the Record, and none is needed for an index to stay safe. The binary
//! of this crate runs one on Redis, the server's embedded mode runs one inside its own process.
//!
//! ```text
//! listen: subscribe → relist → hear ──┐ wakes            (one task)
//!                                     ▼
//! lane:   claim → compute → post → claim …               (one per concurrent computation)
//!                    └── every now and then: renew the lease, pass the progress on
//! ```

mod attempt;
mod computation;
mod health;
pub mod health_listener;
mod id;
mod job;
mod lane;
mod listen;
mod settings;
mod worker;

pub use attempt::Step;
pub use health::Unwell;
pub use id::unique_id;
pub use job::{FibJob, Job, JobError};
pub use settings::WorkerSettings;
pub use worker::Worker;
