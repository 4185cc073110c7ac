//! What the binaries read from their environment, and what they say when it is wrong.
//!
//! Each concern is a clap `Args` struct that a binary takes in with `#[command(flatten)]`:
//! [`redis::RedisSettings`], [`postgres::PostgresSettings`], [`log::LogSettings`],
//! [`telemetry::TelemetrySettings`] and [`memory::MaxIndexSettings`]. Every setting is read once, at the
//! start, by [`parse`]. A wrong one stops the start with exit code 2 and a message that names the variable,
//! the value (unless it is a secret) and what is allowed.

mod check;
mod error;
pub mod healthcheck;
pub mod log;
pub mod memory;
mod parse;
pub mod postgres;
pub mod redis;
pub mod secret;
pub mod stop;
pub mod telemetry;

pub use check::{address, number};
pub use error::{SettingsError, or_exit};
pub use parse::parse;
pub use secret::Secret;
