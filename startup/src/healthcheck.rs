//! Asking a process of ours whether it is well, as container engines do every few seconds: the images have
//! no shell and no curl, so the binary asks itself.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    process::ExitCode,
};

/// In seconds. Less than what engines wait for a check, so that they hear the reason.
const TIMEOUT_S: u64 = 4;

/// Asks the process that listens at `address` on this machine with `GET path`. Success is 200; what it
/// says, or why it could not be asked, is written to standard output, which engines keep.
#[must_use]
pub fn ask(address: SocketAddr, path: &str) -> ExitCode {
    let url = format!("http://{}{path}", reachable(address));
    match minreq::get(&url).with_timeout(TIMEOUT_S).send() {
        Ok(response) if response.status_code == 200 => {
            say(response.as_str().unwrap_or_default());
            ExitCode::SUCCESS
        }
        Ok(response) => {
            say(format_args!("{url}: {} {}", response.status_code, response.as_str().unwrap_or_default()));
            ExitCode::FAILURE
        }
        Err(error) => {
            say(format_args!("{url}: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Who listens on every interface is asked on the loopback one.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}

fn say(what: impl fmt::Display) {
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

    /// Answers one request with this.
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

    fn is_well(address: SocketAddr) -> bool {
        // `ExitCode` can't be compared.
        format!("{:?}", ask(address, "/health")) == format!("{:?}", ExitCode::SUCCESS)
    }

    #[test]
    fn only_a_200_is_well() {
        assert!(is_well(answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")));
        assert!(!is_well(answering("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")));
        let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        assert!(!is_well(nobody));
    }

    #[test]
    fn a_listener_on_every_interface_is_asked_on_the_loopback_one() {
        for (listens, asked) in [
            ("0.0.0.0:5000", "127.0.0.1:5000"),
            ("[::]:5000", "[::1]:5000"),
            ("10.0.0.7:5000", "10.0.0.7:5000"),
        ] {
            assert_eq!(reachable(listens.parse().unwrap()).to_string(), asked);
        }
    }
}
