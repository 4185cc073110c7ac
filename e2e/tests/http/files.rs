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
            let _ = answer.expect_problem(412);
        }
    }
}
