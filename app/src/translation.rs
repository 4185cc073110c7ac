//! Translations by the browser, which replace each text of the page by `<font>` elements with its translation.
//!
//! Updating a replaced text changes nothing that anyone sees, so islands replace elements, not only their texts
//! ([`parts::replaced`](crate::parts::replaced)).

use wasm_bindgen::JsCast;
use web_sys::Element;

/// Turns translations back into texts, so that hydration finds the nodes that the server rendered. They keep
/// their words.
pub fn restore_texts() {
    let document = web_sys::window().and_then(|window| window.document());
    let Some(fonts) = document.and_then(|document| document.query_selector_all("leptos-island font").ok())
    else {
        return;
    };
    for font in (0..fonts.length()).filter_map(|position| fonts.get(position)) {
        let text = font.text_content().unwrap_or_default();
        // Those inside another one have gone with it.
        if font.is_connected() {
            // Fails only for a node without a parent.
            let _ = font.unchecked_into::<Element>().replace_with_with_str_1(&text);
        }
    }
}
