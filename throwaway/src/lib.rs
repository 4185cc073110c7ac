//! Throwaway servers for tests: a real Postgres, Redis or nginx of their own, on free loopback ports and with new data,
//! removed when the test ends, panics or is killed.
//!
//! ```no_run
//! let postgres = throwaway::Postgres::start()?;
//! let database = postgres.create_database()?;
//! println!("{}", postgres.url(&database));
//! # Ok::<(), throwaway::Error>(())
//! ```
//!
//! [`process::Process`] runs any other program in the same way.

pub mod certificates;
mod error;
pub mod folder;
pub mod nginx;
pub mod pgbouncer;
pub mod postgres;
pub mod process;
pub mod redis;
pub mod relay;
mod watchdog;

pub use error::Error;
pub use folder::Folder;
pub use nginx::Nginx;
pub use pgbouncer::PgBouncer;
pub use postgres::Postgres;
pub use process::Process;
pub use redis::Redis;
pub use relay::Relay;
