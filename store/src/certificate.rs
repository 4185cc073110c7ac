//! Reasons why a server's certificate is rejected.

use std::error::Error;

/// Reason why a server's certificate is rejected, other than an unknown authority or a wrong host name.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum CertificateFault {
    /// The certificate is self-signed and may sign other certificates, as those of `openssl req -x509` by default.
    /// Rust's TLS libraries accept such a certificate as an authority, but not as a server's.
    #[error("the server's certificate is its own authority (self-signed, with CA:TRUE)")]
    OwnAuthority,
    /// The certificate has expired.
    #[error("the server's certificate has expired")]
    Expired,
    /// The certificate is not valid yet, or a clock is wrong.
    #[error("the server's certificate is not valid yet, or the clock here is wrong")]
    NotYetValid,
    /// The certificate names the host only in its common name, which is no longer considered.
    #[error("the server's certificate has no subjectAltName, and its common name does not count")]
    NoNames,
    /// The certificate has X.509 version 1.
    #[error("the server's certificate is of the outdated X.509 version 1")]
    Version1,
    /// The certificate is signed with an insecure algorithm, such as SHA-1.
    #[error("the server's certificate is signed with an algorithm that is no longer secure, such as SHA-1")]
    Algorithm,
    /// The certificate's purposes do not include servers.
    #[error("the server's certificate is not meant for servers (extendedKeyUsage)")]
    Purpose,
}

impl CertificateFault {
    /// Returns the reason that the message of a TLS error contains, if any.
    pub(crate) fn of(message: &str) -> Option<Self> {
        // rustls's `CertificateError` and, within `Other`, webpki's `Error`.
        [
            ("CaUsedAsEndEntity", Self::OwnAuthority),
            ("certificate expired", Self::Expired),
            ("certificate not valid yet", Self::NotYetValid),
            ("is not valid for any names", Self::NoNames),
            ("UnsupportedCertVersion", Self::Version1),
            ("UnsupportedSignatureAlgorithm", Self::Algorithm),
            ("extended key usage", Self::Purpose),
        ]
        .into_iter()
        .find_map(|(part, fault)| message.contains(part).then_some(fault))
    }

    /// Returns an instruction that corrects the fault, without a full stop.
    #[must_use]
    pub fn remedy(self) -> &'static str {
        match self {
            Self::OwnAuthority => {
                "Issue the certificate with a separate authority, or self-signed with \
                 `-addext basicConstraints=critical,CA:FALSE`"
            }
            Self::Expired => "Renew the certificate",
            Self::NotYetValid => "Check the clocks of both machines",
            Self::NoNames => "Issue the certificate with a subjectAltName",
            Self::Version1 => {
                "Issue the certificate with extensions such as subjectAltName, which makes it version 3"
            }
            Self::Algorithm => "Issue the certificate with SHA-256",
            Self::Purpose => "Issue the certificate with extendedKeyUsage=serverAuth",
        }
    }
}

/// Rejection of Redis's certificate, with the reason and what to do.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct RedisCertificateRejected(String);

/// Explains a connection error if Redis's certificate was rejected. Returns any other error unchanged.
pub(crate) fn explain_redis(error: Box<dyn Error + Send + Sync>) -> Box<dyn Error + Send + Sync> {
    let text = error.to_string();
    let explanation = if let Some(fault) = CertificateFault::of(&text) {
        let remedy = fault.remedy();
        format!("{fault}. {remedy}; and set REDIS_TLS_CA_FILE to the certificate that signed it.")
    } else if text.contains("UnknownIssuer") || text.contains("BadSignature") {
        "the server's certificate is signed by an authority that is not trusted here. Set REDIS_TLS_CA_FILE \
         to a file with that authority's certificate."
            .to_owned()
    } else if text.contains("not valid for name") {
        "the server's certificate is for another name. Set REDIS_HOST to the name in the certificate."
            .to_owned()
    } else {
        return error;
    };
    Box::new(RedisCertificateRejected(explanation))
}
