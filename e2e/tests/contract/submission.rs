//! `POST /values`.

use e2e::{Answer, Client};
use protocol::{Problem, Status};
use reqwest::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER};
use serde_json::{Value, json};

use crate::{MAX_INDEX, Place};

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

pub(crate) async fn suite(place: &Place) {
    let api = &place.api;
    what_is_taken(api).await;
    again_and_again(api).await;
    what_is_no_index(api).await;
    what_can_not_be_read(place).await;
    a_plain_form(api).await;
}

fn taken(answer: Answer, index: u32) {
    let answer = answer.expect(200);
    assert_eq!(answer.header(CONTENT_TYPE), JSON, "{answer:?}");
    let body = answer.json();
    assert_eq!(body["working"], true, "{answer:?}");
    assert_eq!(body["entry"]["index"], index, "{answer:?}");
    assert!(body["entry"]["revision"].is_u64(), "{answer:?}");
}

async fn what_is_taken(api: &Client) {
    for (body, index) in [
        // As the original's page sent it: a string.
        (json!({"index": "7"}), 7),
        (json!({"index": 7}), 7),
        // Normalised, as the original's were not.
        (json!({"index": " 007 "}), 7),
        (json!({"index": "0"}), 0),
        (json!({"index": MAX_INDEX}), MAX_INDEX),
        (json!({"index": "12", "more": [1, 2]}), 12),
    ] {
        taken(api.post(&body).await, index);
    }
    taken(api.post_as("application/json; charset=utf-8", r#"{"index":"7"}"#).await, 7);
    taken(api.post_as(FORM, "index=7").await, 7);
    taken(api.post_as(FORM, "index=+007+&other=1").await, 7);
    assert_eq!(api.value(7).await, "13");
    assert_eq!(api.value(0).await, "0");
}

async fn again_and_again(api: &Client) {
    let first = api.submit(30).await;
    api.entry_at(30, Status::Done).await;
    let second = api.submit(30).await;
    // The original reset a value that was there to `Nothing yet!`.
    assert_eq!(second.status, Status::Done, "{second:?}");
    assert_eq!(second.brief(), "832040");
    assert_eq!(second.times_submitted, first.times_submitted + 1);
    assert!(second.revision > first.revision);
    assert_eq!(second.position, first.position);
}

async fn what_is_no_index(api: &Client) {
    let refused = async |body: Value| -> Problem { api.post(&body).await.expect_problem(422) };
    // `{}` killed the original's API, `""` and `abc` its worker, 5.9 its API after the 200.
    for body in [
        json!({}),
        json!({"index": ""}),
        json!({"index": "  "}),
        json!({"index": "abc"}),
        json!({"index": "3abc"}),
        json!({"index": "5.9"}),
        json!({"index": 5.9}),
        json!({"index": -5}),
        json!({"index": "-5"}),
        json!({"index": "+7"}),
        json!({"index": "1e3"}),
        json!({"index": null}),
        json!({"index": true}),
        json!({"index": [7]}),
        json!([7]),
        json!("7"),
        json!(7),
        json!(null),
    ] {
        let problem = refused(body.clone()).await;
        assert!(problem.detail.is_some(), "{body}: a detail says what is allowed");
        assert_ne!(problem.title, "Index too high", "{body}");
    }
    for too_high in [json!(MAX_INDEX + 1), json!((MAX_INDEX + 1).to_string()), json!("99999999999999999999")]
    {
        let problem = refused(json!({ "index": too_high })).await;
        assert_eq!(problem.title, "Index too high");
        assert_eq!(problem.max_index, Some(MAX_INDEX));
        assert!(problem.detail.is_some_and(|detail| detail.contains("100,000")));
    }
    let _ = api.post_as(FORM, "index=abc").await.expect_problem(422);
    let _ = api.post_as(FORM, "other=7").await.expect_problem(422);
    let _ = api.post_as(FORM, "").await.expect_problem(422);
    // Longer than any type holds, and still a number.
    let problem = api.post_as(JSON, format!("{{\"index\":{}}}", "9".repeat(400))).await.expect_problem(422);
    assert_eq!(problem.title, "Index too high");
}

async fn what_can_not_be_read(place: &Place) {
    let api = &place.api;
    // The original answered with a stack trace.
    for malformed in ["{\"index\":", "index=7", "", "{'index':7}", "\u{0}"] {
        let problem = api.post_as(JSON, malformed).await.expect_problem(400);
        let detail = problem.detail.unwrap_or_default();
        assert!(!detail.contains("panicked") && !detail.contains(".rs"), "{detail}");
    }
    // The original's request hung.
    for media_type in ["text/plain", "multipart/form-data; boundary=x", "application/xml"] {
        let _ = api.post_as(media_type, "7").await.expect_problem(415);
    }
    let untyped = api.request(reqwest::Method::POST, "/values").body("7");
    let _ = api.send(untyped).await.expect_problem(415);
    // nginx refuses what is too large in the same words as the server.
    let problem = api.post_as(JSON, "7".repeat(70_000)).await.expect_problem(413);
    assert_eq!(problem.title, "Body too large");
    assert!(problem.detail.is_some_and(|detail| detail.contains("65536 bytes")), "nginx: {}", place.nginx);
}

/// A browser with scripts off: the answer is the way back to the page.
async fn a_plain_form(api: &Client) {
    let location = async |body: &str| {
        let answer = api.post_plain_form(body).await.expect(303);
        let location = answer.header(LOCATION).to_owned();
        // The page, whatever host and port stand in front.
        assert!(location.starts_with("/?"), "{answer:?}");
        location
    };
    assert!(location("index=40").await.contains("index=40"));
    assert_eq!(api.value(40).await, "102334155");
    assert!(location("index=abc").await.contains("index=abc"));
    assert!(location("index=%3Cscript%3E").await.contains("%3Cscript%3E"));
    location("index=").await;
    location("").await;
    location(&format!("index={}", "9".repeat(5_000))).await;
}

pub(crate) async fn too_fast(api: &Client) {
    // Ten seconds' worth at once, and not one more.
    for index in 0..10 {
        taken(api.post(&json!({ "index": index })).await, index);
    }
    let refused = api.post(&json!({"index": 10})).await;
    assert!(refused.header(RETRY_AFTER).parse::<u64>().is_ok_and(|seconds| seconds >= 1), "{refused:?}");
    let _ = refused.expect_problem(429);
    // Reading is not limited.
    let _ = api.get("/values").await.expect(200);
}
