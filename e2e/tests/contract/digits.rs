//! `GET /values/{index}/digits`.

use e2e::{eventually, expected};
use reqwest::{
    Method,
    header::{
        ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
        IF_RANGE, RANGE,
    },
};

use crate::Place;

const ADDRESS: &str = "/values/50000/digits";

pub(crate) async fn suite(place: &Place) {
    let api = &place.api;
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

    assert_eq!(whole.header(CONTENT_DISPOSITION), "");
    let file = api.get(&format!("{ADDRESS}?download=true")).await.expect(200);
    assert_eq!(file.body, *digits);
    let name = "attachment; filename=\"F(50000).txt\"; filename*=UTF-8''F%2850000%29%2Etxt";
    assert_eq!(file.header(CONTENT_DISPOSITION), name);

    api.submit(7).await;
    api.value(7).await;
    assert_eq!(api.get("/values/7/digits").await.expect(200).body, expected(7));
    let _ = api.get("/values/99998/digits").await.expect_problem(404);
    let _ = api.get("/values/abc/digits?download=true").await.expect_problem(404);
}
