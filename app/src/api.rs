//! The browser's client of the API.

use std::time::Duration;

use js_sys::futures::JsFuture;
use leptos::prelude::{TimeoutHandle, set_timeout_with_handle};
use protocol::{Entry, Index, Problem, names::VALUES_ROUTE};
use serde::{Deserialize, de::DeserializeOwned};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{AbortController, RequestInit, Response};

use crate::{listing::PageQuery, root};

/// Time limit for a response. The server's own limit is shorter, so a reachable server always responds in time.
const RESPONSE_WITHIN: Duration = Duration::from_secs(40);
/// Time limit for entries. It is shorter because entries are small, and a failed request for them is repeated.
const ENTRIES_WITHIN: Duration = Duration::from_secs(15);

/// Reason a request failed.
#[derive(Clone, Debug)]
pub enum ApiError {
    /// No response, or one that did not come from our server.
    Unreachable,
    /// A problem document from the server.
    Problem(Problem),
}

/// Returns the address of a page of entries.
#[must_use]
pub fn page_address(query: PageQuery) -> String {
    let before = query.before.map_or_else(String::new, |before| format!("&before={before}"));
    root::api_address(&format!("{VALUES_ROUTE}?limit={}{before}", query.limit))
}

/// Returns the address of one entry.
#[must_use]
pub fn entry_address(index: Index) -> String {
    root::api_address(&format!("{VALUES_ROUTE}/{index}"))
}

/// Returns the address of a whole value.
#[must_use]
pub fn digits_address(index: Index) -> String {
    format!("{}/digits", entry_address(index))
}

/// Submits an index and returns its entry.
///
/// # Errors
/// Fails if the server rejects the index or cannot be reached.
pub async fn submit(index: Index) -> Result<Entry, ApiError> {
    #[derive(Deserialize)]
    struct Accepted {
        entry: Entry,
    }
    let init = RequestInit::new();
    init.set_method("POST");
    init.set_body(&JsValue::from_str(&format!(r#"{{"index":"{index}"}}"#)));
    let address = root::api_address(VALUES_ROUTE);
    parse::<Accepted>(&fetch(&address, &init, "application/json", RESPONSE_WITHIN).await?)
        .map(|accepted| accepted.entry)
}

/// Fetches JSON from an address of the API.
///
/// # Errors
/// Fails unless the response is 200 with the expected JSON.
pub async fn fetch_json<T: DeserializeOwned>(address: &str) -> Result<T, ApiError> {
    parse(&fetch(address, &RequestInit::new(), "application/json", ENTRIES_WITHIN).await?)
}

/// Fetches a whole value.
///
/// # Errors
/// Fails if there is no such value, or if it is being computed again.
pub async fn fetch_digits(index: Index) -> Result<String, ApiError> {
    fetch(&digits_address(index), &RequestInit::new(), "text/plain", RESPONSE_WITHIN).await
}

fn parse<T: DeserializeOwned>(body: &str) -> Result<T, ApiError> {
    serde_json::from_str(body).map_err(|_| ApiError::Unreachable)
}

/// Returns the body of a 200. Any other status is an error, including 202 (not computed yet).
async fn fetch(
    address: &str,
    init: &RequestInit,
    accept: &str,
    within: Duration,
) -> Result<String, ApiError> {
    const OK: u16 = 200;
    let _deadline = Deadline::start(init, within);
    let (status, body) = send(address, init, accept).await.map_err(|_| ApiError::Unreachable)?;
    if status == OK {
        return Ok(body);
    }
    Err(parse(&body).map_or(ApiError::Unreachable, ApiError::Problem))
}

async fn send(address: &str, init: &RequestInit, accept: &str) -> Result<(u16, String), JsValue> {
    let headers = js_sys::Object::new();
    js_sys::Reflect::set(&headers, &"accept".into(), &accept.into())?;
    js_sys::Reflect::set(&headers, &"content-type".into(), &"application/json".into())?;
    init.set_headers(&headers);
    let window = web_sys::window().ok_or(JsValue::NULL)?;
    let response = JsFuture::from(window.fetch_with_str_and_init(address, init)).await?;
    let response: Response = response.unchecked_into();
    let body = JsFuture::from(response.text()?).await?;
    Ok((response.status(), body.as_string().unwrap_or_default()))
}

/// Aborts a request that takes too long. Without this, a request on a dead connection would never end.
struct Deadline(Option<TimeoutHandle>);

impl Deadline {
    fn start(init: &RequestInit, within: Duration) -> Self {
        let Ok(controller) = AbortController::new() else { return Self(None) };
        init.set_signal(Some(&controller.signal()));
        Self(set_timeout_with_handle(move || controller.abort(), within).ok())
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        if let Some(timer) = self.0 {
            timer.clear();
        }
    }
}
