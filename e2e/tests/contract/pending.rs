//! Responses about a pending index: 7, submitted while no worker is running.

use e2e::Client;
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};

pub(crate) async fn suite(api: &Client) {
    assert_eq!(api.get("/values/current").await.expect(200).body, r#"{"7":"Nothing yet!"}"#);
    assert_eq!(api.get("/values/all").await.expect(200).body, r#"[{"number":7}]"#);
    let entry = api.get("/values/7").await.expect(200).json();
    assert_eq!(entry["status"], "pending", "{entry}");
    for absent in ["value", "digits", "head", "tail"] {
        assert!(entry.get(absent).is_none(), "{entry}");
    }
    let digits = api.get("/values/7/digits").await.expect(202);
    assert_eq!(digits.header(RETRY_AFTER), "1");
    assert_eq!(digits.header(CONTENT_TYPE), "application/json");
    assert_eq!(digits.json()["status"], "pending");
    // An error, so that no program saves this as the value.
    let download = api.get("/values/7/digits?download=true").await;
    assert_eq!(download.header(RETRY_AFTER), "1");
    let _ = download.expect_problem(503);
    let page = api.get("/values").await.expect(200).json();
    assert_eq!(page[0]["status"], "pending", "{page}");
}
