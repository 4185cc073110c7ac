//! Every setting of the server, read once from the environment.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

use axum::http::HeaderValue;
use clap::{Parser, Subcommand};
use ipnet::IpNet;
use job::JOB;
use startup::{
    SettingsError, address, log::LogSettings, memory::MaxIndexSettings, number, postgres::PostgresSettings,
    redis::RedisSettings, telemetry::TelemetrySettings,
};

/// fibstack's server: pages, API, live events.
///
/// With neither PGHOST (or CONNECTION_URL) nor REDIS_HOST set it runs the whole system in one
/// process: SQLite for Postgres, an in-process board for Redis, a worker inside.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
pub struct Config {
    /// What to do; to serve, unless told otherwise.
    #[command(subcommand)]
    pub command: Option<Command>,

    /// `true`: run the whole system in this process, whatever else is set. `false`: never do.
    /// Unset: do so when neither PGHOST nor REDIS_HOST is set.
    #[arg(long, env)]
    pub embedded: Option<bool>,

    /// Address of pages and assets, with the API under /api.
    /// Default: 127.0.0.1:3000 when embedded, else 0.0.0.0:3000. LEPTOS_SITE_ADDR is read, too.
    #[arg(long, env, value_parser = address)]
    pub site_addr: Option<SocketAddr>,

    /// Address of the API at the root; not opened when embedded.
    #[arg(long, env, default_value = "0.0.0.0:5000", value_parser = address)]
    pub api_addr: SocketAddr,

    /// File to write the bound addresses to, a line each: `site=127.0.0.1:3000`. For ports chosen by
    /// the system (port 0).
    #[arg(long, env)]
    pub address_file: Option<PathBuf>,

    /// Folder of the embedded database.
    #[arg(long, env, default_value = ".data")]
    pub data_dir: PathBuf,

    /// How many bytes of whole results the Board keeps; older ones are computed again when asked for.
    #[arg(long, env, default_value = "67108864", value_parser = number(0..=u64::MAX, "bytes"))]
    pub result_budget_bytes: u64,

    /// How many live event streams are held at once.
    #[arg(long, env, default_value = "1000", value_parser = number(1..=1_000_000_u32, ""))]
    pub max_streams: u32,

    /// How many submissions a client may send per second in the long run, ten times as many at once;
    /// 0: any number.
    #[arg(long, env, default_value = "100", value_parser = number(0..=1_000_000_u32, ""))]
    pub rate_limit_per_second: u32,

    /// Networks whose X-Forwarded-For is believed, comma-separated, such as `10.0.0.0/8`.
    #[arg(long, env, value_delimiter = ',', value_parser = network)]
    pub trusted_proxies: Vec<IpNet>,

    /// Origins whose pages may call the API, comma-separated, such as `https://example.org`.
    #[arg(long, env, value_delimiter = ',', value_parser = origin)]
    pub cors_origins: Vec<HeaderValue>,

    /// How often the server logs how it stands, in seconds: a line `state`, with `ready` and
    /// `pending_list_length`.
    #[arg(long, env, default_value = "60", value_parser = number(1..=86_400_u64, "seconds"))]
    pub state_interval_seconds: u64,

    /// What is computed at most.
    #[command(flatten)]
    pub max_index: MaxIndexSettings<{ JOB.default_max_index }>,

    /// Where the Record is.
    #[command(flatten)]
    pub postgres: PostgresSettings,

    /// Where the Board is.
    #[command(flatten)]
    pub redis: RedisSettings,

    /// What is logged, and how.
    #[command(flatten)]
    pub log: LogSettings,

    /// Where spans go.
    #[command(flatten)]
    pub telemetry: TelemetrySettings,
}

/// What the program does.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Subcommand)]
pub enum Command {
    /// Serves until SIGTERM or SIGINT. What happens without a command, too.
    Run,
    /// Asks the server that runs here with the same settings whether it is up. Ends with 0 if it is.
    Healthcheck,
    /// Brings the schema of Postgres up to date, as a server does at its start, and ends.
    Migrate,
    /// Goes through what Postgres needs, step by step: name, port, TLS, user, database, permission, schema.
    /// Says which is wrong and what to do, and ends with 0 if none is.
    CheckDatabase,
}

/// Where the Record and the Board live.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Mode {
    /// In this process.
    Embedded,
    /// In Postgres and Redis.
    Stack,
}

impl Config {
    /// Embedded or not. A misspelt name must not fork someone's data, so exactly one of the two hosts
    /// is an error.
    ///
    /// # Errors
    /// Says which setting is missing.
    pub fn mode(&self) -> Result<Mode, SettingsError> {
        let refuse = |why: &str| Err(SettingsError::Refused(why.to_owned()));
        let (postgres, redis) = (self.postgres.is_set(), self.redis.is_set());
        match (self.embedded, postgres, redis) {
            (Some(true), _, _) | (None, false, false) => Ok(Mode::Embedded),
            (_, true, true) => Ok(Mode::Stack),
            (_, true, false) => refuse(
                "PGHOST (or CONNECTION_URL) is set and REDIS_HOST is not. Set both, or neither to run \
                 everything in this process, or EMBEDDED=true to do so whatever is set.",
            ),
            (_, false, true) => refuse(
                "REDIS_HOST is set and neither PGHOST nor CONNECTION_URL is. Set both hosts, or neither \
                 to run everything in this process, or EMBEDDED=true to do so whatever is set.",
            ),
            (Some(false), false, false) => refuse(
                "EMBEDDED is false, and neither PGHOST (or CONNECTION_URL) nor REDIS_HOST is set. \
                 Set both hosts.",
            ),
        }
    }

    /// Where a server with these settings is asked whether it is up, on which path.
    ///
    /// # Errors
    /// As [`Config::mode`].
    pub fn liveness(&self) -> Result<(SocketAddr, &'static str), SettingsError> {
        Ok(match self.mode()? {
            mode @ Mode::Embedded => (self.site_addr(mode), "/api/health/live"),
            Mode::Stack => (self.api_addr, "/health/live"),
        })
    }

    /// Where the site listens.
    #[must_use]
    pub fn site_addr(&self, mode: Mode) -> SocketAddr {
        let all = match mode {
            Mode::Embedded => [127, 0, 0, 1],
            Mode::Stack => [0, 0, 0, 0],
        };
        self.site_addr.or_else(leptos_site_addr).unwrap_or_else(|| SocketAddr::from((all, 3000)))
    }
}

/// Where cargo-leptos wants the site.
fn leptos_site_addr() -> Option<SocketAddr> {
    std::env::var("LEPTOS_SITE_ADDR").ok().and_then(|address| address.parse().ok())
}

fn network(text: &str) -> Result<IpNet, String> {
    let text = text.trim();
    let one_address = || text.parse::<IpAddr>().map(IpNet::from);
    text.parse()
        .or_else(|_| one_address())
        .map_err(|_| "allowed is a network, 10.0.0.0/8, or an address".to_owned())
}

fn origin(text: &str) -> Result<HeaderValue, String> {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    match (host, HeaderValue::from_str(text)) {
        (Some(host), Ok(value)) if !host.is_empty() && !host.contains('/') => Ok(value),
        _ => {
            Err("allowed is an origin: a scheme and a host, perhaps a port, and no path: https://example.org"
                .to_owned())
        }
    }
}
