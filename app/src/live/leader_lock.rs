//! The election of the tab that opens the event stream: the one that holds a Web Lock.

use js_sys::{Function, Promise, Reflect, futures::JsFuture};
use wasm_bindgen::{JsCast, JsValue, prelude::Closure};

/// A held lock. The browser also releases it when the tab is closed.
pub(super) struct HeldLock(Option<Function>);

impl HeldLock {
    /// Creates a lock and a promise; the browser holds the lock until the promise resolves.
    pub(super) fn new() -> (Self, Promise) {
        let mut release = None;
        let promise = Promise::new(&mut |resolve, _reject| release = Some(resolve));
        (Self(release), promise)
    }

    pub(super) fn release(self) {
        if let Some(release) = self.0 {
            // The resolve function of a promise does not throw.
            let _ = release.call0(&JsValue::UNDEFINED);
        }
    }
}

/// Waits for the lock and calls `lead` once it is granted. The lock is held until the promise from `lead`
/// resolves, or released at once if that is `None`. Returns `true` after the release, and `false` if the
/// browser has no locks.
pub(super) async fn acquire(name: &str, lead: impl FnOnce() -> Option<Promise> + 'static) -> bool {
    let Some(locks) = locks() else { return false };
    // It must stay alive until the browser has called it.
    let callback = Closure::once(move |_lock: JsValue| lead().map_or(JsValue::UNDEFINED, JsValue::from));
    let Some(released) = request(&locks, name, callback.as_ref()) else { return false };
    JsFuture::from(released).await.is_ok()
}

/// Looks the lock manager up by name: it is missing on an insecure origin and not yet stable in `web-sys`.
fn locks() -> Option<JsValue> {
    let navigator = web_sys::window()?.navigator();
    Reflect::get(&navigator, &"locks".into()).ok().filter(JsValue::is_object)
}

fn request(locks: &JsValue, name: &str, callback: &JsValue) -> Option<Promise> {
    let request: Function = Reflect::get(locks, &"request".into()).ok()?.dyn_into().ok()?;
    request.call2(locks, &name.into(), callback).ok()?.dyn_into().ok()
}
