//! `cargo xtask dev`: runs the whole system as in production, and rebuilds and restarts it after edits.
//! `cargo xtask watch-worker`: does the same for only a worker.

mod sources;
mod worker;

use std::{
    net::{Ipv4Addr, SocketAddr},
    process::Command,
    thread,
    time::Duration,
};

use anyhow::{Result, bail};
use throwaway::{Nginx, Postgres, Redis, nginx};

use crate::{
    child::{self, Child},
    leptos, ports,
    progress::{Step, say},
    project, public_url,
    run::forget_other_servers,
};

use self::worker::Worker;

/// Interval between checks for edits and for exited processes.
const POLL: Duration = Duration::from_millis(300);

pub(crate) fn dev(port: u16) -> Result<()> {
    let instead = format!("choose another: cargo xtask dev --port {}", port.saturating_add(1));
    let url = project::variable("PUBLIC_URL");
    let url = url.unwrap_or_else(|| public_url::public_url(port, project::variable));
    let (reload_scheme, reload_port) = public_url::websocket(&url)?;
    ports::check_free(port, &instead)?;
    let mut leptos = leptos::command()?;
    let [site, api, reload] = ports::free()?;

    say("starting Postgres, Redis and nginx");
    let postgres = Postgres::start()?;
    let redis = Redis::start()?;
    let stack = Stack { database: postgres.create_database()?, postgres, redis };
    let on_loopback = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut nginx = Nginx::start(nginx::Options {
        port: Some(port),
        reload: Some(on_loopback(reload)),
        ..nginx::Options::new(on_loopback(site), on_loopback(api))
    })?;

    say("starting cargo leptos watch, whose output follows");
    stack.set_variables(&mut leptos);
    leptos
        .arg("watch")
        .env("SITE_ADDR", format!("127.0.0.1:{site}"))
        .env("LEPTOS_SITE_ADDR", format!("127.0.0.1:{site}"))
        .env("API_ADDR", format!("127.0.0.1:{api}"))
        .env("LEPTOS_RELOAD_PORT", reload.to_string())
        // The page's script connects to the page's own host: to nginx, which proxies the WebSocket.
        .env("LEPTOS_RELOAD_WS_PROTOCOL", reload_scheme)
        .env("LEPTOS_RELOAD_EXTERNAL_PORT", reload_port.to_string());
    let mut watch = Child::start("cargo leptos watch", &mut leptos)?;

    let mut worker = Worker::new();
    let mut first_build = Some(Step::begin("waiting for the first build"));
    loop {
        if child::is_stopping() {
            // Stop these before the databases that they use.
            worker.stop();
            watch.stop();
            say("stopped");
            return Ok(());
        }
        if let Some(status) = watch.ended()? {
            bail!("cargo leptos watch exited ({status}); see its messages above");
        }
        if let Some(status) = nginx.ended() {
            bail!("nginx exited ({status}); its log:\n{}", nginx.log());
        }
        // The worker is built after the server, because concurrent builds would compete for cargo's lock.
        if first_build.is_some() && ports::responds(site, "/api/health/live") {
            first_build = None;
            say(format!("fibstack is at {url} (Ctrl-C stops it and all its servers)"));
            say(format!("Postgres: {}   Redis: {}", stack.postgres.url(&stack.database), stack.redis.url()));
        }
        if first_build.is_none() {
            worker.keep_current(|command| stack.set_variables(command));
        }
        thread::sleep(POLL);
    }
}

/// Runs a worker with the settings of this program's environment.
pub(crate) fn watch_worker() {
    let mut worker = Worker::new();
    while !child::is_stopping() {
        worker.keep_current(|_| ());
        thread::sleep(POLL);
    }
    worker.stop();
    say("stopped");
}

/// The databases that server and worker share.
struct Stack {
    database: String,
    postgres: Postgres,
    redis: Redis,
}

impl Stack {
    /// Sets a program's variables for these databases, and removes any that the shell has set.
    fn set_variables(&self, command: &mut Command) {
        forget_other_servers(command)
            .env("EMBEDDED", "false")
            .env("PGHOST", self.postgres.host())
            .env("PGPORT", self.postgres.port().to_string())
            .env("PGUSER", self.postgres.user())
            .env("PGPASSWORD", self.postgres.password())
            .env("PGDATABASE", &self.database)
            .env("REDIS_HOST", self.redis.host())
            .env("REDIS_PORT", self.redis.port().to_string());
    }
}
