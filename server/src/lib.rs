//! The server: pages, API, live events. It has no business rules: it parses requests, calls the
//! [`Store`](store::Store) and responds.
//!
//! [`main`]: `config` → [`Server::bind`] → [`Server::run`]. A test binds port 0 and reads the bound address.

mod api;
mod backend;
mod caching;
pub mod config;
mod database;
mod guard;
pub mod mode;
mod mount;
mod port;
mod problem;
mod rate_limit;
mod read_cache;
mod readiness;
mod site;

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    process::ExitCode,
    sync::{Arc, OnceLock},
    time::Duration,
};

use anyhow::Context;
use axum::Router;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use startup::{
    SettingsError,
    connections::{Connections, Limits},
};
use tokio::{net::TcpListener, sync::Semaphore, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    api::{ApiState, MetricsRoute},
    backend::Backend,
    config::{Command, Config},
    guard::{Audience, guard},
    mode::Mode,
    port::Port,
    rate_limit::RateLimit,
    read_cache::{Area, ReadCache},
    readiness::Monitor,
};

/// Time limit for requests in progress during a shutdown.
const STOP_GRACE: Duration = Duration::from_secs(10);
/// Time limit for an unresponsive database at startup, after which the server opens its listeners without it.
const PREPARE_DEADLINE: Duration = Duration::from_secs(5);
/// Interval at which idle clients are evicted and metrics compacted.
const HOUSEKEEPING_INTERVAL: Duration = Duration::from_secs(10);

/// Runs the command given on the command line; serves until shutdown by default.
///
/// It is part of the library so that its futures are compiled in parallel with `app`, not after it.
///
/// # Errors
/// See [`Server::bind`] and [`Server::run`]. An invalid setting is reported on stderr and ends the process.
pub fn main() -> anyhow::Result<ExitCode> {
    let config: Config = startup::parse();
    match config.command {
        None | Some(Command::Run) => serve(&config).map(|()| ExitCode::SUCCESS),
        Some(Command::Healthcheck) => {
            let (address, path) = startup::or_exit(config.liveness());
            Ok(startup::healthcheck::ask(address, path))
        }
        Some(Command::Migrate) => Ok(database::migrate(&config.postgres)),
        Some(Command::CheckDatabase) => Ok(database::check(&config.postgres)),
    }
}

#[tokio::main]
async fn serve(config: &Config) -> anyhow::Result<()> {
    config.log.init();
    match Server::bind(config, startup::stop::on_signal()?).await {
        Ok(server) => server.run().await,
        Err(error) => match error.downcast::<SettingsError>() {
            Ok(refused) => startup::or_exit(Err(refused)),
            Err(error) => Err(error),
        },
    }
}

/// A server with bound listeners.
pub struct Server {
    backend: Backend,
    listeners: Vec<(TcpListener, (Router, Audience))>,
    limits: Limits,
    site: SocketAddr,
    api: Option<SocketAddr>,
    rate_limit: Arc<RateLimit>,
    monitor: Arc<Monitor>,
    metrics: PrometheusHandle,
    state_interval: Duration,
    stop: CancellationToken,
}

impl Server {
    /// Starts the background tasks, and opens the listeners once the first attempt to prepare the database has
    /// finished, so that the database is ready for the first request. Until then the bound ports refuse connections,
    /// and nginx tries another server. `stop` ends everything.
    ///
    /// The wait also ends when the attempt fails, or after 5 s if the database is not responding: the server must also
    /// serve while its database is down, which may be for long.
    ///
    /// # Errors
    /// Fails if a setting is invalid or a port is in use.
    pub async fn bind(config: &Config, stop: CancellationToken) -> anyhow::Result<Self> {
        let mode = config.mode()?;
        let site_port = Port::bind(config.site_addr(mode), "SITE_ADDR")?;
        let api_port = match mode {
            Mode::Stack => Some(Port::bind(config.api_addr, "API_ADDR")?),
            Mode::Embedded => None,
        };
        let backend = Backend::start(config, mode, &stop).await?;
        let tried = timeout(PREPARE_DEADLINE, backend.store.preparation_attempted());
        if let Some(Err(_)) = stop.run_until_cancelled(tried).await {
            tracing::warn!("database not responding; serving without it");
        }
        let rate_limit =
            Arc::new(RateLimit::new(config.rate_limit_per_second, config.trusted_proxies.clone()));
        let metrics = metrics_recorder()?;
        let limits = config.limits();
        let monitor = Arc::new(Monitor::new(Arc::clone(&backend.store)));
        let read_cache = Arc::new(ReadCache::new(Arc::clone(&backend.store), config.read_cache_bytes));
        let shared = ApiState {
            read_cache: Arc::clone(&read_cache),
            store: Arc::clone(&backend.store),
            monitor: Arc::clone(&monitor),
            rate_limit: Arc::clone(&rate_limit),
            streams: Arc::new(Semaphore::new(limits.streams)),
            metrics: metrics.clone(),
            mode,
            cors_origins: config.cors_origins.clone(),
            body_deadline: limits.request,
        };
        // In stack mode, clients may reach the site listener without going through nginx, which blocks the metrics.
        let on_site = match mode {
            Mode::Stack => MetricsRoute::Hidden,
            Mode::Embedded => MetricsRoute::Served,
        };
        let (site_listener, site) = site_port.listen()?;
        let api_on_site = api::router(shared.clone(), on_site);
        let pages = site::router(&site::leptos_options(site), &backend.store, &read_cache, api_on_site);
        let served = |router, audience, area| {
            (read_cache::in_front_of(guard(router, audience), &read_cache, area), audience)
        };
        let mut listeners = vec![(site_listener, served(pages, Audience::People, Area::Site))];
        let mut api = None;
        if let Some(port) = api_port {
            let (listener, address) = port.listen()?;
            let api_router = api::router(shared, MetricsRoute::Served);
            listeners.push((listener, served(api_router, Audience::Programs, Area::Api)));
            api = Some(address);
        }
        let state_interval = Duration::from_secs(config.state_interval_seconds);
        let server = Self {
            backend,
            listeners,
            limits,
            site,
            api,
            rate_limit,
            monitor,
            metrics,
            state_interval,
            stop,
        };
        if let Some(file) = &config.address_file {
            std::fs::write(file, server.addresses())
                .with_context(|| format!("failed to write ADDRESS_FILE {}", file.display()))?;
        }
        Ok(server)
    }

    /// Returns the bound addresses, one per line.
    #[must_use]
    pub fn addresses(&self) -> String {
        let api = self.api.map(|api| format!("api={api}\n")).unwrap_or_default();
        format!("site={}\n{api}", self.site)
    }

    /// Serves until stopped, then drains requests, ends the event streams and releases claims.
    ///
    /// # Errors
    /// Fails if a listener fails.
    pub async fn run(self) -> anyhow::Result<()> {
        tracing::info!(site = %self.site, api = ?self.api, "listening: open http://{}", reachable(self.site));
        let tasks = TaskTracker::new();
        let connections = Connections::new(self.limits, tasks.clone(), self.stop.clone());
        let mut serving = Vec::new();
        for (listener, (router, audience)) in self.listeners {
            let served = connections.clone().serve(listener, router, audience.describe_error());
            serving.push(tasks.spawn(served));
        }
        let housekeeping = housekeeping(self.rate_limit, self.metrics);
        let stop = self.stop.clone();
        tasks.spawn(async move {
            let both = async { tokio::join!(housekeeping, self.monitor.report(self.state_interval)) };
            let _ = stop.run_until_cancelled(both).await;
        });
        tasks.close();
        self.stop.cancelled().await;
        tracing::info!("shutting down: draining requests, releasing claims");
        if timeout(STOP_GRACE, tasks.wait()).await.is_err() {
            tracing::warn!("grace period expired; aborted the remaining requests");
        }
        for served in serving {
            if served.is_finished() {
                served.await.context("listener task failed")?;
            }
        }
        if timeout(STOP_GRACE, self.backend.stopped()).await.is_err() {
            tracing::warn!("grace period expired; aborted background tasks");
        }
        tracing::info!("stopped");
        Ok(())
    }
}

/// Returns an address that a browser on this machine can open, in place of “all addresses”.
fn reachable(mut bound: SocketAddr) -> SocketAddr {
    match bound.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => bound.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => bound.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    bound
}

async fn housekeeping(rate_limit: Arc<RateLimit>, metrics: PrometheusHandle) {
    loop {
        tokio::time::sleep(HOUSEKEEPING_INTERVAL).await;
        rate_limit.evict_idle();
        metrics.run_upkeep();
    }
}

/// Returns the process-wide metrics recorder, which all servers of a test share.
fn metrics_recorder() -> anyhow::Result<PrometheusHandle> {
    static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();
    if let Some(handle) = RECORDER.get() {
        return Ok(handle.clone());
    }
    let handle =
        PrometheusBuilder::new().install_recorder().context("failed to install the metrics recorder")?;
    Ok(RECORDER.get_or_init(|| handle).clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_in_the_log_can_be_opened() {
        for (bound, opened) in [
            ("0.0.0.0:3000", "127.0.0.1:3000"),
            ("[::]:3000", "[::1]:3000"),
            ("192.0.2.1:80", "192.0.2.1:80"),
        ] {
            assert_eq!(reachable(bound.parse().unwrap()), opened.parse().unwrap());
        }
    }
}
