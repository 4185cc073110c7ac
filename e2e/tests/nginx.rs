//! The router: the requests it forwards, and those it refuses.

// clippy knows tests by their attribute, and these helpers have none.
#![allow(clippy::unwrap_used)]

use std::net::SocketAddr;

use e2e::{Client, Nginx, Stack, eventually};
use reqwest::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, RETRY_AFTER,
    SERVER, STRICT_TRANSPORT_SECURITY,
};
use throwaway::nginx::Options;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// Reads the head of a request or a response.
async fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Starts nginx in front of a port where nothing listens.
fn no_server() -> Options {
    let closed = SocketAddr::from(([127, 0, 0, 1], 9));
    Options::new(closed, closed)
}

/// Accepts one request, responds with `ok`, and returns the request's head in lower case.
async fn take(listener: &TcpListener) -> String {
    let (mut stream, _) = listener.accept().await.unwrap();
    let request = head(&mut stream).await;
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.unwrap();
    request.to_ascii_lowercase()
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_and_api_do_not_collide() {
    let stack = Stack::start().await;
    let (api, site) = (stack.through_nginx(), Client::new(stack.url()));
    api.submit(7).await;
    api.value(7).await;
    assert_eq!(api.get("/values/7").await.expect(200).header(CONTENT_TYPE), "application/json");
    for page in ["/", "/values/7", "/otherpage"] {
        let page = site.get(page).await.expect(200);
        assert!(page.header(CONTENT_TYPE).starts_with("text/html"), "{page:?}");
        assert_eq!(page.header(SERVER), "nginx", "no version: {page:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_gets_the_path_without_its_prefix_and_the_client_address() {
    let (api, api_address) = listener().await;
    let (site, site_address) = listener().await;
    let nginx = Nginx::start_with(Options::new(site_address, api_address));
    let client = nginx.api();
    let (request, answer) = tokio::join!(take(&api), client.get("/values?limit=2&before=7"));
    assert_eq!(answer.expect(200).body, "ok");
    assert!(request.starts_with("get /values?limit=2&before=7 http/1.1\r\n"), "{request}");
    for expected in [
        "x-forwarded-for: 127.0.0.1\r\n".to_owned(),
        "x-forwarded-proto: http\r\n".to_owned(),
        format!("host: {}\r\n", nginx.address()),
        format!("x-forwarded-host: {}\r\n", nginx.address()),
    ] {
        assert!(request.contains(&expected), "{expected} is missing:\n{request}");
    }
    // Connections to the upstreams stay open.
    assert!(!request.contains("connection: close"), "{request}");

    let pages = nginx.site();
    let (request, _) = tokio::join!(take(&site), pages.get("/values/7"));
    assert!(request.starts_with("get /values/7 http/1.1\r\n"), "{request}");
}

/// Sends a request with forwarding headers, as a proxy or an impostor does.
async fn claimed(nginx: &Nginx, api: &TcpListener) -> (String, e2e::Answer) {
    let client = nginx.api();
    let request = client
        .request(reqwest::Method::GET, "/values")
        .header("x-forwarded-for", "203.0.113.7")
        .header("x-forwarded-proto", "https");
    tokio::join!(take(api), client.send(request))
}

#[tokio::test(flavor = "multi_thread")]
async fn only_trusted_proxies_may_name_the_client() {
    let (api, address) = listener().await;
    let without_proxy = Nginx::start_with(Options::new(address, address));
    let (request, answer) = claimed(&without_proxy, &api).await;
    assert!(request.contains("x-forwarded-for: 127.0.0.1\r\n"), "{request}");
    assert!(request.contains("x-forwarded-proto: http\r\n"), "{request}");
    assert_eq!(answer.header(STRICT_TRANSPORT_SECURITY), "");

    let options = Options { believed_proxies: Some("127.0.0.0/8"), ..Options::new(address, address) };
    let (request, answer) = claimed(&Nginx::start_with(options), &api).await;
    assert!(request.contains("x-forwarded-for: 203.0.113.7\r\n"), "{request}");
    assert!(request.contains("x-forwarded-proto: https\r\n"), "{request}");
    assert_eq!(answer.header(STRICT_TRANSPORT_SECURITY), "max-age=31536000");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_access_log_and_the_server_share_the_request_id() {
    let (api, address) = listener().await;
    let nginx = Nginx::start_with(Options::new(address, address));
    let client = nginx.api();
    let (request, _) = tokio::join!(take(&api), client.get("/values"));
    let id = request.lines().find_map(|line| line.strip_prefix("x-request-id: ")).unwrap();
    let logged = eventually("the request is logged", || async {
        serde_json::from_str::<serde_json::Value>(&nginx.requests())
    })
    .await;
    assert_eq!(logged["request_id"], id);
    assert_eq!((&logged["path"], &logged["status"]), (&"/api/values".into(), &200.into()), "{logged}");
}

/// The server that received a submission ends without a response, as it may when it is stopped.
#[tokio::test(flavor = "multi_thread")]
async fn a_submission_is_retried_on_the_next_server() {
    let (api, address) = listener().await;
    let nginx = Nginx::start_with(Options::new(address, address));
    // On one connection, so that the same nginx worker gets both requests.
    let mut client = TcpStream::connect(nginx.address()).await.unwrap();
    let (mut first, _) = tokio::join!(api.accept(), send(&mut client, "GET /api/values", "")).0.unwrap();
    head(&mut first).await;
    first.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.unwrap();
    assert!(head(&mut client).await.starts_with("HTTP/1.1 200 "));
    assert_eq!(client.read_u16().await.unwrap(), u16::from_be_bytes(*b"ok"));

    // nginx kept its connection to the server and sends the submission on it.
    send(&mut client, "POST /api/values", "index=7").await;
    head(&mut first).await;
    drop(first);
    assert!(take(&api).await.starts_with("post /values "));
    assert!(head(&mut client).await.starts_with("HTTP/1.1 200 "));
}

/// Sends a request without waiting for a response.
async fn send(stream: &mut TcpStream, request: &str, body: &str) {
    let length = body.len();
    let text = format!("{request} HTTP/1.1\r\nHost: nginx\r\nContent-Length: {length}\r\n\r\n{body}");
    stream.write_all(text.as_bytes()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn visitors_get_a_page_while_the_server_is_down() {
    let nginx = Nginx::start_with(no_server());
    let site = nginx.site();
    let page = site.get("/values/7").await.expect(503);
    assert!(page.body.contains("Back in a moment"), "{page:?}");
    assert!(page.header(CONTENT_TYPE).starts_with("text/html"), "{page:?}");
    assert_eq!((page.header(RETRY_AFTER), page.header(CACHE_CONTROL)), ("5", "no-store"));
    // Only the page's own style sheet applies.
    let policy = page.header(CONTENT_SECURITY_POLICY);
    let nonce = policy.split_once("'nonce-").and_then(|(_, rest)| rest.split_once('\''));
    let (nonce, _) = nonce.unwrap_or_else(|| panic!("no nonce in {policy}"));
    assert!(page.body.contains(&format!("<style nonce=\"{nonce}\">")), "{page:?}");
    assert_eq!(site.get("/nginx-health").await.expect(200).body, "well\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_hot_reload_no_websocket_is_forwarded() {
    let (site, address) = listener().await;
    let nginx = Nginx::start_with(Options::new(address, address));
    let client = nginx.site();
    let request = client
        .request(reqwest::Method::GET, "/live_reload")
        .header("upgrade", "websocket")
        .header("connection", "upgrade");
    let (request, _) = tokio::join!(take(&site), client.send(request));
    assert!(!request.contains("upgrade"), "{request}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hot_reload_websocket_is_forwarded() {
    let (reload, reload_address) = listener().await;
    let nginx = Nginx::start_with(Options { reload: Some(reload_address), ..no_server() });
    let server = async {
        let (mut stream, _) = reload.accept().await.unwrap();
        let request = head(&mut stream).await;
        let lower = request.to_ascii_lowercase();
        assert!(lower.contains("upgrade: websocket") && lower.contains("connection: upgrade"), "{request}");
        let answer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
        stream.write_all(answer.as_bytes()).await.unwrap();
        let mut ping = [0; 4];
        stream.read_exact(&mut ping).await.unwrap();
        assert_eq!(&ping, b"ping");
        stream.write_all(b"pong").await.unwrap();
        stream
    };
    let browser = async {
        let mut stream = TcpStream::connect(nginx.address()).await.unwrap();
        let request = "GET /live_reload HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\
                       Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x\r\n\r\n";
        stream.write_all(request.as_bytes()).await.unwrap();
        let answer = head(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
        stream.write_all(b"ping").await.unwrap();
        let mut pong = [0; 4];
        stream.read_exact(&mut pong).await.unwrap();
        assert_eq!(&pong, b"pong");
    };
    tokio::join!(server, browser);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_client_is_not_buffered_in_a_file() {
    const LENGTH: usize = 64 << 20;
    let (api, address) = listener().await;
    let nginx = Nginx::start_with(Options::new(address, address));
    let server = async {
        let (mut stream, _) = api.accept().await.unwrap();
        head(&mut stream).await;
        stream
            .write_all(format!("HTTP/1.1 200 OK\r\nContent-Length: {LENGTH}\r\n\r\n").as_bytes())
            .await
            .unwrap();
        // Much more than socket buffers hold.
        stream.write_all(&vec![b'1'; LENGTH]).await.unwrap();
    };
    let client = async {
        let mut stream = TcpStream::connect(nginx.address()).await.unwrap();
        stream.write_all(b"GET /api/values/7/digits HTTP/1.0\r\n\r\n").await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        answer.len()
    };
    let ((), length) = tokio::join!(server, client);
    assert!(length > LENGTH);
    // nginx logs a warning when it uses a temporary file.
    assert!(!nginx.log().contains("temporary file"), "{}", nginx.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_get_a_problem_while_the_server_is_down_and_then_reach_it_again() {
    let mut stack = Stack::start().await;
    let api = stack.through_nginx();
    stack.server.kill();
    let answer = api.get("/values").await;
    assert_eq!(answer.header(RETRY_AFTER), "1");
    let _ = answer.expect_problem(503);
    stack.server.restart().await;
    eventually("nginx reaches the server again", || async {
        let answer = api.get("/health/ready").await;
        if answer.status == 200 { Ok(()) } else { Err(format!("{answer:?}")) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_are_compressed_but_digits_are_not() {
    let stack = Stack::start().await;
    let api = stack.through_nginx();
    api.submit(50_000).await;
    api.value(50_000).await;
    let request = |path| api.request(reqwest::Method::GET, path).header(ACCEPT_ENCODING, "gzip").send();
    let document = request("/openapi.json").await.unwrap();
    assert_eq!(document.headers()[CONTENT_ENCODING], "gzip");
    // Digits are read in ranges, which count uncompressed bytes.
    let digits = request("/values/50000/digits").await.unwrap();
    assert!(!digits.headers().contains_key(CONTENT_ENCODING));
}
