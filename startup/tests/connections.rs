//! Connections at their limits, with responses that no route of ours has.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    http::HeaderMap,
    routing::{get, post},
};
use startup::connections::{Connections, Limits};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Notify,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Far more than the buffers of both ends hold.
const BODY_BYTES: usize = 32 * 1024 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn a_response_that_is_still_being_sent_is_not_cut_off_to_make_room() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let limits = Limits::fit(Some(10), Some(1), Vec::new(), 0, [Duration::from_secs(60); 3]);
    let router = Router::new().route("/", get(|| async { vec![b'x'; BODY_BYTES] }));
    let connections = Connections::new(limits, tasks.clone(), stop.clone());
    let serving =
        tokio::spawn(connections.serve(listener, router, |_, _| (HeaderMap::new(), b"refused".to_vec())));

    let mut slow = TcpStream::connect(address).await.unwrap();
    slow.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    // The response has begun, and nothing more of it is read for now.
    slow.read_exact(&mut [0; 15]).await.unwrap();
    for _ in 0..3 {
        let mut next = TcpStream::connect(address).await.unwrap();
        next.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.unwrap();
        let mut response = String::new();
        next.read_to_string(&mut response).await.unwrap();
        assert!(response.starts_with("HTTP/1.1 503 ") && response.ends_with("refused"), "{response}");
    }
    let mut rest = vec![0; BODY_BYTES];
    slow.read_exact(&mut rest).await.unwrap();
    stop.cancel();
    serving.await.unwrap();
    tasks.close();
    tasks.wait().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_stops_sending_after_its_request_gets_the_response() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let limits = Limits::fit(Some(10), None, Vec::new(), 0, [Duration::from_secs(60); 3]);
    let (asked, answer) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let handler = {
        let (asked, answer) = (Arc::clone(&asked), Arc::clone(&answer));
        move |body: String| async move {
            asked.notify_one();
            answer.notified().await;
            body
        }
    };
    let router = Router::new().route("/", post(handler.clone()).get(handler));
    let connections = Connections::new(limits, tasks.clone(), stop.clone());
    let serving = tokio::spawn(connections.serve(listener, router, |_, _| (HeaderMap::new(), Vec::new())));
    for (request, body) in [
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", "hello"),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "hello"),
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", ""),
        ("POST / HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello", "hello"),
    ] {
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(request.as_bytes()).await.unwrap();
        asked.notified().await;
        client.shutdown().await.unwrap();
        // The server reads the end of the stream before the next connection's first byte.
        let mut other = TcpStream::connect(address).await.unwrap();
        other.write_all(b"OPTIONS / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.unwrap();
        other.read_to_end(&mut Vec::new()).await.unwrap();
        answer.notify_one();
        let mut response = String::new();
        client.read_to_string(&mut response).await.unwrap();
        assert!(
            response.contains(" 200 OK\r\n") && response.ends_with(&format!("\r\n\r\n{body}")),
            "{response}"
        );
    }
    stop.cancel();
    serving.await.unwrap();
    tasks.close();
    tasks.wait().await;
}
