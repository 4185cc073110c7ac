//! Connections that can be stalled or cut.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, Shutdown, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};

use crate::Error;

/// Forwards connections from [`Relay::port`] to a server, and can stall or cut them. Simulates network failures,
/// such as a peer that stops responding.
#[derive(Debug)]
pub struct Relay {
    port: u16,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Port of the server that new connections lead to.
    target: u16,
    held: bool,
    ended: bool,
    open: Vec<TcpStream>,
    /// Number of connections so far.
    connections: u64,
    /// Connections with a lower number than this are stalled for good.
    lost_before: u64,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait_until_released(&self, connection: u64) {
        let mut state = self.lock();
        while (state.held || connection < state.lost_before) && !state.ended {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn cut(&self, end: bool) {
        let mut state = self.lock();
        for stream in state.open.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
        state.ended |= end;
        self.changed.notify_all();
    }
}

impl Relay {
    /// Starts forwarding to a loopback port.
    ///
    /// # Errors
    /// Fails if no port can be bound.
    pub fn to(port: u16) -> Result<Self, Error> {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(Error::io("listen for the relay"))?;
        let target = port;
        let port = listener.local_addr().map_err(Error::io("listen for the relay"))?.port();
        let shared = Arc::new(Shared::default());
        shared.lock().target = target;
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (ended, target) = {
                    let state = accepting.lock();
                    (state.ended, state.target)
                };
                if ended {
                    return;
                }
                // If the server is down, the client's connection is closed.
                if let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, target)) {
                    let _ = join(&accepting, &client, &server);
                }
            }
        });
        Ok(Self { port, shared })
    }

    /// Port to connect to instead of the server's.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Silently stops forwarding, in both directions, until [`Relay::release`].
    pub fn hold(&self) {
        self.shared.lock().held = true;
    }

    /// Resumes forwarding, starting with the data that was held back.
    pub fn release(&self) {
        self.shared.lock().held = false;
        self.shared.changed.notify_all();
    }

    /// Silently stops forwarding on the open connections for good, as when a server vanishes and another takes its
    /// place. New connections work.
    pub fn lose(&self) {
        let mut state = self.shared.lock();
        state.lost_before = state.connections;
    }

    /// Lets new connections lead to another server, as when a name is moved. Open ones stay where they are.
    pub fn retarget(&self, port: u16) {
        self.shared.lock().target = port;
    }

    /// Closes the open connections. New ones work.
    pub fn cut(&self) {
        self.shared.cut(false);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.cut(true);
        // Wakes the accepting thread, so that it ends.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}

fn join(shared: &Arc<Shared>, client: &TcpStream, server: &TcpStream) -> std::io::Result<()> {
    for stream in [client, server] {
        stream.set_nodelay(true)?;
        let handle = stream.try_clone()?;
        shared.lock().open.push(handle);
    }
    let connection = {
        let mut state = shared.lock();
        state.connections += 1;
        state.connections - 1
    };
    for (from, to) in [(client, server), (server, client)] {
        let (mut from, mut to, shared) = (from.try_clone()?, to.try_clone()?, Arc::clone(shared));
        thread::spawn(move || {
            let mut buffer = [0; 16 * 1024];
            while let Ok(length) = from.read(&mut buffer) {
                shared.wait_until_released(connection);
                if length == 0 || to.write_all(&buffer[..length]).is_err() {
                    break;
                }
            }
            let _ = to.shutdown(Shutdown::Both);
            let _ = from.shutdown(Shutdown::Both);
        });
    }
    Ok(())
}
