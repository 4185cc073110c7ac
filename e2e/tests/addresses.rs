//! Every address in a response is right at every entry point: the api listener, the site, nginx, and a proxy that
//! serves the site under a prefix.

// clippy knows tests by their attribute, and these helpers have none.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use e2e::{
    Answer, Client, Embedded, Nginx, Server, Site, Stack,
    browser::{Browser, Scripts},
};
use reqwest::{
    Method, Url,
    header::{ACCEPT, CONTENT_TYPE, LINK, LOCATION, TRANSFER_ENCODING},
};
use throwaway::nginx::Options;
use tokio::net::TcpListener;

/// Serves a site under `/some/fib/`, as a load balancer does: it removes the prefix and names it in a header.
struct Prefixed {
    base: String,
    serving: tokio::task::JoinHandle<()>,
}

impl Prefixed {
    const PREFIX: &str = "/some/fib";

    async fn in_front_of(upstream: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}{}", listener.local_addr().unwrap(), Self::PREFIX);
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let forward = move |request: axum::extract::Request| {
            let (client, upstream) = (client.clone(), upstream.clone());
            async move {
                let (parts, body) = request.into_parts();
                let target = parts.uri.path_and_query().unwrap().as_str();
                let Some(path) = target.strip_prefix(Self::PREFIX).filter(|path| path.starts_with('/'))
                else {
                    return axum::http::Response::builder()
                        .status(404)
                        .body("outside".to_owned().into())
                        .unwrap();
                };
                let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
                let mut forwarded = client.request(parts.method, format!("{upstream}{path}")).body(body);
                for name in [ACCEPT, CONTENT_TYPE] {
                    if let Some(value) = parts.headers.get(&name) {
                        forwarded = forwarded.header(name, value);
                    }
                }
                let answer = forwarded.header("x-forwarded-prefix", Self::PREFIX).send().await.unwrap();
                let mut response = axum::http::Response::builder().status(answer.status());
                let mut headers = answer.headers().clone();
                headers.remove(TRANSFER_ENCODING);
                response.headers_mut().unwrap().extend(headers);
                response.body(axum::body::Body::from_stream(answer.bytes_stream())).unwrap()
            }
        };
        let router = axum::Router::new().fallback(forward);
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { base, serving }
    }
}

impl Drop for Prefixed {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Sends a request as a browser does when it opens a page.
async fn open(url: &Url) -> Answer {
    let client = Client::new(String::new());
    client.send(client.request(Method::GET, url.as_str()).header(ACCEPT, "text/html,*/*;q=0.8")).await
}

/// Values of the attributes that are addresses.
fn addresses_in(page: &str) -> BTreeSet<String> {
    let after = |attribute| page.split(attribute).skip(1).filter_map(|rest| rest.split('"').next());
    [" href=\"", " src=\"", " action=\""]
        .into_iter()
        .flat_map(after)
        .map(|address| address.replace("&amp;", "&"))
        .collect()
}

/// Follows every address that the pages name, from the site at `base` on, and returns their paths below it.
async fn follow_all(base: &str) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let mut queue =
        vec![Url::parse(&format!("{base}/")).unwrap(), Url::parse(&format!("{base}/no/page")).unwrap()];
    while let Some(url) = queue.pop() {
        let Some(path) = url.as_str().strip_prefix(base) else { panic!("{url} is outside {base}") };
        if !seen.insert(path.to_owned()) || path.ends_with("/events") {
            continue;
        }
        let answer = open(&url).await;
        if answer.status == 303 {
            queue.push(url.join(answer.header(LOCATION)).unwrap());
            continue;
        }
        let expected = if path == "/no/page" { 404 } else { 200 };
        let answer = answer.expect(expected);
        if !answer.header(CONTENT_TYPE).starts_with("text/html") {
            continue;
        }
        if !path.starts_with("/api/") {
            let prefix = Url::parse(base).unwrap().path().trim_end_matches('/').to_owned();
            let script = format!("(\"{prefix}\", \"pkg\", ");
            // Only pages with islands load scripts.
            let has_script = answer.body.contains("type=\"module\"");
            assert!(has_script || path != "/", "no script in {answer:?}");
            assert_eq!(answer.body.contains(&script), has_script, "{script} in {answer:?}");
            let attribute = format!("data-prefix=\"{prefix}\"");
            assert_eq!(answer.body.contains(&attribute), !prefix.is_empty(), "{answer:?}");
        }
        for address in addresses_in(&answer.body) {
            let mut target = url.join(&address).unwrap();
            target.set_fragment(None);
            if target.origin() == url.origin() {
                queue.push(target);
            }
        }
    }
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn every_address_leads_somewhere_at_every_mount() {
    let stack = Stack::builder().start().await;
    let files = Site::new("v1");
    let server = Server::start(&files.settings(&stack.settings)).await;
    server.api().ready().await;
    // Enough for a second page of entries.
    for index in 0..25 {
        server.api().submit(index).await;
    }
    for index in 0..25 {
        server.api().value(index).await;
    }
    let options = Options::new(server.site_addr(), server.api_addr());
    let nginx = Nginx::start_with(Options { believed_proxies: Some("127.0.0.0/8"), ..options });
    let site = format!("http://{}", server.site_addr());
    let through_nginx = format!("http://{}", nginx.address());
    let prefixed = Prefixed::in_front_of(site.clone()).await;
    let prefixed_nginx = Prefixed::in_front_of(through_nginx.clone()).await;

    for base in [&site, &through_nginx, &prefixed.base, &prefixed_nginx.base] {
        let seen = follow_all(base).await;
        for expected in
            ["/", "/otherpage", "/values/7", "/icon.svg", "/pkg/fibstack.v1.js", "/api/docs", "/api/values"]
        {
            assert!(seen.contains(expected), "nothing at {base} leads to {expected}: {seen:?}");
        }
        assert!(seen.iter().any(|path| path.starts_with("/?before=")), "{seen:?}");
        assert!(
            seen.iter().any(|path| path.starts_with("/api/values?limit=") || path == "/api/openapi.json")
        );
        // Addresses in headers.
        // An error page without the frame of other pages.
        let url = Url::parse(&format!("{base}/pkg/nothing.css")).unwrap();
        let page = open(&url).await.expect(404);
        let home = Url::parse(&format!("{base}/")).unwrap();
        assert!(
            addresses_in(&page.body).iter().all(|address| url.join(address) == Ok(home.clone())),
            "{page:?}"
        );
        let page = open(&Url::parse(&format!("{base}/otherpage/?x=1")).unwrap()).await.expect(308);
        let prefix = Url::parse(base).unwrap().path().trim_end_matches('/').to_owned();
        assert_eq!(page.header(LOCATION), format!("{prefix}/otherpage?x=1"));
        let answer = Client::new(format!("{base}/api")).post_plain_form("index=7").await.expect(303);
        assert_eq!(answer.header(LOCATION), format!("{prefix}/?index=7"));
    }
    let api = format!("http://{}", server.api_addr());
    let prefixed_api = Prefixed::in_front_of(api.clone()).await;
    for base in [
        api,
        format!("{site}/api"),
        format!("{through_nginx}/api"),
        prefixed_api.base.clone(),
        format!("{}/api", prefixed.base),
        format!("{}/api", prefixed_nginx.base),
    ] {
        let client = Client::new(base.clone());
        for path in ["/nope", "/deeper/nope", "/values/7/nope"] {
            let url = Url::parse(&format!("{base}{path}")).unwrap();
            let detail = client.get(path).await.expect_problem(404).detail.unwrap();
            let (_, docs) = detail.split_once(" See ").unwrap();
            let docs = url.join(docs.trim_end_matches('.')).unwrap();
            assert_eq!(docs.as_str(), format!("{base}/docs"), "{detail}");
            assert!(open(&docs).await.expect(200).body.contains("fibstack API"));
        }
        let first = client.get("/values?limit=20").await.expect(200);
        let link = first.header(LINK);
        let next = link.strip_prefix('<').and_then(|link| link.strip_suffix(">; rel=\"next\"")).unwrap();
        let next = Url::parse(&format!("{base}/values")).unwrap().join(next).unwrap();
        assert_eq!(open(&next).await.expect(200).json().as_array().unwrap().len(), 5);

        let document = client.get("/openapi.json").await.expect(200).json();
        let relative = document["servers"][0]["url"].as_str().unwrap();
        let root = Url::parse(&format!("{base}/openapi.json")).unwrap().join(relative).unwrap();
        for (path, _) in document["paths"].as_object().unwrap() {
            // Metrics are only on the api listener; a stream does not end.
            if path == "/metrics" || path == "/values/events" {
                continue;
            }
            let path = path.replace("{index}", "7");
            let url = root.join(path.trim_start_matches('/')).unwrap();
            assert_eq!(url.as_str(), format!("{base}{path}"));
            let _ = open(&url).await.expect(200);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_under_a_prefix_is_live() -> anyhow::Result<()> {
    let system = Embedded::start().await;
    let prefixed = Prefixed::in_front_of(system.url()).await;
    let browser = Browser::start(Scripts::On).await?;
    browser.driver.goto(format!("{}/", prefixed.base)).await?;
    browser.wait_until_live().await?;
    browser.submit("10").await?;
    browser.wait_for_text(".answer", &e2e::expected(10)).await?;
    // This link was made by the browser.
    let link = browser.wait_for("a.index").await?;
    assert_eq!(link.attr("href").await?.as_deref(), Some("/some/fib/values/10"));
    link.click().await?;
    browser.wait_for_text(".full-value", &e2e::expected(10)).await?;
    browser.wait_until_live().await?;
    browser.assert_no_csp_violation().await?;
    // Without scripts, the form's redirect stays under the prefix.
    let plain = Browser::start(Scripts::Off).await?;
    plain.driver.goto(format!("{}/", prefixed.base)).await?;
    plain.submit("12").await?;
    plain.wait_for("a.index[href=\"/some/fib/values/12\"]").await?;
    assert!(plain.driver.current_url().await?.as_str().starts_with(&format!("{}/?index=12", prefixed.base)));
    Ok(())
}
