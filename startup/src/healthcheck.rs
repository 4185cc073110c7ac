//! Health check command, which container engines run every few seconds: the images have no shell and no
//! curl, so the binary queries itself.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    process::ExitCode,
};

/// Timeout in seconds; shorter than the engines' own, so that they log the reason.
const TIMEOUT_S: u64 = 4;

/// Sends `GET path` to the process that listens at `address` on this machine, and succeeds on status 200.
/// Prints the response or the error to standard output, which engines keep.
#[must_use]
pub fn ask(address: SocketAddr, path: &str) -> ExitCode {
    let url = format!("http://{}{path}", reachable(address));
    match minreq::get(&url).with_timeout(TIMEOUT_S).send() {
        Ok(response) if response.status_code == 200 => {
            print(response.as_str().unwrap_or_default());
            ExitCode::SUCCESS
        }
        Ok(response) => {
            print(format_args!("{url}: {} {}", response.status_code, response.as_str().unwrap_or_default()));
            ExitCode::FAILURE
        }
        Err(error) => {
            print(format_args!("{url}: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Returns an address to connect to: the loopback address if the process listens on every interface.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

fn print(what: impl fmt::Display) {
    println!("{what}");
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        net::TcpListener,
        thread,
    };

    use super::*;

    /// Starts a server that sends one response.
    fn answering(answer: &'static str) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            let (mut connection, _) = listener.accept().unwrap();
            let _ = connection.read(&mut [0; 1024]).unwrap();
            connection.write_all(answer.as_bytes()).unwrap();
        });
        address
    }

    fn is_healthy(address: SocketAddr) -> bool {
        // `ExitCode` cannot be compared.
        format!("{:?}", ask(address, "/health")) == format!("{:?}", ExitCode::SUCCESS)
    }

    #[test]
    fn only_a_200_is_healthy() {
        assert!(is_healthy(answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")));
        assert!(!is_healthy(answering("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")));
        let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        assert!(!is_healthy(nobody));
    }

    #[test]
    fn a_listener_on_every_interface_is_queried_on_loopback() {
        for (listens, asked) in [
            ("0.0.0.0:5000", "127.0.0.1:5000"),
            ("[::]:5000", "[::1]:5000"),
            ("10.0.0.7:5000", "10.0.0.7:5000"),
        ] {
            assert_eq!(reachable(listens.parse().unwrap()).to_string(), asked);
        }
    }
}
