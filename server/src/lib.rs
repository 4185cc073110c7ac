//! The server: pages, API, live events. It owns no rules of its own: it parses, calls the
//! [`Store`](store::Store) and answers.
//!
//! [`main`]: `config` → [`Server::bind`] → [`Server::run`]. A test binds port 0 and asks for the address.

mod api;
mod client_limit;
pub mod config;
mod database;
mod port;
mod problem;
mod readiness;
mod site;
mod system;

use std::{
    net::SocketAddr,
    process::ExitCode,
    sync::{Arc, OnceLock},
    time::Duration,
};

use anyhow::Context;
use axum::Router;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use startup::SettingsError;
use tokio::{net::TcpListener, sync::Semaphore, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    api::{Api, Metrics},
    client_limit::ClientLimit,
    config::{Command, Config, Mode},
    port::Port,
    system::System,
};

/// How long a stop waits for requests that are being answered.
const STOP_GRACE: Duration = Duration::from_secs(10);
/// How long a start waits for the database before it serves without: by problems that say so.
const PREPARED_WITHIN: Duration = Duration::from_secs(5);
/// How often clients that have been quiet are forgotten, and metrics are condensed.
const HOUSEKEEPING_EVERY: Duration = Duration::from_secs(10);

/// Does what the command line and the environment say: serves until it is told to stop, or asks the server
/// that does.
///
/// It is here and not in the binary so that the futures it drives are compiled beside `app`, not after it.
///
/// # Errors
/// As [`Server::bind`] and [`Server::run`]. Of a setting that can't be used the person is told, and the
/// process ends.
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

/// A server whose listeners are bound.
pub struct Server {
    system: System,
    listeners: Vec<(TcpListener, Router)>,
    site: SocketAddr,
    api: Option<SocketAddr>,
    client_limit: Arc<ClientLimit>,
    metrics: PrometheusHandle,
    state_interval: Duration,
    stop: CancellationToken,
}

impl Server {
    /// Starts the background tasks and opens the listeners, when the database has been tried for the first
    /// time: whoever gets through should find it there. A port that is bound and does not listen yet refuses
    /// connections, which makes nginx ask another server. `stop` ends all of it.
    ///
    /// One failure ends the wait, since a server has to serve without its database, too, and one that is away
    /// may stay away; a database that says nothing is waited for 5 s.
    ///
    /// # Errors
    /// A setting can't be used, or a port is taken.
    pub async fn bind(config: &Config, stop: CancellationToken) -> anyhow::Result<Self> {
        let mode = config.mode()?;
        let site_port = Port::bind(config.site_addr(mode), "SITE_ADDR")?;
        let api_port = match mode {
            Mode::Stack => Some(Port::bind(config.api_addr, "API_ADDR")?),
            Mode::Embedded => None,
        };
        let system = System::start(config, mode, &stop)?;
        let tried = timeout(PREPARED_WITHIN, system.store.tried_to_prepare());
        if let Some(Err(_)) = stop.run_until_cancelled(tried).await {
            tracing::warn!("the record does not answer: serving without it");
        }
        let client_limit =
            Arc::new(ClientLimit::new(config.rate_limit_per_second, config.trusted_proxies.clone()));
        let metrics = metrics_recorder()?;
        let shared = Api {
            store: Arc::clone(&system.store),
            client_limit: Arc::clone(&client_limit),
            streams: Arc::new(Semaphore::new(config.max_streams as usize)),
            stop: stop.clone(),
            metrics: metrics.clone(),
            parts: system.parts,
            cors_origins: config.cors_origins.clone(),
        };
        // Behind the site listener of a stack there is no nginx that refuses the metrics.
        let on_site = match mode {
            Mode::Stack => Metrics::Hidden,
            Mode::Embedded => Metrics::Served,
        };
        let (site_listener, site) = site_port.listen()?;
        let pages =
            site::router(&site::leptos_options(site), &system.store, api::router(shared.clone(), on_site));
        let mut listeners = vec![(site_listener, pages)];
        let mut api = None;
        if let Some(port) = api_port {
            let (listener, address) = port.listen()?;
            listeners.push((listener, api::router(shared, Metrics::Served)));
            api = Some(address);
        }
        let state_interval = Duration::from_secs(config.state_interval_seconds);
        let server = Self { system, listeners, site, api, client_limit, metrics, state_interval, stop };
        if let Some(file) = &config.address_file {
            std::fs::write(file, server.addresses())
                .with_context(|| format!("ADDRESS_FILE is {}, which can't be written", file.display()))?;
        }
        Ok(server)
    }

    /// The bound addresses, a line each.
    #[must_use]
    pub fn addresses(&self) -> String {
        let api = self.api.map(|api| format!("api={api}\n")).unwrap_or_default();
        format!("site={}\n{api}", self.site)
    }

    /// Serves until stopped; then lets requests finish, ends the event streams and gives claims back.
    ///
    /// # Errors
    /// A listener failed.
    pub async fn run(self) -> anyhow::Result<()> {
        tracing::info!(site = %self.site, api = ?self.api, "listening: open http://{}", self.site);
        let tasks = TaskTracker::new();
        let mut serving = Vec::new();
        for (listener, router) in self.listeners {
            let stop = self.stop.clone();
            let service = router.into_make_service_with_connect_info::<SocketAddr>();
            let served = axum::serve(listener, service).with_graceful_shutdown(stop.cancelled_owned());
            serving.push(tasks.spawn(served.into_future()));
        }
        let housekeeping = housekeeping(self.client_limit, self.metrics);
        let store = Arc::clone(&self.system.store);
        let stop = self.stop.clone();
        tasks.spawn(async move {
            let both = async { tokio::join!(housekeeping, readiness::report(&store, self.state_interval)) };
            let _ = stop.run_until_cancelled(both).await;
            Ok::<_, std::io::Error>(())
        });
        tasks.close();
        self.stop.cancelled().await;
        tracing::info!("stopping: requests finish, claims are given back");
        if timeout(STOP_GRACE, tasks.wait()).await.is_err() {
            tracing::warn!("requests were cut off: they took longer than the grace time");
        }
        for served in serving {
            if served.is_finished() {
                served.await.context("a listener's task failed")??;
            }
        }
        if timeout(STOP_GRACE, self.system.stopped()).await.is_err() {
            tracing::warn!("background work was cut off: it took longer than the grace time");
        }
        tracing::info!("stopped");
        Ok(())
    }
}

async fn housekeeping(client_limit: Arc<ClientLimit>, metrics: PrometheusHandle) {
    loop {
        tokio::time::sleep(HOUSEKEEPING_EVERY).await;
        client_limit.forget_the_quiet();
        metrics.run_upkeep();
    }
}

/// There is one recorder per process, however many servers a test starts in it.
fn metrics_recorder() -> anyhow::Result<PrometheusHandle> {
    static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();
    if let Some(handle) = RECORDER.get() {
        return Ok(handle.clone());
    }
    let handle = PrometheusBuilder::new().install_recorder().context("the metrics can't be recorded")?;
    Ok(RECORDER.get_or_init(|| handle).clone())
}
