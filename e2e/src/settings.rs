//! Settings of the programs under test.

use std::{collections::BTreeMap, env, path::Path, process::Command};

use throwaway::Postgres;

/// A separate database on the Postgres that all tests of an executable share.
#[derive(Clone, Debug)]
pub struct Database {
    name: String,
}

impl Database {
    /// Creates an empty database.
    ///
    /// # Panics
    /// Panics if Postgres is not installed or does not start.
    #[must_use]
    pub fn create() -> Self {
        let name = Postgres::shared().create_database().unwrap_or_else(|error| panic!("{error}"));
        Self { name }
    }

    /// Runs statements and returns the rows: one per line, columns separated by `|`.
    ///
    /// # Panics
    /// Panics if Postgres refuses a statement.
    pub fn execute(&self, statements: &str) -> String {
        self.try_execute(statements).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Like [`Database::execute`], for statements that may fail.
    ///
    /// # Errors
    /// Fails if Postgres refuses a statement.
    pub fn try_execute(&self, statements: &str) -> Result<String, throwaway::Error> {
        Postgres::shared().execute(&self.name, statements)
    }
}

/// The complete environment of a program under test. Nothing is inherited from the shell.
#[derive(Clone, Debug)]
pub struct Settings(BTreeMap<String, String>);

impl Settings {
    /// Settings of the whole system in one process, with its data in `folder`.
    #[must_use]
    pub fn embedded(folder: &Path) -> Self {
        Self::common().set("EMBEDDED", true).set("DATA_DIR", folder.display())
    }

    /// Settings of a stack with this database and Redis.
    #[must_use]
    pub fn stack(database: &Database, redis_port: u16) -> Self {
        Self::stack_on(Postgres::shared(), &database.name, redis_port)
    }

    /// Settings of a stack with a database on the test's own Postgres.
    #[must_use]
    pub fn stack_on(postgres: &Postgres, database: &str, redis_port: u16) -> Self {
        Self::common()
            .set("PGHOST", postgres.host())
            .set("PGPORT", postgres.port())
            .set("PGUSER", postgres.user())
            .set("PGPASSWORD", postgres.password())
            .set("PGDATABASE", database)
            .set("REDIS_HOST", "127.0.0.1")
            .set("REDIS_PORT", redis_port)
    }

    fn common() -> Self {
        let settings = Self(BTreeMap::new())
            .set("SITE_ADDR", "127.0.0.1:0")
            .set("API_ADDR", "127.0.0.1:0")
            .set("LOG_FORMAT", "human")
            .set("LOG_LEVEL", "info,server=debug,store=debug,worker=debug")
            .set("RUST_BACKTRACE", 1)
            // No rate limit unless a test is about it: all requests come from one address.
            .set("RATE_LIMIT_PER_SECOND", 0)
            // Tests of other packages run in other folders.
            .set("LEPTOS_SITE_ROOT", concat!(env!("CARGO_MANIFEST_DIR"), "/../target/site"));
        // The site's location and file names, if `cargo xtask test` sets them.
        let leptos =
            env::vars().filter(|(name, _)| name.starts_with("LEPTOS_") && name != "LEPTOS_SITE_ADDR");
        let system = ["PATH", "HOME", "TMPDIR", "LLVM_PROFILE_FILE"];
        let system = system.into_iter().filter_map(|name| Some((name.to_owned(), env::var(name).ok()?)));
        leptos.chain(system).fold(settings, |settings, (name, value)| settings.set(&name, value))
    }

    /// Sets a variable.
    #[must_use]
    // By value, so that a test can write `set("MAX_INDEX", 5)`.
    #[expect(clippy::needless_pass_by_value)]
    pub fn set(mut self, name: &str, value: impl ToString) -> Self {
        self.0.insert(name.to_owned(), value.to_string());
        self
    }

    /// Removes a variable.
    #[must_use]
    pub fn unset(mut self, name: &str) -> Self {
        self.0.remove(name);
        self
    }

    /// A command with exactly these settings.
    #[must_use]
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().envs(&self.0);
        command
    }
}
