//! The election of the leader: the tab that holds a Web Lock opens the event stream.

use std::{cell::Cell, rc::Rc};

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

/// Method of getting the lock.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Claim {
    /// Wait until no other tab holds it.
    Queue,
    /// Take it from the tab that holds it.
    Steal,
}

/// Outcome of a claim.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum End {
    /// The lock was granted and released again.
    Released,
    /// The lock was granted, and then another tab stole it.
    Stolen,
    /// Locks are not available in this browser, or on an insecure origin.
    Unavailable,
}

/// Waits for the lock and calls `lead` once it is granted. The lock is held until the promise that `lead`
/// returns is resolved; if `lead` returns `None`, it is released at once.
pub(super) async fn acquire(
    name: &str,
    claim: Claim,
    lead: impl FnOnce() -> Option<Promise> + 'static,
) -> End {
    let Some(locks) = locks() else { return End::Unavailable };
    let granted = Rc::new(Cell::new(false));
    let lead = {
        let granted = Rc::clone(&granted);
        move |_lock: JsValue| {
            granted.set(true);
            lead().map_or(JsValue::UNDEFINED, JsValue::from)
        }
    };
    // The closure must stay alive until the browser has called it.
    let callback = Closure::once(lead);
    let Some(released) = request(&locks, name, claim, callback.as_ref()) else { return End::Unavailable };
    match JsFuture::from(released).await {
        Ok(_) => End::Released,
        Err(_) if granted.get() => End::Stolen,
        Err(_) => End::Unavailable,
    }
}

/// Looks the lock manager up by name: it is missing on an insecure origin and not yet stable in `web-sys`.
fn locks() -> Option<JsValue> {
    let navigator = web_sys::window()?.navigator();
    Reflect::get(&navigator, &"locks".into()).ok().filter(JsValue::is_object)
}

fn request(locks: &JsValue, name: &str, claim: Claim, callback: &JsValue) -> Option<Promise> {
    let request: Function = Reflect::get(locks, &"request".into()).ok()?.dyn_into().ok()?;
    let options = js_sys::Object::new();
    Reflect::set(&options, &"steal".into(), &(claim == Claim::Steal).into()).ok()?;
    request.call3(locks, &name.into(), &options, callback).ok()?.dyn_into().ok()
}
