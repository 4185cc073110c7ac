//! The OpenAPI document is true: it names exactly the routes that are served.

use std::collections::BTreeSet;

#[test]
fn the_document_names_every_route_and_no_other() {
    let document: serde_json::Value = serde_json::from_str(include_str!("../src/api/openapi.json")).unwrap();
    let documented: BTreeSet<_> = document["paths"].as_object().unwrap().keys().map(String::as_str).collect();
    let served: BTreeSet<_> = include_str!("../src/api.rs")
        .split(".route(\"")
        .skip(1)
        .filter_map(|rest| rest.split_once('"').map(|(path, _)| path))
        .collect();
    assert_eq!(documented, served);
}
