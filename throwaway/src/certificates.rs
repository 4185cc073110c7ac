//! Certificates for servers that use TLS.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use crate::{Error, process};

/// A new key.
const KEY: [&str; 5] = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc"];

fn openssl() -> Result<PathBuf, Error> {
    process::find_program("openssl", &[]).ok_or(Error::Missing {
        program: "openssl",
        hint: "not in PATH; install it (Debian and Ubuntu: apt-get install openssl)".to_owned(),
    })
}

/// Creates an authority and a server certificate that it signed: `ca.pem`, `server.pem` and `server.key` in `folder`.
/// `names` are the server's, in openssl's notation: `IP:127.0.0.1,DNS:localhost`.
///
/// # Errors
/// Fails if openssl is not installed or fails; the error contains its output.
pub fn make(folder: &Path, names: &str) -> Result<(), Error> {
    let openssl = openssl()?;
    let names = format!("subjectAltName={names}");
    let server = "basicConstraints=critical,CA:FALSE";
    let authority = ["-subj", "/CN=throwaway authority", "-keyout", "ca.key", "-out", "ca.pem"];
    let signed = ["-subj", "/CN=throwaway", "-keyout", "server.key", "-out", "server.pem"];
    let mut make = Command::new(&openssl);
    make.current_dir(folder).args(["req", "-x509", "-days", "2"]).args(KEY).args(authority);
    process::run("openssl", make)?;
    let mut sign = Command::new(&openssl);
    sign.current_dir(folder).args(["req", "-x509", "-days", "2", "-CA", "ca.pem", "-CAkey", "ca.key"]);
    sign.args(KEY).args(signed).args(["-addext", &names, "-addext", server]);
    process::run("openssl", sign).map(drop)
}

/// Creates a certificate that signs itself: `server.pem` and `server.key` in `folder`. `extensions` are openssl's, such
/// as `basicConstraints=critical,CA:FALSE`; `days` may be 0, for one that has expired by the time it is used.
///
/// # Errors
/// Fails if openssl is not installed or fails; the error contains its output.
pub fn self_signed(folder: &Path, extensions: &[&str], days: u32) -> Result<(), Error> {
    let mut make = Command::new(openssl()?);
    make.current_dir(folder).args(["req", "-x509", "-days", &days.to_string()]).args(KEY);
    make.args(["-subj", "/CN=localhost", "-keyout", "server.key", "-out", "server.pem"]);
    for extension in extensions {
        make.args(["-addext", extension]);
    }
    process::run("openssl", make).map(drop)
}

/// Creates a certificate of X.509 version 1, signed with the key of the authority that [`make`] created.
///
/// # Errors
/// Fails if openssl is not installed or fails; the error contains its output.
pub fn version_1(folder: &Path) -> Result<(), Error> {
    let mut request = Command::new(openssl()?);
    request.current_dir(folder).args(["req", "-new"]).args(KEY);
    request.args(["-subj", "/CN=localhost", "-keyout", "server.key", "-out", "server.csr"]);
    process::run("openssl", request)?;
    let mut sign = Command::new(openssl()?);
    sign.current_dir(folder).args(["x509", "-req", "-in", "server.csr", "-days", "2"]);
    sign.args(["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", "server.pem"]);
    process::run("openssl", sign).map(drop)
}
