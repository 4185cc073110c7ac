//! The body of an API error.

use serde::{Deserialize, Serialize};

/// The media type of a [`Problem`].
pub const PROBLEM_MEDIA_TYPE: &str = "application/problem+json";

/// An API error as defined by [RFC 9457](https://www.rfc-editor.org/rfc/rfc9457): what went wrong and
/// what is allowed; no internals.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    /// The type of problem: a relative reference to its description, or `about:blank`.
    #[serde(rename = "type", default = "about_blank")]
    #[cfg_attr(feature = "openapi", schema(required = true))]
    pub kind: String,
    /// A summary of the type, the same for every occurrence.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// Explanation of this occurrence, and what is allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The highest index allowed, if the problem is about an index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_index: Option<u32>,
}

fn about_blank() -> String {
    "about:blank".to_owned()
}

impl Problem {
    /// Creates a problem without a detail.
    pub fn new(status: u16, title: impl Into<String>) -> Self {
        Self { kind: about_blank(), title: title.into(), status, detail: None, max_index: None }
    }

    /// Adds the explanation of this occurrence.
    #[must_use]
    pub fn with_detail(self, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }
}
