//! HTTP behaves the same with and without nginx: paths, methods, bodies, ranges, conditions, hung servers.

// clippy knows tests by their attribute, and these helpers have none.
#![allow(clippy::unwrap_used)]

use e2e::{Answer, Client, Nginx, Server, Stack};
use reqwest::{
    Method,
    header::{
        ACCEPT_ENCODING, ACCEPT_RANGES, ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_RANGE, CONTENT_TYPE,
        ETAG, HeaderName, IF_MATCH, IF_NONE_MATCH, IF_RANGE, LINK, LOCATION, RANGE, RETRY_AFTER,
    },
};
use throwaway::{nginx::Options, process::Signal};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// Sends a request as it is and reads until nginx closes the connection.
async fn ask(nginx: &Nginx, request: &str) -> String {
    let mut stream = TcpStream::connect(nginx.address()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8(answer).unwrap()
}

/// Responds to one request with the request's first line.
async fn echo(listener: &TcpListener) {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    let line = head.lines().next().unwrap();
    let answer =
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{line}", line.len());
    stream.write_all(answer.as_bytes()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_get_the_path_as_the_client_wrote_it() {
    let [site, api] =
        [TcpListener::bind("127.0.0.1:0").await.unwrap(), TcpListener::bind("127.0.0.1:0").await.unwrap()];
    let nginx = Nginx::start_with(Options::new(site.local_addr().unwrap(), api.local_addr().unwrap()));
    for (target, server, expected) in [
        ("/api", &api, "/"),
        ("/api/", &api, "/"),
        ("/api?x=1", &api, "/?x=1"),
        ("/api/values?before=7&x=/api/y", &api, "/values?before=7&x=/api/y"),
        ("/api//values", &api, "//values"),
        ("/api/values%2F7", &api, "/values%2F7"),
        ("/api/values/%37", &api, "/values/%37"),
        ("/api/values/7/../8", &api, "/values/7/../8"),
        ("http://elsewhere/api/values", &api, "/values"),
        ("//api/values", &site, "//api/values"),
        ("/apis", &site, "/apis"),
        ("/pkg", &site, "/pkg"),
        ("/pkg/a%2Fb", &site, "/pkg/a%2Fb"),
        ("/values/7//", &site, "/values/7//"),
    ] {
        let request = format!("GET {target} HTTP/1.1\r\nHost: nginx\r\nConnection: close\r\n\r\n");
        let ((), answer) = tokio::join!(echo(server), ask(&nginx, &request));
        assert!(answer.ends_with(&format!("\r\n\r\nGET {expected} HTTP/1.1")), "{target}: {answer}");
    }
}

/// A request: method, path, and headers as value and name.
type Case<'a> = (Method, &'a str, &'a [(&'a str, HeaderName)]);

/// The parts of a response that the server determines.
fn essence(answer: &Answer) -> (u16, Vec<(HeaderName, String)>, String) {
    let names = [
        ACCEPT_RANGES,
        ALLOW,
        CACHE_CONTROL,
        CONTENT_ENCODING,
        CONTENT_RANGE,
        CONTENT_TYPE,
        ETAG,
        LINK,
        LOCATION,
        RETRY_AFTER,
    ];
    let headers = names.map(|name| (name.clone(), answer.header(name).to_owned()));
    (answer.status.as_u16(), headers.into(), answer.body.clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_get_the_same_response_with_and_without_nginx() {
    let stack = Stack::start().await;
    let (direct, through) = (stack.site_api(), stack.through_nginx());
    direct.submit(300).await;
    direct.value(300).await;
    let digits = "/values/300/digits";
    let etag = direct.get(digits).await.expect(200).header(ETAG).to_owned();
    let gzip = ("gzip", ACCEPT_ENCODING);
    let cases: &[Case] = &[
        (Method::GET, digits, &[]),
        (Method::HEAD, digits, &[]),
        (Method::GET, digits, &[("gzip, br", ACCEPT_ENCODING)]),
        (Method::GET, digits, &[("bytes=0-9", RANGE), gzip.clone()]),
        (Method::GET, digits, &[("bytes=-9", RANGE)]),
        (Method::GET, digits, &[("bytes=999-", RANGE)]),
        (Method::HEAD, digits, &[("bytes=0-9", RANGE)]),
        (Method::GET, digits, &[(&etag, IF_NONE_MATCH)]),
        (Method::HEAD, digits, &[(&etag, IF_NONE_MATCH)]),
        (Method::GET, digits, &[("*", IF_NONE_MATCH)]),
        (Method::GET, digits, &[("\"other\"", IF_MATCH)]),
        (Method::GET, digits, &[("bytes=0-9", RANGE), (&etag, IF_RANGE)]),
        (Method::GET, digits, &[("bytes=0-9", RANGE), ("\"other\"", IF_RANGE)]),
        (Method::GET, "/values/300", &[]),
        (Method::HEAD, "/values/300", &[]),
        (Method::GET, "/values?limit=1", &[]),
        (Method::GET, "/values?limit=0", &[]),
        (Method::GET, "/values/all", &[]),
        (Method::GET, "/values%2F300", &[]),
        (Method::GET, "//values", &[]),
        (Method::GET, "/values/", &[]),
        (Method::GET, "/nope", &[]),
        (Method::GET, "/docs", &[]),
        (Method::OPTIONS, "/values", &[]),
        (Method::PUT, "/values", &[]),
        (Method::DELETE, digits, &[]),
        (Method::from_bytes(b"MADE-UP").unwrap(), "/values", &[]),
        (Method::from_bytes(b"PROPFIND").unwrap(), "/", &[]),
    ];
    for (method, path, headers) in cases {
        let send = |client: &Client| {
            let request = client.request(method.clone(), path);
            let request = headers.iter().fold(request, |request, (value, name)| request.header(name, *value));
            let client = client.clone();
            async move { essence(&client.send(request).await) }
        };
        let (expected, answer) = (send(&direct).await, send(&through).await);
        assert_eq!(answer, expected, "{method} {path} {headers:?}");
    }
    // Compressed on the way, a document is another representation: nginx makes a strong ETag weak.
    let document = through.get_with("/openapi.json", ACCEPT_ENCODING, "gzip").await.expect(200);
    assert!(!document.header(ETAG).starts_with('"'), "{document:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn http_1_0_expect_continue_and_chunked_requests_are_served() {
    let stack = Stack::start().await;
    let nginx = stack.nginx.as_ref().unwrap();
    stack.api().submit(7).await;
    stack.api().value(7).await;
    // HTTP/1.0 has no chunked encoding.
    let old = ask(nginx, "GET /api/values/all HTTP/1.0\r\n\r\n").await;
    assert!(old.ends_with("\r\n\r\n[{\"number\":7}]"), "{old}");
    let body = "{\"index\":8}";
    let submission = |framing: &str, body: &str| {
        format!(
            "POST /api/values HTTP/1.1\r\nHost: nginx\r\nContent-Type: application/json\r\n\
             Connection: close\r\n{framing}\r\n\r\n{body}"
        )
    };
    let length = format!("Content-Length: {}", body.len());
    let cautious = ask(nginx, &submission(&format!("Expect: 100-continue\r\n{length}"), body)).await;
    assert!(cautious.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"), "{cautious}");
    let chunks = format!("5\r\n{}\r\n6\r\n{}\r\n0\r\n\r\n", &body[..5], &body[5..]);
    let chunked = ask(nginx, &submission("Transfer-Encoding: chunked", &chunks)).await;
    assert!(chunked.starts_with("HTTP/1.1 200 OK\r\n"), "{chunked}");
    let large = stack.through_nginx().post_as("application/json", vec![b' '; 65_536]).await;
    assert!(large.status == 400 || large.status == 422, "at the limit, the server decides: {large:?}");
}

/// SIGSTOP: the system accepts connections for it, but it never responds.
#[tokio::test(flavor = "multi_thread")]
async fn a_hung_server_is_replaced_and_a_slow_client_is_disconnected() {
    let mut stack = Stack::builder().start().await;
    let other = Server::start(&stack.settings).await;
    other.api().ready().await;
    let nginx = Nginx::start_with(Options {
        second: Some((other.site_addr(), other.api_addr())),
        ..Options::new(stack.server.site_addr(), stack.server.api_addr())
    });
    stack.server.signal(Signal::STOP);
    let api = nginx.api().with_new_connections();
    let submissions = futures::future::join_all((1..=4).map(|index| api.submit(index)));
    let (_, slow) = tokio::join!(submissions, ask(&nginx, "GET /api/values HTTP/1.1\r\nHost: ngi"));
    assert_eq!(slow, "");
    for index in 1..=4 {
        assert_eq!(other.api().value(index).await, e2e::expected(index));
    }
    stack.server.signal(Signal::CONT);
}
