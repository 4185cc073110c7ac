//! A port that is bound before the server listens on it.

use std::{io, net::SocketAddr};

use anyhow::Context;
use tokio::net::{TcpListener, TcpSocket};

/// Maximum number of connections waiting to be accepted, as in tokio.
const BACKLOG: u32 = 1024;

/// A bound port. It refuses connections until [`Port::listen`] is called.
pub(crate) struct Port {
    socket: TcpSocket,
    /// The address in the setting.
    requested: SocketAddr,
    setting: &'static str,
}

impl Port {
    /// Binds the address from `setting`.
    pub(crate) fn bind(requested: SocketAddr, setting: &'static str) -> anyhow::Result<Self> {
        let bind = || {
            let socket = if requested.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
            // Without this, a restart would have to wait until the previous process's connections have timed out.
            socket.set_reuseaddr(true)?;
            socket.bind(requested)?;
            Ok(socket)
        };
        Ok(Self { socket: explained(bind(), requested, setting)?, requested, setting })
    }

    /// Starts listening and returns the bound address.
    pub(crate) fn listen(self) -> anyhow::Result<(TcpListener, SocketAddr)> {
        let listener = explained(self.socket.listen(BACKLOG), self.requested, self.setting)?;
        let bound = listener.local_addr()?;
        Ok((listener, bound))
    }
}

fn explained<T>(outcome: io::Result<T>, address: SocketAddr, setting: &str) -> anyhow::Result<T> {
    outcome.with_context(|| {
        format!("failed to listen on {address}: stop the program that uses it, or set {setting} to another address")
    })
}
