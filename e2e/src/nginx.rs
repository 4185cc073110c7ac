//! The real nginx with the project's own configuration.

use std::{
    net::{SocketAddr, TcpStream},
    path::PathBuf,
    process::Command,
};

use throwaway::{Folder, Process, process::find_program, process::free_port};

use crate::{Client, Server, eventually};

const TEMPLATE: &str = include_str!("../../nginx/fibstack.conf.template");
/// Somebody may take the free port before nginx does.
const TRIES: u32 = 5;

/// The real nginx with the project's own configuration, in front of a server.
#[derive(Debug)]
pub struct Nginx {
    // Stopped before its folder goes.
    process: Process,
    address: SocketAddr,
    _folder: Folder,
}

impl Nginx {
    /// Starts one in front of a server.
    ///
    /// # Panics
    /// nginx is not installed, or did not start.
    pub async fn start(server: &Server) -> Self {
        Self::start_before(server.site_addr(), server.api_addr(), SocketAddr::from(([127, 0, 0, 1], 9))).await
    }

    /// Starts one in front of any three upstreams.
    ///
    /// # Panics
    /// nginx is not installed, or did not start.
    pub async fn start_before(site: SocketAddr, api: SocketAddr, reload: SocketAddr) -> Self {
        let folders = ["/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin"].map(PathBuf::from);
        let program =
            find_program("nginx", &folders).expect("nginx is not installed: `apt-get install nginx`");
        for _ in 0..TRIES {
            let folder = Folder::new("nginx").unwrap_or_else(|error| panic!("{error}"));
            let port = free_port().unwrap_or_else(|error| panic!("{error}"));
            let address = SocketAddr::from(([127, 0, 0, 1], port));
            let configuration = folder.path().join("nginx.conf");
            let text = [
                ("${LISTEN}", address.to_string()),
                ("${SITE_UPSTREAM}", site.to_string()),
                ("${API_UPSTREAM}", api.to_string()),
                ("${RELOAD_UPSTREAM}", reload.to_string()),
                ("${TEMP_DIR}", folder.path().display().to_string()),
            ]
            .iter()
            .fold(TEMPLATE.to_owned(), |text, (name, value)| text.replace(name, value));
            std::fs::write(&configuration, text).expect("the folder is new and ours");
            let mut command = Command::new(&program);
            command.args(["-e", "stderr", "-g", "daemon off;", "-p"]).arg(folder.path());
            command.arg("-c").arg(&configuration);
            let mut process = Process::start("nginx", command).unwrap_or_else(|error| panic!("{error}"));
            let listens = eventually("nginx listens", || {
                let state = match process.ended() {
                    Some(status) => Ok(Err(status)),
                    None => TcpStream::connect(address).map(|_| Ok(())),
                };
                async move { state }
            })
            .await;
            match listens {
                Ok(()) => return Self { process, address, _folder: folder },
                Err(_) if process.log().contains("Address already in use") => {}
                Err(status) => panic!("nginx ended ({status}); its log:\n{}", process.log()),
            }
        }
        panic!("nginx found its port taken {TRIES} times in a row")
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The API behind it.
    #[must_use]
    pub fn api(&self) -> Client {
        Client::new(format!("http://{}/api", self.address))
    }

    /// What it wrote.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }
}
