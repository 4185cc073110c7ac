//! nginx's own errors: a page for people, a problem document for programs.

// clippy knows tests by their attribute, and these helpers have none.
#![allow(clippy::unwrap_used)]

use std::net::SocketAddr;

use e2e::{
    Nginx,
    browser::{Browser, ColorScheme, Scripts},
    eventually,
};
use protocol::{PROBLEM_MEDIA_TYPE, Problem};
use reqwest::{
    Method,
    header::{ACCEPT, HeaderName, RETRY_AFTER},
};
use throwaway::nginx::Options;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

const PAGE: &str = "text/html; charset=utf-8";

/// Starts nginx in front of a port where nothing listens.
fn no_server() -> Options {
    let closed = SocketAddr::from(([127, 0, 0, 1], 9));
    Options::new(closed, closed)
}

/// Sends a request that clients refuse to send, and returns the whole response.
async fn ask(nginx: &Nginx, request: &str) -> String {
    let mut stream = TcpStream::connect(nginx.address()).await.unwrap();
    // nginx may respond before it has read everything.
    let _ = stream.write_all(request.as_bytes()).await;
    let mut answer = Vec::new();
    // nginx leaves the connection open for what it has not read yet.
    while !answer.ends_with(b"\r\n0\r\n\r\n") && stream.read_buf(&mut answer).await.is_ok_and(|read| read > 0)
    {
    }
    String::from_utf8(answer).unwrap()
}

/// Asserts that this is an error in this format, which no cache stores and in which no script runs.
fn assert_error(answer: &str, status: u16, format: &str) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "expected {status}, but {answer}");
    for header in [
        format!("Content-Type: {format}"),
        "Server: nginx".to_owned(),
        "Cache-Control: no-store".to_owned(),
        "X-Content-Type-Options: nosniff".to_owned(),
        "X-Frame-Options: DENY".to_owned(),
        "Content-Security-Policy: default-src 'none'; ".to_owned(),
        "X-Request-Id: ".to_owned(),
    ] {
        let lines = || head.lines().chain([""]);
        assert!(lines().any(|line| line.starts_with(&header)), "{header} is missing: {answer}");
    }
    if format == PAGE {
        assert!(body.contains("<h1>") && body.contains("</html>") && !body.contains("<!--#"), "{answer}");
    } else {
        // The other bytes are chunk framing.
        let document = &body[body.find('{').unwrap()..=body.rfind('}').unwrap()];
        let problem: Problem = serde_json::from_str(document).unwrap();
        assert_eq!(problem.status, status, "{answer}");
        assert!(!problem.title.is_empty() && problem.detail.is_some(), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_error_is_a_page_for_people_and_a_problem_for_programs() {
    let nginx = Nginx::start_with(no_server());
    let long = "a".repeat(9000);
    let many: String = (0..12).map(|number| format!("X-{number}: {}\r\n", &long[..4000])).collect();
    let end = "Host: nginx\r\nConnection: close\r\n";
    // The rest of the address, the version, the headers and the body.
    let cases = [
        (400, "GET", " HTTP/1.1\r\nConnection: close\r\n{accept}\r\n".to_owned()),
        (400, "get", format!(" HTTP/1.1\r\n{{accept}}{end}\r\n")),
        (400, "GET", format!("/a b HTTP/1.1\r\n{{accept}}{end}\r\n")),
        (400, "GET", format!("/%zz HTTP/1.1\r\n{{accept}}{end}\r\n")),
        (400, "GET", format!(" HTTPS/1.1\r\n{{accept}}{end}\r\n")),
        (400, "POST", format!(" HTTP/1.1\r\n{{accept}}{end}Content-Length: x\r\n\r\n")),
        (
            400,
            "POST",
            format!(" HTTP/1.1\r\n{{accept}}{end}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"),
        ),
        (405, "TRACE", format!(" HTTP/1.1\r\n{{accept}}{end}\r\n")),
        (405, "CONNECT", format!(" HTTP/1.1\r\n{{accept}}{end}\r\n")),
        (413, "POST", format!(" HTTP/1.1\r\n{{accept}}{end}Content-Length: 65537\r\n\r\n")),
        (
            413,
            "POST",
            format!(" HTTP/1.1\r\n{{accept}}{end}Expect: 100-continue\r\nContent-Length: 65537\r\n\r\n"),
        ),
        (
            413,
            "POST",
            format!(
                " HTTP/1.1\r\n{{accept}}{end}Transfer-Encoding: chunked\r\n\r\n10001\r\n{}\r\n0\r\n\r\n",
                "7".repeat(0x10001)
            ),
        ),
        (414, "GET", format!("/?{long} HTTP/1.1\r\n{{accept}}{end}\r\n")),
        (431, "GET", format!(" HTTP/1.1\r\n{{accept}}{end}Cookie: {long}\r\n\r\n")),
        (431, "GET", format!(" HTTP/1.1\r\n{{accept}}{end}{many}\r\n")),
        (501, "POST", format!(" HTTP/1.1\r\n{{accept}}{end}Transfer-Encoding: gzip\r\n\r\n")),
        (503, "GET", format!(" HTTP/1.1\r\n{{accept}}{end}\r\n")),
        (503, "POST", format!(" HTTP/1.1\r\n{{accept}}{end}Content-Length: 0\r\n\r\n")),
        (503, "MADE-UP", format!(" HTTP/1.1\r\n{{accept}}{end}\r\n")),
        (505, "GET", format!(" HTTP/3.0\r\n{{accept}}{end}\r\n")),
    ];
    for (status, method, rest) in cases {
        // nginx does not read the headers of a request whose first line is wrong.
        let first_line_is_wrong =
            matches!(status, 414 | 505) || method == "get" || rest.starts_with("/") || rest.contains("HTTPS");
        for (path, accept, expected) in [
            ("/", "*/*", PAGE),
            ("/values/7", "text/html,*/*;q=0.8", PAGE),
            ("/values/7", "application/json", PROBLEM_MEDIA_TYPE),
            ("/health", "*/*", PAGE),
            ("/pkg/fibstack.js", "*/*", PROBLEM_MEDIA_TYPE),
            ("/api", "*/*", PROBLEM_MEDIA_TYPE),
            ("/api/values", "*/*", PROBLEM_MEDIA_TYPE),
            ("/api/values", "application/json", PROBLEM_MEDIA_TYPE),
            ("/api/values", "text/event-stream", PROBLEM_MEDIA_TYPE),
            ("/api/docs", "text/html,*/*;q=0.8", PAGE),
        ] {
            let of_path =
                if path.starts_with("/api") || path.starts_with("/pkg/") { PROBLEM_MEDIA_TYPE } else { PAGE };
            let expected = if first_line_is_wrong { of_path } else { expected };
            let rest = rest.replace("{accept}", &format!("Accept: {accept}\r\n"));
            let answer = ask(&nginx, &format!("{method} {path}{rest}")).await;
            assert_error(&answer, status, expected);
            assert_eq!(answer.contains("\r\nAllow: GET, HEAD, POST\r\n"), status == 405, "{answer}");
            assert_eq!(answer.contains("\r\nRetry-After: "), status == 503, "{answer}");
            // The page reloads itself, unless that would repeat a submission.
            let reloads = status == 503 && method == "GET" && expected == PAGE;
            assert_eq!(answer.contains("\r\nRefresh: 5\r\n"), reloads, "{answer}");
        }
    }
    // These requests name no path.
    for request in [
        "CONNECT nginx:443 HTTP/1.1\r\nHost: nginx\r\n\r\n",
        "\x16\x03\x01\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\n",
    ] {
        assert_error(&ask(&nginx, request).await, 400, PAGE);
    }
    let head = ask(&nginx, "HEAD /api/values HTTP/1.1\r\nHost: nginx\r\nConnection: close\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 503 ") && head.ends_with("\r\n\r\n"), "{head}");
    assert!(!nginx.log().contains("[alert]") && !nginx.log().contains("[crit]"), "{}", nginx.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_has_its_style_and_violates_no_policy() -> anyhow::Result<()> {
    let nginx = Nginx::start_with(no_server());
    let browser = Browser::start(Scripts::On).await?;
    for (width, scheme, background) in
        [(390, ColorScheme::Dark, "rgb(20, 22, 28)"), (1280, ColorScheme::Light, "rgb(251, 250, 247)")]
    {
        browser.emulate(width, scheme).await?;
        browser.driver.goto(format!("http://{}/values/7", nginx.address())).await?;
        browser.wait_for_text("h1", "Back in a moment").await?;
        let look = "return [getComputedStyle(document.body).backgroundColor, \
                    document.documentElement.scrollWidth <= innerWidth]";
        let (color, fits): (String, bool) = browser.driver.execute(look, Vec::new()).await?.convert()?;
        assert_eq!((color.as_str(), fits), (background, true), "at {width}");
        browser.assert_no_csp_violation().await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_hidden_however_their_path_is_written() {
    let nginx = Nginx::start_with(no_server());
    for path in ["/api/metrics", "/api/metrics/", "/api//metrics", "/api/%6detrics", "/api/./x/../metrics"] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: nginx\r\nConnection: close\r\n\r\n");
        assert_error(&ask(&nginx, &request).await, 404, PROBLEM_MEDIA_TYPE);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_requests_get_an_error_that_explains_the_limits() {
    let limits = &[("REQUESTS_PER_SECOND", 1), ("REQUESTS_AT_ONCE", 2)];
    let nginx = Nginx::start_with(Options { limits, ..no_server() });
    let (api, site) = (nginx.api(), nginx.site());
    let refused = eventually("a request is refused", || async {
        let answers = futures::future::join_all((0..10).map(|_| api.get("/values"))).await;
        answers.into_iter().find(|answer| answer.status == 429).ok_or("all were accepted")
    })
    .await;
    assert_eq!(refused.header(RETRY_AFTER), "1");
    let problem = refused.expect_problem(429);
    assert_eq!(problem.title, "Too many requests");
    let figures = "1 requests per second, 2 at once, and 200 connections";
    assert!(problem.detail.as_ref().is_some_and(|detail| detail.contains(figures)), "{problem:?}");

    let page = eventually("a visitor is refused", || async {
        let visit = || site.send(site.request(Method::GET, "/").header(ACCEPT, "text/html,*/*;q=0.8"));
        let answers = futures::future::join_all((0..10).map(|_| visit())).await;
        answers.into_iter().find(|answer| answer.status == 429).ok_or("all were accepted")
    })
    .await;
    assert!(page.body.contains("<h1>Too many requests</h1>") && page.body.contains(figures), "{page:?}");
    assert_eq!((page.header(RETRY_AFTER), page.header(HeaderName::from_static("refresh"))), ("5", "5"));

    // A malformed request is limited too.
    let malformed = "GET / HTTP/1.1\r\nConnection: close\r\n\r\n";
    eventually("a malformed request is refused", || async {
        let answer = ask(&nginx, malformed).await;
        if !answer.starts_with("HTTP/1.1 429 ") {
            return Err(answer);
        }
        assert_error(&answer, 429, PAGE);
        Ok(())
    })
    .await;
    // The health check is not limited, or a load balancer would take a busy nginx out of service.
    for _ in 0..10 {
        let _ = site.get("/nginx-health").await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_connections_get_a_problem() {
    let site = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = site.local_addr().unwrap();
    let limits = &[("CONNECTIONS_PER_CLIENT", 1)];
    let nginx = Nginx::start_with(Options { limits, ..Options::new(address, address) });
    let client = nginx.api();
    let first = async {
        let (mut held, _) = site.accept().await.unwrap();
        let mut start = [0; 4];
        held.read_exact(&mut start).await.unwrap();
        let problem = client.get("/values").await.expect_problem(429);
        held.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]").await.unwrap();
        problem
    };
    let (answer, problem) = tokio::join!(client.get("/values"), first);
    assert_eq!(answer.expect(200).body, "[]");
    assert!(
        problem.detail.as_ref().is_some_and(|detail| detail.contains("and 1 connections")),
        "{problem:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_length_of_a_log_line_is_bounded_whatever_a_client_sends() {
    let nginx = Nginx::start_with(no_server());
    let long = "\u{1}".repeat(7000);
    let request = format!(
        "{} /api/{} HTTP/1.1\r\nHost: nginx\r\nConnection: close\r\nReferer: http://nginx/{long}\r\n\
         User-Agent: curl ü {long}\r\n\r\n",
        "M".repeat(500),
        "7".repeat(7000),
    );
    assert!(ask(&nginx, &request).await.starts_with("HTTP/1.1 503 "));
    let logged = eventually("the request is logged", || async {
        let log = nginx.requests();
        if log.ends_with('\n') { Ok(log) } else { Err(log) }
    })
    .await;
    assert!(logged.len() < 2500, "{} bytes: {logged}", logged.len());
    let logged: serde_json::Value = serde_json::from_str(&logged).unwrap();
    assert_eq!(logged["status"], 503, "{logged}");
    assert_eq!(logged["referer"], "http://nginx/", "{logged}");
    assert_eq!(logged["user_agent"], "curl ", "{logged}");
    assert!(logged["path"].as_str().unwrap().starts_with("/api/777"), "{logged}");
}
