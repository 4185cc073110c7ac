//! The least that a fan-out takes on this machine: one thread that writes the same bytes to one socket after another.

use std::{
    env,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
};

use anyhow::{Context, Result};

/// A server of which every client gets every line that is sent, in a process of its own: a process may have only so many
/// open files.
pub(crate) struct Plain {
    pub(crate) address: SocketAddr,
    process: Child,
}

impl Plain {
    /// Starts it for this many clients.
    pub(crate) fn start(clients: usize) -> Result<Self> {
        let mut process = Command::new(env::current_exe()?)
            .args(["fan-out", &clients.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut address = String::new();
        BufReader::new(process.stdout.take().context("no output")?).read_line(&mut address)?;
        Ok(Self { address: address.trim().parse()?, process })
    }

    pub(crate) fn send(&mut self, line: &str) -> Result<()> {
        let input = self.process.stdin.as_mut().context("no input")?;
        Ok(writeln!(input, "{line}")?)
    }
}

impl Drop for Plain {
    fn drop(&mut self) {
        // It ends with its input.
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

/// Accepts this many clients, each of which sends a request, and then sends each line of the input to all of them.
pub(crate) fn serve(clients: usize) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("{}", listener.local_addr()?);
    let mut streams: Vec<TcpStream> = Vec::with_capacity(clients);
    while streams.len() < clients {
        let (mut stream, _) = listener.accept()?;
        let _ = stream.read(&mut [0; 1024])?;
        stream.write_all(b"event: opened\n\n")?;
        streams.push(stream);
    }
    for line in std::io::stdin().lines() {
        let line = line? + "\n";
        for stream in &mut streams {
            stream.write_all(line.as_bytes())?;
        }
    }
    Ok(())
}
