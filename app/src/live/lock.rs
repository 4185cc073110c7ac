//! Who of all tabs holds the event stream: whoever holds a Web Lock.

use js_sys::{Function, Promise, Reflect, futures::JsFuture};
use wasm_bindgen::{JsCast, JsValue, prelude::Closure};

/// The lock is held until this is released, or the tab is gone.
pub(super) struct Hold(Option<Function>);

impl Hold {
    /// A hold, and the promise that stands for it with the browser.
    pub(super) fn new() -> (Self, Promise) {
        let mut release = None;
        let promise = Promise::new(&mut |resolve, _reject| release = Some(resolve));
        (Self(release), promise)
    }

    pub(super) fn release(self) {
        if let Some(release) = self.0 {
            // A promise's own resolve function does not throw.
            let _ = release.call0(&JsValue::UNDEFINED);
        }
    }
}

/// Waits in line for the lock. Once it is this tab's turn, `granted` says by its promise for how long
/// it keeps the lock; without one it passes. Gives back `false` if there are no locks to be had,
/// else `true` when the turn is over.
pub(super) async fn wait(name: &str, granted: impl FnOnce() -> Option<Promise> + 'static) -> bool {
    let Some(locks) = locks() else { return false };
    // Kept alive here until the browser is done with it.
    let callback = Closure::once(move |_lock: JsValue| granted().map_or(JsValue::UNDEFINED, JsValue::from));
    let Some(turn) = request(&locks, name, callback.as_ref()) else { return false };
    JsFuture::from(turn).await.is_ok()
}

/// Asked for by name: missing on an insecure origin, and not yet stable in `web-sys`.
fn locks() -> Option<JsValue> {
    let navigator = web_sys::window()?.navigator();
    Reflect::get(&navigator, &"locks".into()).ok().filter(JsValue::is_object)
}

fn request(locks: &JsValue, name: &str, callback: &JsValue) -> Option<Promise> {
    let request: Function = Reflect::get(locks, &"request".into()).ok()?.dyn_into().ok()?;
    request.call2(locks, &name.into(), callback).ok()?.dyn_into().ok()
}
