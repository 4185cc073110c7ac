//! Values that clients choose are bounded before they become metric labels or log fields.

use e2e::{Embedded, Raw};

/// Lines of the request counter.
async fn series(embedded: &Embedded) -> usize {
    let metrics = embedded.api().get("/metrics").await.expect(200);
    metrics.body.lines().filter(|line| line.starts_with("fibstack_http_requests_total")).count()
}

/// Sends many requests, each with another method, path, query and request id.
async fn made_up_requests(embedded: &Embedded, from: u32) {
    const REQUESTS: u32 = 1_000;
    let mut raw = Raw::connect(embedded.server.site_addr()).await;
    for number in from..from + REQUESTS {
        raw.send(format!(
            "METHOD{number} /api/path{number}?query{number}={number} HTTP/1.1\r\nHost: a\r\n\
             X-Request-Id: id{number}\r\nX-Forwarded-For: {number}\r\nLast-Event-ID: {number}\r\n\
             Content-Length: 0\r\n\r\n"
        ))
        .await;
        let head = raw.head().await;
        assert!(head.starts_with("HTTP/1.1 404"), "{head}");
        let length = head.to_ascii_lowercase();
        let length =
            length.split_once("content-length: ").and_then(|(_, rest)| rest.lines().next()?.parse().ok());
        raw.skip(length.unwrap()).await;
    }
    raw.send(format!("METHOD{from} /api/values/7 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")).await;
    let _ = raw.answer().await.expect_problem(405);
}

#[tokio::test(flavor = "multi_thread")]
async fn arbitrary_methods_and_paths_add_no_metrics() {
    let embedded = Embedded::start().await;
    made_up_requests(&embedded, 0).await;
    let _ = series(&embedded).await;
    let before = series(&embedded).await;
    made_up_requests(&embedded, 100_000).await;
    assert_eq!(series(&embedded).await, before);
    let metrics = embedded.api().get("/metrics").await.expect(200).body;
    assert!(metrics.contains("method=\"other\"") && !metrics.contains("METHOD"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_or_strange_request_id_is_replaced() {
    let embedded = Embedded::start().await;
    let ask = async |id: &str| {
        let request = format!(
            "GET /api/nothing HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Request-Id: {id}\r\n\r\n"
        );
        let answer = Raw::exchange(embedded.server.site_addr(), request).await;
        answer.header("x-request-id").to_owned()
    };
    assert_eq!(ask("my-id.7").await, "my-id.7");
    for id in [&"x".repeat(10_000), "a b", "<b>", "é", ""] {
        let answered = ask(id).await;
        assert!(answered != *id && answered.len() == 36, "{id}: {answered}");
    }
    let long = format!("/api/{}", "x".repeat(10_000));
    let request = format!("GET {long} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    let _ = Raw::exchange(embedded.server.site_addr(), request).await.expect_problem(404);
    let log = embedded.server.log();
    assert!(log.lines().all(|line| line.len() < 5_000), "a log line is longer than 5,000 bytes");
}
