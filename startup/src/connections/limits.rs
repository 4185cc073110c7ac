//! Limits on connections, derived from the settings and the system's limit on open files.

use std::time::Duration;

use ipnet::IpNet;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// File descriptors for everything besides connections: listeners, databases, the log.
const RESERVED_FILES: u64 = 64;
/// Maximum number of connections on which a file is being sent at the same time; it is open, besides the socket.
const FILES_SENT: u64 = 1_000;
/// Default number of connections in addition to the event streams.
const CONNECTIONS_WITHOUT_STREAM: usize = 1_000;
/// Minimum of the default number of connections per client. A browser opens six.
const MIN_PER_CLIENT: usize = 32;

/// Limits on connections.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Maximum number of connections.
    pub connections: usize,
    /// Maximum number of connections of one client.
    pub per_client: usize,
    /// Networks of clients that may open all connections: proxies, which speak for many clients.
    pub unlimited: Vec<IpNet>,
    /// Maximum number of event streams among the connections.
    pub streams: usize,
    /// Time limit for sending the head of a request, and again for its body.
    pub request: Duration,
    /// Time limit for an idle connection.
    pub idle: Duration,
    /// Time limit for reading the next part of a response.
    pub send: Duration,
}

impl Limits {
    /// Fits the requested numbers of connections and streams into the limit on open files, which it first raises as far
    /// as the system allows.
    #[must_use]
    pub fn fit(
        connections: Option<usize>,
        per_client: Option<usize>,
        unlimited: Vec<IpNet>,
        streams: usize,
        [request, idle, send]: [Duration; 3],
    ) -> Self {
        let wanted = connections.unwrap_or(streams + CONNECTIONS_WITHOUT_STREAM);
        let (connections, streams) = fit(wanted, streams, raised_file_limit());
        if connections < wanted {
            tracing::warn!(
                connections,
                wanted,
                "reduced the number of connections: the limit on open files is too low, raise it (ulimit -n)"
            );
        }
        let per_client = per_client.unwrap_or((connections / 4).max(MIN_PER_CLIENT));
        Self { connections, per_client, unlimited, streams, request, idle, send }
    }
}

fn fit(wanted: usize, streams: usize, files: u64) -> (usize, usize) {
    let files = files.saturating_sub(RESERVED_FILES);
    let possible = files.saturating_sub(FILES_SENT).max(files / 2).max(1);
    let connections = wanted.min(usize::try_from(possible).unwrap_or(usize::MAX));
    // Streams stay open for hours, so some connections are reserved for other requests, including health checks.
    let reserved = (connections / 4).clamp(1, CONNECTIONS_WITHOUT_STREAM);
    (connections, streams.min(connections.saturating_sub(reserved)))
}

/// Raises the limit on open files to the maximum allowed without privileges, and returns it. The default is often
/// 1,024, for the sake of programs that use `select`.
fn raised_file_limit() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let limit = if setrlimit(Resource::Nofile, raised).is_ok() { raised } else { limit };
    limit.current.unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_and_streams_fit_into_the_file_limit() {
        assert_eq!(fit(2_000, 1_000, u64::MAX), (2_000, 1_000));
        assert_eq!(fit(11_000, 10_000, u64::MAX), (11_000, 10_000));
        assert_eq!(fit(11_000, 10_000, 20_000), (11_000, 10_000));
        // `ulimit -n 256`
        assert_eq!(fit(2_000, 1_000, 256), (96, 72));
        assert_eq!(fit(2_000, 1_000, 10), (1, 0));
    }
}
