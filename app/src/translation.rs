//! Support for translation by the browser, which replaces each text node of the page with `<font>` elements.
//!
//! Updating a text node that has been replaced has no visible effect. So islands replace whole elements instead of
//! updating their texts ([`parts::replaced`](crate::parts::replaced)).

use wasm_bindgen::JsCast;
use web_sys::Element;

/// Turns the `<font>` elements back into text nodes, so that hydration finds the nodes that the server rendered.
/// The texts stay translated.
pub fn restore_texts() {
    let document = web_sys::window().and_then(|window| window.document());
    let Some(fonts) = document.and_then(|document| document.query_selector_all("leptos-island font").ok())
    else {
        return;
    };
    for font in (0..fonts.length()).filter_map(|position| fonts.get(position)) {
        let text = font.text_content().unwrap_or_default();
        // A nested element is removed together with its parent.
        if font.is_connected() {
            // Fails only for a node without a parent.
            let _ = font.unchecked_into::<Element>().replace_with_with_str_1(&text);
        }
    }
}
