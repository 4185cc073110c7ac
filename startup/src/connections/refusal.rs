//! The final response on a connection, sent without hyper.

use std::{
    io::{self, Read, Write},
    time::{Duration, SystemTime},
};

use axum::http::{StatusCode, header};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::DescribeError;

/// Time limit for reading from a closing connection so that its client can receive the response.
pub(super) const DRAIN_TIME: Duration = Duration::from_secs(5);
/// Time limit for the request of a client that is being refused, which shows whether the client accepts HTML.
const PEEK_TIME: Duration = Duration::from_millis(100);
/// Maximum number of bytes that are read from a closing connection and discarded.
const DRAIN_BYTES: usize = 32 * 1024 * 1024;
/// The same for a connection that is closed without waiting: what the system may have received.
const RECEIVED_BYTES: usize = 1024 * 1024;

/// A complete response that ends the connection.
pub(super) struct Refusal(Vec<u8>);

impl Refusal {
    /// Serialises an error as an HTTP/1.1 response.
    pub(super) fn new(describe: DescribeError, status: StatusCode, accepts_html: bool) -> Self {
        let (mut head, body) = describe(status, accepts_html);
        let reason = status.canonical_reason().unwrap_or_default();
        let mut bytes = format!("HTTP/1.1 {} {reason}\r\n", status.as_u16()).into_bytes();
        head.remove(header::CONNECTION);
        for (name, value) in &head {
            bytes.extend_from_slice(name.as_str().as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(value.as_bytes());
            bytes.extend_from_slice(b"\r\n");
        }
        let date = httpdate::fmt_http_date(SystemTime::now());
        let rest = format!("date: {date}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
        bytes.extend_from_slice(rest.as_bytes());
        bytes.extend_from_slice(&body);
        Self(bytes)
    }

    /// Sends the response and closes the connection.
    pub(super) async fn send(self, mut stream: TcpStream) {
        if let Ok(Ok(())) = timeout(DRAIN_TIME, stream.write_all(&self.0)).await {
            close(stream).await;
        }
    }
}

/// Returns true if the client's request mentions HTML. Peeks at the request without consuming it.
pub(super) async fn accepts_html(stream: &TcpStream) -> bool {
    let mut head = [0; 2048];
    let peeked = timeout(PEEK_TIME, stream.peek(&mut head)).await;
    matches!(peeked, Ok(Ok(bytes)) if mentions_html(&head[..bytes]))
}

/// Returns true if part of a head mentions HTML. The head may be malformed or incomplete, so it is not parsed.
pub(super) fn mentions_html(head: &[u8]) -> bool {
    const HTML: &[u8] = b"text/html";
    head.windows(HTML.len()).any(|part| part == HTML)
}

/// Closes a connection whose client may still be sending. The system resets a connection that is closed with unread
/// data, and the client would then lose the response. So data that still arrives is read and discarded, within limits.
pub(super) async fn close(mut stream: TcpStream) {
    let drained = async {
        stream.shutdown().await?;
        let mut buffer = vec![0; 16 * 1024];
        let mut left = DRAIN_BYTES;
        while left > 0 {
            match stream.read(&mut buffer).await? {
                0 => break,
                read => left = left.saturating_sub(read),
            }
        }
        io::Result::Ok(())
    };
    // If this failed or timed out, the client has disconnected or will not stop sending.
    let _ = timeout(DRAIN_TIME, drained).await;
}

/// Closes a connection without waiting for its client. A client that has sent anything first gets a response, for which
/// `refusal` needs to know if the client accepts HTML; `accepts_html` is set if part of a request has been read.
pub(super) fn leave(
    stream: TcpStream,
    mut accepts_html: Option<bool>,
    refusal: impl FnOnce(bool) -> Refusal,
) {
    let Ok(mut stream) = stream.into_std() else { return };
    // The stream does not block. Unread data would reset the connection.
    let mut buffer = [0; 8 * 1024];
    for _ in 0..RECEIVED_BYTES / buffer.len() {
        match stream.read(&mut buffer) {
            Ok(read) if read > 0 => {
                accepts_html = Some(accepts_html.unwrap_or(false) || mentions_html(&buffer[..read]));
            }
            _ => break,
        }
    }
    if let Some(accepts_html) = accepts_html {
        // Nothing else is being sent, so the system's buffer has room for all of it.
        let _ = stream.write(&refusal(accepts_html).0);
    }
}
