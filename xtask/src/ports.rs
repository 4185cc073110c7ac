//! Loopback ports: which are taken, which are free, and whether something answers there.

use std::{
    collections::BTreeSet,
    io::{ErrorKind, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    time::Duration,
};

use anyhow::{Context, Result, bail};

/// Fails if somebody has `port`; `instead` says what to do then.
pub(crate) fn check_free(port: u16, instead: &str) -> Result<()> {
    match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            bail!("port {port} is taken by another program.\nStop that one, or {instead}.")
        }
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            bail!("port {port} is closed to ordinary users.\nTake one from 1024 up: {instead}.")
        }
        Err(error) => Err(error).context(format!("port {port} of 127.0.0.1")),
    }
}

/// So many different free ports. Taken together, so that no two are the same.
pub(crate) fn free<const N: usize>() -> Result<[u16; N]> {
    let mut ports = BTreeSet::new();
    while ports.len() < N {
        ports.insert(throwaway::process::free_port()?);
    }
    let mut ports = ports.into_iter();
    Ok(std::array::from_fn(|_| ports.next().unwrap_or_default()))
}

/// Whether `GET path` is answered with a 200.
pub(crate) fn answers(port: u16, path: &str) -> bool {
    get(port, path).is_ok_and(|answer| is_ok(&answer))
}

fn get(port: u16, path: &str) -> std::io::Result<String> {
    let wait = Duration::from_secs(5);
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, wait)?;
    stream.set_read_timeout(Some(wait))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.take(64).read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

fn is_ok(answer: &str) -> bool {
    answer.starts_with("HTTP/") && answer.split(' ').nth(1) == Some("200")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_named_with_what_to_do() {
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
    fn only_a_200_counts_as_an_answer() {
        assert!(is_ok("HTTP/1.1 200 OK\r\n"));
        assert!(!is_ok("HTTP/1.1 503 Service Unavailable\r\n"));
        assert!(!is_ok(""));
    }
}
