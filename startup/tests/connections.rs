//! Connections at their limits, with responses that no route of ours has.

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    http::HeaderMap,
    routing::{get, post},
};
use bytes::Bytes;
use futures::stream;
use startup::connections::{Connections, Limits, StreamedBody};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::{Notify, broadcast},
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

/// Serves a response that lasts at `/`, and another one at `/short`. Returns the sender of the parts.
fn serve_streams(send: Duration) -> (SocketAddr, broadcast::Sender<Bytes>, impl AsyncFnOnce()) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.set_nonblocking(true).expect("a socket");
    let address = listener.local_addr().expect("an address");
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let minute = Duration::from_secs(60);
    let limits = Limits::fit(Some(10), None, Vec::new(), 0, [minute, minute, send]);
    let parts = broadcast::Sender::<Bytes>::new(16);
    let sender = parts.clone();
    let handler = move || {
        let parts = stream::unfold(sender.subscribe(), |mut parts| async {
            parts.recv().await.ok().map(|part| (Ok::<_, Infallible>(part), parts))
        });
        async { StreamedBody::new(Body::from_stream(parts)) }
    };
    let router = Router::new().route("/", get(handler)).route("/short", get(|| async { "short" }));
    let connections = Connections::new(limits, tasks.clone(), stop.clone());
    let listener = TcpListener::from_std(listener).expect("a listener");
    let serving = tokio::spawn(connections.serve(listener, router, |_, _| (HeaderMap::new(), Vec::new())));
    let finish = async move || {
        stop.cancel();
        serving.await.expect("the server ends");
        tasks.close();
        tasks.wait().await;
    };
    (address, parts, finish)
}

/// Sends a request, and reads up to the end of the head of the response that lasts.
async fn open(address: SocketAddr, request: &str) -> (TcpStream, String) {
    let mut client = TcpStream::connect(address).await.expect("a server");
    client.write_all(request.as_bytes()).await.expect("a connection");
    let mut head = String::new();
    while !(head.ends_with("\r\n\r\n") && head.contains("connection: close")) {
        head.push(char::from(client.read_u8().await.expect("a head")));
    }
    (client, head)
}

async fn until_watched_by(parts: &broadcast::Sender<Bytes>, number: usize) {
    while parts.receiver_count() != number {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_response_that_lasts_is_sent_part_by_part_and_completed_when_the_server_stops() {
    let (address, parts, finish) = serve_streams(Duration::from_secs(60));
    // A response to an earlier request on the same connection comes first.
    let both = "GET /short HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n";
    let (mut chunked, head) = open(address, both).await;
    assert!(head.contains("\r\n\r\nshortHTTP/1.1 200 OK\r\n"), "{head}");
    assert!(head.contains("\r\ntransfer-encoding: chunked\r\n"), "{head}");
    let (mut plain, head) = open(address, "GET / HTTP/1.0\r\n\r\n").await;
    assert!(!head.contains("transfer-encoding"), "{head}");
    // A response to HEAD has no body, so its connection stays open for the next request.
    let mut head_only = TcpStream::connect(address).await.unwrap();
    let requests =
        "HEAD / HTTP/1.1\r\nHost: a\r\n\r\nGET /short HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    head_only.write_all(requests.as_bytes()).await.unwrap();
    let mut responses = String::new();
    head_only.read_to_string(&mut responses).await.unwrap();
    assert!(responses.matches("HTTP/1.1 200 OK").count() == 2 && responses.ends_with("short"), "{responses}");
    until_watched_by(&parts, 2).await;
    for part in ["first", "second"] {
        parts.send(Bytes::from(part)).unwrap();
        let mut received = vec![0; part.len()];
        plain.read_exact(&mut received).await.unwrap();
        assert_eq!(received, part.as_bytes());
        let mut chunk = vec![0; part.len() + 5];
        chunked.read_exact(&mut chunk).await.unwrap();
        assert_eq!(String::from_utf8(chunk).unwrap(), format!("{}\r\n{part}\r\n", part.len()));
    }
    let (mut rest, mut rest_of_plain) = (String::new(), String::new());
    let reading = async {
        chunked.read_to_string(&mut rest).await.unwrap();
        plain.read_to_string(&mut rest_of_plain).await.unwrap();
        drop((chunked, plain));
    };
    tokio::join!(reading, finish());
    assert_eq!((rest.as_str(), rest_of_plain.as_str()), ("0\r\n\r\n", ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_has_gone_is_noticed_although_nothing_is_sent() {
    let (address, parts, finish) = serve_streams(Duration::from_secs(60));
    let (closed, _) = open(address, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let (mut half_closed, _) = open(address, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    // What a client sends during the response is ignored.
    half_closed.write_all(b"GET /short HTTP/1.1\r\n").await.unwrap();
    until_watched_by(&parts, 2).await;
    drop(closed);
    until_watched_by(&parts, 1).await;
    half_closed.shutdown().await.unwrap();
    until_watched_by(&parts, 0).await;
    finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_is_dropped_and_delays_nobody() {
    let (address, parts, finish) = serve_streams(Duration::from_secs(1));
    let (slow, _) = open(address, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let (mut reading, _) = open(address, "GET / HTTP/1.0\r\n\r\n").await;
    until_watched_by(&parts, 2).await;
    // More than the buffers of both ends hold, in parts that all streams share.
    let part = Bytes::from(vec![b'x'; 1024 * 1024]);
    let mut received = vec![0; part.len()];
    for _ in 0..BODY_BYTES / part.len() {
        // It may have been dropped already.
        let _ = parts.send(part.clone());
        reading.read_exact(&mut received).await.unwrap();
    }
    until_watched_by(&parts, 1).await;
    drop((slow, reading));
    finish().await;
}
