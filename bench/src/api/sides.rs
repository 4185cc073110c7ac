//! The programs that are compared.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    process::Command,
};

use anyhow::{Context, Result, ensure};
use throwaway::{Folder, Nginx, Postgres, Process, Redis, nginx::Options, process};

use crate::{
    load,
    programs::{self, POLL, Server},
};

/// No limit per client: all connections come from this machine.
pub(crate) const LIMITS: &[(&str, u16)] = &[
    ("REQUESTS_PER_SECOND", u16::MAX),
    ("REQUESTS_AT_ONCE", u16::MAX),
    ("CONNECTIONS_PER_CLIENT", u16::MAX),
];

/// Our server and the original's API, each behind nginx, on the same Postgres and Redis.
pub(crate) struct Sides {
    pub(crate) nginx: Nginx,
    pub(crate) node_nginx: Nginx,
    pub(crate) api: SocketAddr,
    pub(crate) node: SocketAddr,
    // Dropped in this order: dependents first.
    _programs: Vec<Process>,
    _redis: Redis,
    _postgres: Postgres,
    _folder: Folder,
}

impl Sides {
    /// Starts everything, and submits and computes the first indexes.
    pub(crate) async fn start(entries: u32) -> Result<Self> {
        let (postgres, redis, folder) = (Postgres::start()?, Redis::start()?, Folder::new("bench")?);
        let [ours, original] = [postgres.create_database()?, postgres.create_database()?];
        let Server { process, site, api } =
            Server::start(&postgres, &ours, &redis, folder.path(), &[]).await?;
        let mut programs = vec![process];
        let worker = programs::worker(&redis)?;
        for index in 1..=entries {
            let response = load::fetch(api, &load::post("/values", u64::from(index))).await?;
            ensure!(response.status == 200, "{}", response.head);
        }
        while count(&postgres, &ours, "indexes where status = 'done'")? < entries {
            tokio::time::sleep(POLL).await;
        }
        drop(worker);

        let port = process::free_port()?;
        let node = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut command = Command::new("node");
        command
            .arg("server.js")
            .current_dir(install_baseline()?)
            .env("NODE_ENV", "production")
            .env("PORT", port.to_string())
            .env("DATABASE_URL", postgres.url(&original))
            .env("REDIS_URL", redis.url());
        let mut process = Process::start("node", command)?;
        process.wait_for("listening", process::READY_WITHIN)?;
        programs.push(process);
        postgres.execute(
            &original,
            &format!("insert into values (number) select generate_series(1, {entries})"),
        )?;
        let options = |site, api| Options { limits: LIMITS, ..Options::new(site, api) };
        Ok(Self {
            nginx: Nginx::start(options(site, api))?,
            node_nginx: Nginx::start(options(node, node))?,
            api,
            node,
            _programs: programs,
            _redis: redis,
            _postgres: postgres,
            _folder: folder,
        })
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

fn count(postgres: &Postgres, database: &str, rows: &str) -> Result<u32> {
    Ok(postgres.execute(database, &format!("select count(*) from {rows}"))?.trim().parse()?)
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
        let nginx = Nginx::start(options)?;
        let response = load::fetch(nginx.address(), &load::get("/", "")).await?;
        let etag = response.head.lines().find_map(|line| line.strip_prefix("ETag: ")).unwrap_or_default();
        let condition = format!("If-None-Match: {etag}\r\n");
        Ok(Self { nginx, condition, _upstream: upstream, _folder: folder })
    }
}
