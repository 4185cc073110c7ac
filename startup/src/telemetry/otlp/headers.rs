//! `OTEL_EXPORTER_OTLP_HEADERS`, in the syntax of OpenTelemetry's specification: `name=value`, separated by commas,
//! with percent-encoded values. opentelemetry-otlp would drop malformed headers silently.

use std::collections::HashMap;

use percent_encoding::percent_decode_str;
use ureq::http::{HeaderName, HeaderValue};

use crate::{Secret, SettingsError};

/// Returns the headers by name. The error never quotes them, because they contain keys.
pub(super) fn parse(text: &Secret) -> Result<HashMap<String, String>, SettingsError> {
    let parts = text.expose().split(',').map(str::trim).filter(|part| !part.is_empty());
    let headers = parts.enumerate().map(|(position, part)| {
        header(part).ok_or_else(|| {
            SettingsError::Refused(format!(
                "OTEL_EXPORTER_OTLP_HEADERS must be headers name=value, separated by commas, with special \
                 characters percent-encoded; number {} is not",
                position + 1
            ))
        })
    });
    headers.collect()
}

fn header(part: &str) -> Option<(String, String)> {
    let (name, value) = part.split_once('=')?;
    let value = percent_decode_str(value.trim()).decode_utf8().ok()?;
    let name = HeaderName::try_from(name.trim()).ok()?;
    HeaderValue::try_from(value.as_ref()).ok()?;
    Some((name.to_string(), value.into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_percent_decoded() {
        let headers =
            parse(&Secret::new(" X-Honeycomb-Team = hunter2 ,authorization=Basic%20dTpwPQ==,")).unwrap();
        let expected = [("x-honeycomb-team", "hunter2"), ("authorization", "Basic dTpwPQ==")];
        assert_eq!(headers, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
    }

    #[test]
    fn a_malformed_header_is_refused_without_showing_it() {
        for wrong in ["a=1,hunter2", "a=1,hunter 2=3", "a=1,b=hunter2%0A", "a=1,b=hunter2%FF", "a=1,=hunter2"]
        {
            let error = parse(&Secret::new(wrong)).unwrap_err().to_string();
            assert!(error.ends_with("number 2 is not") && !error.contains("hunter"), "{wrong}: {error}");
        }
    }
}
