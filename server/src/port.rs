//! A port that is ours before it listens.

use std::{io, net::SocketAddr};

use anyhow::Context;
use tokio::net::{TcpListener, TcpSocket};

/// Connections that wait to be accepted, as many as tokio itself lets wait.
const BACKLOG: u32 = 1024;

/// A port that nobody else gets, and where connections are refused until it listens.
pub(crate) struct Port {
    socket: TcpSocket,
    /// As it was asked for.
    asked: SocketAddr,
    setting: &'static str,
}

impl Port {
    /// Takes it, as `setting` says.
    pub(crate) fn bind(asked: SocketAddr, setting: &'static str) -> anyhow::Result<Self> {
        let bind = || {
            let socket = if asked.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
            // Else a restart would wait for the connections of the process before it to be forgotten.
            socket.set_reuseaddr(true)?;
            socket.bind(asked)?;
            Ok(socket)
        };
        Ok(Self { socket: explained(bind(), asked, setting)?, asked, setting })
    }

    /// Takes connections from now on, at the address that is given back.
    pub(crate) fn listen(self) -> anyhow::Result<(TcpListener, SocketAddr)> {
        let listener = explained(self.socket.listen(BACKLOG), self.asked, self.setting)?;
        let bound = listener.local_addr()?;
        Ok((listener, bound))
    }
}

fn explained<T>(outcome: io::Result<T>, address: SocketAddr, setting: &str) -> anyhow::Result<T> {
    outcome.with_context(|| {
        format!("can't listen on {address}: stop what listens there, or set {setting} to another address")
    })
}
