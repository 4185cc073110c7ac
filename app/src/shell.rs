//! The document around every page.

use axum::http::{HeaderValue, header, request::Parts};
use leptos::prelude::*;
use leptos_axum::ResponseOptions;
use leptos_meta::HashedStylesheet;

use crate::{
    content_security_policy::{ReloadSocket, content_security_policy},
    islands::ConnectionStatus,
    job_words,
    pages::Page,
    root,
};

/// Renders the document: its head, the frame of all pages, and the page.
///
/// The `ResponseOptions` come from the context that `leptos_axum` provides. The Content-Security-Policy is added to
/// the response here.
pub(crate) fn shell(options: LeptosOptions, page: &Page) -> impl IntoView + use<> {
    let reload = ReloadSocket::from_options(&options);
    if let Some(response) = use_context::<ResponseOptions>() {
        add_headers(
            &response,
            &content_security_policy(&scripts(options.clone(), page).to_html(), reload.as_ref()),
        );
    }
    let path = use_context::<Parts>().map_or_else(String::new, |parts| parts.uri.path().to_owned());
    let prefix = root::prefix();
    let current = |address| (path == address).then_some("page");
    let refresh = || view! { <meta http-equiv="refresh" content="2" /> };
    let refresh = page.is_unfinished.then(|| {
        // <noscript> may appear only here, because hydrating a view that contains one panics (leptos #3360).
        if page.has_islands {
            view! { <noscript>{refresh()}</noscript> }.into_any()
        } else {
            refresh().into_any()
        }
    });
    let (reference, reference_address) = job_words::REFERENCE;
    view! {
        <!DOCTYPE html>
        <html lang="en" data-prefix=(!prefix.is_empty()).then(|| prefix.clone())>
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1" />
                <meta name="color-scheme" content="light dark" />
                <meta name="description" content=job_words::DESCRIPTION />
                <title>{page.title.clone()}</title>
                {refresh}
                <link rel="icon" type="image/svg+xml" href=root::address("/icon.svg") />
                <link rel="manifest" href=root::address("/manifest.webmanifest") />
                <HashedStylesheet options=options.clone() root=prefix.clone() />
                {scripts(options, page)}
            </head>
            <body>
                <a class="skip" href="#main">"Skip to content"</a>
                <header class="top">
                    <a class="brand" href=root::address("/") aria-current=current("/")>
                        <img src=root::address("/icon.svg") alt="" width="28" height="28" />
                        {job_words::SITE_NAME}
                    </a>
                    {page.has_islands.then(|| view! { <ConnectionStatus /> })}
                    <nav aria-label="Pages">
                        <a href=root::address("/otherpage") aria-current=current("/otherpage")>"How it works"</a>
                    </nav>
                </header>
                <main id="main">{(page.view)()}</main>
                <footer class="bottom">
                    <p>
                        {job_words::DEFINITION} " "
                        <a href=reference_address rel="noreferrer">{reference}</a>
                    </p>
                    <p><a href=root::api_address("/docs")>"API"</a></p>
                </footer>
            </body>
        </html>
    }
}

/// The elements that load and start the scripts: those of islands, and in development one that reloads the page.
fn scripts(options: LeptosOptions, page: &Page) -> impl IntoView + use<> {
    let islands = page.has_islands.then(|| {
        view! { <HydrationScripts options=options.clone() islands=true root=root::prefix() /> }
    });
    view! {
        <AutoReload options />
        {islands}
    }
}

fn add_headers(response: &ResponseOptions, policy: &str) {
    // A hash is base64 and a port is a number, so the header is always valid.
    if let Ok(policy) = HeaderValue::from_str(policy) {
        response.insert_header(header::CONTENT_SECURITY_POLICY, policy);
    }
    response.insert_header(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
}
