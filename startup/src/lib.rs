//! Process startup: settings, signals, logging, telemetry, health check, memory limit, and connections of clients.
//!
//! Each group of settings is a clap `Args` struct that a binary includes with `#[command(flatten)]`:
//! [`redis::RedisSettings`], [`postgres::PostgresSettings`], [`log::LogSettings`],
//! [`telemetry::TelemetrySettings`] and [`memory::MaxIndexSettings`]. [`parse`] reads all settings once, at
//! startup. If one is invalid, the process exits with code 2 and a message that names the variable, its
//! value (unless it is a secret) and the allowed values.
//!
//! [`connections`] serves HTTP within limits. [`stop`] turns SIGTERM and SIGINT into a cancellation token, and [`healthcheck`] is the command with which
//! container engines check a process.

mod check;
pub mod connections;
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
