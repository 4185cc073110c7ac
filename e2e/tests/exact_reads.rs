//! Reads are exact: one that starts after a write was acknowledged, by any server, shows that write or something newer.
//! And a client that has the current response already gets a short one.

// clippy knows tests by their attribute, and these helpers have none.
#![allow(clippy::unwrap_used)]

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use e2e::{Client, Server, Stack};
use reqwest::{
    Method,
    header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_MATCH, IF_NONE_MATCH},
};
use serde_json::Value;

/// Asserts that every read on this server shows that an index was submitted.
async fn assert_shown(api: &Client, index: u32) {
    let number = index.to_string();
    let _ = api.get(&format!("/values/{index}")).await.expect(200);
    let all = api.get("/values/all").await.json();
    assert!(all.as_array().unwrap().iter().any(|row| row["number"] == index), "{index} is missing in {all}");
    let current = api.get("/values/current").await.json();
    assert!(current.get(&number).is_some(), "{index} is missing in {current}");
    let page = api.get("/values?limit=100").await.json();
    assert!(
        page.as_array().unwrap().iter().any(|entry| entry["index"] == index),
        "{index} is missing in {page}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_read_on_any_server_shows_every_acknowledged_write() {
    const PER_WRITER: u32 = 20;
    let stack = Stack::builder().start().await;
    let other = Server::start(&stack.settings).await;
    other.api().ready().await;
    let servers = [stack.api(), other.api()];
    let next = Arc::new(AtomicU32::new(1_000));
    let writers: Vec<_> = (0..4_usize)
        .map(|writer| {
            let (own, others) = (servers[writer % 2].clone(), servers[(writer + 1) % 2].clone());
            let next = Arc::clone(&next);
            tokio::spawn(async move {
                for _ in 0..PER_WRITER {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    own.submit(index).await;
                    assert_shown(&others, index).await;
                    assert_shown(&own, index).await;
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    // Once everything is computed, both servers show the same.
    for index in 1_000..next.load(Ordering::Relaxed) {
        servers[0].value(index).await;
    }
    for path in ["/values/all", "/values/current", "/values?limit=100", "/values/1000"] {
        let [one, two] = [servers[0].get(path).await, servers[1].get(path).await];
        assert_eq!(one.body, two.body, "{path}");
        assert_eq!(one.header(ETAG), two.header(ETAG), "{path}");
        assert!(!one.body.contains("Nothing yet!"), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_other_programs_write_is_shown_at_once() {
    let stack = Stack::builder().start().await;
    let api = stack.api();
    api.submit(7).await;
    api.value(7).await;
    for path in ["/values/all", "/values/current", "/values", "/values/7"] {
        let _ = api.get(path).await.expect(200);
    }
    stack.database.execute("insert into values (number) values (8)");
    assert_shown(&api, 8).await;
    api.value(8).await;
    let times = |entry: Value| entry["times_submitted"].as_u64().unwrap();
    let before = times(api.get("/values/8").await.json());
    stack.database.execute("insert into values (number) values (8)");
    assert_eq!(times(api.get("/values/8").await.json()), before + 1);
    stack.database.execute("delete from indexes where number = 7");
    assert_eq!(api.get("/values/all").await.body, "[{\"number\":8}]");
    let _ = api.get("/values/7").await.expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_with_the_current_response_gets_a_short_one() {
    let stack = Stack::start().await;
    stack.api().submit(7).await;
    stack.api().value(7).await;
    let (api, site) = (stack.through_nginx(), stack.nginx.as_ref().unwrap().site());
    for (client, path) in [
        (&api, "/values/all"),
        (&api, "/values/current"),
        (&api, "/values?limit=10"),
        (&api, "/values/7"),
        (&site, "/"),
        (&site, "/values/7"),
        (&site, "/otherpage"),
    ] {
        let first = client.get(path).await.expect(200);
        let etag = first.header(ETAG).to_owned();
        let is_page = first.header(CONTENT_TYPE).starts_with("text/html");
        assert_eq!(is_page, client.base() == site.base(), "{path}");
        assert!(!etag.is_empty() && first.header(CACHE_CONTROL).contains("no-cache"), "{first:?}");
        let ask =
            |method: Method, name, tag: &str| client.send(client.request(method, path).header(name, tag));
        let known = ask(Method::GET, IF_NONE_MATCH, &etag).await.expect(304);
        assert_eq!((known.body.as_str(), known.header(ETAG)), ("", etag.as_str()), "{path}");
        assert_eq!(ask(Method::GET, IF_NONE_MATCH, "\"other\"").await.expect(200).body, first.body);
        let _ = ask(Method::GET, IF_MATCH, "\"other\"").await.expect(412);
        let head = ask(Method::HEAD, IF_NONE_MATCH, "\"other\"").await.expect(200);
        assert_eq!((head.body.as_str(), head.header(ETAG)), ("", etag.as_str()), "{path}");
        assert_eq!(head.header(CONTENT_LENGTH), first.body.len().to_string(), "{path}");
    }
    stack.api().submit(8).await;
    let changed = api.request(Method::GET, "/values/all").header(IF_NONE_MATCH, "\"x\"");
    assert_eq!(api.send(changed).await.body, "[{\"number\":7},{\"number\":8}]");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_many_pages_is_complete_and_does_not_depend_on_the_budget() {
    let builder = Stack::builder().workers(0);
    let stack = builder.set("READ_CACHE_BYTES", 100_000).start().await;
    stack.database.execute("insert into values (number) select generate_series(1, 12345)");
    let unlimited = Server::start(&stack.settings.clone().set("READ_CACHE_BYTES", 10_000_000)).await;
    let uncached = Server::start(&stack.settings.clone().set("READ_CACHE_BYTES", 0)).await;
    unlimited.api().ready().await;
    uncached.api().ready().await;
    for path in ["/values/all", "/values/current"] {
        let expected = uncached.api().get(path).await;
        for api in [stack.api(), unlimited.api()] {
            for _ in 0..3 {
                assert!(api.get(path).await.body == expected.body, "{path} differs");
            }
        }
        let members = match expected.json() {
            Value::Array(rows) => rows.len(),
            Value::Object(values) => values.len(),
            other => panic!("{other}"),
        };
        assert_eq!(members, 12_345);
    }
}
