//! The site's package: its script, its WebAssembly and its style sheet.

use axum::{
    Router,
    extract::Request,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
};
use leptos::config::LeptosOptions;
use tower_http::{services::ServeDir, set_header::SetResponseHeaderLayer};

use crate::{caching, problem::ApiProblem};

/// Returns the files of the package, for the path that they have on the site.
pub(crate) fn router(options: &LeptosOptions) -> Router {
    // With a hash in its name, a file never changes.
    let caching = if options.hash_files { caching::FOREVER } else { caching::REVALIDATED };
    // A release build adds `.br` files, which most browsers accept.
    let files = ServeDir::new(format!("{}/{}", options.site_root, options.site_pkg_dir))
        .precompressed_br()
        .append_index_html_on_directories(false);
    Router::new()
        .fallback_service(files)
        .layer(middleware::map_request(drop_unsupported_range))
        .layer(middleware::map_response(explained))
        .layer(SetResponseHeaderLayer::if_not_present(header::CACHE_CONTROL, caching))
        .layer(SetResponseHeaderLayer::if_not_present(
            header::VARY,
            HeaderValue::from_static("accept-encoding"),
        ))
}

/// Removes a `Range` that RFC 9110 (section 14.2) requires or allows to ignore and [`ServeDir`] would refuse or get
/// wrong: the client then receives the whole file.
async fn drop_unsupported_range(mut request: Request) -> Request {
    if request.method() != Method::GET || !has_supported_range(request.headers()) {
        request.headers_mut().remove(header::RANGE);
    }
    request
}

/// Returns true for a single range with a first byte, on whatever version of the file there is.
fn has_supported_range(headers: &HeaderMap) -> bool {
    let range = || {
        let range = headers.get(header::RANGE)?.to_str().ok()?;
        let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
        let first: u64 = first.parse().ok()?;
        Some(last.is_empty() || last.parse::<u64>().ok()? >= first)
    };
    !headers.contains_key(header::IF_RANGE) && range().unwrap_or(false)
}

/// Replaces the empty body of an error with a problem.
async fn explained(response: Response) -> Response {
    let problem = match response.status() {
        status if status.is_success() || status == StatusCode::NOT_MODIFIED => return response,
        StatusCode::NOT_FOUND => ApiProblem::not_found("This version of the site has no such file."),
        StatusCode::METHOD_NOT_ALLOWED => ApiProblem::method_not_allowed(),
        StatusCode::PRECONDITION_FAILED => {
            ApiProblem::precondition_failed("The file is not the version that the request names.")
        }
        StatusCode::RANGE_NOT_SATISFIABLE => ApiProblem::range_not_satisfiable(
            "The file ends before this range: Content-Range has its length.",
        ),
        _ => ApiProblem::internal(),
    };
    let mut explained = problem.into_response();
    for name in [header::ALLOW, header::CONTENT_RANGE] {
        if let Some(value) = response.headers().get(&name) {
            explained.headers_mut().insert(name, value.clone());
        }
    }
    explained
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_single_range_with_a_first_byte_is_used() {
        let supported = |name: header::HeaderName, value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::RANGE, HeaderValue::from_static("bytes=0-9"));
            headers.insert(name, value.parse().unwrap());
            has_supported_range(&headers)
        };
        for range in ["bytes=0-0", "bytes=5-", "bytes=999999999-"] {
            assert!(supported(header::RANGE, range), "{range}");
        }
        for range in ["bytes=-5", "bytes=0-0,5-9", "bytes=9-5", "bytes=a-b", "lines=1-2", ""] {
            assert!(!supported(header::RANGE, range), "{range}");
        }
        assert!(!supported(header::IF_RANGE, "\"another version\""));
    }
}
