//! Loopback ports: finding free ones, and testing whether a server responds.

use std::{
    collections::BTreeSet,
    io::{ErrorKind, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    time::Duration,
};

use anyhow::{Context, Result, bail};

/// Fails if `port` is in use. `instead` tells the user how to choose another.
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
    get(port, path).is_ok_and(|response| is_ok(&response))
}

fn get(port: u16, path: &str) -> std::io::Result<String> {
    let timeout = Duration::from_secs(5);
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, timeout)?;
    stream.set_read_timeout(Some(timeout))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n")?;
    let mut response = Vec::new();
    stream.take(64).read_to_end(&mut response)?;
    Ok(String::from_utf8_lossy(&response).into_owned())
}

fn is_ok(response: &str) -> bool {
    response.starts_with("HTTP/") && response.split(' ').nth(1) == Some("200")
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

    #[test]
    fn only_a_200_counts_as_a_response() {
        assert!(is_ok("HTTP/1.1 200 OK\r\n"));
        assert!(!is_ok("HTTP/1.1 503 Service Unavailable\r\n"));
        assert!(!is_ok(""));
    }
}
