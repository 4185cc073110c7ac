//! The programs that are compared.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    process::Command,
};

use anyhow::{Context, Result, ensure};
use e2e::{Database, Nginx, Redis, Server, Stack};
use throwaway::{Folder, Process, nginx::Options, process};

use crate::load;

/// No limit per client: all connections come from this machine.
const LIMITS: &[(&str, u16)] = &[
    ("REQUESTS_PER_SECOND", u16::MAX),
    ("REQUESTS_AT_ONCE", u16::MAX),
    ("CONNECTIONS_PER_CLIENT", u16::MAX),
];

/// Our server and the original's API, each behind nginx, on the same Postgres and Redis.
pub(crate) struct Sides {
    pub(crate) nginx: Nginx,
    pub(crate) server: Server,
    pub(crate) node_nginx: Nginx,
    pub(crate) node: SocketAddr,
    _node: Process,
    _stack: (Redis, Database),
}

impl Sides {
    /// Starts everything and submits the first indexes.
    pub(crate) async fn start(entries: u32) -> Result<Self> {
        let stack = Stack::builder().set("RATE_LIMIT_PER_SECOND", 0).set("LOG_LEVEL", "warn").start().await;
        let api = stack.api();
        for index in 1..=entries {
            api.submit(index).await;
        }
        for index in 1..=entries {
            api.value(index).await;
        }
        let port = process::free_port()?;
        let node = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let database = Database::create();
        let mut command = Command::new("node");
        command
            .arg("server.js")
            .current_dir(install_baseline()?)
            .env("NODE_ENV", "production")
            .env("PORT", port.to_string())
            .env("DATABASE_URL", database.url())
            .env("REDIS_URL", format!("redis://{}:{}", stack.redis.host(), stack.redis.port()));
        let mut process = Process::start("node", command)?;
        process.wait_for("listening", process::READY_WITHIN)?;
        database.execute(&format!("insert into values (number) select generate_series(1, {entries})"));
        let options = |site, api| Options { limits: LIMITS, ..Options::new(site, api) };
        let nginx = Nginx::start_with(options(stack.server.site_addr(), stack.server.api_addr()));
        let node_nginx = Nginx::start_with(options(node, node));
        let Stack { server, redis, workers, .. } = stack;
        drop(workers);
        Ok(Self { nginx, server, node_nginx, node, _node: process, _stack: (redis, database) })
    }

    /// The versions of the programs.
    #[expect(clippy::unused_self)]
    pub(crate) fn versions(&self) -> Result<String> {
        let node = Command::new("node").arg("--version").output().context("failed to run node")?;
        let nginx = Command::new("nginx").arg("-v").output();
        let nginx = nginx.map(|output| String::from_utf8_lossy(&output.stderr).into_owned());
        Ok(format!(
            "Node {}, {}",
            String::from_utf8_lossy(&node.stdout).trim(),
            nginx.unwrap_or_default().trim()
        ))
    }
}

/// Installs the packages of the original's API, in the versions of its lock file.
fn install_baseline() -> Result<&'static Path> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/baseline"));
    let status = Command::new("npm")
        .args(["ci", "--silent", "--no-audit", "--no-fund"])
        .current_dir(folder)
        .status()
        .context("failed to run npm: install Node.js (Debian and Ubuntu: apt-get install nodejs npm)")?;
    ensure!(status.success(), "`npm ci` failed in {}", folder.display());
    Ok(folder)
}

/// nginx with the project's configuration in front of a second nginx that serves one file at every address.
pub(crate) struct Constant {
    pub(crate) nginx: Nginx,
    /// Header of a request that knows the file.
    pub(crate) condition: String,
    _upstream: Process,
    _folder: Folder,
}

impl Constant {
    pub(crate) async fn start(body: &[u8]) -> Result<Self> {
        let folder = Folder::new("constant")?;
        let port = process::free_port()?;
        let path = folder.path();
        fs::write(path.join("body"), body)?;
        let configuration = format!(
            "worker_processes 2; pid {0}/pid; error_log stderr warn; events {{ worker_connections 4096; }}
            http {{ access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000;
                client_body_temp_path {0}/a; proxy_temp_path {0}/b; fastcgi_temp_path {0}/c;
                uwsgi_temp_path {0}/d; scgi_temp_path {0}/e;
                open_file_cache max=10; default_type application/json;
                server {{ listen 127.0.0.1:{port}; root {0}; location / {{ try_files /body =404; }} }} }}",
            path.display()
        );
        fs::write(path.join("conf"), configuration)?;
        let mut command = Command::new("nginx");
        let directives =
            if rustix::process::geteuid().is_root() { "daemon off; user root;" } else { "daemon off;" };
        command.args(["-e", "stderr", "-g", directives, "-p"]).arg(path).arg("-c").arg(path.join("conf"));
        let upstream = Process::start("constant", command)?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        while tokio::net::TcpStream::connect(address).await.is_err() {}
        let options = Options { limits: LIMITS, ..Options::new(address, address) };
        let nginx = Nginx::start_with(options);
        let response = load::fetch(nginx.address(), &load::get("/", "")).await?;
        let etag = response.head.lines().find_map(|line| line.strip_prefix("ETag: ")).unwrap_or_default();
        let condition = format!("If-None-Match: {etag}\r\n");
        Ok(Self { nginx, condition, _upstream: upstream, _folder: folder })
    }
}
