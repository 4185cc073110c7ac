//! Loopback ports: finding free ones, and testing whether a server responds.

use std::{
    collections::BTreeSet,
    io::{self, ErrorKind, Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    time::Duration,
};

use anyhow::{Context, Result, bail};

/// Fails if `port` is in use. `instead` is the advice on choosing another one.
pub(crate) fn check_free(port: u16, instead: &str) -> Result<()> {
    match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            bail!("port {port} is in use by another program.\nStop it, or {instead}.")
        }
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            bail!("only root may use port {port}.\nUse a port from 1024 up: {instead}.")
        }
        Err(error) => Err(error).with_context(|| format!("cannot use port {port} of 127.0.0.1")),
    }
}

/// Returns `N` different free ports.
pub(crate) fn free<const N: usize>() -> Result<[u16; N]> {
    let mut ports = BTreeSet::new();
    while ports.len() < N {
        ports.insert(throwaway::process::free_port()?);
    }
    let mut ports = ports.into_iter();
    Ok(std::array::from_fn(|_| ports.next().unwrap_or_default()))
}

/// Returns true if the response to `GET path` is a 200.
pub(crate) fn responds(port: u16, path: &str) -> bool {
    let request = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n");
    let respond = || {
        let timeout = Duration::from_secs(5);
        let mut stream = TcpStream::connect_timeout(&(Ipv4Addr::LOCALHOST, port).into(), timeout)?;
        stream.set_read_timeout(Some(timeout))?;
        stream.write_all(request.as_bytes())?;
        let mut start = [0; b"HTTP/1.1 200".len()];
        stream.read_exact(&mut start)?;
        Ok::<_, io::Error>(start)
    };
    respond().is_ok_and(|start| start == *b"HTTP/1.1 200")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_is_reported_with_advice() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let message = check_free(port, "take another").unwrap_err().to_string();
        assert!(message.contains(&port.to_string()) && message.contains("take another"), "{message}");
        drop(listener);
        check_free(port, "").unwrap();
    }

    #[test]
    fn free_ports_differ() {
        let ports = free::<4>().unwrap();
        assert_eq!(ports.iter().collect::<BTreeSet<_>>().len(), 4);
    }
}
