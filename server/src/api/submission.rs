//! Reads the body of a submission: JSON or a form.

use std::collections::BTreeMap;

use axum::{
    body::{Body, to_bytes},
    http::{HeaderMap, header},
};
use protocol::{Index, IndexRange};
use serde::Deserialize;
use serde_json::{error::Category, value::RawValue};
use utoipa::ToSchema;

use crate::problem::ApiProblem;

/// Maximum body size. A sensible body has a few dozen bytes.
pub(super) const MAX_BODY_BYTES: usize = 64 * 1024;

/// Kind of client, which determines the format of the response.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Client {
    /// A program, which gets JSON and problem documents.
    Program,
    /// A browser that posted a plain form, which is redirected to the page.
    PlainForm,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum Format {
    Json,
    Form,
}

// Only describes the body, which is read by `Submission::read`.
/// An index to compute.
#[derive(ToSchema)]
#[schema(as = Submission)]
#[expect(dead_code)]
pub(super) struct SubmissionBody {
    /// A whole number; surrounding blanks, leading zeros and digit grouping as in `1,000` are ignored.
    index: SubmittedIndex,
}

#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
#[expect(dead_code)]
enum SubmittedIndex {
    Text(String),
    Number(u32),
}

/// Text submitted as an index, not yet validated.
pub(super) struct Submission {
    pub(super) text: String,
}

impl Submission {
    /// Reads the body according to its media type.
    pub(super) async fn read(headers: &HeaderMap, body: Body) -> Result<Self, ApiProblem> {
        let format = format(headers).ok_or_else(ApiProblem::unsupported_media_type)?;
        let declared =
            headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        if declared.is_some_and(|bytes: usize| bytes > MAX_BODY_BYTES) {
            return Err(ApiProblem::too_large(MAX_BODY_BYTES));
        }
        let bytes = to_bytes(body, MAX_BODY_BYTES).await.map_err(|error| {
            let source = std::error::Error::source(&error);
            if source.is_some_and(<dyn std::error::Error>::is::<http_body_util::LengthLimitError>) {
                ApiProblem::too_large(MAX_BODY_BYTES)
            } else {
                ApiProblem::bad_request("Incomplete body", "The request body ended before it was complete.")
            }
        })?;
        let text = match format {
            Format::Json => from_json(&bytes)?,
            Format::Form => from_form(&bytes)?,
        };
        Ok(Self { text })
    }

    pub(super) fn index(&self, allowed: IndexRange) -> Result<Index, ApiProblem> {
        Ok(Index::parse(&self.text, allowed)?)
    }
}

impl Client {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let wants_page = headers
            .get_all(header::ACCEPT)
            .iter()
            .any(|accept| accept.to_str().is_ok_and(|accept| accept.contains("text/html")));
        if wants_page && format(headers) == Some(Format::Form) { Self::PlainForm } else { Self::Program }
    }
}

fn format(headers: &HeaderMap) -> Option<Format> {
    let content_type = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let media_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match media_type.as_str() {
        "application/json" => Some(Format::Json),
        "application/x-www-form-urlencoded" => Some(Format::Form),
        _ => None,
    }
}

fn missing() -> ApiProblem {
    ApiProblem::unprocessable("Not an index", "Send the index in the `index` field: {\"index\":\"7\"}.")
}

fn from_json(bytes: &[u8]) -> Result<String, ApiProblem> {
    // Numbers are read as written, so that one with a hundred digits is too high instead of rounded.
    let members: BTreeMap<String, &RawValue> = serde_json::from_slice(bytes).map_err(|error| match error
        .classify()
    {
        // JSON, but not an object.
        Category::Data => missing(),
        _ => {
            ApiProblem::bad_request("Malformed JSON", format!("The request body is not valid JSON: {error}."))
        }
    })?;
    let index = members.get("index").ok_or_else(missing)?.get();
    match index.as_bytes().first() {
        Some(b'"') => serde_json::from_str(index).map_err(|_| missing()),
        Some(b'-' | b'0'..=b'9') => Ok(index.to_owned()),
        _ => Err(missing()),
    }
}

fn from_form(bytes: &[u8]) -> Result<String, ApiProblem> {
    #[derive(Deserialize)]
    struct Form {
        index: Option<String>,
    }
    let form: Form = serde_urlencoded::from_bytes(bytes).map_err(|error| {
        ApiProblem::bad_request("Malformed form", format!("The request body is not a valid form: {error}."))
    })?;
    form.index.ok_or_else(missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<String, u16> {
        from_json(body.as_bytes()).map_err(|problem| problem.status().as_u16())
    }

    #[test]
    fn an_index_may_be_a_string_or_a_number_and_is_read_as_written() {
        assert_eq!(read(r#"{"index":"7"}"#).as_deref(), Ok("7"));
        assert_eq!(read(r#"{"index": 7, "more": []}"#).as_deref(), Ok("7"));
        assert_eq!(read(r#"{"index":"\u0037"}"#).as_deref(), Ok("7"));
        for number in ["99999999999999999999", "5.9", "-5", "1e3", &"9".repeat(400)] {
            assert_eq!(read(&format!("{{\"index\":{number}}}")).as_deref(), Ok(number));
        }
    }

    #[test]
    fn json_without_an_index_is_unprocessable_and_other_bodies_are_malformed() {
        for body in
            ["{}", "[]", "[7]", "7", "null", r#"{"index":null}"#, r#"{"index":[7]}"#, r#"{"index":true}"#]
        {
            assert_eq!(read(body), Err(422), "{body}");
        }
        for body in ["", "{", "index=7", r#"{"index":7"#, r#"{"index":07}"#, "{}{}"] {
            assert_eq!(read(body), Err(400), "{body}");
        }
    }
}
