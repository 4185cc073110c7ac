//! Reads the body of a submission: JSON or a form.

use std::{borrow::Cow, collections::BTreeMap, io::Read, time::Duration};

use axum::{
    body::{Body, to_bytes},
    http::{HeaderMap, header},
};
use flate2::read::{MultiGzDecoder, ZlibDecoder};
use protocol::{Index, IndexRange};
use serde::Deserialize;
use serde_json::{error::Category, value::RawValue};
use tokio::time::timeout;
use utoipa::ToSchema;

use super::query;
use crate::{guard::accepts_html, problem::ApiProblem};

/// Maximum size of a body. A normal one has a few dozen bytes.
pub(super) const MAX_BODY_BYTES: usize = 64 * 1024;
const JSON_EXAMPLE: &str = "{\"index\":\"7\"}";

/// Kind of client. It determines the format of the response.
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

// Only documents the body, which `Submission::read` parses.
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
    /// Reads the body within `deadline`, according to its media type and content coding.
    pub(super) async fn read(
        headers: &HeaderMap,
        body: Body,
        deadline: Duration,
    ) -> Result<Self, ApiProblem> {
        let format = format(headers).ok_or_else(|| {
            ApiProblem::unsupported_media_type(
                "Send JSON as application/json, or a form as application/x-www-form-urlencoded, in UTF-8.",
            )
        })?;
        let coding = Coding::of(headers)?;
        let declared =
            headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        if declared.is_some_and(|bytes: usize| bytes > MAX_BODY_BYTES) {
            return Err(ApiProblem::too_large(MAX_BODY_BYTES));
        }
        let bytes = timeout(deadline, to_bytes(body, MAX_BODY_BYTES))
            .await
            .map_err(|_| ApiProblem::request_timeout())?
            .map_err(|error| {
                let source = std::error::Error::source(&error);
                if source.is_some_and(<dyn std::error::Error>::is::<http_body_util::LengthLimitError>) {
                    ApiProblem::too_large(MAX_BODY_BYTES)
                } else {
                    ApiProblem::bad_request(
                        "Incomplete body",
                        "The request body ended before it was complete.",
                    )
                }
            })?;
        let bytes = coding.decode(&bytes)?;
        // Some editors and Windows programs begin a file with a byte-order mark.
        let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&bytes);
        let body = in_utf_8(bytes)?;
        let text = match format {
            Format::Json => from_json(body)?,
            Format::Form => from_form(body)?,
        };
        Ok(Self { text })
    }

    pub(super) fn index(&self, allowed: IndexRange) -> Result<Index, ApiProblem> {
        Ok(Index::parse(&self.text, allowed)?)
    }
}

/// Content coding of a body (RFC 9110, section 8.4.1).
#[derive(Clone, Copy)]
enum Coding {
    Identity,
    Gzip,
    Deflate,
}

impl Coding {
    fn of(headers: &HeaderMap) -> Result<Self, ApiProblem> {
        let mut lines = headers.get_all(header::CONTENT_ENCODING).iter();
        let coding = lines.next().map_or("", |line| line.to_str().unwrap_or("unreadable").trim());
        match coding.to_ascii_lowercase().as_str() {
            _ if lines.next().is_some() => None,
            "" | "identity" => Some(Self::Identity),
            "gzip" | "x-gzip" => Some(Self::Gzip),
            "deflate" => Some(Self::Deflate),
            _ => None,
        }
        .ok_or_else(|| {
            let detail = "Send the body without Content-Encoding, or with one of gzip and deflate.";
            ApiProblem::unsupported_media_type(detail).with_accepted_codings("gzip, deflate")
        })
    }

    fn decode(self, bytes: &[u8]) -> Result<Cow<'_, [u8]>, ApiProblem> {
        match self {
            Self::Identity => Ok(bytes.into()),
            Self::Gzip => unpacked(MultiGzDecoder::new(bytes)),
            Self::Deflate => unpacked(ZlibDecoder::new(bytes)),
        }
    }
}

/// Decompresses a body, up to the maximum size: a few bytes can decompress to gigabytes.
fn unpacked(decoder: impl Read) -> Result<Cow<'static, [u8]>, ApiProblem> {
    let mut bytes = Vec::new();
    decoder.take(MAX_BODY_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(|error| {
        let detail = format!("The request body does not match its Content-Encoding: {error}.");
        ApiProblem::bad_request("Malformed body", detail)
    })?;
    if bytes.len() > MAX_BODY_BYTES { Err(ApiProblem::too_large(MAX_BODY_BYTES)) } else { Ok(bytes.into()) }
}

impl Client {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        if accepts_html(headers) && format(headers) == Some(Format::Form) {
            Self::PlainForm
        } else {
            Self::Program
        }
    }
}

/// Returns the format of a body from its media type, or `None` if the media type is not supported or not in UTF-8.
fn format(headers: &HeaderMap) -> Option<Format> {
    let mut lines = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(line), None) = (lines.next(), lines.next()) else { return None };
    let content_type = line.to_str().ok()?.to_ascii_lowercase();
    let mut parts = content_type.split(';').map(str::trim);
    let media_type = parts.next()?;
    let mut charsets = parts.filter_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        (name.trim() == "charset").then_some(value.trim().trim_matches('"'))
    });
    if !charsets.all(|charset| ["utf-8", "utf8", "us-ascii"].contains(&charset)) {
        return None;
    }
    match media_type {
        "application/json" => Some(Format::Json),
        "application/x-www-form-urlencoded" => Some(Format::Form),
        _ => None,
    }
}

/// Checks the encoding of a body. Windows programs often write UTF-16, in which every other byte of a short text is zero.
fn in_utf_8(bytes: &[u8]) -> Result<&str, ApiProblem> {
    let malformed = |detail: String| ApiProblem::bad_request("Malformed body", detail);
    let looks_like_utf_16 = matches!(bytes, [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, _, ..] | [_, 0, ..]);
    if looks_like_utf_16 && bytes.len().is_multiple_of(2) {
        return Err(malformed("The request body is in UTF-16. Send it in UTF-8.".to_owned()));
    }
    str::from_utf8(bytes).map_err(|error| malformed(format!("The request body is not UTF-8: {error}.")))
}

fn missing(example: &str) -> ApiProblem {
    ApiProblem::unprocessable("Not an index", format!("Send the index in the `index` field: {example}."))
}

fn missing_in_json() -> ApiProblem {
    missing(JSON_EXAMPLE)
}

fn from_json(body: &str) -> Result<String, ApiProblem> {
    // Numbers are kept as written, so that one with a hundred digits is reported as too high instead of being rounded.
    let members: BTreeMap<String, &RawValue> =
        serde_json::from_str(body).map_err(|error| match error.classify() {
            // JSON, but not an object.
            Category::Data => missing_in_json(),
            _ => {
                let fault = if body.is_empty() {
                    "is empty".to_owned()
                } else {
                    format!("is not valid JSON: {error}")
                };
                let detail = format!("The request body {fault}. Send an object such as {JSON_EXAMPLE}.");
                ApiProblem::bad_request("Malformed JSON", detail)
            }
        })?;
    let index = members.get("index").ok_or_else(missing_in_json)?.get();
    match index.as_bytes().first() {
        Some(b'"') => serde_json::from_str(index).map_err(|_| missing_in_json()),
        Some(b'-' | b'0'..=b'9') => Ok(number(index)),
        _ => Err(missing_in_json()),
    }
}

/// Returns a JSON number as written, except that whole numbers with a fraction or an exponent are normalised: `7.0` and
/// `0.7e1` become `7`, as in JavaScript.
fn number(json: &str) -> String {
    /// Higher than any index, but still short when written out.
    const HUGE: f64 = 1e21;
    match json.parse::<f64>() {
        Ok(0.0) => "0".to_owned(),
        Ok(number) if json.contains(['.', 'e', 'E']) => number.clamp(-HUGE, HUGE).to_string(),
        _ => json.to_owned(),
    }
}

fn from_form(body: &str) -> Result<String, ApiProblem> {
    #[derive(Deserialize)]
    struct Form {
        index: Option<String>,
    }
    let form: Form = query::parse(body).map_err(|_repeated| {
        ApiProblem::bad_request("Malformed form", "Send the field `index` once, as in index=7.")
    })?;
    form.index.ok_or_else(|| missing("index=7"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<String, u16> {
        from_json(body).map_err(|problem| problem.status().as_u16())
    }

    #[test]
    fn an_index_may_be_a_string_or_a_number_and_is_read_as_written() {
        assert_eq!(read(r#"{"index":"7"}"#).as_deref(), Ok("7"));
        assert_eq!(read(r#"{"index": 7, "more": []}"#).as_deref(), Ok("7"));
        assert_eq!(read(r#"{"index":"\u0037"}"#).as_deref(), Ok("7"));
        for number in ["99999999999999999999", "5.9", "-5", &"9".repeat(400)] {
            assert_eq!(read(&format!("{{\"index\":{number}}}")).as_deref(), Ok(number));
        }
        assert_eq!(
            read(r#"{"index":6,"index":7}"#).as_deref(),
            Ok("7"),
            "the last one counts, as in JavaScript"
        );
    }

    #[test]
    fn a_number_with_a_fraction_or_an_exponent_is_what_javascript_reads() {
        for (json, expected) in [
            ("7.0", "7"),
            ("7e0", "7"),
            ("1e1", "10"),
            ("0.7E+1", "7"),
            ("70e-1", "7"),
            ("-0", "0"),
            ("-0.0", "0"),
            ("59e-1", "5.9"),
            ("-7.0", "-7"),
            ("1e-7", "0.0000001"),
            ("1e400", "1000000000000000000000"),
            ("-1e400", "-1000000000000000000000"),
        ] {
            assert_eq!(read(&format!("{{\"index\":{json}}}")).as_deref(), Ok(expected), "{json}");
        }
    }

    #[test]
    fn only_utf_8_is_accepted_whatever_the_spelling() {
        let known = |content_type: &'static str| {
            let value = header::HeaderValue::from_static(content_type);
            format(&HeaderMap::from_iter([(header::CONTENT_TYPE, value)])).is_some()
        };
        for yes in [
            "application/json",
            "Application/JSON; Charset=UTF-8",
            "application/json;charset=\"utf-8\"; x=y",
            "application/x-www-form-urlencoded;charset=utf8",
        ] {
            assert!(known(yes), "{yes}");
        }
        for no in ["", "application/json; charset=utf-16", "application/json;charset=iso-8859-1", "text/json"]
        {
            assert!(!known(no), "{no}");
        }
    }

    #[test]
    fn a_packed_body_is_unpacked_within_the_limit() {
        let pack = |bytes: &[u8]| {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            std::io::Write::write_all(&mut encoder, bytes).unwrap();
            encoder.finish().unwrap()
        };
        fn status(packed: &[u8]) -> Result<Cow<'_, [u8]>, u16> {
            Coding::Gzip.decode(packed).map_err(|problem| problem.status().as_u16())
        }
        assert_eq!(status(&pack(b"index=7")).as_deref(), Ok(b"index=7".as_slice()));
        assert_eq!(status(&pack(&[b' '; MAX_BODY_BYTES])).map(|bytes| bytes.len()), Ok(MAX_BODY_BYTES));
        assert_eq!(status(&pack(&vec![b' '; 50_000_000])), Err(413));
        let truncated = pack(b"index=7");
        for malformed in [&b"index=7"[..], &[], &truncated[..truncated.len() - 3]] {
            assert_eq!(status(malformed), Err(400), "{malformed:?}");
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
