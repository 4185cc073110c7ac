//! `POST /values`.

use e2e::{Answer, Client, expected};
use job::JOB;
use protocol::{Problem, Status};
use reqwest::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use serde_json::{Value, json};

use crate::{EntryPoint, MAX_INDEX};

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

pub(crate) async fn suite(entry_point: &EntryPoint) {
    let api = &entry_point.api;
    accepted_indexes(api).await;
    resubmission(api).await;
    invalid_indexes(api).await;
    unreadable_bodies(entry_point).await;
    unusual_bodies(api).await;
    plain_form(api).await;
}

fn taken(answer: Answer, index: u32) {
    let answer = answer.expect(200);
    assert_eq!(answer.header(CONTENT_TYPE), JSON, "{answer:?}");
    let body = answer.json();
    assert_eq!(body["working"], true, "{answer:?}");
    assert_eq!(body["entry"]["index"], index, "{answer:?}");
    assert!(body["entry"]["revision"].is_u64(), "{answer:?}");
}

async fn accepted_indexes(api: &Client) {
    for (body, index) in [
        // As the original's page sent it: a string.
        (json!({"index": "7"}), 7),
        (json!({"index": 7}), 7),
        // Normalised, unlike in the original.
        (json!({"index": " 007 "}), 7),
        (json!({"index": JOB.lowest_index.to_string()}), JOB.lowest_index),
        (json!({"index": MAX_INDEX}), MAX_INDEX),
        (json!({"index": "\u{feff}8\u{200b}"}), 8),
        (json!({"index": "1,000"}), 1_000),
        (json!({"index": "1 001"}), 1_001),
        (json!({"index": "1_002"}), 1_002),
        (json!({"index": "12", "more": [1, 2]}), 12),
    ] {
        taken(api.post(&body).await, index);
    }
    taken(api.post_as("application/json; charset=utf-8", r#"{"index":"7"}"#).await, 7);
    taken(api.post_as(FORM, "index=7").await, 7);
    taken(api.post_as(FORM, "index=+007+&other=1").await, 7);
    for index in [7, JOB.lowest_index] {
        assert_eq!(api.value(index).await, expected(index));
    }
}

async fn resubmission(api: &Client) {
    let first = api.submit(30).await;
    api.entry_at(30, Status::Done).await;
    let second = api.submit(30).await;
    // The original reset an existing value to `Nothing yet!`.
    assert_eq!(second.status, Status::Done, "{second:?}");
    assert_eq!(second.brief(), expected(30));
    assert_eq!(second.times_submitted, first.times_submitted + 1);
    assert!(second.revision > first.revision);
    assert_eq!(second.position, first.position);
}

async fn invalid_indexes(api: &Client) {
    let refused = async |body: Value| -> Problem { api.post(&body).await.expect_problem(422) };
    // `{}` crashed the original's API, `""` and `abc` its worker, 5.9 its API after its 200.
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
        json!({"index": "7.0"}),
        json!({"index": "1,00"}),
        json!({"index": "7, 8"}),
        json!({"index": "1\u{200b}0"}),
        json!({"index": "７"}),
        json!({"index": null}),
        json!({"index": true}),
        json!({"index": [7]}),
        json!([7]),
        json!("7"),
        json!(7),
        json!(null),
    ] {
        let problem = refused(body.clone()).await;
        assert!(problem.detail.is_some(), "{body}: the detail is missing");
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
    // Too long for any integer type, but still a number.
    let problem = api.post_as(JSON, format!("{{\"index\":{}}}", "9".repeat(400))).await.expect_problem(422);
    assert_eq!(problem.title, "Index too high");
}

async fn unreadable_bodies(entry_point: &EntryPoint) {
    let api = &entry_point.api;
    // The original returned a stack trace.
    for malformed in ["{\"index\":", "index=7", "", "{'index':7}", "\u{0}"] {
        let problem = api.post_as(JSON, malformed).await.expect_problem(400);
        let detail = problem.detail.unwrap_or_default();
        assert!(!detail.contains("panicked") && !detail.contains(".rs"), "{detail}");
    }
    // In the original, the request hung.
    for media_type in ["text/plain", "multipart/form-data; boundary=x", "application/xml"] {
        let _ = api.post_as(media_type, "7").await.expect_problem(415);
    }
    let untyped = api.request(reqwest::Method::POST, "/values").body("7");
    let _ = api.send(untyped).await.expect_problem(415);
    // nginx rejects a large body with the same words as the server.
    let problem = api.post_as(JSON, "7".repeat(70_000)).await.expect_problem(413);
    assert_eq!(problem.title, "Body too large");
    assert!(
        problem.detail.is_some_and(|detail| detail.contains("65536 bytes")),
        "nginx: {}",
        entry_point.nginx
    );
}

/// Bodies that the original's parser accepted, and similar ones: accepted, or rejected with advice on what to send.
async fn unusual_bodies(api: &Client) {
    for (media_type, body, index) in [
        (JSON, "\u{feff}{\"index\":\"7\"}", 7),
        (FORM, "\u{feff}index=7", 7),
        (JSON, "{\"index\":7.0}", 7),
        (JSON, "{\"index\":1e1}", 10),
        (JSON, "{\"index\":6,\"index\":7}", 7),
        (JSON, "{\"index\":7,\"nested\":{\"index\":[8]}}", 7),
        (JSON, " \r\n{ \"index\" : 7 }\n", 7),
        ("Application/JSON;charset=\"UTF-8\"", "{\"index\":7}", 7),
        (FORM, "index=+7", 7),
        (FORM, "index=%37", 7),
        (FORM, "index=&index=7", 7),
        (FORM, "other=&index=7&&x", 7),
        ("application/x-www-form-urlencoded; charset=utf-8", "index=7", 7),
    ] {
        taken(api.post_as(media_type, body).await, index);
    }
    for (media_type, body, status, says) in [
        ("application/json; charset=utf-16", "{\"index\":7}", 415, "UTF-8"),
        ("application/json; charset=iso-8859-1", "{\"index\":7}", 415, "UTF-8"),
        ("application/json; charset = utf-16", "{\"index\":7}", 415, "UTF-8"),
        (JSON, "", 400, "is empty. Send an object such as {\"index\":\"7\"}"),
        (JSON, "{'index':7}", 400, "Send an object such as {\"index\":\"7\"}"),
        // UTF-16 without a byte-order mark.
        (JSON, "{\x00\"\x00i\x00n\x00d\x00e\x00x\x00\"\x00:\x007\x00}\x00", 400, "in UTF-16"),
        (JSON, "{\"index\":[7]}", 422, "`index` field"),
        (JSON, "{\"index\":{\"index\":7}}", 422, "`index` field"),
        (JSON, "{\"index\":null}", 422, "`index` field"),
        (JSON, "{\"index\":59e-1}", 422, "whole number"),
        (JSON, "{\"index\":1e400}", 422, "must not exceed"),
        (FORM, "index=7&index=8", 400, "once"),
        (FORM, "index=", 422, "`index` field: index=7"),
        (FORM, "index=%2B7", 422, "whole number"),
        (FORM, "index=%FF", 422, "whole number"),
    ] {
        let problem = api.post_as(media_type, body).await.expect_problem(status);
        assert!(problem.detail.as_ref().is_some_and(|detail| detail.contains(says)), "{body}: {problem:?}");
    }
    for (body, says) in
        [(&b"\xff\xfe{\0"[..], "in UTF-16"), (&b"\xfe\xff\0{"[..], "in UTF-16"), (&b"\xe9"[..], "not UTF-8")]
    {
        for media_type in [JSON, FORM] {
            let problem = api.post_as(media_type, body.to_vec()).await.expect_problem(400);
            assert!(problem.detail.as_ref().is_some_and(|detail| detail.contains(says)), "{problem:?}");
        }
    }
    let twice =
        api.request(reqwest::Method::POST, "/values").header(CONTENT_TYPE, JSON).header(CONTENT_TYPE, FORM);
    let _ = api.send(twice.body("{\"index\":7}")).await.expect_problem(415);
    for (coding, packed) in [("gzip", GZIP), ("x-gzip", GZIP), ("deflate", DEFLATE), ("GZIP", GZIP)] {
        taken(post_packed(api, coding, packed).await, 7);
    }
    taken(post_packed(api, "identity", b"{\"index\":7}").await, 7);
    let _ = post_packed(api, "gzip", b"{\"index\":7}").await.expect_problem(400);
    let _ = post_packed(api, "gzip", &GZIP[..20]).await.expect_problem(400);
    let _ = post_packed(api, "gzip", &bomb()).await.expect_problem(413);
    for coding in ["br", "zstd", "gzip, gzip", "made-up"] {
        let refused = post_packed(api, coding, GZIP).await;
        assert_eq!(refused.header(ACCEPT_ENCODING), "gzip, deflate", "{coding}");
        let problem = refused.expect_problem(415);
        assert!(problem.detail.is_some_and(|detail| detail.contains("gzip and deflate")), "{coding}");
    }
}

async fn post_packed(api: &Client, coding: &str, body: &[u8]) -> Answer {
    let request = api.request(reqwest::Method::POST, "/values").header(CONTENT_TYPE, JSON);
    api.send(request.header(CONTENT_ENCODING, coding).body(body.to_vec())).await
}

/// `{"index":7}` as gzip packs it.
const GZIP: &[u8] = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xab\x56\xca\xcc\x4b\x49\xad\x50\xb2\x32\xaf\x05\x00\x97\xc5\x9b\xbb\x0b\x00\x00\x00";
/// `{"index":7}` as zlib packs it.
const DEFLATE: &[u8] = b"\x78\x9c\xab\x56\xca\xcc\x4b\x49\xad\x50\xb2\x32\xaf\x05\x00\x17\x5c\x03\xc6";

/// 65,536 blanks as gzip packs them: as much as a body may have.
const BLANKS: &[u8] = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xed\xc1\x81\x00\x00\x00\x00\x80\x20\x95\xfd\x29\x17\xa9\x0a\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x6a\x94\x19\x2c\xb4\x00\x00\x01\x00";

/// A body that unpacks to a hundred times the limit.
fn bomb() -> Vec<u8> {
    BLANKS.repeat(100)
}

/// With scripts disabled, the browser is redirected back to the page.
async fn plain_form(api: &Client) {
    let location = async |body: &str| {
        let answer = api.post_plain_form(body).await.expect(303);
        let location = answer.header(LOCATION).to_owned();
        // A relative address, for any public host and port.
        assert!(location.starts_with("/?"), "{answer:?}");
        location
    };
    assert!(location("index=40").await.contains("index=40"));
    assert_eq!(api.value(40).await, expected(40));
    assert!(location("index=abc").await.contains("index=abc"));
    assert!(location("index=%3Cscript%3E").await.contains("%3Cscript%3E"));
    location("index=").await;
    location("").await;
    location(&format!("index={}", "9".repeat(5_000))).await;
}

pub(crate) async fn too_fast(api: &Client) {
    // A burst of ten seconds' worth, and no more.
    for index in 0..10 {
        taken(api.post(&json!({ "index": index })).await, index);
    }
    let refused = api.post(&json!({"index": 10})).await;
    assert!(refused.header(RETRY_AFTER).parse::<u64>().is_ok_and(|seconds| seconds >= 1), "{refused:?}");
    let _ = refused.expect_problem(429);
    // Reading is not limited.
    let _ = api.get("/values").await.expect(200);
}
