//! The server's settings, read once from the environment.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use axum::http::HeaderValue;
use clap::{Parser, Subcommand};
use ipnet::IpNet;
use job::JOB;
use startup::{
    SettingsError, address, connections::Limits, log::LogSettings, memory::MaxIndexSettings, number,
    postgres::PostgresSettings, redis::RedisSettings, telemetry::TelemetrySettings,
};

use crate::mode::Mode;

/// fibstack's server: pages, API, live events.
///
/// With neither PGHOST (or CONNECTION_URL) nor REDIS_HOST set, it runs the whole system in one process: SQLite instead
/// of Postgres, an in-process board instead of Redis, and a worker.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
pub struct Config {
    /// Command to run [default: run]
    #[command(subcommand)]
    pub command: Option<Command>,

    /// Run the whole system in this process: `true` always, `false` never; if unset, only when neither PGHOST
    /// (or CONNECTION_URL) nor REDIS_HOST is set
    #[arg(long, env)]
    pub embedded: Option<bool>,

    /// Address of the pages and assets, with the API under /api [default: LEPTOS_SITE_ADDR, else 127.0.0.1:3000 when
    /// embedded, else 0.0.0.0:3000]
    #[arg(long, env, value_parser = address)]
    pub site_addr: Option<SocketAddr>,

    /// Address of the API at the root; not used when embedded
    #[arg(long, env, default_value = "0.0.0.0:5000", value_parser = address)]
    pub api_addr: SocketAddr,

    /// File to write the bound addresses to, one per line, such as `site=127.0.0.1:3000`; useful with port 0
    #[arg(long, env)]
    pub address_file: Option<PathBuf>,

    /// Folder of the embedded database
    #[arg(long, env, default_value = ".data", value_parser = folder)]
    pub data_dir: PathBuf,

    /// Maximum size of the full results kept on the board, in bytes; evicted results are recomputed on request
    #[arg(long, env, default_value = "67108864", value_parser = number(0..=u64::MAX, "bytes"))]
    pub result_budget_bytes: u64,

    /// Maximum size of the responses kept in memory, in bytes; 0 to keep none
    #[arg(long, env, default_value = "33554432", value_parser = number(0..=u64::MAX, "bytes"))]
    pub read_cache_bytes: u64,

    /// Maximum number of live event streams
    #[arg(long, env, default_value = "10000", value_parser = number(1..=1_000_000_u32, ""))]
    pub max_streams: u32,

    /// Maximum number of connections [default: 1000 more than MAX_STREAMS, or fewer if the limit of open files is low]
    #[arg(long, env, value_parser = number(1..=1_000_000_u32, ""))]
    pub max_connections: Option<u32>,

    /// Maximum number of connections of one client: an IPv4 address or an IPv6 /64 network. Trusted proxies have no
    /// limit of their own [default: a quarter of all connections, but at least 32]
    #[arg(long, env, value_parser = number(1..=1_000_000_u32, ""))]
    pub max_connections_per_client: Option<u32>,

    /// Seconds that a client may take to send the head of a request, and again to send its body
    #[arg(long, env, default_value = "10", value_parser = number(1..=3_600_u64, "seconds"))]
    pub request_timeout_seconds: u64,

    /// Seconds for which an idle connection is kept open; must be longer than proxies in front keep theirs
    #[arg(long, env, default_value = "75", value_parser = number(1..=3_600_u64, "seconds"))]
    pub idle_timeout_seconds: u64,

    /// Seconds that a client may take to read the next part of a response
    #[arg(long, env, default_value = "30", value_parser = number(1..=3_600_u64, "seconds"))]
    pub send_timeout_seconds: u64,

    /// Maximum submissions per second and client, with bursts of ten times as many; 0 for no limit
    #[arg(long, env, default_value = "100", value_parser = number(0..=1_000_000_u32, ""))]
    pub rate_limit_per_second: u32,

    /// Networks of trusted proxies, whose X-Forwarded-For is used, comma-separated, such as `10.0.0.0/8`
    #[arg(long, env, value_delimiter = ',', value_parser = network)]
    pub trusted_proxies: Vec<IpNet>,

    /// Other origins allowed to call the API, comma-separated, such as `https://example.org`
    #[arg(long, env, value_delimiter = ',', value_parser = origin)]
    pub cors_origins: Vec<HeaderValue>,

    /// Seconds between log lines `server state`, which contain `ready` and `pending_list_length`
    #[arg(long, env, default_value = "60", value_parser = number(1..=86_400_u64, "seconds"))]
    pub state_interval_seconds: u64,

    /// The highest index.
    #[command(flatten)]
    pub max_index: MaxIndexSettings<{ JOB.default_max_index }>,

    /// Connection to the Record.
    #[command(flatten)]
    pub postgres: PostgresSettings,

    /// Connection to the Board.
    #[command(flatten)]
    pub redis: RedisSettings,

    /// Logging.
    #[command(flatten)]
    pub log: LogSettings,

    /// Telemetry.
    #[command(flatten)]
    pub telemetry: TelemetrySettings,
}

/// Commands of the program.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Subcommand)]
pub enum Command {
    /// Serve until SIGTERM or SIGINT (the default)
    Run,
    /// Check whether the server that runs here with the same settings is up. Exits with 0 if so.
    Healthcheck,
    /// Migrate the Postgres schema, as a server does when it starts, and exit
    Migrate,
    /// Check Postgres as startup does, step by step: name, port, TLS, user, database, permission, schema. Prints the
    /// first fault and what to do; exits with 0 if there is none.
    CheckDatabase,
}

impl Config {
    /// Returns the mode that these settings select.
    ///
    /// # Errors
    /// Fails if only one of Postgres and Redis is configured; the error names the missing setting.
    pub fn mode(&self) -> Result<Mode, SettingsError> {
        Mode::choose(self.embedded, self.postgres.is_set(), self.redis.is_set())
    }

    /// Address and path of the liveness check.
    ///
    /// # Errors
    /// See [`Config::mode`].
    pub fn liveness(&self) -> Result<(SocketAddr, &'static str), SettingsError> {
        Ok(match self.mode()? {
            mode @ Mode::Embedded => (self.site_addr(mode), "/api/health/live"),
            Mode::Stack => (self.api_addr, "/health/live"),
        })
    }

    /// Limits on connections.
    pub(crate) fn limits(&self) -> Limits {
        let number = |setting: Option<u32>| setting.map(|number| number as usize);
        let seconds = [self.request_timeout_seconds, self.idle_timeout_seconds, self.send_timeout_seconds];
        Limits::fit(
            number(self.max_connections),
            number(self.max_connections_per_client),
            self.trusted_proxies.clone(),
            self.max_streams as usize,
            seconds.map(Duration::from_secs),
        )
    }

    /// Address of the site listener.
    #[must_use]
    pub fn site_addr(&self, mode: Mode) -> SocketAddr {
        let all = match mode {
            Mode::Embedded => [127, 0, 0, 1],
            Mode::Stack => [0, 0, 0, 0],
        };
        self.site_addr.or_else(leptos_site_addr).unwrap_or_else(|| SocketAddr::from((all, 3000)))
    }
}

/// Address that cargo-leptos sets for the site.
fn leptos_site_addr() -> Option<SocketAddr> {
    std::env::var("LEPTOS_SITE_ADDR").ok().and_then(|address| address.parse().ok())
}

fn folder(text: &str) -> Result<PathBuf, std::convert::Infallible> {
    Ok(PathBuf::from(text.trim()))
}

fn network(text: &str) -> Result<IpNet, String> {
    let text = text.trim();
    let one_address = || text.parse::<IpAddr>().map(IpNet::from);
    text.parse()
        .or_else(|_| one_address())
        .map_err(|_| "must be a network such as 10.0.0.0/8, or an address".to_owned())
}

fn origin(text: &str) -> Result<HeaderValue, String> {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    match (host, HeaderValue::from_str(text)) {
        (Some(host), Ok(value)) if !host.is_empty() && !host.contains('/') => Ok(value),
        _ => {
            Err("must be an origin such as https://example.org: scheme, host, optional port, no path"
                .to_owned())
        }
    }
}
