//! The WASM entry point: hydrates the islands of `app`. Nothing else.
#![cfg(target_arch = "wasm32")]

// Links `app` in: its islands are exported to the page by name, no Rust code calls them.
use app as _;
use wasm_bindgen::prelude::wasm_bindgen;

/// Called by the page once the module is loaded, before its islands are hydrated one by one.
#[wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_islands();
}
