//! A Redis of the test's own, as programs of any make see it.

use std::ops::{Deref, DerefMut};

use protocol::names::{INSERT, NOTHING_YET, VALUES};

/// A Redis of the test's own, as programs of any make see it.
#[derive(Debug)]
pub struct Redis(throwaway::redis::Redis);

impl Redis {
    /// Starts an empty one.
    ///
    /// # Panics
    /// Redis is not installed or did not start.
    #[must_use]
    pub fn start() -> Self {
        Self(throwaway::redis::Redis::start().unwrap_or_else(|error| panic!("{error}")))
    }

    /// Runs one command.
    ///
    /// # Panics
    /// Redis refused.
    pub fn run(&self, command: &[&str]) -> String {
        self.0.execute(command).unwrap_or_else(|error| panic!("{error}")).trim_end().to_owned()
    }

    /// What stands in the hash `values`; the empty text if nothing does.
    #[must_use]
    pub fn value(&self, index: u32) -> String {
        self.run(&["hget", VALUES, &index.to_string()])
    }

    /// Sets a field of the hash `values`, and says nothing, as the original worker does.
    pub fn set_value(&self, field: &str, value: &str) {
        self.run(&["hset", VALUES, field, value]);
    }

    /// Marks and publishes an index, as the original server does.
    pub fn ask_for(&self, index: u32) {
        let index = index.to_string();
        self.set_value(&index, NOTHING_YET);
        self.run(&["publish", INSERT, &index]);
    }
}

impl Deref for Redis {
    type Target = throwaway::redis::Redis;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Redis {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}
