//! Requests that no well-meaning client sends. None may cause a panic, and each error has a text.

use std::net::SocketAddr;

use e2e::{Raw, RawAnswer, Stack};
use protocol::PROBLEM_MEDIA_TYPE;

/// Listener that a request is sent to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Listener {
    Api,
    Site,
}

/// Sends a request without a body, with these headers besides `Host` and `Connection`.
async fn request(address: SocketAddr, line: &str, headers: &str) -> RawAnswer {
    Raw::exchange(address, format!("{line}\r\nHost: fib.example\r\nConnection: close\r\n{headers}\r\n")).await
}

/// A request, its status on the api listener, and on the site listener.
fn requests() -> Vec<(Vec<u8>, u16, u16)> {
    const REST: &str = "\r\nHost: fib.example\r\nConnection: close\r\n\r\n";
    let mut requests: Vec<(Vec<u8>, u16, u16)> = [
        // Targets that are not a path.
        ("CONNECT fib.example:80 HTTP/1.1", 405, 405),
        ("CONNECT / HTTP/1.1", 405, 405),
        ("OPTIONS * HTTP/1.1", 204, 204),
        ("GET * HTTP/1.1", 400, 400),
        ("GET fib.example:80 HTTP/1.1", 400, 400),
        ("GET http://other.example/values HTTP/1.1", 200, 404),
        ("GET http://other.example HTTP/1.1", 200, 200),
        ("GET http://other.example/otherpage/ HTTP/1.1", 308, 308),
        ("OPTIONS http://other.example HTTP/1.1", 204, 204),
        // Methods.
        ("TRACE / HTTP/1.1", 405, 405),
        ("TRACE /values HTTP/1.1", 405, 405),
        ("MADE-UP / HTTP/1.1", 405, 405),
        ("get / HTTP/1.1", 405, 405),
        ("PUT /otherpage HTTP/1.1", 404, 405),
        ("POST /pkg/x.js HTTP/1.1", 404, 405),
        ("OPTIONS /values HTTP/1.1", 204, 204),
        ("POST /icon.svg HTTP/1.1", 404, 405),
        ("OPTIONS /icon.svg HTTP/1.1", 404, 204),
        ("OPTIONS /otherpage HTTP/1.1", 404, 204),
        // Paths.
        ("GET //values HTTP/1.1", 404, 404),
        ("GET //evil.example/values/7/ HTTP/1.1", 308, 404),
        ("GET /values//digits HTTP/1.1", 404, 404),
        ("GET /../../etc/passwd HTTP/1.1", 404, 404),
        ("GET /pkg/../../../etc/passwd HTTP/1.1", 404, 404),
        ("GET /pkg/%2e%2e/%2e%2e/Cargo.toml HTTP/1.1", 404, 404),
        ("GET /pkg/%00 HTTP/1.1", 404, 404),
        ("GET /pkg/%F0%9F HTTP/1.1", 404, 404),
        ("GET /pkg/%zz HTTP/1.1", 404, 404),
        ("GET /%00 HTTP/1.1", 404, 404),
        ("GET /%F0 HTTP/1.1", 404, 404),
        ("GET /% HTTP/1.1", 404, 404),
        ("GET /%zz/ HTTP/1.1", 308, 404),
        ("GET /values/%F0 HTTP/1.1", 400, 404),
        ("GET /values/%F0/ HTTP/1.1", 308, 308),
        ("GET /values/%F0/digits HTTP/1.1", 400, 404),
        ("GET /values/%00 HTTP/1.1", 404, 404),
        ("GET /values/%zz HTTP/1.1", 404, 404),
        ("GET /values/%2F%2Fevil.example/ HTTP/1.1", 308, 308),
        ("GET /values/7%0d%0aSet-Cookie:%20a=b/ HTTP/1.1", 308, 308),
        ("GET /api/%F0 HTTP/1.1", 404, 404),
        ("GET /api/values/%F0 HTTP/1.1", 404, 400),
        // Queries.
        ("GET /values?limit=%F0&before=%zz HTTP/1.1", 400, 404),
        ("GET /?index=%F0%9F&before=%&problem=%00 HTTP/1.1", 200, 200),
        ("GET /?&&==&?=?&index HTTP/1.1", 200, 200),
        ("GET /?index=7&index=8 HTTP/1.1", 200, 200),
        // Versions.
        ("GET / HTTP/2.0", 400, 400),
        ("GET / HTTP/1.9", 400, 400),
        ("PRI * HTTP/2.0", 400, 400),
    ]
    .into_iter()
    .map(|(line, api, site)| (format!("{line}{REST}").into_bytes(), api, site))
    .collect();
    let long = "x".repeat(20_000);
    let many_headers = "A: b\r\n".repeat(200);
    for (bytes, api, site) in [
        (format!("GET /{long} HTTP/1.1{REST}").into_bytes(), 404, 404),
        (format!("GET /pkg/{long} HTTP/1.1{REST}").into_bytes(), 404, 404),
        (format!("GET /values/{long} HTTP/1.1{REST}").into_bytes(), 404, 404),
        (format!("GET /?index={long} HTTP/1.1{REST}").into_bytes(), 200, 200),
        (format!("GET /{long}{long} HTTP/1.1{REST}").into_bytes(), 431, 431),
        (format!("GET / HTTP/1.1\r\nHost: a\r\nCookie: {long}{long}\r\n\r\n").into_bytes(), 431, 431),
        (format!("GET / HTTP/1.1\r\nHost: a\r\n{many_headers}\r\n").into_bytes(), 431, 431),
        // Not percent-encoded.
        (format!("GET /values/é/ HTTP/1.1{REST}").into_bytes(), 400, 400),
        (format!("GET /?index=é HTTP/1.1{REST}").into_bytes(), 400, 400),
        (b"GET /values/\xf0 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".to_vec(), 400, 400),
        (b"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(), 400, 400),
        (b"GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(), 400, 400),
        // Not HTTP.
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 TLS\r\n\r\n".to_vec(), 400, 400),
        (b"EHLO fib.example\r\n\r\n".to_vec(), 400, 400),
        (b"GET /\r\n\r\n".to_vec(), 400, 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), 400, 400),
        // Headers.
        (b"GET / HTTP/1.0\r\n\r\n".to_vec(), 200, 200),
        (b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n".to_vec(), 400, 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n".to_vec(), 400, 400),
        (b"GET / HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n".to_vec(), 400, 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nBad Header: x\r\n\r\n".to_vec(), 400, 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nAccept: \xff\r\nCookie: \xff\r\nConnection: close\r\n\r\n".to_vec(), 200, 200),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n".to_vec(), 400, 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n".to_vec(), 400, 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: made-up\r\n\r\n".to_vec(), 400, 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n".to_vec(), 501, 501),
        (
            b"POST /values HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"
                .to_vec(),
            400,
            405,
        ),
    ] {
        requests.push((bytes, api, site));
    }
    requests
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_causes_a_panic_and_every_error_has_a_text() {
    let stack = Stack::builder().workers(0).start().await;
    let mut wrong = Vec::new();
    for (bytes, on_api, on_site) in requests() {
        for (listener, address, expected) in [
            (Listener::Api, stack.server.api_addr(), on_api),
            (Listener::Site, stack.server.site_addr(), on_site),
        ] {
            let answer = Raw::exchange(address, &bytes).await;
            let content_type = answer.header("content-type");
            let described = answer.status < 400
                || content_type == PROBLEM_MEDIA_TYPE
                || listener == Listener::Site && content_type.starts_with("text/html");
            if answer.status != expected || !described || answer.header("cache-control").contains("immutable")
            {
                let request = String::from_utf8_lossy(&bytes[..bytes.len().min(100)]).into_owned();
                wrong.push(format!("{listener:?} {request:?}: expected {expected}, but {answer:.300?}"));
            }
        }
    }
    let log = stack.server.log();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(!log.contains("panicked"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx_adds_the_host_that_http_1_0_leaves_out() {
    let stack = Stack::builder().workers(0).nginx().start().await;
    let nginx = stack.nginx.as_ref().unwrap().address();
    for target in ["/otherpage", "/api/values"] {
        let answer = Raw::exchange(nginx, format!("GET {target} HTTP/1.0\r\n\r\n")).await;
        assert_eq!(answer.status, 200, "{target}: {answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_get_a_page_and_programs_a_problem_document() {
    let stack = Stack::builder().workers(0).start().await;
    let (site, api) = (stack.server.site_addr(), stack.server.api_addr());
    let cookie = format!("Cookie: {}\r\n", "x".repeat(40_000));
    for (line, headers, status) in [
        ("PUT /otherpage HTTP/1.1", "", 405),
        ("CONNECT fib.example:80 HTTP/1.1", "", 405),
        ("GET /pkg/nothing.js HTTP/1.1", "", 404),
        ("GET * HTTP/1.1", "", 400),
        ("GET / HTTP/1.1", cookie.as_str(), 431),
    ] {
        let page = request(site, line, &format!("Accept: text/html,*/*;q=0.8\r\n{headers}")).await;
        page.expect_page(status);
        for accept in ["Accept: application/json\r\n", "Accept: */*\r\n", "Accept: text/html;q=0\r\n", ""] {
            let headers = format!("{accept}{headers}");
            if accept.contains("html") && status == 431 {
                // The head cannot be parsed, so the weight of `Accept` is unknown.
                continue;
            }
            let _ = request(site, line, &headers).await.expect_problem(status);
        }
        // The api listener has no pages, and is free to serve something else at these paths.
        let answer = request(api, line, &format!("Accept: text/html\r\n{headers}")).await;
        let _ = answer.expect_problem(answer.status);
    }
    // The API on the site is for programs.
    let _ = request(site, "GET /api/nothing HTTP/1.1", "Accept: text/html\r\n").await.expect_problem(404);
    for (address, line) in [(site, "PUT / HTTP/1.1"), (api, "PUT /values HTTP/1.1")] {
        assert!(request(address, line, "").await.header("allow").contains("get"), "{line}");
    }
    let options = request(site, "OPTIONS /otherpage HTTP/1.1", "").await;
    assert_eq!((options.status, options.header("allow")), (204, "get,head"), "{options:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_with_a_trailing_slash_is_redirected_whatever_its_query_and_method() {
    let stack = Stack::builder().workers(0).start().await;
    for (line, location) in [
        ("GET /otherpage/ HTTP/1.1", "/otherpage"),
        ("HEAD /otherpage/ HTTP/1.1", "/otherpage"),
        ("GET /otherpage/?a=b&c HTTP/1.1", "/otherpage?a=b&c"),
        ("GET /values/7/?a=%2F HTTP/1.1", "/values/7?a=%2f"),
        ("GET /values/%37/ HTTP/1.1", "/values/%37"),
        // It never redirects to another host.
        ("GET /values/%2F%2Fevil.example/ HTTP/1.1", "/values/%2f%2fevil.example"),
    ] {
        let answer = request(stack.server.site_addr(), line, "").await;
        assert_eq!((answer.status, answer.header("location")), (308, location), "{line}");
    }
    for line in ["GET //otherpage/ HTTP/1.1", "GET /otherpage// HTTP/1.1", "GET /values/7// HTTP/1.1"] {
        let answer = request(stack.server.site_addr(), line, "").await;
        assert_eq!(answer.status, 404, "{line}: {answer:?}");
    }
}
