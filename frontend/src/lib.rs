//! The WASM entry point: hydrates the islands of `app`, nothing else.
#![cfg(target_arch = "wasm32")]

use wasm_bindgen::prelude::wasm_bindgen;

/// Called by the page when the module is loaded.
#[wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    app::translation::restore_texts();
    leptos::mount::hydrate_islands();
}
