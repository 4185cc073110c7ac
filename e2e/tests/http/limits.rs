//! Clients that are slow, silent or too many. Time limits are settings, so that tests can shorten them.

use std::net::{Ipv4Addr, SocketAddr};

use e2e::{Client, Embedded, Raw, Server, Settings, eventually};
use serde_json::json;
use throwaway::Folder;

const HEAD: &str = "Host: fib.example\r\nContent-Type: application/json\r\n";

async fn with(name: &str, value: u32) -> Embedded {
    Embedded::start_with(|settings| settings.set(name, value)).await
}

/// Number of open connections, including the one that this request uses.
async fn connections(api: &Client) -> u64 {
    let metrics = api.get("/metrics").await.expect(200).body;
    let open = metrics.lines().find_map(|line| line.strip_prefix("fibstack_connections "));
    open.and_then(|open| open.parse().ok()).unwrap_or_else(|| panic!("{metrics}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_does_not_arrive_in_time_is_a_408() {
    let embedded = with("REQUEST_TIMEOUT_SECONDS", 1).await;
    let site = embedded.server.site_addr();
    for part in
        ["GET", "GET /api/values HTTP/1.1\r\n", "GET /api/values HTTP/1.1\r\nHost: fib.example\r\nA: "]
    {
        let answer = Raw::exchange(site, part).await;
        assert_eq!(answer.header("connection"), "close", "{answer:?}");
        let _ = answer.expect_problem(408);
    }
    Raw::exchange(site, "GET / HTTP/1.1\r\nAccept: text/html\r\n").await.expect_page(408);
    // A second request on the same connection has the same limit.
    let mut raw = Raw::connect(site).await;
    raw.send("GET /api/health/live HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(raw.head().await.starts_with("HTTP/1.1 200"));
    raw.send("GET /api/he").await;
    assert!(raw.rest().await.contains("HTTP/1.1 408 "));
    // A client that sends nothing gets nothing.
    assert_eq!(Raw::connect(site).await.rest().await, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_does_not_arrive_in_time_is_a_408() {
    let embedded = with("REQUEST_TIMEOUT_SECONDS", 1).await;
    let site = embedded.server.site_addr();
    for rest in ["Content-Length: 13\r\n\r\n{\"index\":", "Transfer-Encoding: chunked\r\n\r\n5\r\n{\"ind"] {
        let answer = Raw::exchange(site, format!("POST /api/values HTTP/1.1\r\n{HEAD}{rest}")).await;
        let _ = answer.expect_problem(408);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_connection_is_closed_and_an_event_stream_is_not() {
    let embedded = with("IDLE_TIMEOUT_SECONDS", 1).await;
    let mut stream = embedded.api().events().await;
    let mut raw = Raw::connect(embedded.server.site_addr()).await;
    raw.send("GET /api/health/live HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let response = raw.rest().await;
    assert!(response.starts_with("HTTP/1.1 200") && !response.contains("HTTP/1.1 408"), "{response}");
    embedded.api().submit(7).await;
    let _ = stream.until("7 is done", |sent| sent.event == "done").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_its_responses_is_dropped() {
    let embedded = with("SEND_TIMEOUT_SECONDS", 1).await;
    let api = embedded.api().with_new_connections();
    api.submit(100_000).await;
    let digits = api.value(100_000).await;
    assert!(digits.contains("20899 digits"), "{digits}");
    let mut raw = Raw::connect(embedded.server.site_addr()).await;
    // Far more than the buffers of both ends hold.
    let requests = "GET /api/values/100000/digits HTTP/1.1\r\nHost: a\r\n\r\n".repeat(2_000);
    raw.send(&requests).await;
    eventually("the connection is closed", || async {
        match connections(&api).await {
            // This request has one, and the harness keeps the one over which it waited for the server.
            open if open <= 2 => Ok(()),
            open => Err(format!("{open} connections are open")),
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_too_large_always_gets_its_413() {
    let embedded = Embedded::start().await;
    let site = embedded.server.site_addr();
    let body = vec![b' '; 10_000_000];
    for _ in 0..20 {
        let mut raw = Raw::connect(site).await;
        raw.send(format!("POST /api/values HTTP/1.1\r\n{HEAD}Content-Length: {}\r\n\r\n", body.len())).await;
        raw.send(&body).await;
        let _ = raw.answer().await.expect_problem(413);
    }
    let mut raw = Raw::connect(site).await;
    raw.send(format!("POST /api/values HTTP/1.1\r\n{HEAD}Transfer-Encoding: chunked\r\n\r\n989680\r\n"))
        .await;
    raw.send(&body).await;
    let _ = raw.answer().await.expect_problem(413);
    // Nor does a body that no endpoint reads keep the error, here a 404, from arriving.
    let mut raw = Raw::connect(site).await;
    raw.send(format!("POST /api/nothing HTTP/1.1\r\n{HEAD}Content-Length: {}\r\n\r\n", body.len())).await;
    raw.send(&body).await;
    let _ = raw.answer().await.expect_problem(404);
}

/// Opens connections that send half a head.
async fn half_heads(address: SocketAddr, number: usize) -> Vec<Raw> {
    let mut open = Vec::new();
    for _ in 0..number {
        let mut raw = Raw::connect(address).await;
        raw.send("GET /api/values HTTP/1.1\r\nHost:").await;
        open.push(raw);
    }
    open
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_make_room_and_busy_ones_do_not() {
    let embedded = with("MAX_CONNECTIONS", 8).await;
    let site = embedded.server.site_addr();
    let client = embedded.api().with_new_connections();
    let _half = half_heads(site, 50).await;
    // Until the last of them has been accepted, it may still take the place of a newer connection.
    eventually("the server has accepted all half heads", || client.try_get("/health/live")).await;
    for _ in 0..10 {
        let _ = client.get("/health/live").await.expect(200);
    }
    // Six of eight connections may be event streams; each of the others is busy with a request body.
    let mut streams = Vec::new();
    for _ in 0..6 {
        streams.push(client.events().await);
    }
    let _ = client.get("/values/events").await.expect_problem(503);
    let mut busy = Vec::new();
    for _ in 0..2 {
        let mut raw = Raw::connect(site).await;
        raw.send(format!(
            "POST /api/values HTTP/1.1\r\n{HEAD}Expect: 100-continue\r\nContent-Length: 13\r\n\r\n"
        ))
        .await;
        assert!(raw.head().await.starts_with("HTTP/1.1 100 "));
        busy.push(raw);
    }
    let refused = client.get("/health/live").await;
    assert!(!refused.header("retry-after".parse::<reqwest::header::HeaderName>().unwrap()).is_empty());
    let _ = refused.expect_problem(503);
    let page = Raw::exchange(site, "GET / HTTP/1.1\r\nHost: a\r\nAccept: text/html\r\n\r\n").await;
    page.expect_page(503);
    for raw in &mut busy {
        raw.send("{\"index\":\"7\"}").await;
        assert!(raw.head().await.starts_with("HTTP/1.1 200 "));
    }
    eventually("the server has noticed that two connections are idle", || async {
        let answer = client.get("/health/live").await;
        if answer.status == 200 { Ok(()) } else { Err(answer.body) }
    })
    .await;
    drop(streams);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_was_sent_during_a_flood_of_half_heads_is_served_or_refused_but_never_reset() {
    let embedded = with("MAX_CONNECTIONS", 8).await;
    let site = embedded.server.site_addr();
    let flood = tokio::spawn(async move {
        loop {
            drop(half_heads(site, 20).await);
        }
    });
    let mut served = 0;
    for round in 0..300 {
        // Every other client accepts HTML.
        let accept = if round % 2 == 0 { "application/json" } else { "text/html" };
        let request =
            format!("GET /values/7 HTTP/1.1\r\nHost: a\r\nAccept: {accept}\r\nConnection: close\r\n\r\n");
        let answer = Raw::exchange(site, request).await;
        match answer.status {
            503 if accept == "text/html" => answer.expect_page(503),
            503 => drop(answer.expect_problem(503)),
            // F(7) was not submitted.
            _ => served += u32::from(answer.status == 404),
        }
        assert!([404, 503].contains(&answer.status), "{round}: {answer:?}");
    }
    assert!(served > 0, "no request was served");
    flood.abort();
    // A half head that makes room gets the 503, too.
    let mut first = half_heads(site, 1).await.remove(0);
    let _others = half_heads(site, 8).await;
    let _ = first.answer().await.expect_problem(503);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_client_cannot_take_the_connections_of_others_and_a_trusted_proxy_has_no_limit_of_its_own() {
    const REQUEST: &str = "GET /api/health/live HTTP/1.1\r\nHost: a\r\n";
    let proxy = Ipv4Addr::new(127, 0, 0, 3);
    let embedded = Embedded::start_with(|settings| {
        settings.set("MAX_CONNECTIONS", 40).set("MAX_CONNECTIONS_PER_CLIENT", 4).set("TRUSTED_PROXIES", proxy)
    })
    .await;
    let site = embedded.server.site_addr();
    let stream = async |client: Ipv4Addr| {
        let mut raw = Raw::connect_from(client, site).await;
        raw.send("GET /api/values/events HTTP/1.1\r\nHost: a\r\n\r\n").await;
        let head = raw.head().await;
        (raw, head)
    };
    let busy = Ipv4Addr::new(127, 0, 0, 2);
    let mut streams = Vec::new();
    for _ in 0..4 {
        let (raw, head) = stream(busy).await;
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        streams.push(raw);
    }
    // All four are busy.
    let (_, refused) = stream(busy).await;
    assert!(refused.starts_with("HTTP/1.1 503 "), "{refused}");
    // A request that arrives after the decision gets the same response.
    let mut late = Raw::connect_from(busy, site).await;
    let other = Ipv4Addr::new(127, 0, 0, 4);
    let (_, head) = stream(other).await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    late.send(format!("{REQUEST}\r\n")).await;
    let _ = late.answer().await.expect_problem(503);
    // Others are served meanwhile, and their own idle connections make room for them.
    let mut idle = Vec::new();
    for _ in 0..20 {
        let mut raw = Raw::connect_from(other, site).await;
        raw.send(format!("{REQUEST}\r\n")).await;
        let head = raw.head().await;
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        idle.push(raw);
    }
    for _ in 0..20 {
        let (raw, head) = stream(proxy).await;
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        streams.push(raw);
    }
    // Once a stream has ended, its client may open another connection.
    drop(streams.remove(0));
    eventually("a connection of the busy client is free", || async {
        let mut raw = Raw::connect_from(busy, site).await;
        raw.send(format!("{REQUEST}Connection: close\r\n\r\n")).await;
        let answer = raw.answer().await;
        if answer.status == 200 { Ok(()) } else { Err(answer.head) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_low_limit_of_open_files_does_not_block_the_server() {
    let folder = Folder::new("files").unwrap();
    let settings = Settings::embedded(folder.path());
    let server = Server::start_with_open_files(&settings, 256).await;
    let client = server.site_api().with_new_connections();
    client.ready().await;
    let _silent = half_heads(server.site_addr(), 300).await;
    for index in 0..20 {
        let _ = client.post(&json!({ "index": index })).await.expect(200);
    }
    let log = server.log();
    assert!(!log.contains("failed to accept"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_server_ends_streams_and_closes_waiting_connections() {
    let mut embedded = Embedded::start().await;
    let site = embedded.server.site_addr();
    let mut stream = embedded.api().events().await;
    let mut idle = Raw::connect(site).await;
    idle.send("HEAD /api/health/live HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(idle.head().await.starts_with("HTTP/1.1 200"));
    let mut half = half_heads(site, 1).await.remove(0);
    let mut busy = Raw::connect(site).await;
    busy.send(format!(
        "POST /api/values HTTP/1.1\r\n{HEAD}Expect: 100-continue\r\nContent-Length: 13\r\n\r\n"
    ))
    .await;
    assert!(busy.head().await.starts_with("HTTP/1.1 100 "));
    let finish = tokio::spawn(async move {
        // The server is stopping once it has ended the stream.
        stream.ended().await;
        assert_eq!(idle.rest().await, "");
        let _ = half.answer().await.expect_problem(503);
        busy.send("{\"index\":\"7\"}").await;
        assert_eq!(busy.answer().await.status, 200);
    });
    let status = embedded.server.stop().await;
    assert!(status.success(), "{status}");
    finish.await.unwrap();
    let log = embedded.server.log();
    assert!(!log.contains("grace period expired"), "{log}");
}
