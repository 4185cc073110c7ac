//! Our programs as the benchmarks run them.

use std::{env, fs, net::SocketAddr, path::Path, process::Command, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use throwaway::{Postgres, Process, Redis};

pub(crate) const POLL: Duration = Duration::from_millis(20);

/// A running server.
pub(crate) struct Server {
    pub(crate) process: Process,
    pub(crate) site: SocketAddr,
    pub(crate) api: SocketAddr,
}

impl Server {
    /// Starts the server on an empty database, with further settings.
    pub(crate) async fn start(
        postgres: &Postgres,
        database: &str,
        redis: &Redis,
        folder: &Path,
        settings: &[(&str, &str)],
    ) -> Result<Self> {
        let addresses = folder.join("addresses");
        let mut command = program("server", redis)?;
        command
            .env("CONNECTION_URL", postgres.url(database))
            .env("ADDRESS_FILE", &addresses)
            .env("SITE_ADDR", "127.0.0.1:0")
            .env("API_ADDR", "127.0.0.1:0")
            .env("RATE_LIMIT_PER_SECOND", "0")
            .envs(settings.iter().copied());
        let mut process = Process::start("server", command)?;
        let text = wait_for_file(&addresses, &mut process).await?;
        let address = |name: &str| -> Result<SocketAddr> {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
            Ok(line.with_context(|| format!("no {name} address in {text}"))?.parse()?)
        };
        Ok(Self { site: address("site")?, api: address("api")?, process })
    }
}

/// Starts a worker.
pub(crate) fn worker(redis: &Redis) -> Result<Process> {
    Ok(Process::start("worker", program("worker", redis)?)?)
}

/// One of our programs, with nothing of this shell's environment.
fn program(name: &str, redis: &Redis) -> Result<Command> {
    let path = env::current_exe()?.with_file_name(name);
    ensure!(path.is_file(), "{} does not exist: run `cargo xtask bench`", path.display());
    let mut command = Command::new(path);
    command
        .env_clear()
        .env("REDIS_HOST", redis.host())
        .env("REDIS_PORT", redis.port().to_string())
        .env("REDIS_PASSWORD", redis.password().unwrap_or_default())
        .env("LOG_LEVEL", "warn");
    Ok(command)
}

async fn wait_for_file(path: &Path, process: &mut Process) -> Result<String> {
    loop {
        match fs::read_to_string(path) {
            Ok(text) if text.ends_with('\n') => return Ok(text),
            _ if process.ended().is_some() => bail!("the server has ended: {}", process.log()),
            _ => tokio::time::sleep(POLL).await,
        }
    }
}
