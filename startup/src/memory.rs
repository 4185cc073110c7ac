//! Memory limit of the process, and the highest index that fits into it.

use std::{fs, path::Path};

use protocol::{Index, IndexRange};

use crate::{SettingsError, check::number};

/// Memory that a process needs besides its computations.
const RESERVED_BYTES: u64 = 48 * 1024 * 1024;
/// Memory limit assumed if the operating system does not report one.
const ASSUMED_BYTES: u64 = 1024 * 1024 * 1024;

/// Setting for the highest index.
#[derive(Clone, Debug, clap::Args)]
pub struct MaxIndexSettings<const DEFAULT: u32> {
    /// Highest index accepted and computed. Limited by the memory of the container.
    #[arg(
        id = "MAX_INDEX", long = "max-index", env = "MAX_INDEX", default_value_t = DEFAULT,
        value_parser = number(0_u32..=u32::MAX, ""),
    )]
    pub max_index: u32,
}

impl<const DEFAULT: u32> MaxIndexSettings<DEFAULT> {
    /// Returns the indexes from `lowest` to the highest, if computing that one fits into memory. `cost`
    /// returns the bytes needed to compute an index; `concurrent` is the number of concurrent
    /// computations.
    ///
    /// # Errors
    /// Fails if the highest index is too high for the available memory, or below `lowest`.
    pub fn index_range(
        &self,
        lowest: u32,
        concurrent: u32,
        cost: fn(u32) -> u64,
    ) -> Result<IndexRange, SettingsError> {
        self.within(memory_limit_bytes(), lowest, concurrent, cost)
    }

    fn within(
        &self,
        limit_bytes: u64,
        lowest: u32,
        concurrent: u32,
        cost: fn(u32) -> u64,
    ) -> Result<IndexRange, SettingsError> {
        let ceiling = ceiling(limit_bytes, concurrent, cost);
        match (Index::try_from(lowest), Index::try_from(self.max_index)) {
            (Ok(lowest), Ok(highest)) if lowest <= highest && highest <= ceiling => {
                Ok(IndexRange { lowest, highest })
            }
            _ => Err(SettingsError::Refused(format!(
                "MAX_INDEX is {}, but must be a whole number from {lowest} to {ceiling}, the most that {concurrent} \
                 concurrent computation{} into {} MiB",
                self.max_index,
                if concurrent == 1 { " fits" } else { "s fit" },
                limit_bytes / (1024 * 1024),
            ))),
        }
    }
}

/// Returns the highest index of which `concurrent` computations fit into `limit_bytes`.
#[must_use]
pub fn ceiling(limit_bytes: u64, concurrent: u32, cost: fn(u32) -> u64) -> Index {
    let available = limit_bytes.saturating_sub(RESERVED_BYTES);
    let fits = |index: u32| cost(index).saturating_mul(u64::from(concurrent)) <= available;
    // The cost increases with the index, so use a binary search: `low` fits, `high` does not.
    let (mut low, mut high) = (0, Index::MAX.get() + 1);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        *(if fits(middle) { &mut low } else { &mut high }) = middle;
    }
    Index::try_from(low).unwrap_or(Index::MAX)
}

/// Returns how much memory this process may use, in bytes: the limit of its control group (its
/// container), or the machine's memory.
#[must_use]
pub fn memory_limit_bytes() -> u64 {
    limit_below(Path::new("/"))
}

fn limit_below(root: &Path) -> u64 {
    let read = |path: &str| fs::read_to_string(root.join(path)).unwrap_or_default();
    let machine = read("proc/meminfo")
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))
        .and_then(|rest| rest.trim().trim_end_matches("kB").trim().parse::<u64>().ok())
        .map(|kibibytes| kibibytes * 1024);
    let groups = read("proc/self/cgroup");
    let limits = groups.lines().filter_map(|line| line.split(':').nth(2).map(|path| (line, path)));
    let mut files =
        vec!["sys/fs/cgroup/memory.max".to_owned(), "sys/fs/cgroup/memory/memory.limit_in_bytes".to_owned()];
    for (line, path) in limits {
        if line.starts_with("0::") {
            // A limit applies to all groups below it, so check every ancestor.
            files.extend(
                Path::new(path)
                    .ancestors()
                    .map(|group| format!("sys/fs/cgroup{}/memory.max", group.display())),
            );
        } else if line.contains(":memory:") {
            files.push(format!("sys/fs/cgroup/memory{path}/memory.limit_in_bytes"));
        }
    }
    // `max`, and v1's number for it, which is larger than any machine, mean no limit.
    let limit = files.iter().filter_map(|file| read(file).trim().parse::<u64>().ok()).min();
    limit.into_iter().chain(machine).min().unwrap_or(ASSUMED_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1024 * 1024;

    fn machine(files: &[(&str, &str)]) -> u64 {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        limit_below(root.path())
    }

    const MEMINFO: (&str, &str) = ("proc/meminfo", "MemTotal:        1048576 kB\nMemFree: 1 kB\n");

    #[test]
    fn a_container_has_the_limit_of_its_control_group() {
        assert_eq!(machine(&[MEMINFO, ("sys/fs/cgroup/memory.max", "134217728\n")]), 128 * MIB);
        let v1 = ("sys/fs/cgroup/memory/memory.limit_in_bytes", "134217728\n");
        assert_eq!(machine(&[MEMINFO, v1]), 128 * MIB);
    }

    #[test]
    fn the_limit_of_an_ancestor_group_applies() {
        let limit = machine(&[
            MEMINFO,
            ("proc/self/cgroup", "0::/system.slice/our.service\n"),
            ("sys/fs/cgroup/system.slice/our.service/memory.max", "max\n"),
            ("sys/fs/cgroup/system.slice/memory.max", "67108864\n"),
        ]);
        assert_eq!(limit, 64 * MIB);
    }

    #[test]
    fn without_a_limit_the_memory_of_the_machine_counts() {
        assert_eq!(machine(&[MEMINFO, ("sys/fs/cgroup/memory.max", "max\n")]), 1024 * MIB);
        let v1 = ("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
        assert_eq!(machine(&[MEMINFO, v1]), 1024 * MIB);
        assert_eq!(machine(&[]), ASSUMED_BYTES);
    }

    #[test]
    fn the_ceiling_is_the_last_index_that_fits() {
        let cost = |index: u32| u64::from(index) * 10;
        assert_eq!(ceiling(RESERVED_BYTES + 1_000, 1, cost).get(), 100);
        assert_eq!(ceiling(RESERVED_BYTES + 1_000, 4, cost).get(), 25);
        assert_eq!(ceiling(RESERVED_BYTES - 1, 1, cost).get(), 0);
        assert_eq!(ceiling(u64::MAX, 1, cost), Index::MAX);
    }

    #[test]
    fn a_max_index_above_the_ceiling_is_refused_and_the_error_states_the_ceiling() {
        let cost = |index: u32| u64::from(index) * 10;
        let settings = |max_index| MaxIndexSettings::<1_000_000> { max_index };
        let limit = RESERVED_BYTES + 16 * MIB;
        assert_eq!(settings(1_000_000).within(limit, 0, 1, cost).unwrap().highest.get(), 1_000_000);
        let error = settings(2_000_000).within(limit, 0, 1, cost).unwrap_err().to_string();
        assert_eq!(
            error,
            "MAX_INDEX is 2000000, but must be a whole number from 0 to 1677721, the most that \
             1 concurrent computation fits into 64 MiB"
        );
    }

    #[test]
    fn a_max_index_below_the_lowest_index_is_refused() {
        let settings = |max_index| MaxIndexSettings::<1_000_000> { max_index };
        assert_eq!(settings(5).within(u64::MAX, 5, 1, |_| 0).unwrap().lowest.get(), 5);
        let error = settings(4).within(u64::MAX, 5, 1, |_| 0).unwrap_err().to_string();
        assert!(error.starts_with("MAX_INDEX is 4, but must be a whole number from 5 to "), "{error}");
    }
}
