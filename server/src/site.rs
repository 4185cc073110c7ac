//! The site listener: pages rendered by Leptos, assets, and the API under `/api`.

use std::{env, net::SocketAddr, path::Path, sync::Arc};

use axum::{
    Router,
    extract::Request,
    http::{HeaderName, HeaderValue, header},
    middleware,
    routing::get,
};
use leptos::config::{LeptosOptions, ReloadWSProtocol};
use protocol::names::API_PREFIX;
use store::Store;
use tower_http::{services::ServeDir, set_header::SetResponseHeaderLayer};

use crate::{
    api, caching,
    read_cache::{self, ReadCache},
};

/// Headers of every page and asset. `app` adds the Content-Security-Policy, which names the nonce of
/// the page.
const SECURITY_HEADERS: [(HeaderName, &str); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "strict-origin-when-cross-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
];

/// Returns the location and the names of the site's files. cargo-leptos sets them as `LEPTOS_…`
/// variables; the defaults fit a build in `target/`.
#[must_use]
pub(crate) fn leptos_options(address: SocketAddr) -> LeptosOptions {
    let text = |name: &str, default: &str| env::var(name).unwrap_or_else(|_| default.to_owned());
    let hash_file = text("LEPTOS_HASH_FILE_NAME", "hash.txt");
    let site_root = text("LEPTOS_SITE_ROOT", "target/site");
    let package = text("LEPTOS_SITE_PKG_DIR", "pkg");
    let output_name = text("LEPTOS_OUTPUT_NAME", "fibstack");
    // If LEPTOS_HASH_FILES is not set, file names are assumed to contain a hash if the list of hashes is next to the
    // binary and is not left over from another build.
    let plain = Path::new(&site_root).join(&package).join(&output_name).with_extension("js");
    let has_list = || {
        let binary = env::current_exe().ok();
        binary.and_then(|binary| Some(binary.parent()?.join(&hash_file))).is_some_and(|file| file.exists())
    };
    let hashed = match env::var("LEPTOS_HASH_FILES") {
        Ok(value) => value == "true",
        Err(_) => has_list() && !plain.exists(),
    };
    let reload_port = env::var("LEPTOS_RELOAD_PORT").ok().and_then(|port| port.parse().ok());
    let external_port = env::var("LEPTOS_RELOAD_EXTERNAL_PORT").ok().and_then(|port| port.parse().ok());
    // An unknown protocol means `ws`, as in Leptos itself.
    let reload_protocol = text("LEPTOS_RELOAD_WS_PROTOCOL", "ws").parse().unwrap_or(ReloadWSProtocol::WS);
    LeptosOptions::builder()
        .output_name(output_name)
        .site_root(site_root)
        .site_pkg_dir(package)
        .site_addr(address)
        .reload_port(reload_port.unwrap_or(3001))
        .reload_external_port(external_port)
        .reload_ws_protocol(reload_protocol)
        .hash_file(Arc::from(hash_file))
        .hash_files(hashed)
        .build()
}

/// Returns the routes of the site listener.
pub(crate) fn router(
    options: &LeptosOptions,
    store: &Arc<Store>,
    read_cache: &Arc<ReadCache>,
    api: Router,
) -> Router {
    let package = format!("/{}", options.site_pkg_dir);
    let folder = format!("{}{package}", options.site_root);
    // A file with a hash in its name never changes.
    let caching = if options.hash_files { caching::FOREVER } else { caching::REVALIDATED };
    let assets = files(Router::new().fallback_service(files_in(&folder)), caching);
    let root = files_in(&options.site_root).fallback(app::not_found(options, store));
    let mut router = app::routes(options, store)
        .route_layer(middleware::from_fn_with_state(Arc::clone(read_cache), read_cache::keepable))
        .fallback_service(files(Router::new().fallback_service(root), caching::FOR_AN_HOUR))
        .nest(&package, assets)
        // `nest` does not match the prefix with a trailing slash.
        .route(&format!("{API_PREFIX}/"), get(api::hi))
        .nest(API_PREFIX, api)
        .layer(middleware::map_response(caching::forbid_caching_errors));
    for (name, value) in SECURITY_HEADERS {
        router = router.layer(SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value)));
    }
    router
}

/// Returns the files in a folder. A release build adds compressed ones: `.br` files, and `.gz` files for browsers on
/// insecure origins, which accept no others.
fn files_in(folder: &str) -> ServeDir {
    ServeDir::new(folder).precompressed_br().precompressed_gzip().append_index_html_on_directories(false)
}

/// Adds the headers of files.
fn files(router: Router, caching: HeaderValue) -> Router {
    router
        .layer(SetResponseHeaderLayer::if_not_present(header::CACHE_CONTROL, caching))
        // `ServeDir` omits this header from a 304.
        .layer(SetResponseHeaderLayer::if_not_present(
            header::VARY,
            HeaderValue::from_static("accept-encoding"),
        ))
        .layer(middleware::map_request(ignore_range))
        .layer(SetResponseHeaderLayer::overriding(header::ACCEPT_RANGES, HeaderValue::from_static("none")))
}

/// Makes `ServeDir` ignore ranges, as RFC 9110 allows: it rejects some satisfiable ones, and the files are small.
async fn ignore_range(mut request: Request) -> Request {
    request.headers_mut().remove(header::RANGE);
    request
}

#[cfg(test)]
mod tests {
    use job::JOB;
    use protocol::Index;

    #[test]
    fn the_page_writes_an_index_as_the_job_does() {
        for number in [JOB.lowest_index, JOB.sample.index, JOB.default_max_index] {
            let index = Index::try_from(number).unwrap();
            assert_eq!(app::job_words::notation(index), (JOB.notation)(number));
        }
    }
}
