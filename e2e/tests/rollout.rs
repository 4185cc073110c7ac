//! Rolling updates: for a while, servers of two versions are behind one nginx, and each has only its own files.

// clippy knows tests by their attribute, and these helpers have none.
#![allow(clippy::unwrap_used)]

use std::{collections::BTreeSet, fs};

use e2e::{
    Answer, Client, Nginx, Server, Site, Stack,
    browser::{Browser, Scripts},
};
use reqwest::{
    Method,
    header::{
        ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, RANGE, VARY,
    },
};
use throwaway::nginx::Options;

const FOREVER: &str = "public, max-age=31536000, immutable";
const PAGES: [&str; 4] = ["/", "/otherpage", "/values/7", "/no/such/page"];

/// Files of the package that a page names, relative to the site.
fn files_of(page: &str) -> BTreeSet<String> {
    let names = page.split("pkg/fibstack.").skip(1);
    let names = names.map(|rest| rest.split(['"', '\'']).next().unwrap());
    names.map(|name| format!("/pkg/fibstack.{name}")).collect()
}

/// Loads every page and everything it needs.
async fn load_pages(site: &Client) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for path in PAGES {
        let page = site.get(path).await;
        assert!(page.status.is_success() || path == "/no/such/page" || path == "/values/7", "{page:?}");
        let files = files_of(&page.body);
        // Script, WebAssembly and style; pages without islands have only a style.
        assert_eq!(files.len(), if path == "/" { 3 } else { 1 }, "{page:?}");
        for file in &files {
            let loaded = site.get(file).await.expect(200);
            assert_eq!(loaded.body, *file);
            assert_eq!(loaded.header(CACHE_CONTROL), FOREVER);
        }
        all.extend(files);
    }
    all
}

/// Asserts that this is an error that no cache stores.
fn assert_not_kept(answer: Answer, status: u16) {
    assert_eq!(answer.header(CACHE_CONTROL), "no-store", "{answer:?}");
    let _ = answer.expect(status);
}

/// Opens a page ten times in a real browser, which caches what it may.
async fn load_in_browser(nginx: &Nginx) -> anyhow::Result<()> {
    const LOADED: &str = "const files = performance.getEntriesByType('resource').filter(file => \
                          file.name.includes('/pkg/')); \
                          return files.length < 3 ? null : files.map(file => file.responseStatus)";
    let browser = Browser::start(Scripts::On).await?;
    for _ in 0..10 {
        browser.driver.goto(format!("http://{}/", nginx.address())).await?;
        let statuses = browser
            .wait_until("the package is loaded", || async {
                let statuses = browser.driver.execute(LOADED, Vec::new()).await?;
                Ok(statuses.convert::<Option<Vec<u16>>>()?)
            })
            .await?;
        anyhow::ensure!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_both_versions_load_completely_while_both_are_up_and_afterwards() {
    let (old, new) = (Site::new("0ld"), Site::new("n3w"));
    let stack = Stack::builder().start().await;
    let mut old_server = Server::start(&old.settings(&stack.settings)).await;
    let new_server = Server::start(&new.settings(&stack.settings)).await;
    for server in [&old_server, &new_server] {
        server.api().ready().await;
    }
    let second = Some((new_server.site_addr(), new_server.api_addr()));
    let nginx =
        Nginx::start_with(Options { second, ..Options::new(old_server.site_addr(), old_server.api_addr()) });
    // Each on a connection of its own, since each of nginx's workers chooses servers by itself.
    let site = nginx.site().with_new_connections();
    let mut seen = BTreeSet::new();
    for round in 0..10 {
        // nginx alternates between servers: after a different number of requests, the other one serves the next page.
        for _ in 0..round {
            let _ = site.get("/icon.svg").await.expect(200);
        }
        seen.extend(load_pages(&site).await);
    }
    let expected: BTreeSet<String> = [&old, &new]
        .iter()
        .flat_map(|version| ["js", "wasm", "css"].map(|kind| version.file(kind)))
        .collect();
    assert_eq!(seen, expected, "pages came from both servers");
    load_in_browser(&nginx).await.unwrap();
    for _ in 0..4 {
        assert_not_kept(site.get("/pkg/fibstack.0000000000000000.css").await, 404);
    }

    // A page that the old server rendered last may ask for its files after it is gone.
    old_server.kill();
    let gone = site.get(&old.file("css")).await;
    // 503 if nginx notices only now that the old server is gone.
    let status = if gone.status == 503 { 503 } else { 404 };
    assert_not_kept(gone, status);
    for _ in 0..10 {
        load_pages(&site).await;
    }
    // A rollback makes the missing files available again.
    old_server.restart().await;
    e2e::eventually("the old server's files are back", || async {
        let answer = site.get(&old.file("css")).await;
        if answer.status == 200 { Ok(()) } else { Err(format!("{answer:?}")) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_successful_responses_for_package_files_are_cached() {
    let version = Site::new("v1");
    let stack = Stack::builder().start().await;
    let server = Server::start(&version.settings(&stack.settings)).await;
    server.api().ready().await;
    let nginx = Nginx::start(&server);
    let (script, missing) = (version.file("js"), "/pkg/fibstack.v2.js");
    for site in [Client::new(format!("http://{}", server.site_addr())), nginx.site()] {
        let get = |path: &str| site.request(Method::GET, path);
        for path in [missing, "/pkg", "/pkg/", "/pkg/%2e%2e%2fhash.txt", "/pkg/fibstack.v1.js/"] {
            let answer = site.get(path).await;
            assert_eq!(
                (answer.status.as_u16(), answer.header(CACHE_CONTROL)),
                (404, "no-store"),
                "{answer:?}"
            );
        }
        assert_not_kept(site.get(missing).await, 404);
        let head = site.send(site.request(Method::HEAD, missing)).await.expect(404);
        assert_eq!((head.header(CACHE_CONTROL), head.body.as_str()), ("no-store", ""), "{head:?}");
        let posted = site.send(site.request(Method::POST, &script)).await;
        assert_eq!(posted.header("allow".parse::<reqwest::header::HeaderName>().unwrap()), "GET,HEAD");
        assert_not_kept(posted, 405);
        assert_not_kept(site.send(get(&script).header("if-match", "\"another\"")).await, 412);

        let whole = site.get(&script).await.expect(200);
        assert_eq!((whole.header(CACHE_CONTROL), whole.header(VARY)), (FOREVER, "accept-encoding"));
        for range in ["bytes=0-7", "bytes=-99", "bytes=0-0,99-", "bytes=99-", "bytes=x"] {
            let answer = site.send(get(&script).header(RANGE, range)).await.expect(200);
            assert_eq!((answer.body.as_str(), answer.header(CACHE_CONTROL)), (script.as_str(), FOREVER));
        }
        let again = site.send(get(&script).header(IF_NONE_MATCH, whole.header(ETAG))).await.expect(304);
        assert_eq!((again.header(CACHE_CONTROL), again.header(ETAG)), (FOREVER, whole.header(ETAG)));
        assert_eq!(again.header(VARY), "accept-encoding");

        let compressed = site.send(get(&script).header(ACCEPT_ENCODING, "br")).await.expect(200);
        assert_eq!(compressed.body, format!("{script}, compressed"));
        assert_eq!((compressed.header(CONTENT_ENCODING), compressed.header(VARY)), ("br", "accept-encoding"));
        assert!(compressed.header(CONTENT_TYPE).starts_with("text/javascript"), "{compressed:?}");
        assert_ne!(compressed.header(ETAG), whole.header(ETAG));

        // Files outside the package have no hash in their names.
        assert_eq!(site.get("/icon.svg").await.expect(200).header(CACHE_CONTROL), "public, max-age=3600");
        for path in ["/favicon.ico", "/robots.txt", "/values/99999", "/values/x", "/otherpage/"] {
            let answer = site.get(path).await;
            assert!(!answer.status.is_success(), "{answer:?}");
            assert_eq!(answer.header(CACHE_CONTROL), "no-store", "{answer:?}");
        }
        assert_eq!(site.get("/").await.expect(200).header(CACHE_CONTROL), "no-cache, private");
    }
}

/// A disk that fails, or a folder that vanishes while the server is running.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_loses_its_files_lets_the_other_one_serve_them() {
    let (broken, healthy) = (Site::new("v1"), Site::new("v1"));
    let stack = Stack::builder().start().await;
    let broken_server = Server::start(&broken.settings(&stack.settings)).await;
    let healthy_server = Server::start(&healthy.settings(&stack.settings)).await;
    fs::remove_dir_all(broken.folder().join("pkg")).unwrap();
    let second = Some((healthy_server.site_addr(), healthy_server.api_addr()));
    let nginx = Nginx::start_with(Options {
        second,
        ..Options::new(broken_server.site_addr(), broken_server.api_addr())
    });
    let site = nginx.site().with_new_connections();
    for _ in 0..10 {
        load_pages(&site).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_successful_responses_with_digits_are_cached() {
    let stack = Stack::builder().nginx().start().await;
    stack.api().submit(100).await;
    stack.api().value(100).await;
    for api in [stack.api(), stack.site_api(), stack.through_nginx()] {
        let digits = "/values/100/digits";
        let ok = api.get(digits).await.expect(200);
        assert_eq!(ok.header(CACHE_CONTROL), FOREVER);
        let again = api.get_with(digits, IF_NONE_MATCH, ok.header(ETAG)).await.expect(304);
        assert_eq!(again.header(CACHE_CONTROL), FOREVER);
        assert_not_kept(api.get_with(digits, RANGE, "bytes=99-").await, 416);
        assert_not_kept(api.get("/values/101/digits").await, 404);
        assert_not_kept(api.get("/values/x/digits").await, 404);
        assert_not_kept(api.send(api.request(Method::DELETE, digits)).await, 405);
    }
}
