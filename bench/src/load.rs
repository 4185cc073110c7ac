//! Load: many connections that each send the next request as soon as the response has arrived.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};

/// Returns the bytes of the next request; the argument counts the requests of all connections.
pub(crate) type NextRequest = Arc<dyn Fn(u64) -> Vec<u8> + Send + Sync>;

/// The outcome of a phase of load.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Number of responses per second.
    pub(crate) per_second: f64,
    /// Times from request to response in milliseconds, sorted.
    latencies_ms: Vec<f64>,
}

impl Outcome {
    /// Returns the latency in milliseconds that a share of the responses did not exceed.
    pub(crate) fn latency_ms(&self, share: f64) -> f64 {
        let last = self.latencies_ms.len() - 1;
        self.latencies_ms[(last as f64 * share).round() as usize]
    }
}

/// Sends requests on `connections` for `duration`. Every response must have the status `expected`.
pub(crate) async fn run(
    address: SocketAddr,
    connections: usize,
    duration: Duration,
    expected: u16,
    next: NextRequest,
) -> Result<Outcome> {
    let (stop, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let mut tasks = JoinSet::new();
    for _ in 0..connections {
        let (stop, count, next) = (Arc::clone(&stop), Arc::clone(&count), Arc::clone(&next));
        let mut connection = Connection::open(address).await?;
        tasks.spawn(async move {
            let mut latencies = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                let request = next(count.fetch_add(1, Ordering::Relaxed));
                let start = Instant::now();
                let response = connection.send(&request, false).await?;
                latencies.push(start.elapsed().as_secs_f64() * 1e3);
                ensure!(response.status == expected, "status {} instead of {expected}", response.status);
            }
            Ok(latencies)
        });
    }
    let start = Instant::now();
    tokio::time::sleep(duration).await;
    stop.store(true, Ordering::Relaxed);
    let elapsed = start.elapsed();
    let mut latencies_ms = Vec::new();
    while let Some(latencies) = tasks.join_next().await {
        latencies_ms.extend(latencies??);
    }
    ensure!(!latencies_ms.is_empty(), "no response arrived from {address}");
    latencies_ms.sort_by(f64::total_cmp);
    Ok(Outcome { per_second: latencies_ms.len() as f64 / elapsed.as_secs_f64(), latencies_ms })
}

/// Sends one request and returns the body.
pub(crate) async fn fetch(address: SocketAddr, request: &[u8]) -> Result<Response> {
    Connection::open(address).await?.send(request, true).await
}

/// A request without a body.
pub(crate) fn get(path: &str, headers: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: bench\r\n{headers}\r\n").into_bytes()
}

/// A submission.
pub(crate) fn post(path: &str, index: u64) -> Vec<u8> {
    let body = format!("{{\"index\":{index}}}");
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n\
         {body}"
    )
    .into_bytes()
}

/// A response; the body is empty unless it was asked for.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

/// A kept connection. Own code instead of a client library, so that the load generator takes as little as possible of
/// the processor time that it measures.
struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    filled: usize,
}

impl Connection {
    async fn open(address: SocketAddr) -> Result<Self> {
        let stream =
            TcpStream::connect(address).await.with_context(|| format!("cannot connect to {address}"))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: vec![0; 256 * 1024], filled: 0 })
    }

    async fn send(&mut self, request: &[u8], keep_body: bool) -> Result<Response> {
        self.stream.write_all(request).await?;
        let head_length = loop {
            if let Some(end) = find(&self.buffer[..self.filled], b"\r\n\r\n") {
                break end + 4;
            }
            self.read_more().await?;
        };
        let head = String::from_utf8_lossy(&self.buffer[..head_length]).into_owned();
        self.consume(head_length);
        let status: u16 = head.get(9..12).and_then(|text| text.parse().ok()).context("not HTTP")?;
        let mut body = Vec::new();
        let mut keep = |bytes: &[u8]| {
            if keep_body {
                body.extend_from_slice(bytes);
            }
        };
        let header = |name: &str| {
            let line = head.lines().find(|line| line.to_ascii_lowercase().starts_with(name))?;
            Some(line[name.len()..].trim().to_owned())
        };
        if let Some(length) = header("content-length:") {
            self.read_exactly(length.parse()?, &mut keep).await?;
        } else if header("transfer-encoding:").is_some() {
            loop {
                let size = loop {
                    if let Some(end) = find(&self.buffer[..self.filled], b"\r\n") {
                        let line = String::from_utf8_lossy(&self.buffer[..end]).into_owned();
                        self.consume(end + 2);
                        break usize::from_str_radix(line.trim(), 16)?;
                    }
                    self.read_more().await?;
                };
                self.read_exactly(size, &mut keep).await?;
                self.read_exactly(2, &mut |_| ()).await?;
                if size == 0 {
                    break;
                }
            }
        } else if status != 304 {
            bail!("a response without a length: {head}");
        }
        Ok(Response { status, head, body })
    }

    async fn read_exactly(&mut self, mut length: usize, keep: &mut impl FnMut(&[u8])) -> Result<()> {
        loop {
            let taken = length.min(self.filled);
            keep(&self.buffer[..taken]);
            self.consume(taken);
            length -= taken;
            if length == 0 {
                return Ok(());
            }
            self.read_more().await?;
        }
    }

    async fn read_more(&mut self) -> Result<()> {
        ensure!(self.filled < self.buffer.len(), "a head or a line is too long");
        let read = self.stream.read(&mut self.buffer[self.filled..]).await?;
        ensure!(read > 0, "the connection was closed");
        self.filled += read;
        Ok(())
    }

    fn consume(&mut self, length: usize) {
        self.buffer.copy_within(length..self.filled, 0);
        self.filled -= length;
    }
}

fn find(bytes: &[u8], sought: &[u8]) -> Option<usize> {
    bytes.windows(sought.len()).position(|window| window == sought)
}
