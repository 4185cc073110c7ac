//! The site listener: pages rendered by Leptos, assets, and the API under `/api`.

use std::{env, net::SocketAddr, path::Path, sync::Arc};

use crate::problem::ApiProblem;
use app::{App, shell};
use axum::{
    Router,
    http::{HeaderName, HeaderValue, header},
    routing::any,
};
use leptos::{
    config::ReloadWSProtocol,
    prelude::{LeptosOptions, provide_context},
};
use leptos_axum::{LeptosRoutes, file_and_error_handler_with_context, generate_route_list};
use protocol::names::API_PREFIX;
use store::Store;
use tower_http::{catch_panic::CatchPanicLayer, services::ServeDir, set_header::SetResponseHeaderLayer};

/// Headers of every page and asset. The Content-Security-Policy stands with the page, whose nonce it
/// names.
const SECURITY_HEADERS: [(HeaderName, &str); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "strict-origin-when-cross-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
];

/// Where the site's files are and how they are named. cargo-leptos tells by `LEPTOS_…` variables;
/// without it the defaults fit a build in `target/`.
#[must_use]
pub(crate) fn leptos_options(address: SocketAddr) -> LeptosOptions {
    let text = |name: &str, default: &str| env::var(name).unwrap_or_else(|_| default.to_owned());
    let hash_file = text("LEPTOS_HASH_FILE_NAME", "hash.txt");
    let site_root = text("LEPTOS_SITE_ROOT", "target/site");
    let package = text("LEPTOS_SITE_PKG_DIR", "pkg");
    let output_name = text("LEPTOS_OUTPUT_NAME", "fibstack");
    // Without being told, file names carry a hash when the file that lists the hashes stands beside the
    // binary, and is not a leftover of another build.
    let plain = Path::new(&site_root).join(&package).join(&output_name).with_extension("js");
    let listed = || {
        let binary = env::current_exe().ok();
        binary.and_then(|binary| Some(binary.parent()?.join(&hash_file))).is_some_and(|file| file.exists())
    };
    let hashed = match env::var("LEPTOS_HASH_FILES") {
        Ok(told) => told == "true",
        Err(_) => listed() && !plain.exists(),
    };
    let reload_port = env::var("LEPTOS_RELOAD_PORT").ok().and_then(|port| port.parse().ok());
    let external_port = env::var("LEPTOS_RELOAD_EXTERNAL_PORT").ok().and_then(|port| port.parse().ok());
    // Any other word is `ws`, as for leptos itself.
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

/// The routes of the site listener.
pub(crate) fn router(options: LeptosOptions, store: Arc<Store>, api: Router) -> Router {
    let context = move || provide_context(Arc::clone(&store));
    let package = format!("/{}", options.site_pkg_dir);
    let folder = format!("{}{package}", options.site_root);
    let caching = if options.hash_files { "public, max-age=31536000, immutable" } else { "no-cache" };
    // Where a build left `.br` files beside the assets, they are what most browsers get.
    let files = ServeDir::new(folder).precompressed_br();
    let assets = Router::new().fallback_service(files).layer(SetResponseHeaderLayer::if_not_present(
        header::CACHE_CONTROL,
        HeaderValue::from_static(caching),
    ));
    let pages = Router::new()
        .leptos_routes_with_context(&options, generate_route_list(App), context.clone(), {
            let options = options.clone();
            move || shell(options.clone())
        })
        .fallback(file_and_error_handler_with_context::<LeptosOptions, _>(context, shell))
        .with_state(options);
    let root_of_api =
        any(|| async { ApiProblem::not_found("There is nothing at this address. See /api/docs.") });
    let mut router = pages
        .nest(&package, assets)
        // Nesting leaves this one address to the pages.
        .route(&format!("{API_PREFIX}/"), root_of_api)
        .nest(API_PREFIX, api);
    for (name, value) in SECURITY_HEADERS {
        router = router.layer(SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value)));
    }
    router.layer(CatchPanicLayer::new())
}
