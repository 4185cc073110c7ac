//! The least that a fan-out takes on this machine: one thread that writes the same bytes to one socket after another.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::mpsc,
    thread,
};

use anyhow::Result;

/// A server of which every client gets everything that is sent.
pub(crate) struct Plain {
    pub(crate) address: SocketAddr,
    parts: mpsc::Sender<Vec<u8>>,
}

impl Plain {
    /// Accepts this many clients, each of which sends a request, and then sends parts to all of them.
    pub(crate) fn start(clients: usize) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let (parts, received) = mpsc::channel::<Vec<u8>>();
        thread::spawn(move || {
            let accepted = (0..clients).map(|_| {
                let (mut stream, _) = listener.accept()?;
                let _ = stream.read(&mut [0; 1024])?;
                stream.write_all(b"event: opened\n\n")?;
                Ok(stream)
            });
            let Ok(mut streams) = accepted.collect::<std::io::Result<Vec<TcpStream>>>() else { return };
            for part in received {
                for stream in &mut streams {
                    // The client, which waits for the part, reports one that did not arrive.
                    let _ = stream.write_all(&part);
                }
            }
        });
        Ok(Self { address, parts })
    }

    pub(crate) fn send(&self, part: &str) -> Result<()> {
        Ok(self.parts.send(part.as_bytes().to_vec())?)
    }
}
