//! Thousands of clients with an open event stream, all read by one thread, so that the time of an arrival is that of
//! the system's and not of this program's.

use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpStream},
    os::fd::{AsFd, OwnedFd},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use rustix::{
    event::{Timespec, epoll},
    process::{Resource, Rlimit, getrlimit, setrlimit},
};

/// Time limit for an event to reach all clients.
const ARRIVAL_WITHIN: Duration = Duration::from_secs(60);

/// Raises the limit on open files of this process and of those that it starts.
pub(crate) fn raise_file_limit() -> Result<()> {
    let maximum = getrlimit(Resource::Nofile).maximum;
    Ok(setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?)
}

/// Clients with an open event stream.
pub(crate) struct Watchers {
    epoll: OwnedFd,
    clients: Vec<Client>,
    buffer: Vec<u8>,
}

struct Client {
    stream: TcpStream,
    /// The last bytes received, in which the sought text may have begun.
    tail: Vec<u8>,
    seen: bool,
}

impl Watchers {
    /// Opens the streams, and waits until each of them has begun.
    pub(crate) fn open(address: SocketAddr, path: &str, number: usize) -> Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let mut watchers = Self { epoll, clients: Vec::with_capacity(number), buffer: vec![0; 256 * 1024] };
        let request = format!("GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n");
        // In groups, because the system's queue of connections to be accepted is limited.
        while watchers.clients.len() < number {
            for _ in 0..(number - watchers.clients.len()).min(256) {
                let mut stream = TcpStream::connect(address)
                    .with_context(|| format!("{} streams to {address} are open", watchers.clients.len()))?;
                stream.write_all(request.as_bytes())?;
                stream.set_nonblocking(true)?;
                let data = epoll::EventData::new_u64(watchers.clients.len() as u64);
                epoll::add(&watchers.epoll, stream.as_fd(), data, epoll::EventFlags::IN)?;
                watchers.clients.push(Client { stream, tail: Vec::new(), seen: false });
            }
            watchers.arrivals(b"event: ", Instant::now())?;
        }
        Ok(watchers)
    }

    /// Reads until this text has arrived at every client. Returns the milliseconds since `start`, sorted.
    pub(crate) fn wait_for(&mut self, text: &[u8], start: Instant) -> Result<Vec<f64>> {
        for client in &mut self.clients {
            (client.seen, client.tail) = (false, Vec::new());
        }
        let mut times = self.arrivals(text, start)?;
        times.sort_by(f64::total_cmp);
        Ok(times)
    }

    /// Reads until this text has arrived at every client that has not seen one.
    fn arrivals(&mut self, text: &[u8], start: Instant) -> Result<Vec<f64>> {
        let missing = self.clients.iter().filter(|client| !client.seen).count();
        let (mut times, mut ready) = (Vec::with_capacity(missing), Vec::with_capacity(1_024));
        let timeout = Timespec { tv_sec: 1, tv_nsec: 0 };
        while times.len() < missing {
            ensure!(start.elapsed() < ARRIVAL_WITHIN, "reached only {} of {missing} clients", times.len());
            ready.clear();
            epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut ready), Some(&timeout))?;
            for event in &ready {
                let client = &mut self.clients[usize::try_from(event.data.u64())?];
                if client.read(&mut self.buffer, text)? {
                    times.push(start.elapsed().as_secs_f64() * 1e3);
                }
            }
        }
        Ok(times)
    }
}

impl Client {
    /// Reads what has arrived. Returns true if the text is in it for the first time.
    fn read(&mut self, buffer: &mut [u8], text: &[u8]) -> Result<bool> {
        let before = self.tail.len();
        buffer[..before].copy_from_slice(&self.tail);
        let read = match self.stream.read(&mut buffer[before..]) {
            Ok(0) => bail!("a stream has ended"),
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        let received = &buffer[..before + read];
        if !self.seen && received.windows(text.len()).any(|part| part == text) {
            self.seen = true;
            return Ok(true);
        }
        self.tail = received[received.len().saturating_sub(text.len() - 1)..].to_vec();
        Ok(false)
    }
}
