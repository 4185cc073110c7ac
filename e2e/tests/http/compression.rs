//! Compressed responses, without nginx in front.

use std::io::Read;

use e2e::{Embedded, eventually};
use reqwest::{
    Method, Response,
    header::{
        ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, ETAG, HeaderName, IF_NONE_MATCH, RANGE, VARY,
    },
};

/// Addresses of pages and lists: kept ones, and those that are made for each request.
const ADDRESSES: [&str; 8] = [
    "/",
    "/values/20",
    "/otherpage",
    "/api/values?limit=20",
    "/api/values/all",
    "/api/values/current",
    "/api/openapi.json",
    "/api/docs",
];

/// Starts a system with 100 values.
async fn system() -> Embedded {
    let embedded = Embedded::start().await;
    for index in 1..=100 {
        embedded.api().submit(index).await;
    }
    eventually("all values are computed", || async {
        let list = embedded.api().get("/values/current").await.body;
        if list.contains("Nothing yet!") { Err(list) } else { Ok(()) }
    })
    .await;
    embedded
}

async fn send(embedded: &Embedded, method: Method, path: &str, headers: &[(HeaderName, &str)]) -> Response {
    let mut request = reqwest::Client::new().request(method, format!("{}{path}", embedded.url()));
    for (name, value) in headers {
        request = request.header(name, *value);
    }
    request.send().await.unwrap()
}

fn header(response: &Response, name: &HeaderName) -> String {
    let values = response.headers().get_all(name).iter().map(|value| value.to_str().unwrap());
    values.collect::<Vec<_>>().join(", ")
}

fn unpack(encoding: &str, bytes: &[u8]) -> Vec<u8> {
    let mut unpacked = Vec::new();
    match encoding {
        "br" => brotli::BrotliDecompress(&mut &*bytes, &mut unpacked).unwrap(),
        "gzip" => flate2::read::GzDecoder::new(bytes).read_to_end(&mut unpacked).map(drop).unwrap(),
        _ => panic!("{encoding}"),
    }
    unpacked
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_and_json_are_compressed_for_clients_that_ask_for_it() {
    let embedded = system().await;
    for path in ADDRESSES {
        let plain = send(&embedded, Method::GET, path, &[]).await;
        assert_eq!(header(&plain, &CONTENT_ENCODING), "", "{path}");
        assert!(header(&plain, &VARY).contains("accept-encoding"), "{path}: {plain:?}");
        let plain_tag = header(&plain, &ETAG);
        let plain = plain.bytes().await.unwrap();
        for (accepted, encoding) in
            [("gzip, deflate, br", "br"), ("gzip", "gzip"), ("br;q=0.1, gzip;q=0.2", "gzip")]
        {
            // Once made, once kept.
            for _ in 0..2 {
                let asked = (ACCEPT_ENCODING, accepted);
                let packed = send(&embedded, Method::GET, path, std::slice::from_ref(&asked)).await;
                assert_eq!(header(&packed, &CONTENT_ENCODING), encoding, "{path}: {packed:?}");
                assert!(header(&packed, &VARY).contains("accept-encoding"), "{path}: {packed:?}");
                let tag = header(&packed, &ETAG);
                assert_eq!(tag.is_empty(), plain_tag.is_empty(), "{path}: {packed:?}");
                assert!(
                    tag.is_empty() || tag != plain_tag,
                    "{path}: {tag} is also the tag of another encoding"
                );

                let head = send(&embedded, Method::HEAD, path, std::slice::from_ref(&asked)).await;
                assert_eq!(head.status(), 200, "{path}: {head:?}");
                for name in [CONTENT_ENCODING, ETAG, VARY] {
                    assert_eq!(header(&head, &name), header(&packed, &name), "{path}: {name} of HEAD");
                }
                let length = header(&packed, &CONTENT_LENGTH);
                assert!(
                    ["", length.as_str()].contains(&&*header(&head, &CONTENT_LENGTH)),
                    "{path}: {head:?}"
                );
                if !tag.is_empty() {
                    let known = [asked, (IF_NONE_MATCH, tag.as_str())];
                    let unchanged = send(&embedded, Method::GET, path, &known).await;
                    assert_eq!(
                        (unchanged.status().as_u16(), header(&unchanged, &ETAG)),
                        (304, tag.clone()),
                        "{path}"
                    );
                    assert_eq!(header(&unchanged, &VARY), header(&packed, &VARY), "{path}");
                }
                let bytes = packed.bytes().await.unwrap();
                assert!(bytes.len() < plain.len() / 2, "{path}: {} of {} bytes", bytes.len(), plain.len());
                assert_eq!(unpack(encoding, &bytes), plain, "{path}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn short_responses_are_compressed_only_for_clients_that_accept_nothing_else() {
    let embedded = system().await;
    for (accepted, encoding) in
        [("br", ""), ("identity;q=0, br", "br"), ("*;q=0, gzip", "gzip"), ("br;q=0, gzip;q=0", "")]
    {
        let entry = send(&embedded, Method::GET, "/api/values/20", &[(ACCEPT_ENCODING, accepted)]).await;
        assert_eq!(header(&entry, &CONTENT_ENCODING), encoding, "{accepted}");
        assert!(header(&entry, &VARY).contains("accept-encoding"), "{entry:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn digits_ranges_and_events_are_never_compressed() {
    let embedded = system().await;
    embedded.api().submit(20_000).await;
    let digits = "/api/values/20000/digits";
    eventually("the value is computed", || async {
        let response = send(&embedded, Method::GET, digits, &[]).await;
        if response.status() == 200 { Ok(()) } else { Err(response.status()) }
    })
    .await;
    let asked = (ACCEPT_ENCODING, "identity;q=0, gzip, br");
    for (path, headers, status) in [
        (digits, vec![asked.clone()], 200),
        (digits, vec![asked.clone(), (RANGE, "bytes=0-1999")], 206),
        ("/api/values/events", vec![asked], 200),
    ] {
        let response = send(&embedded, Method::GET, path, &headers).await;
        assert_eq!(
            (response.status().as_u16(), header(&response, &CONTENT_ENCODING)),
            (status, String::new())
        );
    }
}
