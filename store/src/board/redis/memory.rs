//! Memory of Redis, and the share of it that results may take.

use std::time::{Duration, Instant};

use deadpool_redis::redis::cmd;

use super::RedisBoard;
use crate::BoardError;

/// Maximum age of cached memory figures: operators may change `maxmemory` while Redis is running.
const MAX_AGE: Duration = Duration::from_secs(10);
/// Room to make for a small write if Redis does not say how much it lacks.
const SMALL_WRITE_BYTES: u64 = 256 * 1024;

/// Memory of Redis, in bytes.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    /// Memory in use now.
    pub(super) used: u64,
    /// Memory in use when Redis is empty.
    pub(super) startup: u64,
    /// The limit (`maxmemory`), if there is one.
    pub(super) capacity: Option<u64>,
    /// Eviction policy (`maxmemory_policy`), which applies at the limit.
    pub(super) policy: String,
}

impl Memory {
    fn parse(info: &str) -> Self {
        let field = |name: &str| {
            let line = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            line.map(str::trim).unwrap_or_default()
        };
        let bytes = |name| field(name).parse().unwrap_or(0);
        Self {
            used: bytes("used_memory"),
            startup: bytes("used_memory_startup"),
            capacity: Some(bytes("maxmemory")).filter(|bytes| *bytes > 0),
            policy: field("maxmemory_policy").to_owned(),
        }
    }

    /// The budget for recorded results: as configured, but at most half of what the limit leaves, since
    /// the pending list and results that are not recorded yet need room too.
    fn budget(&self, configured: u64) -> u64 {
        let half = self.capacity.map(|capacity| capacity.saturating_sub(self.startup) / 2);
        half.map_or(configured, |half| half.min(configured))
    }

    /// Bytes that must be freed before a write of `bytes` fits.
    fn shortage(&self, bytes: u64) -> u64 {
        match self.capacity {
            // A little extra room saves the next write from having to evict.
            Some(capacity) => (self.used + in_transit(bytes) + capacity / 64).saturating_sub(capacity),
            None => SMALL_WRITE_BYTES + in_transit(bytes),
        }
    }

    /// True if a value would not even fit into an empty Redis.
    pub(super) fn never_fits(&self, bytes: u64) -> Option<u64> {
        self.capacity.filter(|capacity| self.startup + in_transit(bytes) > *capacity)
    }
}

/// Memory that Redis needs to receive a value: it holds it twice, and its allocator rounds up by as much as
/// a quarter.
fn in_transit(bytes: u64) -> u64 {
    bytes * 5 / 2
}

impl RedisBoard {
    /// Asks Redis for its memory. Not CONFIG GET: managed Redis forbids it.
    pub(super) async fn memory(&self) -> Result<Memory, BoardError> {
        let info: String = self.command(cmd("INFO").arg("memory")).await?;
        let memory = Memory::parse(&info);
        *self.known_memory.lock().await = Some((Instant::now(), memory.clone()));
        Ok(memory)
    }

    /// The budget for recorded results, given the configured one.
    pub(super) async fn budget(&self, configured: u64) -> u64 {
        let known = self.known_memory.lock().await.clone();
        let memory = match known {
            Some((at, memory)) if at.elapsed() < MAX_AGE => memory,
            _ => match self.memory().await {
                Ok(memory) => memory,
                // Without the permission to ask, only the setting counts; `check` warns of it.
                Err(_) => {
                    *self.known_memory.lock().await = Some((Instant::now(), Memory::default()));
                    Memory::default()
                }
            },
        };
        memory.budget(configured)
    }

    /// Evicts recorded results, the least recently used first, until a write of `bytes` fits or none is
    /// left.
    pub(super) async fn make_room(&self, bytes: u64) -> Result<(), BoardError> {
        let shortage = self.memory().await.unwrap_or_default().shortage(bytes);
        let evicted: Vec<String> = self.script(self.scripts.evict().arg("free").arg(shortage)).await?;
        if !evicted.is_empty() {
            metrics::counter!("fibstack_results_evicted_total").increment(evicted.len() as u64);
            tracing::debug!(results = evicted.len(), bytes, "evicted results: Redis's memory was full");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(capacity: u64) -> Memory {
        Memory::parse(&format!(
            "# Memory\r\nused_memory:5000000\r\nused_memory_startup:900000\r\nused_memory_human:x\r\n\
             maxmemory:{capacity}\r\nmaxmemory_policy:noeviction\r\n"
        ))
    }

    #[test]
    fn the_budget_is_the_smaller_of_the_setting_and_half_the_memory() {
        assert_eq!(memory(6_900_000).budget(64_000_000), 3_000_000);
        assert_eq!(memory(6_900_000).budget(1_000), 1_000);
        assert_eq!(memory(0).budget(64_000_000), 64_000_000);
        assert_eq!(memory(100).budget(64_000_000), 0);
    }

    #[test]
    fn the_shortage_is_the_memory_that_a_write_lacks() {
        assert_eq!(memory(6_400_000).shortage(100_000), 0);
        assert_eq!(memory(6_400_000).shortage(2_000_000), 3_700_000);
    }

    #[test]
    fn a_value_larger_than_all_memory_never_fits() {
        assert_eq!(memory(6_400_000).never_fits(2_000_000), None);
        assert_eq!(memory(6_400_000).never_fits(3_000_000), Some(6_400_000));
        assert_eq!(memory(0).never_fits(u64::from(u32::MAX)), None);
    }
}
