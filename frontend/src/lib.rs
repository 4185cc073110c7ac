//! The WASM entry point: hydrates the islands of `app`, nothing else.
#![cfg(target_arch = "wasm32")]

// Links `app` in: the page calls its islands by name; no Rust code does.
use app as _;
use wasm_bindgen::prelude::wasm_bindgen;

/// Called by the page when the module is loaded.
#[wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_islands();
}
