//! The clipboard, which browsers offer only on a secure origin.

use js_sys::{Function, Promise, Reflect, futures::JsFuture};
use wasm_bindgen::{JsCast, JsValue};

/// Returns whether this page can copy.
#[must_use]
pub fn is_available() -> bool {
    clipboard().is_some()
}

/// Copies a text and returns whether it succeeded.
pub async fn copy(text: &str) -> bool {
    match start(text) {
        Some(promise) => JsFuture::from(promise).await.is_ok(),
        None => false,
    }
}

fn start(text: &str) -> Option<Promise> {
    let clipboard = clipboard()?;
    let write: Function = Reflect::get(&clipboard, &"writeText".into()).ok()?.dyn_into().ok()?;
    write.call1(&clipboard, &text.into()).ok()?.dyn_into().ok()
}

/// Looks the clipboard up by name: on an insecure origin it is missing, and a typed binding would throw.
fn clipboard() -> Option<JsValue> {
    let navigator = web_sys::window()?.navigator();
    Reflect::get(&navigator, &"clipboard".into()).ok().filter(JsValue::is_object)
}
