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

/// Sends requests on `connections` for `duration` and returns the number of responses per second. Every response must
/// have the status `expected`.
pub(crate) async fn run(
    address: SocketAddr,
    connections: usize,
    duration: Duration,
    expected: u16,
    next: NextRequest,
) -> Result<f64> {
    let (stop, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let mut tasks = JoinSet::new();
    for _ in 0..connections {
        let (stop, count, next) = (Arc::clone(&stop), Arc::clone(&count), Arc::clone(&next));
        let mut connection = Connection::open(address).await?;
        tasks.spawn(async move {
            let mut responses = 0_u64;
            while !stop.load(Ordering::Relaxed) {
                let request = next(count.fetch_add(1, Ordering::Relaxed));
                let response = connection.send(&request, false).await?;
                responses += 1;
                ensure!(response.status == expected, "status {} instead of {expected}", response.status);
            }
            Ok(responses)
        });
    }
    let start = Instant::now();
    tokio::time::sleep(duration).await;
    stop.store(true, Ordering::Relaxed);
    let elapsed = start.elapsed();
    let mut responses = 0;
    while let Some(of_one) = tasks.join_next().await {
        responses += of_one??;
    }
    ensure!(responses > 0, "no response arrived from {address}");
    Ok(responses as f64 / elapsed.as_secs_f64())
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
