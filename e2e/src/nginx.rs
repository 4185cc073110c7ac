//! The real nginx with the project's own configuration.

use std::ops::Deref;

use throwaway::nginx::Options;

use crate::{Client, Server};

/// The real nginx with the project's own configuration, in front of a server.
#[derive(Debug)]
pub struct Nginx(throwaway::Nginx);

impl Nginx {
    /// Starts nginx in front of a server.
    ///
    /// # Panics
    /// Panics if nginx is not installed or does not start.
    #[must_use]
    pub fn start(server: &Server) -> Self {
        Self::start_with(Options::new(server.site_addr(), server.api_addr()))
    }

    /// Starts nginx with any options.
    ///
    /// # Panics
    /// Panics if nginx is not installed or does not start.
    #[must_use]
    pub fn start_with(options: Options) -> Self {
        Self(throwaway::Nginx::start(options).unwrap_or_else(|error| panic!("{error}")))
    }

    /// The API behind nginx.
    #[must_use]
    pub fn api(&self) -> Client {
        Client::new(format!("http://{}/api", self.address()))
    }

    /// The pages behind nginx.
    #[must_use]
    pub fn site(&self) -> Client {
        Client::new(format!("http://{}", self.address()))
    }
}

impl Deref for Nginx {
    type Target = throwaway::Nginx;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}
