//! The real server.

use std::{net::SocketAddr, path::Path, process::ExitStatus};

use throwaway::{Folder, Process, process::Signal};

use crate::{Client, DEADLINE, Settings, binaries::binary, eventually};

/// The real server.
#[derive(Debug)]
pub struct Server {
    process: Process,
    settings: Settings,
    site: SocketAddr,
    api: Option<SocketAddr>,
    _folder: Folder,
}

impl Server {
    /// Starts a server and waits until it listens, which does not mean that it is ready.
    ///
    /// # Panics
    /// Panics if it ends, or does not listen in time.
    pub async fn start(settings: &Settings) -> Self {
        Self::start_as(settings, launch).await
    }

    /// Starts a server with a limit of open files, as `ulimit -n` sets it.
    pub async fn start_with_open_files(settings: &Settings, limit: u32) -> Self {
        Self::start_as(settings, |settings| {
            let mut command = settings.command(Path::new("sh"));
            command.args(["-c", &format!("ulimit -n {limit} && exec \"$0\"")]).arg(binary("server"));
            Process::start("server", command).unwrap_or_else(|error| panic!("{error}"))
        })
        .await
    }

    async fn start_as(settings: &Settings, launch: impl FnOnce(&Settings) -> Process) -> Self {
        let folder = Folder::new("server").unwrap_or_else(|error| panic!("{error}"));
        let addresses = folder.path().join("addresses");
        let settings = settings.clone().set("ADDRESS_FILE", addresses.display());
        let mut process = launch(&settings);
        // Written in a single call once all listeners are bound.
        let text = eventually("the server listens and has written its addresses", || {
            let text = match process.ended() {
                Some(status) => panic!("the server ended ({status}); its log:\n{}", process.log()),
                None => std::fs::read_to_string(&addresses).unwrap_or_default(),
            };
            async move { if text.ends_with('\n') { Ok(text) } else { Err("none yet") } }
        })
        .await;
        let address = |name| text.lines().find_map(|line| line.strip_prefix(name)?.parse().ok());
        let site = address("site=").unwrap_or_else(|| panic!("no site address in {text:?}"));
        let api = address("api=");
        // A restarted server listens on the same addresses.
        let settings = settings.set("SITE_ADDR", site).set("API_ADDR", api.unwrap_or(site));
        Self { process, settings, site, api, _folder: folder }
    }

    /// Sends SIGKILL.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Sends a signal.
    pub fn signal(&mut self, signal: Signal) {
        self.process.signal(signal);
    }

    /// Sends SIGTERM and waits for its end.
    ///
    /// # Panics
    /// Panics if it does not end in time.
    pub async fn stop(&mut self) -> ExitStatus {
        // Keeps the test's other tasks running.
        tokio::task::block_in_place(|| self.process.stop(DEADLINE)).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Starts the server again on the same addresses and waits until it listens.
    pub async fn restart(&mut self) {
        self.process.kill();
        self.process = launch(&self.settings);
        let live = self.site_api();
        eventually("the restarted server listens", || async {
            live.try_get("/health/live").await.map_err(|error| error.to_string())
        })
        .await;
    }

    /// Log of the server since it was last started.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Process id of the server.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Address of the site listener.
    #[must_use]
    pub fn site_addr(&self) -> SocketAddr {
        self.site
    }

    /// Address of the api listener.
    ///
    /// # Panics
    /// Panics if the server is embedded and therefore has none.
    #[must_use]
    pub fn api_addr(&self) -> SocketAddr {
        self.api.expect("an embedded server has no api listener")
    }

    /// The API under `/api` of the site listener.
    #[must_use]
    pub fn site_api(&self) -> Client {
        Client::new(format!("http://{}/api", self.site))
    }

    /// The API at the root of the api listener.
    #[must_use]
    pub fn api(&self) -> Client {
        Client::new(format!("http://{}", self.api_addr()))
    }
}

fn launch(settings: &Settings) -> Process {
    Process::start("server", settings.command(&binary("server"))).unwrap_or_else(|error| panic!("{error}"))
}
