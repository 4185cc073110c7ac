//! Settings of a worker.

use std::time::Duration;

use job::JOB;
use protocol::{Index, IndexRange};
use startup::number;

/// Settings of a worker.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Worker")]
pub struct WorkerSettings {
    /// Number of concurrent computations.
    #[arg(
        id = "CONCURRENCY", long = "concurrency", env = "CONCURRENCY", default_value = "1",
        value_parser = number(1_u32..=256, ""),
    )]
    pub concurrency: u32,
    /// Lease of a claim, in ms; renewed whenever a third of it has passed. This is how long an index
    /// waits if its worker dies.
    #[arg(
        id = "LEASE_MS", long = "lease-ms", env = "LEASE_MS", default_value = "10000",
        value_parser = number(300_u64..=600_000, "ms"),
    )]
    pub lease_ms: u64,
    /// The indexes computed; claims of others fail. The programs set its upper end from `MAX_INDEX`.
    #[arg(skip = default_index_range())]
    pub index_range: IndexRange,
}

impl WorkerSettings {
    pub(crate) fn lease(&self) -> Duration {
        Duration::from_millis(self.lease_ms)
    }
}

impl Default for WorkerSettings {
    fn default() -> Self {
        Self { concurrency: 1, lease_ms: 10_000, index_range: default_index_range() }
    }
}

fn default_index_range() -> IndexRange {
    let index = |number| Index::try_from(number).unwrap_or(Index::MAX);
    IndexRange { lowest: index(JOB.lowest_index), highest: index(JOB.default_max_index) }
}
