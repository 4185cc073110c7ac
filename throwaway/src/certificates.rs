//! Certificates for servers that use TLS.

use std::{path::Path, process::Command};

use crate::{Error, process};

/// Creates an authority and a server certificate that it signed: `ca.pem`, `server.pem` and `server.key` in `folder`.
/// `names` are the server's, in openssl's notation: `IP:127.0.0.1,DNS:localhost`.
///
/// # Errors
/// Fails if openssl is not installed or fails; the error contains its output.
pub fn make(folder: &Path, names: &str) -> Result<(), Error> {
    let openssl = process::find_program("openssl", &[]).ok_or(Error::Missing {
        program: "openssl",
        hint: "not in PATH; install it (Debian and Ubuntu: apt-get install openssl)".to_owned(),
    })?;
    let names = format!("subjectAltName={names}");
    let server = "basicConstraints=critical,CA:FALSE";
    let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc", "-days", "2"];
    let authority = ["-subj", "/CN=throwaway authority", "-keyout", "ca.key", "-out", "ca.pem"];
    let signed = ["-subj", "/CN=throwaway", "-keyout", "server.key", "-out", "server.pem"];
    let mut make = Command::new(&openssl);
    make.current_dir(folder).args(["req", "-x509"]).args(key).args(authority);
    process::run("openssl", make)?;
    let mut sign = Command::new(&openssl);
    sign.current_dir(folder).args(["req", "-x509", "-CA", "ca.pem", "-CAkey", "ca.key"]);
    sign.args(key).args(signed).args(["-addext", &names, "-addext", server]);
    process::run("openssl", sign).map(drop)
}
