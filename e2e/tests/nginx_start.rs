//! `start.sh` of nginx's container: it follows servers that come and go, picks up a renewed certificate, refuses
//! invalid settings, and stops on request.
//!
//! It runs here without a container, on loopback addresses that only Linux has. The tests control name resolution with
//! their own `getent`, which reads files.
#![cfg(target_os = "linux")]
// clippy knows tests by their attribute, and these helpers have none.
#![allow(clippy::unwrap_used)]

mod nginx_start {
    pub(crate) mod container;
    pub(crate) mod upstream;
}

use std::{fs, net::Ipv6Addr};

use e2e::{DEADLINE, eventually};
use nginx_start::{
    container::{Container, Running, knows_http2},
    upstream::{Upstream, head},
};
use reqwest::{
    Method,
    header::{LOCATION, RETRY_AFTER},
};
use throwaway::process::Signal;
use tokio::io::AsyncReadExt;

const FIRST: [u8; 4] = [127, 0, 0, 1];
const SECOND: [u8; 4] = [127, 0, 0, 2];

/// Starts nginx in front of one server for pages and API.
async fn in_front_of(server: &Upstream, container: Container, settings: &[(&str, &str)]) -> Running {
    for name in ["client", "api"] {
        container.resolve(name, &[&server.address.ip().to_string()]);
    }
    let port = server.address.port().to_string();
    let ports = [("SITE_PORT", port.as_str()), ("API_PORT", port.as_str())];
    container.start(&[&ports, settings].concat()).await
}

/// Waits until requests reach this server. None of them may fail.
async fn reaches(nginx: &Running, server: &str) {
    eventually(format!("requests reach {server}"), || async {
        let answer = nginx.get("/").await.expect(200);
        if answer.body == server { Ok(()) } else { Err(format!("{answer:?}")) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_come_and_go_and_no_request_fails() {
    let first = Upstream::start("first", FIRST, 0).await;
    let second = Upstream::start("second", SECOND, first.address.port()).await;
    let nginx = in_front_of(&first, Container::new(), &[]).await;
    assert_eq!(nginx.get("/").await.expect(200).body, "first");

    nginx.container.resolve("client", &["127.0.0.1", "127.0.0.2"]);
    reaches(&nginx, "second").await;
    reaches(&nginx, "first").await;

    // The server stops before its address disappears.
    drop(first);
    for _ in 0..10 {
        let _ = nginx.get("/").await.expect(200);
    }
    nginx.container.resolve("client", &["127.0.0.2"]);
    eventually("the first server is removed", || async {
        let _ = nginx.get("/").await.expect(200);
        let log = nginx.process.log();
        if log.contains("site: 127.0.0.2 api: 127.0.0.1") { Ok(()) } else { Err(log) }
    })
    .await;

    let _first = Upstream::start("first", FIRST, second.address.port()).await;
    nginx.container.resolve("client", &["127.0.0.1"]);
    reaches(&nginx, "first").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn visitors_get_a_page_until_the_server_name_resolves() {
    let server = Upstream::start("server", FIRST, 0).await;
    let port = server.address.port().to_string();
    let nginx = Container::new().start(&[("SITE_PORT", &port), ("API_PORT", &port)]).await;
    assert!(nginx.get("/").await.expect(503).body.contains("Back in a moment"));
    let problem = nginx.get("/api/values").await;
    assert_eq!(problem.header(RETRY_AFTER), "1");
    let _ = problem.expect_problem(503);

    nginx.container.resolve("client", &["127.0.0.1"]);
    nginx.container.resolve("api", &["127.0.0.1"]);
    for path in ["/api/values", "/"] {
        eventually("the server is found", || async {
            let answer = nginx.get(path).await;
            if answer.status == 200 { Ok(()) } else { Err(format!("{answer:?}")) }
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_are_kept_while_the_name_server_is_down() {
    let server = Upstream::start("server", FIRST, 0).await;
    let nginx = in_front_of(&server, Container::new(), &[]).await;
    nginx.container.resolve("client", &[]);
    nginx.container.resolve("api", &[]);
    nginx.container.wait_for_look_up().await;
    assert_eq!(nginx.get("/").await.expect(200).body, "server");
}

#[tokio::test(flavor = "multi_thread")]
async fn ipv6_is_used_where_available() {
    if tokio::net::TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).await.is_err() {
        return;
    }
    let server = Upstream::start("server", Ipv6Addr::LOCALHOST, 0).await;
    let nginx = in_front_of(&server, Container::new(), &[("LISTEN", "{port}")]).await;
    for host in ["127.0.0.1", "[::1]"] {
        let visitor = e2e::Client::new(format!("http://{host}:{}", nginx.ports.plain));
        assert_eq!(visitor.get("/").await.expect(200).body, "server");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_enables_https_and_redirects_to_it() {
    let server = Upstream::start("server", FIRST, 0).await;
    let container = Container::new();
    container.make_certificate("tls/tls.crt", "tls/tls.key");
    let nginx = in_front_of(&server, container, &[("BELIEVED_PROXIES", "127.0.0.0/8")]).await;

    let request = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let page = nginx.tls("tls/tls.crt", request, &["-quiet"]).await;
    assert!(page.contains("HTTP/1.1 200 OK\r\n") && page.ends_with("server"), "{page}");
    assert!(page.contains("Strict-Transport-Security: max-age=31536000\r\n"), "{page}");
    if knows_http2() {
        let agreed = nginx.tls("tls/tls.crt", "", &["-alpn", "h2,http/1.1"]).await;
        assert!(agreed.contains("ALPN protocol: h2"), "{agreed}");
    }

    for (method, path) in [(Method::GET, "/values/7?x=1"), (Method::POST, "/api/values")] {
        let answer = nginx.site.send(nginx.site.request(method, path)).await.expect(308);
        assert_eq!(answer.header(LOCATION), format!("https://127.0.0.1{path}"));
    }
    let _ = nginx.get("/nginx-health").await.expect(200);
    // An error is no redirect: the request may not even name a host.
    let malformed = head(&mut nginx.connect("GET / HTTP/1.1\r\n\r\n").await).await.unwrap();
    assert!(malformed.starts_with("http/1.1 400 ") && !malformed.contains("location:"), "{malformed}");
    let on_tls_port = e2e::Client::new(format!("http://127.0.0.1:{}", nginx.ports.tls));
    let answer = on_tls_port.get("/values/7?x=1").await.expect(308);
    assert_eq!(answer.header(LOCATION), format!("https://127.0.0.1:{}/values/7?x=1", nginx.ports.tls));
    // Behind a load balancer that terminates TLS.
    let request = nginx.site.request(Method::GET, "/").header("x-forwarded-proto", "https");
    let _ = nginx.site.send(request).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_certificate_is_used_once_it_is_complete() {
    let server = Upstream::start("server", FIRST, 0).await;
    let container = Container::new();
    container.make_certificate("tls/tls.crt", "tls/tls.key");
    container.make_certificate("new.crt", "new.key");
    fs::copy(container.path("tls/tls.crt"), container.path("old.crt")).unwrap();
    let mut nginx = in_front_of(&server, container, &[]).await;

    let request = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let renew = |nginx: &Running, kind| {
        let [from, to] = ["new", "tls/tls"].map(|name| nginx.container.path(name).with_extension(kind));
        fs::copy(from, to).unwrap();
    };
    renew(&nginx, "crt");
    nginx.process.wait_for("kept the old configuration", DEADLINE).unwrap();
    assert!(nginx.tls("old.crt", request, &["-quiet"]).await.contains("HTTP/1.1 200 OK"));
    renew(&nginx, "key");
    eventually("the new certificate is used", || async {
        let answer = nginx.tls("new.crt", request, &["-quiet"]).await;
        if answer.contains("HTTP/1.1 200 OK") { Ok(()) } else { Err(answer) }
    })
    .await;
}

const UPGRADE: &str =
    "GET /live_reload HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn hot_reload_is_forwarded_only_if_configured() {
    let server = Upstream::start("server", FIRST, 0).await;
    let without = in_front_of(&server, Container::new(), &[]).await;
    let answer = head(&mut without.connect(UPGRADE).await).await.unwrap();
    assert!(answer.starts_with("http/1.1 200 "), "{answer}");

    // In development nginx may be running long before the server is built.
    let port = server.address.port().to_string();
    let with = Container::new().start(&[("RELOAD_PORT", &port)]).await;
    with.container.resolve("client", &["127.0.0.1"]);
    eventually("the websocket is forwarded", || async {
        let answer = head(&mut with.connect(UPGRADE).await).await.unwrap();
        if answer.starts_with("http/1.1 101 ") { Ok(()) } else { Err(answer) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_options_work_together() {
    let container = Container::new();
    container.resolve("site.example", &["192.0.2.1", "192.0.2.2", "2001:db8::3"]);
    container.resolve("api.example", &["2001:db8::1", "2001:db8::2"]);
    container.make_certificate("tls/tls.crt", "tls/tls.key");
    let settings = [
        ("SITE_HOST", "site.example"),
        ("SITE_PORT", "8000"),
        ("API_HOST", "api.example"),
        ("API_PORT", "8001"),
        ("RELOAD_PORT", "8002"),
        ("BELIEVED_PROXIES", "10.0.0.0/8 192.0.2.7 fd00::/8"),
        ("REQUESTS_PER_SECOND", "1"),
        ("REQUESTS_AT_ONCE", "65535"),
        ("CONNECTIONS_PER_CLIENT", "65535"),
    ];
    let mut nginx = container.start(&settings).await;
    assert_eq!(nginx.get("/nginx-health").await.expect(200).body, "well\n");
    let found = "site: 192.0.2.1 192.0.2.2 api: [2001:db8::1] [2001:db8::2] with TLS";
    nginx.process.wait_for(found, DEADLINE).unwrap();
}

#[test]
fn invalid_settings_are_refused_by_name() {
    let container = Container::new();
    let number = "must be a whole number from 1 to 65535";
    for (name, value, expected) in [
        ("REQUESTS_PER_SECOND", "0", number),
        ("REQUESTS_AT_ONCE", "1e3", number),
        ("CONNECTIONS_PER_CLIENT", "65536", number),
        ("SITE_PORT", "http", number),
        ("API_PORT", "-1", number),
        ("RELOAD_PORT", "99999999999999999999", number),
        ("BELIEVED_PROXIES", "10.0.0.0/8; *", "such as 10.0.0.0/8, not \"10.0.0.0/8;\""),
        ("BELIEVED_PROXIES", "10.0.0.0/33", "\"10.0.0.0/33\""),
        ("BELIEVED_PROXIES", "1.2.3", "\"1.2.3\""),
        ("LISTEN", "127.0.0.1:http", "nginx rejects its configuration"),
    ] {
        let (code, log) = container.refusal(&[(name, value)]);
        assert_eq!(code, Some(2), "{name}={value}: {log}");
        assert!(log.contains(expected), "{name}={value}: {log}");
        assert!(name == "LISTEN" || log.contains(name), "{name}={value}: {log}");
    }
}

#[test]
fn a_certificate_without_its_key_is_refused() {
    let container = Container::new();
    container.make_certificate("tls/tls.crt", "elsewhere.key");
    let (code, log) = container.refusal(&[]);
    assert_eq!(code, Some(2), "{log}");
    assert!(log.contains("tls/tls.key"), "{log}");
}

/// `docker stop` sends SIGQUIT, which the image specifies; other programs send SIGTERM.
#[tokio::test(flavor = "multi_thread")]
async fn an_open_event_stream_does_not_delay_shutdown() {
    let server = Upstream::start("server", FIRST, 0).await;
    for signal in [Signal::QUIT, Signal::TERM] {
        let mut nginx = in_front_of(&server, Container::new(), &[]).await;
        let mut stream = nginx.connect("GET /api/values/events HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
        let answer = head(&mut stream).await.unwrap();
        assert!(answer.contains("text/event-stream"), "{answer}");
        // The stream is open once its first comment has arrived.
        while stream.read_u8().await.unwrap() != b':' {}
        let status = nginx.process.stop_with(signal, DEADLINE).unwrap();
        assert!(status.success(), "{signal:?}: {status}");
    }
}
