//! The whole system in one process.

use e2e::{Client, Embedded, eventually, expected};
use protocol::Status;
use reqwest::header::CONTENT_SECURITY_POLICY;

#[tokio::test(flavor = "multi_thread")]
async fn submissions_survive_a_kill() {
    let mut embedded = Embedded::start().await;
    let api = embedded.api();
    for index in [7, 50_000] {
        api.submit(index).await;
        api.value(index).await;
    }
    // Killed right after it accepted another index: the board is lost with the process.
    api.submit(99_999).await;
    embedded.server.kill();
    embedded.server.restart().await;
    api.ready().await;
    assert_eq!(api.all().await, [7, 50_000, 99_999]);
    assert_eq!(api.value(7).await, expected(7));
    api.value(99_999).await;

    // The long value was only on the board: its entry stays done, and it is recomputed on request.
    assert_eq!(api.try_entry(50_000).await.expect("it was submitted").status, Status::Done);
    let digits = eventually("the whole value of 50000 is available", || async {
        let answer = api.get("/values/50000/digits").await;
        if answer.status == 200 { Ok(answer.body) } else { Err(format!("{answer:?}")) }
    })
    .await;
    assert_eq!(digits, expected(50_000));
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_ends_streams_and_computations_and_exits_with_0() {
    let mut embedded = Embedded::start_with(|settings| settings.set("MAX_INDEX", 200_000_000)).await;
    let api = embedded.api();
    let mut events = api.events().await;
    // Long enough to be running when the signal arrives.
    api.submit(200_000_000).await;
    events.until("it is being computed", |sent| sent.event == "computing").await;
    let status = embedded.server.stop().await;
    assert!(status.success(), "{status}; its log:\n{}", embedded.server.log());
    events.ended().await;
    embedded.server.restart().await;
    api.ready().await;
    assert_eq!(api.all().await, [200_000_000]);
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_https_hot_reload_uses_a_secure_websocket() {
    let embedded = Embedded::start_with(|settings| {
        settings
            .set("LEPTOS_WATCH", "true")
            .set("LEPTOS_RELOAD_WS_PROTOCOL", "wss")
            .set("LEPTOS_RELOAD_EXTERNAL_PORT", 443)
    })
    .await;
    let page = Client::new(embedded.url()).get("/").await.expect(200);
    let policy = page.header(CONTENT_SECURITY_POLICY);
    assert!(policy.contains("connect-src 'self' wss://*:443;"), "{policy}");
    assert!(page.body.contains("(443, 'wss://')"), "{}", page.body);
}
