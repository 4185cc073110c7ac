//! The API's documentation, for programs and for people.

use std::sync::LazyLock;

use axum::{
    http::{HeaderName, header},
    response::{Html, IntoResponse},
};
use bytes::Bytes;
use job::JOB;
use serde_json::Value;
use utoipa::OpenApi;

use super::MetricsRoute;

const PAGE: &str = include_str!("docs.html");

/// The parts of the OpenAPI document that do not belong to a route. The handlers add the rest.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "fibstack",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    servers((
        url = "./",
        description = "The address of this document: the root of the api listener, /api on the site.",
    )),
)]
pub(super) struct Description;

impl Description {
    /// The parts above, with the description of the job.
    pub(super) fn with_job() -> utoipa::openapi::OpenApi {
        let mut document = Self::openapi();
        document.info.description = Some(format!(
            "Submit an index, a worker computes its value, everyone watching sees it arrive. {}",
            JOB.description
        ));
        document
    }
}

/// This document (OpenAPI 3.1)
#[utoipa::path(
    get,
    path = "/openapi.json",
    responses((status = OK, description = "OpenAPI 3.1.", body = Object, content_type = "application/json")),
)]
pub(super) async fn openapi() -> impl IntoResponse {
    static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| document().into());
    ([(header::CONTENT_TYPE, "application/json")], DOCUMENT.clone())
}

/// A page for trying the API
///
/// Uses plain links and forms; needs no scripts.
#[utoipa::path(
    get,
    path = "/docs",
    operation_id = "docs",
    responses((status = OK, description = "HTML.", body = String, content_type = "text/html")),
)]
pub(super) async fn page() -> impl IntoResponse {
    const POLICY: (HeaderName, &str) = (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    );
    ([POLICY], Html(PAGE))
}

/// Returns the OpenAPI document of all routes as formatted JSON.
fn document() -> String {
    let [kept, others] = super::routes(MetricsRoute::Served);
    let document = kept.merge(others).into_openapi();
    let mut document = serde_json::to_value(document).expect("a document's keys are all strings");
    remove_null(&mut document);
    // Otherwise the order of keys would depend on serde_json's features, which depend on the other crates in the build.
    document.sort_all_objects();
    format!("{document:#}\n")
}

/// Removes `null` from the types of optional fields, because the API leaves out a field that has no value.
fn remove_null(schema: &mut Value) {
    let null = Value::from("null");
    match schema {
        Value::Object(members) => {
            members.values_mut().for_each(remove_null);
            if let Some(Value::Array(types)) = members.get_mut("type") {
                types.retain(|each| *each != null);
                if let [only] = types.as_mut_slice() {
                    let only = only.take();
                    members.insert("type".to_owned(), only);
                }
            }
            if let Some(Value::Array(variants)) = members.get_mut("oneOf") {
                variants.retain(|each| each.get("type") != Some(&null));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(remove_null),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Update the committed file with `UPDATE_EXPECT=1 cargo test -p server openapi`.
    #[test]
    fn the_committed_openapi_document_matches_the_handlers() {
        let (path, generated) = ("../docs/openapi.json", document());
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            std::fs::write(path, &generated).unwrap();
        }
        let committed = std::fs::read_to_string(path).unwrap();
        assert!(committed == generated, "docs/openapi.json is out of date: see this test's comment");
    }
}
