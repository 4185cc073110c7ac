//! A name for this start of this worker.

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher, Hasher},
};

use protocol::WorkerId;

/// A name that no other worker has, nor this one after its next start: host, process, and a random
/// part, since in containers both may be the same again.
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
    fn no_two_are_the_same() {
        assert_ne!(unique_id(), unique_id());
    }
}
