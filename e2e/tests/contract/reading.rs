//! Lists and entries.

use std::collections::BTreeMap;

use e2e::{Answer, Client, expected};
use protocol::{Entry, Status};
use reqwest::header::{CONTENT_TYPE, HOST, LINK};

use crate::EntryPoint;

const JSON: &str = "application/json";

pub(crate) async fn suite(entry_point: &EntryPoint) {
    let api = &entry_point.api;
    let mut order = Vec::new();
    // Neither ascending nor descending, to check the order of submission.
    for index in [211, 208, 215, 203, 209] {
        api.submit(index).await;
        api.entry_at(index, Status::Done).await;
        order.push(index);
    }
    api.submit(50_000).await;
    let long = api.entry_at(50_000, Status::Done).await;
    order.push(50_000);
    every_index(api, &order).await;
    every_value(api, &long).await;
    one_entry(api).await;
    pages(api, &order).await;
    wrong_pages(api).await;
}

/// `GET /values/all`: every index once, in order of first submission.
async fn every_index(api: &Client, order: &[u32]) {
    api.submit(order[0]).await;
    let answer = api.get("/values/all").await.expect(200);
    assert_eq!(answer.header(CONTENT_TYPE), JSON);
    let rows: Vec<BTreeMap<String, u64>> = serde_json::from_str(&answer.body).unwrap();
    assert!(rows.iter().all(|row| row.keys().eq(["number"])), "{}", answer.body);
    let listed: Vec<_> = api.all().await;
    let ours: Vec<_> =
        listed.iter().copied().filter(|index| order.iter().any(|ours| u64::from(*ours) == *index)).collect();
    assert_eq!(ours, order.iter().copied().map(u64::from).collect::<Vec<_>>());
    assert!(!answer.body.contains(' '), "not byte for byte what the original sent");
}

/// `GET /values/current`: a long value as head, `…`, tail and number of digits.
async fn every_value(api: &Client, long: &Entry) {
    let answer = api.get("/values/current").await.expect(200);
    assert_eq!(answer.header(CONTENT_TYPE), JSON);
    let values = api.current().await;
    assert_eq!(values["7"], expected(7));
    assert_eq!(values["203"], expected(203));
    let brief = &values["50000"];
    assert_eq!(*brief, long.brief());
    let digits = format!(" ({} digits)", expected(50_000).len());
    assert!(brief.ends_with(&digits) && brief.contains('…'), "{brief}");
    assert_eq!(brief.chars().count(), 100 + 1 + 100 + digits.len(), "{brief}");
    assert_eq!(values.len(), api.all().await.len());
}

async fn one_entry(api: &Client) {
    let answer = api.get("/values/7").await.expect(200);
    assert_eq!(answer.header(CONTENT_TYPE), JSON);
    let entry = answer.json();
    for (member, value) in [("index", 7.into()), ("status", "done".into()), ("value", expected(7).into())] {
        let value: serde_json::Value = value;
        assert_eq!(entry[member], value, "{entry}");
    }
    assert_eq!(entry["digits"], expected(7).len(), "{entry}");
    timeline(api).await;

    let long = api.get("/values/50000").await.expect(200).json();
    assert_eq!(long["digits"], expected(50_000).len(), "{long}");
    for end in ["head", "tail"] {
        assert_eq!(long[end].as_str().map(str::len), Some(100), "{long}");
    }
    assert!(long.get("value").is_none(), "{long}");

    // Any index that can be submitted can be looked up, however it is written.
    assert_eq!(api.get("/values/50,000").await.expect(200).json()["index"], 50_000);
    // No client is told to submit an index that would be refused.
    for (too_high, words) in
        [("100001", "must not exceed 100,000"), ("9999999999", "must not exceed 100,000")]
    {
        let detail =
            api.get(&format!("/values/{too_high}")).await.expect_problem(404).detail.unwrap_or_default();
        assert!(detail.contains(words) && !detail.contains("Submit"), "{detail}");
    }
    for unknown in ["99999", "abc", "-5", "99999999999"] {
        let _ = api.get(&format!("/values/{unknown}")).await.expect_problem(404);
    }
}

/// The timeline of an index that one of our workers computed has every step, in order.
async fn timeline(api: &Client) {
    let steps = [
        "accepted_us",
        "recorded_us",
        "announced_us",
        "claimed_us",
        "computed_us",
        "posted_us",
        "delivered_us",
    ];
    let entry = api.get("/values/7").await.expect(200).json();
    let times: Vec<_> = steps.map(|step| entry["timeline"][step].as_u64()).into();
    assert!(times.iter().all(Option::is_some) && times.is_sorted(), "{entry}");
    assert!(entry["worker"].is_string(), "{entry}");
}

fn entries(answer: &Answer) -> Vec<Entry> {
    serde_json::from_str(&answer.body).unwrap_or_else(|error| panic!("{error} in {answer:?}"))
}

/// `GET /values?limit=&before=`: newest first; the `Link` header points to the next page.
async fn pages(api: &Client, order: &[u32]) {
    let mut seen = Vec::new();
    let mut address = "/values?limit=2".to_owned();
    loop {
        let answer = api.get(&address).await.expect(200);
        let page = entries(&answer);
        assert!(!page.is_empty() && page.len() <= 2, "{answer:?}");
        seen.extend(page);
        let link = answer.header(LINK);
        if link.is_empty() {
            break;
        }
        // Relative, because the server does not know the public address: `<?limit=2&before=5>; rel="next"`.
        let (target, relation) = link.split_once(">; ").unwrap_or_else(|| panic!("{answer:?}"));
        assert_eq!(relation, "rel=\"next\"");
        address = format!("/values{}", target.strip_prefix('<').unwrap_or_else(|| panic!("{answer:?}")));
    }
    assert!(seen.is_sorted_by(|newer, older| newer.position > older.position), "{seen:#?}");
    assert_eq!(seen.len(), api.all().await.len());
    let ours = seen.iter().rev().map(|entry| entry.index.get()).filter(|index| order.contains(index));
    assert!(ours.eq(order.iter().copied()), "{seen:#?}");

    let before = seen[1].position;
    let older = entries(&api.get(&format!("/values?before={before}")).await.expect(200));
    assert!(older.iter().all(|entry| entry.position < before) && !older.is_empty());
    // Past the end, the page is empty and there is no next one.
    let end = api.get("/values?before=0").await.expect(200);
    assert_eq!((end.body.as_str(), end.header(LINK)), ("[]", ""));
    let all = api.get("/values?limit=100").await.expect(200);
    assert_eq!(entries(&all).len(), seen.len());
    assert_eq!(all.header(LINK), "");
    // An empty parameter counts as absent, as the documentation writes it.
    let default = entries(&api.get("/values").await.expect(200));
    for query in ["limit=&before=", "limit=", "before=", "&", "limit", "limit=&limit=20&other="] {
        assert_eq!(entries(&api.get(&format!("/values?{query}")).await.expect(200)), default, "{query}");
    }
    // Any host name is accepted.
    let _ = api.get_with("/values?limit=1", HOST, "fib.example").await.expect(200);
}

async fn wrong_pages(api: &Client) {
    for (query, status) in [
        ("limit=0", 422),
        ("limit=101", 422),
        ("limit=abc", 400),
        ("limit=-1", 400),
        ("before=abc", 400),
        ("limit=1&limit=2", 400),
        ("limit=%20", 400),
    ] {
        let problem = api.get(&format!("/values?{query}")).await.expect_problem(status);
        let detail = problem.detail.unwrap_or_default();
        assert!(
            detail.starts_with("`limit` must be a whole number from 1 to 100, and `before`"),
            "{query}: {detail}"
        );
    }
}
