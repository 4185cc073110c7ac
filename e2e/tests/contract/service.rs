//! Health, metrics, documents, unknown addresses and methods.

use e2e::Client;
use reqwest::{
    Method,
    header::{
        ACCESS_CONTROL_ALLOW_ORIGIN, ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, LINK, LOCATION,
        ORIGIN,
    },
};

use crate::EntryPoint;

pub(crate) async fn suite(entry_point: &EntryPoint) {
    let api = &entry_point.api;
    health(api).await;
    metrics(entry_point).await;
    documents(api).await;
    unknown_addresses_and_methods(api).await;
    greeting(entry_point).await;
    rejects_other_origins(api).await;
}

async fn health(api: &Client) {
    let live = api.get("/health/live").await.expect(200).json();
    assert_eq!(live["success"], true, "{live}");
    for address in ["/health/ready", "/health-check"] {
        let ready = api.get(address).await.expect(200).json();
        assert_eq!(ready["success"], true, "{ready}");
        let parts = ready["parts"].as_object().unwrap();
        assert!(parts.len() == 2 && parts.values().all(|state| state == "up"), "{ready}");
    }
}

async fn metrics(entry_point: &EntryPoint) {
    if !entry_point.metrics {
        for address in ["/metrics", "//metrics", "/./metrics", "/%6detrics"] {
            let answer = entry_point.api.get(address).await;
            assert_eq!(answer.status, 404, "{answer:?}");
        }
        let _ = entry_point.api.get("/metrics").await.expect_problem(404);
        return;
    }
    entry_point.api.submit(7).await;
    let answer = entry_point.api.get("/metrics").await.expect(200);
    assert!(answer.header(CONTENT_TYPE).starts_with("text/plain"), "{answer:?}");
    let submissions = answer.body.lines().find_map(|line| line.strip_prefix("fibstack_submissions_total "));
    assert!(
        submissions.is_some_and(|count| count.parse::<f64>().is_ok_and(|count| count >= 1.0)),
        "{answer:?}"
    );
}

async fn documents(api: &Client) {
    let document = api.get("/openapi.json").await.expect(200);
    assert_eq!(document.header(CONTENT_TYPE), "application/json");
    let document = document.json();
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1.")), "{document}");
    let paths = document["paths"].as_object().unwrap();
    for path in [
        "/values",
        "/values/all",
        "/values/current",
        "/values/events",
        "/values/{index}",
        "/values/{index}/digits",
        "/health/live",
        "/health/ready",
    ] {
        assert!(paths.contains_key(path), "{path} is not described");
    }
    // Every listed GET without parameters succeeds.
    for (path, methods) in paths {
        if methods.get("get").is_some()
            && !path.contains('{')
            && !path.contains("events")
            && path != "/metrics"
        {
            let _ = api.get(path).await.expect(200);
        }
    }
    let page = api.get("/docs").await.expect(200);
    assert!(page.header(CONTENT_TYPE).starts_with("text/html"), "{page:?}");
}

async fn unknown_addresses_and_methods(api: &Client) {
    for address in ["/nothing", "/values/7/nothing", "/health", "/values//", "//"] {
        let _ = api.get(address).await.expect_problem(404);
    }
    // The original's router ignored a slash at the end.
    for (method, address, target) in [
        (Method::GET, "/values/all/", "/values/all"),
        (Method::GET, "/values/?limit=1&before=", "/values?limit=1&before="),
        (Method::GET, "/docs/", "/docs"),
        (Method::POST, "/values/", "/values"),
    ] {
        let answer = api.send(api.request(method, address)).await.expect(308);
        let asked = reqwest::Url::parse(&format!("{}{address}", api.base())).unwrap();
        let led_to = asked.join(answer.header(LOCATION)).unwrap();
        assert_eq!(led_to.as_str(), format!("{}{target}", api.base()));
    }
    for (method, address) in [
        (Method::DELETE, "/values/7"),
        (Method::PUT, "/values"),
        (Method::POST, "/values/all"),
        (Method::POST, "/values/7"),
        (Method::PATCH, "/values/current"),
        (Method::POST, "/health/live"),
    ] {
        let answer = api.send(api.request(method, address)).await;
        assert!(answer.header(ALLOW).contains("GET"), "{answer:?}");
        let _ = answer.expect_problem(405);
    }
    for (address, method) in [("/values", "POST"), ("/values/7", "GET"), ("/health/live", "HEAD")] {
        let answer = api.send(api.request(Method::OPTIONS, address)).await.expect(204);
        assert!(answer.header(ALLOW).contains(method), "{answer:?}");
    }
    // Every GET may be a HEAD.
    for address in ["/values", "/values/7", "/values/all", "/values/current", "/docs", "/openapi.json"] {
        let head = api.send(api.request(Method::HEAD, address)).await;
        let get = api.get(address).await;
        assert_eq!(
            (head.status, head.header(CONTENT_TYPE)),
            (get.status, get.header(CONTENT_TYPE)),
            "{head:?}"
        );
        assert_eq!(head.body, "");
    }
}

/// The original's response to `GET /`, with a link to the documentation.
async fn greeting(entry_point: &EntryPoint) {
    let api = &entry_point.api;
    let base = reqwest::Url::parse(&format!("{}/", api.base())).unwrap();
    // nginx redirects `/api` by itself.
    for address in if entry_point.nginx { &["/"][..] } else { &["", "/"] } {
        let asked = reqwest::Url::parse(&format!("{}{address}", api.base())).unwrap();
        let answer = api.get(address).await.expect(200);
        assert_eq!(answer.header(CACHE_CONTROL), "no-store", "{address}");
        assert_eq!((answer.body.as_str(), answer.header(CONTENT_TYPE)), ("Hi", "text/html; charset=utf-8"));
        let target = answer.header(LINK).split(['<', '>']).nth(1).unwrap_or_default();
        assert_eq!(asked.join(target).unwrap(), base.join("docs").unwrap(), "{answer:?}");
    }
    let head = api.send(api.request(Method::HEAD, "/")).await.expect(200);
    assert_eq!(head.header(CONTENT_LENGTH), "2");
    let _ = api.send(api.request(Method::POST, "/")).await.expect_problem(405);
}

pub(crate) async fn rejects_other_origins(api: &Client) {
    let answer = api.get_with("/values", ORIGIN, "https://example.org").await.expect(200);
    assert!(!answer.headers.contains_key(ACCESS_CONTROL_ALLOW_ORIGIN), "{answer:?}");
}

pub(crate) async fn allows_one_origin(api: &Client, origin: &str) {
    let answer = api.get_with("/values", ORIGIN, origin).await.expect(200);
    assert_eq!(answer.header(ACCESS_CONTROL_ALLOW_ORIGIN), origin);
    let answer = api.get_with("/values", ORIGIN, "https://evil.example").await.expect(200);
    assert_ne!(answer.header(ACCESS_CONTROL_ALLOW_ORIGIN), "https://evil.example");
    assert_ne!(answer.header(ACCESS_CONTROL_ALLOW_ORIGIN), "*");
}
