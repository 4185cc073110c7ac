//! How a worker goes about its work.

use std::time::Duration;

use protocol::MaxIndex;
use startup::number;

/// How a worker goes about its work.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Worker")]
pub struct WorkerSettings {
    /// How many indexes are computed at once.
    #[arg(
        id = "CONCURRENCY", long = "concurrency", env = "CONCURRENCY", default_value = "1",
        value_parser = number(1_u32..=256, ""),
    )]
    pub concurrency: u32,
    /// How long a claim is held unless renewed, in ms; it is renewed at a third of it. So long an
    /// index waits when a worker dies.
    #[arg(
        id = "LEASE_MS", long = "lease-ms", env = "LEASE_MS", default_value = "10000",
        value_parser = number(300_u64..=600_000, "ms"),
    )]
    pub lease_ms: u64,
    /// The highest index computed; claims above it are failed. It has a setting of its own.
    #[arg(skip)]
    pub max_index: MaxIndex,
}

impl WorkerSettings {
    pub(crate) fn lease(&self) -> Duration {
        Duration::from_millis(self.lease_ms)
    }
}

impl Default for WorkerSettings {
    fn default() -> Self {
        Self { concurrency: 1, lease_ms: 10_000, max_index: MaxIndex::default() }
    }
}
