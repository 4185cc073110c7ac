//! The site's files, as RFC 9110 defines conditional requests.

use e2e::{Embedded, Raw, RawAnswer};
use throwaway::Folder;

async fn get(embedded: &Embedded, path: &str, headers: &str) -> RawAnswer {
    let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{headers}\r\n");
    Raw::exchange(embedded.server.site_addr(), request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn files_have_an_etag_and_no_ranges() {
    let folder = Folder::new("site").unwrap();
    let package = folder.path().join("pkg");
    std::fs::create_dir(&package).unwrap();
    std::fs::write(package.join("some.js"), "let text;").unwrap();
    let embedded =
        Embedded::start_with(|settings| settings.set("LEPTOS_SITE_ROOT", folder.path().display())).await;
    let whole = get(&embedded, "/pkg/some.js", "").await;
    assert_eq!((whole.status, whole.body.as_str()), (200, "let text;"), "{whole:?}");
    assert_eq!(whole.header("accept-ranges"), "none");
    let etag = whole.header("etag");
    for (headers, status) in [
        ("Range: bytes=-100\r\n".to_owned(), 200),
        ("Range: bytes=0-0\r\n".to_owned(), 200),
        ("Range: bytes=100-\r\n".to_owned(), 200),
        (format!("If-None-Match: {etag}\r\n"), 304),
        (format!("If-None-Match: \"a,b\", W/{etag}\r\n"), 304),
        ("If-None-Match: \"other\"\r\n".to_owned(), 200),
        (format!("If-Match: {etag}\r\n"), 200),
        ("If-Match: \"other\"\r\n".to_owned(), 412),
        ("If-Modified-Since: Tue, 01 Jan 2030 00:00:00 GMT\r\n".to_owned(), 304),
        ("If-Modified-Since: Tue, 01 Jan 2030 00:00:00 GMT\r\nIf-None-Match: \"other\"\r\n".to_owned(), 200),
        ("If-Modified-Since: nonsense\r\n".to_owned(), 200),
    ] {
        let answer = get(&embedded, "/pkg/some.js", &headers).await;
        assert_eq!(answer.status, status, "{headers}: {answer:?}");
        if status == 412 {
            let detail = answer.expect_problem(412).detail.unwrap_or_default();
            assert!(detail.starts_with("If-Match"), "{detail}");
        }
        let head = Raw::exchange(
            embedded.server.site_addr(),
            format!("HEAD /pkg/some.js HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{headers}\r\n"),
        )
        .await;
        // The length in a 304 would be that of the file.
        assert_eq!(
            (head.status, head.header("content-length").is_empty()),
            (status, status == 304),
            "{head:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_outside_the_package_have_the_same_rules() {
    let folder = Folder::new("site").unwrap();
    std::fs::create_dir(folder.path().join("pkg")).unwrap();
    std::fs::write(folder.path().join("icon.svg"), "<svg/>").unwrap();
    std::fs::write(folder.path().join("icon.svg.br"), "compressed").unwrap();
    let embedded =
        Embedded::start_with(|settings| settings.set("LEPTOS_SITE_ROOT", folder.path().display())).await;
    let plain = get(&embedded, "/icon.svg", "").await;
    let packed = get(&embedded, "/icon.svg", "Accept-Encoding: br\r\n").await;
    assert_eq!((plain.body.as_str(), packed.body.as_str()), ("<svg/>", "compressed"));
    for answer in [&plain, &packed] {
        assert_eq!(answer.header("vary"), "accept-encoding", "{answer:?}");
        assert_eq!(answer.header("cache-control"), "public, max-age=3600", "{answer:?}");
    }
    let etag = plain.header("etag");
    assert_eq!(get(&embedded, "/icon.svg", &format!("If-None-Match: {etag}\r\n")).await.status, 304);
    assert_eq!(get(&embedded, "/icon.svg", "Range: bytes=0-0\r\n").await.status, 200);
    for method in ["POST", "DELETE", "TRACE", "MADE-UP"] {
        let request = format!("{method} /icon.svg HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        let answer = Raw::exchange(embedded.server.site_addr(), request).await;
        assert_eq!(answer.header("allow"), "get,head", "{answer:?}");
        let _ = answer.expect_problem(405);
    }
    for missing in ["/icon.svg/", "/icon", "/pkg"] {
        get(&embedded, missing, "Accept: text/html\r\n").await.expect_page(404);
    }
}
