//! The whole system in one process.

use throwaway::Folder;

use crate::{Client, Server, Settings};

/// The whole system in one process, with its own data folder.
#[derive(Debug)]
pub struct Embedded {
    /// The process.
    pub server: Server,
    _folder: Folder,
}

impl Embedded {
    /// Starts the system and waits until it is ready.
    pub async fn start() -> Self {
        Self::start_with(|settings| settings).await
    }

    /// Like [`Embedded::start`], with changed settings.
    ///
    /// # Panics
    /// Panics if it does not start.
    pub async fn start_with(more: impl FnOnce(Settings) -> Settings) -> Self {
        let folder = Folder::new("embedded").unwrap_or_else(|error| panic!("{error}"));
        let server = Server::start(&more(Settings::embedded(folder.path()))).await;
        server.site_api().ready().await;
        Self { server, _folder: folder }
    }

    /// The API.
    #[must_use]
    pub fn api(&self) -> Client {
        self.server.site_api()
    }

    /// URL of the page.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.server.site_addr())
    }
}
