//! Compares responses with the OpenAPI document.

use std::sync::LazyLock;

use reqwest::{
    Method,
    header::{CONTENT_TYPE, SERVER},
};
use serde_json::Value;

use crate::client::Answer;

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../docs/openapi.json")).expect("the committed document is JSON")
});

/// Checks that the document lists a response's status and media type. Skips undocumented paths and methods, pages,
/// responses through nginx, which has some of its own, and server errors.
///
/// # Panics
/// Panics if the document does not list them.
pub(crate) fn assert_documented(method: &Method, path: &str, answer: &Answer) {
    let method = if method == Method::HEAD { "get".to_owned() } else { method.as_str().to_lowercase() };
    let paths = DOCUMENT["paths"].as_object().expect("`paths` is an object");
    // A literal path wins over one with a parameter, as in the router.
    let template = paths
        .keys()
        .find(|template| *template == path)
        .or_else(|| paths.keys().find(|template| template.contains('{') && matches(template, path)));
    let Some(operation) = template.and_then(|template| paths[template].get(method)) else { return };
    let media_type = answer.header(CONTENT_TYPE).split(';').next().unwrap_or_default();
    let through_nginx = answer.header(SERVER) == "nginx";
    if answer.status.is_server_error() || media_type == "text/html" || through_nginx {
        return;
    }
    let Some(response) = operation["responses"].get(answer.status.as_str()) else {
        panic!("the OpenAPI document does not list the status of {answer:?}");
    };
    if let Some(content) = response["content"].as_object() {
        assert!(
            content.contains_key(media_type),
            "the OpenAPI document does not list the type of {answer:?}"
        );
    }
}

fn matches(template: &str, path: &str) -> bool {
    let (template, path) = (template.split('/'), path.split('/'));
    template.clone().count() == path.clone().count()
        && template
            .zip(path)
            .all(|(expected, given)| expected == given || (expected.starts_with('{') && !given.is_empty()))
}
