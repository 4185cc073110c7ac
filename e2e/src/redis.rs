//! A Redis server for a single test, as foreign programs see it.

use std::ops::{Deref, DerefMut};

use protocol::names::{INSERT, NOTHING_YET, VALUES};

/// A Redis server for a single test, as foreign programs see it.
#[derive(Debug)]
pub struct Redis(throwaway::redis::Redis);

impl Redis {
    /// Starts an empty server.
    ///
    /// # Panics
    /// Panics if Redis is not installed or does not start.
    #[must_use]
    pub fn start() -> Self {
        Self(throwaway::redis::Redis::start().unwrap_or_else(|error| panic!("{error}")))
    }

    /// Runs one command.
    ///
    /// # Panics
    /// Panics if Redis refuses it.
    pub fn run(&self, command: &[&str]) -> String {
        self.0.execute(command).unwrap_or_else(|error| panic!("{error}")).trim_end().to_owned()
    }

    /// Value of a field of the hash `values`, or an empty string.
    #[must_use]
    pub fn value(&self, index: u32) -> String {
        self.run(&["hget", VALUES, &index.to_string()])
    }

    /// Sets a field of the hash `values` without publishing anything, as the original worker does.
    pub fn set_value(&self, field: &str, value: &str) {
        self.run(&["hset", VALUES, field, value]);
    }

    /// Marks an index as pending and publishes it, as the original server does.
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
