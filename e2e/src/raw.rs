//! A client that writes requests byte by byte, for those that no HTTP library sends.

use std::net::{Ipv4Addr, SocketAddr};

use protocol::{PROBLEM_MEDIA_TYPE, Problem};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

use crate::DEADLINE;

/// A connection to a server.
#[derive(Debug)]
pub struct Raw {
    stream: TcpStream,
}

/// A response as it arrived.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RawAnswer {
    /// Status; 0 if this is not a response.
    pub status: u16,
    /// The status line and the headers, with lowercase names.
    pub head: String,
    /// Body, with its framing.
    pub body: String,
}

impl Raw {
    /// Connects.
    ///
    /// # Panics
    /// Panics if nothing listens there.
    pub async fn connect(address: SocketAddr) -> Self {
        let stream = timeout(DEADLINE, TcpStream::connect(address)).await;
        let stream = stream.unwrap_or_else(|_| panic!("{address} does not accept a connection"));
        Self { stream: stream.unwrap_or_else(|error| panic!("{address}: {error}")) }
    }

    /// Connects from another address of this machine, such as 127.0.0.2, which the server takes for another client.
    ///
    /// # Panics
    /// Panics if nothing listens there.
    pub async fn connect_from(client: Ipv4Addr, address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().expect("sockets are available");
        socket.bind((client, 0).into()).unwrap_or_else(|error| panic!("{client}: {error}"));
        let stream = timeout(DEADLINE, socket.connect(address)).await;
        let stream = stream.unwrap_or_else(|_| panic!("{address} does not accept a connection"));
        Self { stream: stream.unwrap_or_else(|error| panic!("{address}: {error}")) }
    }

    /// Sends bytes. The server may already have closed the connection, which the response shows.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let sending = self.stream.write_all(bytes.as_ref());
        let _ = timeout(DEADLINE, sending).await.expect("the server does not read");
    }

    /// Reads everything until the server closes the connection.
    ///
    /// # Panics
    /// Panics if it does not close it in time.
    pub async fn rest(&mut self) -> String {
        let mut bytes = Vec::new();
        let read = timeout(DEADLINE, self.stream.read_to_end(&mut bytes)).await;
        if let Err(error) = read.expect("the server does not close the connection") {
            panic!("{error} after {:?}", String::from_utf8_lossy(&bytes));
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Reads the last response of a connection.
    pub async fn answer(&mut self) -> RawAnswer {
        RawAnswer::read(&self.rest().await)
    }

    /// Reads the head of a response.
    ///
    /// # Panics
    /// Panics if none arrives.
    pub async fn head(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let byte = timeout(DEADLINE, self.stream.read_u8()).await.expect("no response");
            head.push(
                byte.unwrap_or_else(|error| panic!("{error} after {:?}", String::from_utf8_lossy(&head))),
            );
        }
        String::from_utf8_lossy(&head).into_owned()
    }

    /// Reads and drops this many bytes.
    ///
    /// # Panics
    /// Panics if they do not arrive.
    pub async fn skip(&mut self, bytes: usize) {
        let mut buffer = vec![0; bytes];
        let read =
            timeout(DEADLINE, self.stream.read_exact(&mut buffer)).await.expect("the body is incomplete");
        read.unwrap_or_else(|error| panic!("the body is incomplete: {error}"));
    }

    /// Sends a request on a new connection and reads until the server closes it.
    pub async fn exchange(address: SocketAddr, request: impl AsRef<[u8]>) -> RawAnswer {
        let mut raw = Self::connect(address).await;
        raw.send(request).await;
        raw.answer().await
    }
}

impl RawAnswer {
    fn read(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        let status = head.get(9..12).and_then(|status| status.parse().ok()).unwrap_or(0);
        Self { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
    }

    /// Returns the value of a header, or an empty string.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        let mut headers = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        headers.find_map(|(each, value)| (each == name).then_some(value)).unwrap_or_default()
    }

    /// Asserts that this is a problem document with this status.
    ///
    /// # Panics
    /// Panics if it is not.
    pub fn expect_problem(&self, status: u16) -> Problem {
        assert_eq!((self.status, self.header("content-type")), (status, PROBLEM_MEDIA_TYPE), "{self:?}");
        let problem: Problem =
            serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"));
        assert!(problem.status == status && problem.detail.is_some(), "{self:?}");
        problem
    }

    /// Asserts that this is an HTML page with this status.
    ///
    /// # Panics
    /// Panics if it is not.
    pub fn expect_page(&self, status: u16) {
        assert_eq!(self.status, status, "{self:?}");
        assert!(
            self.header("content-type").starts_with("text/html") && self.body.contains("<h1"),
            "{self:?}"
        );
    }
}
