//! Worker ids.

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher, Hasher},
};

use protocol::WorkerId;

/// Returns an id that is unique per process start: host name, process id and a random part, since
/// host name and process id can repeat in containers.
#[must_use]
pub fn unique_id() -> WorkerId {
    let system = rustix::system::uname();
    let host = system.nodename().to_string_lossy().into_owned();
    // The standard library seeds each state from the operating system's random numbers.
    let random = RandomState::new().build_hasher().finish();
    WorkerId::new(format!("{host}-{}-{:08x}", std::process::id(), random >> 32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_ids_differ() {
        assert_ne!(unique_id(), unique_id());
    }
}
