//! `GET /values/{index}/digits`.

use e2e::{Client, eventually, expected};
use reqwest::{
    Method,
    header::{
        ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG,
        HeaderName, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, RANGE,
    },
};

use crate::EntryPoint;

const ADDRESS: &str = "/values/50000/digits";

pub(crate) async fn suite(entry_point: &EntryPoint) {
    let api = &entry_point.api;
    api.submit(50_000).await;
    api.value(50_000).await;
    let whole = eventually("the digits are available", || async {
        let answer = api.get(ADDRESS).await;
        if answer.status == 200 { Ok(answer) } else { Err(format!("{answer:?}")) }
    })
    .await;
    let digits = &whole.body;
    assert_eq!(*digits, expected(50_000));
    assert_eq!(whole.header(CONTENT_TYPE), "text/plain; charset=utf-8");
    assert_eq!(whole.header(CACHE_CONTROL), "public, max-age=31536000, immutable");
    assert_eq!(whole.header(ACCEPT_RANGES), "bytes");
    let etag = whole.header(ETAG).to_owned();
    // A strong ETag; otherwise clients could not combine ranges.
    assert!(etag.starts_with('"') && etag.ends_with('"'), "{etag}");

    let known = api.get_with(ADDRESS, IF_NONE_MATCH, &etag).await.expect(304);
    assert_eq!((known.body.as_str(), known.header(ETAG)), ("", etag.as_str()));
    let _ = api.get_with(ADDRESS, IF_NONE_MATCH, "\"other\"").await.expect(200);

    let length = digits.len();
    for (range, part, content_range) in [
        ("bytes=0-99".to_owned(), &digits[..100], format!("bytes 0-99/{length}")),
        (
            "bytes=-5".to_owned(),
            &digits[length - 5..],
            format!("bytes {}-{}/{length}", length - 5, length - 1),
        ),
        (
            format!("bytes={}-", length - 1),
            &digits[length - 1..],
            format!("bytes {0}-{0}/{length}", length - 1),
        ),
        // An end beyond the last byte means the last byte.
        (
            format!("bytes={}-{}", length - 1, length * 2),
            &digits[length - 1..],
            format!("bytes {0}-{0}/{length}", length - 1),
        ),
    ] {
        let answer = api.get_with(ADDRESS, RANGE, &range).await.expect(206);
        assert_eq!(answer.body, part, "{range}");
        assert_eq!(answer.header(CONTENT_RANGE), content_range, "{range}");
        assert_eq!(answer.header(ETAG), etag, "{range}");
    }
    let beyond = api.get_with(ADDRESS, RANGE, &format!("bytes={length}-")).await;
    assert_eq!(beyond.header(CONTENT_RANGE), format!("bytes */{length}"));
    let _ = beyond.expect_problem(416);
    // A range in an unknown unit is ignored.
    assert_eq!(api.get_with(ADDRESS, RANGE, "lines=1-2").await.expect(200).body, *digits);
    for (version, status) in [(etag.as_str(), 206), ("\"other\"", 200)] {
        let request = api.request(Method::GET, ADDRESS).header(RANGE, "bytes=0-9").header(IF_RANGE, version);
        let _ = api.send(request).await.expect(status);
    }
    let head = api.send(api.request(Method::HEAD, ADDRESS)).await.expect(200);
    assert_eq!(head.header(ETAG), etag);
    assert_eq!(head.header(CONTENT_LENGTH), length.to_string());
    // A range is defined for GET only.
    let _ = api.send(api.request(Method::HEAD, ADDRESS).header(RANGE, "bytes=0-9")).await.expect(200);
    conditions(api, &etag).await;

    assert_eq!(whole.header(CONTENT_DISPOSITION), "");
    let file = api.get(&format!("{ADDRESS}?download=true")).await.expect(200);
    assert_eq!(file.body, *digits);
    let name = "attachment; filename=\"F(50000).txt\"; filename*=UTF-8''F%2850000%29%2Etxt";
    assert_eq!(file.header(CONTENT_DISPOSITION), name);

    api.submit(7).await;
    api.value(7).await;
    assert_eq!(api.get("/values/7/digits").await.expect(200).body, expected(7));
    two_digits(api).await;
    let _ = api.get("/values/99998/digits").await.expect_problem(404);
    let _ = api.get("/values/abc/digits?download=true").await.expect_problem(404);
    for unclear in ["1", "TRUE", "yes", "true&download=true"] {
        let _ = api.get(&format!("/values/7/digits?download={unclear}")).await.expect_problem(400);
    }
    for (query, is_file) in [("", false), ("false", false), ("%74rue", true)] {
        let answer = api.get(&format!("/values/7/digits?download={query}")).await.expect(200);
        assert_eq!(answer.header(CONTENT_DISPOSITION).starts_with("attachment"), is_file, "{query}");
    }
}

/// Ranges of a value of two digits, such as RFC 9110, section 14.1.2, describes them.
async fn two_digits(api: &Client) {
    const ADDRESS: &str = "/values/7/digits";
    let value = expected(7);
    assert_eq!(value.len(), 2);
    for (range, part, content_range) in [
        ("bytes=-20", &value[..], "bytes 0-1/2"),
        ("bytes=0-0,99-", &value[..1], "bytes 0-0/2"),
        ("bytes=99-100,-1", &value[1..], "bytes 1-1/2"),
        ("bytes=0-0,1-1", &value[..], "bytes 0-1/2"),
        ("bytes=1-99999999999999999999999", &value[1..], "bytes 1-1/2"),
        ("Bytes=0-0", &value[..1], "bytes 0-0/2"),
    ] {
        let answer = api.get_with(ADDRESS, RANGE, range).await.expect(206);
        assert_eq!((answer.body.as_str(), answer.header(CONTENT_RANGE)), (part, content_range), "{range}");
        assert_eq!(answer.header(CONTENT_LENGTH), part.len().to_string(), "{range}");
    }
    for range in ["bytes=2-", "bytes=-0", "bytes=5-9,99999999999999999999999-"] {
        let answer = api.get_with(ADDRESS, RANGE, range).await;
        assert_eq!(answer.header(CONTENT_RANGE), "bytes */2", "{range}");
        assert_eq!(answer.header(CACHE_CONTROL), "no-store", "an error is not cached");
        let _ = answer.expect_problem(416);
    }
    for invalid in ["bytes=1-0", "bytes=a-", "bytes=", "bytes=0-0,x", "seconds=0-0", "0-0"] {
        assert_eq!(api.get_with(ADDRESS, RANGE, invalid).await.expect(200).body, value, "{invalid}");
    }
}

/// Conditional requests (RFC 9110, section 13).
async fn conditions(api: &Client, etag: &str) {
    let (weak, lists) = (format!("W/{etag}"), [format!("\"a, b\", {etag}"), format!("\"x\",W/{etag},\"y\"")]);
    const DATE: &str = "Mon, 30 Nov 2026 00:00:00 GMT";
    let conditions: [(HeaderName, &str, u16); 13] = [
        // Weak comparison.
        (IF_NONE_MATCH, etag, 304),
        (IF_NONE_MATCH, &weak, 304),
        (IF_NONE_MATCH, "*", 304),
        (IF_NONE_MATCH, &lists[0], 304),
        (IF_NONE_MATCH, &lists[1], 304),
        (IF_NONE_MATCH, "\"other\"", 200),
        // Strong comparison.
        (IF_MATCH, etag, 200),
        (IF_MATCH, "*", 200),
        (IF_MATCH, &lists[0], 200),
        (IF_MATCH, &weak, 412),
        (IF_MATCH, "\"other\"", 412),
        // There is no Last-Modified.
        (IF_MODIFIED_SINCE, DATE, 200),
        (IF_UNMODIFIED_SINCE, DATE, 200),
    ];
    for method in [Method::GET, Method::HEAD] {
        for (name, value, status) in &conditions {
            let request = api.request(method.clone(), ADDRESS).header(name, *value);
            let answer = api.send(request).await;
            assert_eq!(answer.status, *status, "{method} {name}: {value}: {answer:?}");
            let is_cached = answer.header(CACHE_CONTROL).contains("immutable");
            assert_eq!(is_cached, *status != 412, "{answer:?}");
        }
    }
    for (version, status) in [(etag, 206), (weak.as_str(), 200), (DATE, 200), ("nonsense", 200)] {
        let request = api.request(Method::GET, ADDRESS).header(RANGE, "bytes=0-9").header(IF_RANGE, version);
        assert_eq!(api.send(request).await.status, status, "{version}");
    }
    // A condition comes before the range.
    let request = api.request(Method::GET, ADDRESS).header(RANGE, "bytes=0-9").header(IF_NONE_MATCH, etag);
    let _ = api.send(request).await.expect(304);
}
