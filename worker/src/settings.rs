//! Settings of a worker.

use std::{num::NonZero, thread, time::Duration};

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
    /// Number of threads that all concurrent computations may use together [default: one per core].
    #[arg(
        id = "WORKER_THREADS", long = "worker-threads", env = "WORKER_THREADS",
        value_parser = number(1_u32..=1_024, ""),
    )]
    pub threads: Option<u32>,
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
    /// The highest index whose computation counts as short. It does not wait for higher ones.
    #[arg(skip = highest_short_index())]
    pub highest_short_index: Index,
}

/// Longest computation that another may wait for.
const SHORT: Duration = Duration::from_millis(25);

impl WorkerSettings {
    pub(crate) fn lease(&self) -> Duration {
        Duration::from_millis(self.lease_ms)
    }

    /// Returns the fair share of each of the concurrent computations: at least one thread. Without the setting, all
    /// share the cores that the process may use, which a container may limit.
    #[must_use]
    pub fn threads_per_computation(&self) -> NonZero<usize> {
        let threads = self.threads.map_or_else(cores, |threads| threads as usize);
        NonZero::new(threads / self.concurrency as usize).unwrap_or(NonZero::<usize>::MIN)
    }
}

impl Default for WorkerSettings {
    fn default() -> Self {
        Self {
            concurrency: 1,
            threads: None,
            lease_ms: 10_000,
            index_range: default_index_range(),
            highest_short_index: highest_short_index(),
        }
    }
}

fn highest_short_index() -> Index {
    let above = (0..i32::BITS).fold(0, |low, bit| {
        let middle = low + (1 << (i32::BITS - 1 - bit));
        if (JOB.compute_cost)(middle - 1) <= SHORT { middle } else { low }
    });
    Index::try_from(above.saturating_sub(1)).unwrap_or(Index::MAX)
}

/// Upper bound of the memory of one lane in bytes, with a short computation beside a long one.
#[must_use]
pub fn memory_bytes(index: u32) -> u64 {
    let short = highest_short_index().get();
    (JOB.memory_bytes)(index) + if index > short { (JOB.memory_bytes)(short) } else { 0 }
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

fn default_index_range() -> IndexRange {
    let index = |number| Index::try_from(number).unwrap_or(Index::MAX);
    IndexRange { lowest: index(JOB.lowest_index), highest: index(JOB.default_max_index) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_computation_gets_its_fair_share_of_the_threads() {
        for (threads, concurrency, share) in [(1, 1, 1), (4, 1, 4), (4, 2, 2), (4, 3, 1), (2, 8, 1)] {
            let settings =
                WorkerSettings { threads: Some(threads), concurrency, ..WorkerSettings::default() };
            assert_eq!(settings.threads_per_computation().get(), share, "{threads} / {concurrency}");
        }
        assert_eq!(WorkerSettings::default().threads_per_computation().get(), cores());
    }
}
