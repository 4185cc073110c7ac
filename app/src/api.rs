//! What the browser asks the API for.

use js_sys::futures::JsFuture;
use protocol::{
    Entry, Index, Problem,
    names::{API_PREFIX, VALUES_ROUTE},
};
use serde::{Deserialize, de::DeserializeOwned};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{RequestInit, Response};

use crate::listing::Query;

/// Why there is no answer.
#[derive(Clone, Debug)]
pub enum Failure {
    /// The network, or an answer that is none of ours.
    Unreachable,
    /// The server says what is wrong.
    Problem(Problem),
}

/// The address of a page of entries.
#[must_use]
pub fn page_address(query: Query) -> String {
    let before = query.before.map_or_else(String::new, |before| format!("&before={before}"));
    format!("{API_PREFIX}{VALUES_ROUTE}?limit={}{before}", query.limit)
}

/// The address of one entry.
#[must_use]
pub fn entry_address(index: Index) -> String {
    format!("{API_PREFIX}{VALUES_ROUTE}/{index}")
}

/// The address of all digits of a value.
#[must_use]
pub fn digits_address(index: Index) -> String {
    format!("{API_PREFIX}{VALUES_ROUTE}/{index}/digits")
}

/// Submits an index.
///
/// # Errors
/// A [`Failure`] in words for whoever submitted.
pub async fn submit(index: Index) -> Result<Entry, Failure> {
    #[derive(Deserialize)]
    struct Answer {
        entry: Entry,
    }
    let init = RequestInit::new();
    init.set_method("POST");
    init.set_body(&JsValue::from_str(&format!(r#"{{"index":"{index}"}}"#)));
    let address = format!("{API_PREFIX}{VALUES_ROUTE}");
    json::<Answer>(&fetch(&address, &init, "application/json").await?).map(|answer| answer.entry)
}

/// Reads JSON from an address of the API.
///
/// # Errors
/// A [`Failure`] if there is no answer, or not the one expected.
pub async fn read<T: DeserializeOwned>(address: &str) -> Result<T, Failure> {
    json(&fetch(address, &RequestInit::new(), "application/json").await?)
}

/// Reads all digits of a value.
///
/// # Errors
/// A [`Failure`] if there is no answer, or the value is being computed again.
pub async fn digits(index: Index) -> Result<String, Failure> {
    fetch(&digits_address(index), &RequestInit::new(), "text/plain").await
}

fn json<T: DeserializeOwned>(body: &str) -> Result<T, Failure> {
    serde_json::from_str(body).map_err(|_| Failure::Unreachable)
}

/// The body of a 200. A 202 (not there yet) counts as a failure, too.
async fn fetch(address: &str, init: &RequestInit, accept: &str) -> Result<String, Failure> {
    const OK: u16 = 200;
    let (status, body) = exchange(address, init, accept).await.map_err(|_| Failure::Unreachable)?;
    if status == OK {
        return Ok(body);
    }
    Err(json(&body).map_or(Failure::Unreachable, Failure::Problem))
}

async fn exchange(address: &str, init: &RequestInit, accept: &str) -> Result<(u16, String), JsValue> {
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
