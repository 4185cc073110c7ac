//! Compression of responses for clients that accept it.
//!
//! The site's files are compressed when the site is built; the API's digits are read in ranges, and events must not be
//! delayed. Everything else is HTML or JSON.

use std::io::{self, Write};

use axum::{
    body::{Body, HttpBody, to_bytes},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use protocol::PROBLEM_MEDIA_TYPE;

/// Bodies below this size are not worth compressing.
const MIN_BYTES: usize = 1024;
/// Bodies above this size are sent as they are, because compressing them would hold up their beginning.
const MAX_BYTES: usize = 1 << 20;
/// Quality of brotli, from 0 to 11. Higher ones take many times as long and save a few percent.
const BROTLI_QUALITY: i32 = 5;

/// Content coding.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Encoding {
    Brotli,
    Gzip,
}

impl Encoding {
    /// In order of preference.
    const ALL: [Self; 2] = [Self::Brotli, Self::Gzip];

    /// Returns its name in `Accept-Encoding` and `Content-Encoding`.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }

    fn encode(self, body: &[u8]) -> io::Result<Vec<u8>> {
        let mut encoded = Vec::with_capacity(body.len() / 4);
        match self {
            Self::Brotli => {
                let parameters = brotli::enc::BrotliEncoderParams {
                    quality: BROTLI_QUALITY,
                    size_hint: body.len(),
                    ..Default::default()
                };
                brotli::BrotliCompress(&mut &*body, &mut encoded, &parameters)?;
            }
            Self::Gzip => {
                let mut encoder = GzEncoder::new(&mut encoded, Compression::default());
                encoder.write_all(body)?;
                encoder.finish()?;
            }
        }
        Ok(encoded)
    }
}

/// The content codings that a client accepts (RFC 9110, section 12.5.3).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Accepted {
    /// The preferred coding, if any is preferred to none.
    encoding: Option<Encoding>,
    /// False if the client rejects uncompressed content.
    identity: bool,
}

impl Accepted {
    /// Reads `Accept-Encoding`.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let lines = headers.get_all(header::ACCEPT_ENCODING);
        let listed = |name: &str| {
            let mut members =
                lines.iter().filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(','));
            members
                .find_map(|member| {
                    Some(parse_member(member)?).filter(|(listed, _)| listed.eq_ignore_ascii_case(name))
                })
                .map(|(_, weight)| weight)
        };
        let any = listed("*");
        let identity = listed("identity");
        // If it is not listed, uncompressed content is acceptable, but anything listed is preferred to it.
        let mut best = (None, identity.unwrap_or(0));
        for encoding in Encoding::ALL {
            let weight = listed(encoding.name()).or(any).unwrap_or(0);
            if weight > best.1 || weight == best.1 && weight > 0 && best.0.is_none() {
                best = (Some(encoding), weight);
            }
        }
        Self { encoding: best.0, identity: identity.or(any) != Some(0) }
    }

    /// Returns the coding for content of this size; `None` to send it as it is.
    pub(crate) fn encoding(self, bytes: usize) -> Option<Encoding> {
        let is_worth_it = (MIN_BYTES..=MAX_BYTES).contains(&bytes) || !self.identity && bytes > 0;
        self.encoding.filter(|_| is_worth_it)
    }
}

/// Parses a member of `Accept-Encoding` into its name and its weight in thousandths. An invalid weight counts as 0.
fn parse_member(member: &str) -> Option<(&str, u16)> {
    let (name, parameters) = member.split_once(';').unwrap_or((member, ""));
    let parameter = parameters.trim();
    let weight = match parameter.strip_prefix("q=").or_else(|| parameter.strip_prefix("Q=")) {
        // From 0 to 1000, so the cast cannot truncate.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        Some(weight) => weight.parse::<f32>().map_or(0, |weight| (weight.clamp(0.0, 1.0) * 1_000.0) as u16),
        None => 1_000,
    };
    Some((name.trim(), weight)).filter(|(name, _)| !name.is_empty())
}

/// Compresses content on a thread for blocking work; `None` if it cannot be halved, which never happens for long texts.
/// Short content is compressed only for clients that accept nothing else.
pub(crate) async fn compress(encoding: Encoding, body: Bytes) -> Option<Bytes> {
    let encode = move || {
        let encoded = encoding.encode(&body).ok()?;
        (encoded.len() <= body.len() / 2 || body.len() < MIN_BYTES).then_some(encoded)
    };
    Some(tokio::task::spawn_blocking(encode).await.ok()??.into())
}

/// Adds the headers of compressed content.
pub(crate) fn mark(headers: &mut HeaderMap, encoding: Encoding) {
    headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding.name()));
    headers.remove(header::CONTENT_LENGTH);
}

/// Adds `Vary`, because what is sent depends on `Accept-Encoding`.
pub(crate) fn vary(headers: &mut HeaderMap) {
    const VARY: HeaderValue = HeaderValue::from_static("accept-encoding");
    if !headers.get_all(header::VARY).iter().any(|value| value == VARY) {
        headers.append(header::VARY, VARY);
    }
}

/// Compresses a response that is neither kept nor a file. Those have entity tags.
pub(crate) async fn compress_untagged(accepted: Accepted, is_head: bool, mut response: Response) -> Response {
    if !is_compressible(&response) {
        return response;
    }
    vary(response.headers_mut());
    let length = response.headers().get(header::CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
    let size = response.body().size_hint().exact().and_then(|size| usize::try_from(size).ok());
    let size = if is_head { length.or(size) } else { size };
    let Some(encoding) = size.and_then(|size| accepted.encoding(size)) else { return response };
    let (mut head, body) = response.into_parts();
    // A body whose exact size is known is in memory, so reading it cannot fail.
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    // The body of a response to HEAD may have been removed already; the headers are those of a GET.
    if is_head && body.is_empty() {
        mark(&mut head.headers, encoding);
        return Response::from_parts(head, Body::empty());
    }
    let Some(compressed) = compress(encoding, body.clone()).await else {
        return Response::from_parts(head, Body::from(body));
    };
    mark(&mut head.headers, encoding);
    Response::from_parts(head, Body::from(compressed))
}

fn is_compressible(response: &Response) -> bool {
    let headers = response.headers();
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    ["text/html", "application/json", PROBLEM_MEDIA_TYPE].contains(&kind)
        && response.status() != StatusCode::PARTIAL_CONTENT
        && !headers.contains_key(header::CONTENT_ENCODING)
        && !headers.contains_key(header::ETAG)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(lines: &[&'static str]) -> Accepted {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::ACCEPT_ENCODING, HeaderValue::from_static(line));
        }
        Accepted::of(&headers)
    }

    #[test]
    fn the_coding_with_the_highest_weight_is_chosen() {
        for (lines, encoding) in [
            (&[][..], None),
            (&[""], None),
            (&["identity"], None),
            (&["deflate, zstd"], None),
            (&["gzip"], Some(Encoding::Gzip)),
            (&["gzip, deflate, br, zstd"], Some(Encoding::Brotli)),
            (&["gzip", "br"], Some(Encoding::Brotli)),
            (&["GZIP;Q=0.5 , BR;q=0.4"], Some(Encoding::Gzip)),
            (&["br;q=0, gzip;q=0.001"], Some(Encoding::Gzip)),
            (&["br;q=0,*"], Some(Encoding::Gzip)),
            (&["*"], Some(Encoding::Brotli)),
            (&["*;q=0"], None),
            (&["br;q=nonsense"], None),
            (&["identity;q=1, br;q=0.5"], None),
            (&["identity;q=0.5, gzip"], Some(Encoding::Gzip)),
            (&["identity;q=0, gzip;q=0.1"], Some(Encoding::Gzip)),
        ] {
            assert_eq!(accepted(lines).encoding(MIN_BYTES), encoding, "{lines:?}");
        }
    }

    #[test]
    fn short_content_is_compressed_only_if_the_client_accepts_nothing_else() {
        assert_eq!(accepted(&["br"]).encoding(MIN_BYTES - 1), None);
        assert_eq!(accepted(&["br"]).encoding(MAX_BYTES + 1), None);
        for lines in [&["br, identity;q=0"][..], &["br, *;q=0"], &["*;q=0", "br"]] {
            assert_eq!(accepted(lines).encoding(1), Some(Encoding::Brotli), "{lines:?}");
        }
        assert_eq!(accepted(&["br, identity;q=0"]).encoding(0), None);
    }
}
