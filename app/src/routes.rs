//! The addresses of the pages.

use std::sync::Arc;

use any_spawner::Executor;
use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{HeaderMap, Uri},
    response::{IntoResponse, Redirect, Response},
    routing::{MethodRouter, any, get},
};
use futures::future::{BoxFuture, FutureExt, ready};
use leptos::config::LeptosOptions;
use leptos_axum::render_app_async;
use store::Store;

use crate::{
    pages::{Page, PageRequest, errors, explanation, home, value},
    root::forwarded_prefix,
    shell::shell,
};

/// Loads the data of a page.
type Load = fn(PageRequest) -> BoxFuture<'static, Page>;

/// Every page: its path and the function that loads it. To add a page, add a line here and a module
/// with such a function to `pages`.
const PAGES: [(&str, Load); 4] = [
    ("/", |request| home::load(request).boxed()),
    ("/values/{index}", |request| value::load(request).boxed()),
    ("/values/{index}/digits", |request| value::load_download(request).boxed()),
    ("/otherpage", |request| explanation::load(request).boxed()),
];

/// Returns the routes of all pages.
pub fn routes(options: &LeptosOptions, store: &Arc<Store>) -> Router {
    // Leptos spawns tasks while it renders. Fails only if a server was started in this process before.
    let _ = Executor::init_tokio();
    let mut router = Router::new();
    for (path, load) in PAGES {
        let (options, store) = (options.clone(), Arc::clone(store));
        let render = move |request: Request| render(options, store, load, request);
        router = router.route(path, get(render));
        if path != "/" {
            router = router.route(&format!("{path}/"), get(redirect_without_slash));
        }
    }
    router
}

/// Returns the handler of the page “Page not found”, for any address without a page or a file.
pub fn not_found(options: &LeptosOptions, store: &Arc<Store>) -> MethodRouter {
    let (options, store) = (options.clone(), Arc::clone(store));
    any(move |request| render(options, store, |_| ready(errors::not_found()).boxed(), request))
}

/// Renders a page once its data is loaded. The status and the head of the document depend on the data, and
/// streaming the rest of the page later would need scripts.
async fn render(options: LeptosOptions, store: Arc<Store>, load: Load, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let page = Arc::new(load(PageRequest { store, parts: parts.clone() }).await);
    if let Some(address) = &page.redirect {
        return Redirect::to(&format!("{}{address}", forwarded_prefix(&parts.headers))).into_response();
    }
    let (status, scope) = (page.status, page.scope.clone());
    let render = render_app_async(move || shell(options.clone(), &page));
    let mut response = render(Request::from_parts(parts, body)).await;
    *response.status_mut() = status;
    if let Some(scope) = scope {
        response.extensions_mut().insert(scope);
    }
    response
}

/// Redirects to the same address without its trailing slash. It cannot redirect to another host, because
/// every path routed here begins with a single slash and a name.
async fn redirect_without_slash(uri: Uri, headers: HeaderMap) -> Redirect {
    let path = uri.path().trim_end_matches('/');
    let query = uri.query().map_or_else(String::new, |query| format!("?{query}"));
    Redirect::permanent(&format!("{}{path}{query}", forwarded_prefix(&headers)))
}
