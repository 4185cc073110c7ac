//! nginx with the project's own configuration.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
    thread,
    time::{Duration, Instant},
};

use crate::{
    Error, Folder, Process,
    process::{self, READY_WITHIN},
};

const CONFIGURATION: &str = include_str!("../../nginx/nginx.conf.template");
const RELOAD: &str = include_str!("../../nginx/reload.conf.template");
const LIMITS: &str = include_str!("../../nginx/limits.env");
/// Files that nginx serves itself.
const PAGES: [(&str, &str); 2] = [
    ("error.html", include_str!("../../nginx/pages/error.html")),
    ("error.json", include_str!("../../nginx/pages/error.json")),
];

/// nginx with the project's own configuration, on a loopback port. Stopped when this is dropped, and whenever the test
/// process ends.
#[derive(Debug)]
pub struct Nginx {
    // Declared before its folder, so that it is stopped before that is removed.
    process: Process,
    address: SocketAddr,
    folder: Folder,
}

/// The servers behind nginx, the proxies in front of it, and its limits.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Port that nginx listens on; a free one if absent.
    pub port: Option<u16>,
    /// The server's site listener.
    pub site: SocketAddr,
    /// The server's api listener.
    pub api: SocketAddr,
    /// Site and api listener of a second server.
    pub second: Option<(SocketAddr, SocketAddr)>,
    /// cargo-leptos's websocket, in development.
    pub reload: Option<SocketAddr>,
    /// Network of the trusted proxies in front, such as `127.0.0.0/8`.
    pub believed_proxies: Option<&'static str>,
    /// Limits that differ from those in `limits.env`, by their names there.
    pub limits: &'static [(&'static str, u16)],
}

impl Options {
    /// In front of one server, without a proxy in front of nginx.
    #[must_use]
    pub fn new(site: SocketAddr, api: SocketAddr) -> Self {
        Self { port: None, site, api, second: None, reload: None, believed_proxies: None, limits: &[] }
    }
}

impl Nginx {
    /// Starts nginx and waits until it accepts connections.
    ///
    /// # Errors
    /// Fails if nginx is not installed or does not start; the error contains its log.
    pub fn start(options: Options) -> Result<Self, Error> {
        const TRIES: u32 = 20;
        let mut tries = 0;
        loop {
            let port = options.port.map_or_else(process::free_port, Ok)?;
            tries += 1;
            match Self::launch(options, SocketAddr::from((Ipv4Addr::LOCALHOST, port))) {
                Err(Error::Ended { log, .. })
                    if options.port.is_none() && log.contains("Address already in use") && tries < TRIES => {}
                other => return other,
            }
        }
    }

    fn launch(options: Options, address: SocketAddr) -> Result<Self, Error> {
        let folder = Folder::new("nginx")?;
        let configuration = write_configuration(options, address, folder.path())
            .map_err(Error::io("write the configuration of nginx"))?;
        let mut command = Command::new(program()?);
        // As root, nginx would run its workers as a user who cannot read the folder.
        let directives =
            if rustix::process::geteuid().is_root() { "daemon off; user root;" } else { "daemon off;" };
        command.args(["-e", "stderr", "-g", directives, "-p"]).arg(folder.path());
        command.arg("-c").arg(configuration);
        let mut nginx = Self { process: Process::start("nginx", command)?, address, folder };
        let start = Instant::now();
        while TcpStream::connect(address).is_err() {
            if let Some(status) = nginx.ended() {
                return Err(Error::Ended { name: "nginx".to_owned(), status, log: nginx.log() });
            }
            if start.elapsed() > READY_WITHIN {
                return Err(Error::TimedOut {
                    name: "nginx".to_owned(),
                    awaited: format!("(a connection to {address})"),
                    within: READY_WITHIN,
                    log: nginx.log(),
                });
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(nginx)
    }

    /// Address that nginx listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The process.
    #[must_use]
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Output of nginx so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// The access log: one JSON object per line.
    #[must_use]
    pub fn requests(&self) -> String {
        fs::read_to_string(self.folder.path().join("access.log")).unwrap_or_default()
    }

    /// Exit status of nginx, if it has ended.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.process.ended()
    }
}

fn program() -> Result<PathBuf, Error> {
    let folders = ["/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin"].map(PathBuf::from);
    process::find_program("nginx", &folders).ok_or_else(|| Error::Missing {
        program: "nginx",
        hint:
            "looked in PATH and /usr/sbin. Debian, Ubuntu: apt-get install nginx. macOS: brew install nginx"
                .to_owned(),
    })
}

/// Writes all files and returns the path of the main one.
fn write_configuration(options: Options, address: SocketAddr, folder: &Path) -> std::io::Result<PathBuf> {
    let (pages, more) = (folder.join("pages"), folder.join("more"));
    fs::create_dir(&pages)?;
    fs::create_dir(&more)?;
    for (name, text) in PAGES {
        fs::write(pages.join(name), text)?;
    }
    if let Some(reload) = options.reload {
        let text = filled_in(RELOAD, &[("${RELOAD_UPSTREAM}", reload.to_string())]);
        fs::write(more.join("reload.conf"), text)?;
    }
    // As in start.sh.
    let servers = |first, second: Option<SocketAddr>| {
        let addresses = [Some(first), second].into_iter().flatten();
        addresses.map(|address| format!("server {address} max_fails=1 fail_timeout=2s; ")).collect::<String>()
    };
    let proxies = |line: &dyn Fn(&str) -> String| options.believed_proxies.map(line).unwrap_or_default();
    let text = filled_in(
        &with_limits(CONFIGURATION, options.limits),
        &[
            ("${LISTEN}", format!("listen {address};")),
            ("${SITE_SERVERS}", servers(options.site, options.second.map(|(site, _)| site))),
            ("${API_SERVERS}", servers(options.api, options.second.map(|(_, api)| api))),
            ("${REAL_IP_FROM}", proxies(&|network| format!("set_real_ip_from {network};"))),
            ("${BELIEVED_PROXIES}", proxies(&|network| format!("{network} 1;"))),
            ("${PAGES}", pages.display().to_string()),
            ("${MORE}", more.display().to_string()),
            ("${ACCESS_LOG}", folder.join("access.log").display().to_string()),
            ("${TEMP_DIR}", folder.display().to_string()),
        ],
    );
    let file = folder.join("nginx.conf");
    fs::write(&file, text)?;
    Ok(file)
}

fn with_limits(template: &str, others: &[(&str, u16)]) -> String {
    let settings =
        LIMITS.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('='));
    settings.fold(template.to_owned(), |text, (name, default)| {
        let other = others.iter().find(|(other, _)| *other == name);
        let value = other.map_or_else(|| default.to_owned(), |(_, value)| value.to_string());
        filled_in(&text, &[(&format!("${{{name}}}"), value)])
    })
}

fn filled_in(template: &str, values: &[(&str, String)]) -> String {
    values.iter().fold(template.to_owned(), |text, (name, value)| text.replace(name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_filled_in_and_nginx_variables_are_kept() {
        let text = filled_in("listen ${LISTEN}; # $http_host ${LISTEN}", &[("${LISTEN}", "1:2".to_owned())]);
        assert_eq!(text, "listen 1:2; # $http_host 1:2");
    }

    #[test]
    fn limits_come_from_the_file_unless_overridden() {
        let template = "${REQUESTS_PER_SECOND} ${REQUESTS_AT_ONCE} ${CONNECTIONS_PER_CLIENT}";
        assert_eq!(with_limits(template, &[]), "200 1000 200");
        assert_eq!(with_limits(template, &[("REQUESTS_AT_ONCE", 3)]), "200 3 200");
    }
}
