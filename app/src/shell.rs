//! The document around every page.

use std::sync::Arc;

use axum::http::{HeaderValue, StatusCode, Uri, header, request::Parts};
use futures::future::{BoxFuture, FutureExt, Shared};
use leptos::{nonce::use_nonce, prelude::*};
use leptos_axum::ResponseOptions;
use leptos_meta::HashedStylesheet;

use crate::{
    islands::LiveMark,
    pages::App,
    security::{Reload, content_security_policy},
    source::Shown,
    visit::Visit,
};

/// What the page shows, once it is loaded. Provided as context to the pages.
pub(crate) type Loading = Shared<BoxFuture<'static, Arc<Shown>>>;

/// The document: its head, the frame of all pages, and the page that the URL asks for.
///
/// It needs in its context what `leptos_axum` provides (the request's `Parts`, `ResponseOptions`, a
/// nonce) and the `Arc<store::Store>`. The answer gets its status and its Content-Security-Policy here.
#[must_use]
pub fn shell(options: LeptosOptions) -> impl IntoView {
    let response = use_context::<ResponseOptions>();
    let reload = Reload::watching(&options);
    if let (Some(response), Some(nonce)) = (&response, use_nonce()) {
        secure(response, &content_security_policy(&nonce, reload.as_ref()));
    }
    let uri = use_context::<Parts>().map_or_else(Uri::default, |parts| parts.uri);
    let visit = Visit::of(&uri);
    let here = visit.clone();
    let store = use_context();
    let loading: Loading = async move {
        let shown = Shown::load(store, visit).await;
        if let (Some(response), Ok(status)) = (response, StatusCode::from_u16(shown.status())) {
            response.set_status(status);
        }
        Arc::new(shown)
    }
    .boxed()
    .shared();
    provide_context(loading.clone());

    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1" />
                <meta name="color-scheme" content="light dark" />
                <meta
                    name="description"
                    content="A Fibonacci calculator of many parts: submit an index, a worker computes it, everyone watching sees it."
                />
                {Suspend::new(head(loading))}
                <link rel="icon" type="image/svg+xml" href="/icon.svg" />
                <link rel="manifest" href="/manifest.webmanifest" />
                <HashedStylesheet options=options.clone() />
                <AutoReload options=options.clone() />
                <HydrationScripts options islands=true />
            </head>
            <body>
                <a class="skip" href="#main">"Skip to the content"</a>
                <header class="top">
                    <a class="brand" href="/" aria-current=(here.is_home()).then_some("page")>
                        <img src="/icon.svg" alt="" width="28" height="28" />
                        "fibstack"
                    </a>
                    <LiveMark />
                    <nav aria-label="Pages">
                        <a href="/otherpage" aria-current=(here == Visit::Explanation).then_some("page")>
                            "How it works"
                        </a>
                    </nav>
                </header>
                <main id="main">
                    <App />
                </main>
                <footer class="bottom">
                    <p>
                        "F(0) = 0, F(1) = 1, and each number is the sum of the two before it. "
                        <a href="https://oeis.org/A000045" rel="noreferrer">"A000045"</a>
                    </p>
                    <p><a href="/api/docs">"API"</a></p>
                </footer>
            </body>
        </html>
    }
}

/// What the head of the document says of the page.
async fn head(loading: Loading) -> impl IntoView {
    let shown = loading.await;
    let refresh = shown.is_unfinished().then(|| {
        // Here and nowhere else: a <noscript> inside a hydrated view panics (leptos #3360).
        view! { <noscript><meta http-equiv="refresh" content="2" /></noscript> }
    });
    view! {
        <title>{shown.title()}</title>
        {refresh}
    }
}

fn secure(response: &ResponseOptions, policy: &str) {
    // A nonce is base64 and ports are numbers: always a valid header.
    if let Ok(policy) = HeaderValue::from_str(policy) {
        response.insert_header(header::CONTENT_SECURITY_POLICY, policy);
    }
    // A page is of this moment, and its nonce is for one time.
    response.insert_header(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
}
